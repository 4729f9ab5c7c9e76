//! Straight pieces of lines, and the pixel rows of convex pieces around them.

use crate::grid::ceil_index;
use geo_types::Coord;
use std::ops::Range;

/// Normals flatter than this count as vertical.
const FLAT: f64 = 1e-12;

/// A segment with its length and unit direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Straight {
    pub(super) start: Coord<f64>,
    pub(super) end: Coord<f64>,
    pub(super) direction: Coord<f64>,
    pub(super) length: f64,
}

impl Straight {
    /// None for points whose distance is 0 or beyond what a number can hold.
    pub(super) fn new(start: Coord<f64>, end: Coord<f64>) -> Option<Self> {
        let step = end - start;
        let length = (step.x * step.x + step.y * step.y).sqrt();
        let good = length > 0.0 && length.is_finite();
        good.then(|| Self { start, end, direction: step / length, length })
    }

    /// The unit normal, a quarter turn from +x towards +y.
    pub(super) fn normal(&self) -> Coord<f64> {
        Coord { x: -self.direction.y, y: self.direction.x }
    }

    /// The rectangle between two distances along the segment and `reach` to both sides.
    pub(super) fn strip(&self, (low, high): (f64, f64), reach: f64) -> [HalfPlane; 4] {
        let (u, n) = (self.direction, self.normal());
        let (along, across) = (dot(u, self.start), dot(n, self.start));
        [
            HalfPlane { normal: u, level: along + low },
            HalfPlane { normal: u * -1.0, level: -along - high },
            HalfPlane { normal: n, level: across - reach },
            HalfPlane { normal: n * -1.0, level: -across - reach },
        ]
    }

    /// Top and bottom of that rectangle.
    pub(super) fn strip_rows(&self, (low, high): (f64, f64), reach: f64) -> (f64, f64) {
        let u = self.direction;
        // Each from its own end: a far start would swallow where the other end is.
        let (from, to) = (self.start.y + low * u.y, self.end.y + (high - self.length) * u.y);
        let side = reach * u.x.abs();
        (from.min(to) - side, from.max(to) + side)
    }
}

pub(super) fn dot(p: Coord<f64>, q: Coord<f64>) -> f64 {
    p.x * q.x + p.y * q.y
}

/// The points with `normal . p >= level`.
#[derive(Debug, Clone, Copy)]
pub(super) struct HalfPlane {
    pub(super) normal: Coord<f64>,
    pub(super) level: f64,
}

/// Calls `visit(row, left, right)` with the stretch `[left, right)` of each row centre
/// line that lies in all half-planes; `right` may be below `left`.
pub(super) fn for_each_span<const N: usize>(
    planes: [HalfPlane; N],
    mut rows: Range<usize>,
    mut visit: impl FnMut(usize, f64, f64),
) {
    if rows.is_empty() {
        return;
    }
    // Where the borders meet the centre line of a row: x = slope y + at.
    let (mut lefts, mut rights) = ([(0.0, 0.0); N], [(0.0, 0.0); N]);
    let (mut left_count, mut right_count) = (0, 0);
    for HalfPlane { normal: Coord { x, y }, level } in planes {
        if !level.is_finite() {
            return;
        }
        if x > FLAT {
            lefts[left_count] = (-y / x, level / x);
            left_count += 1;
        } else if x < -FLAT {
            rights[right_count] = (-y / x, level / x);
            right_count += 1;
        } else if y > 0.0 {
            rows.start = rows.start.max(ceil_index(level / y - 0.5, rows.end));
        } else {
            rows.end = ceil_index(level / y - 0.5, rows.end);
        }
    }
    let (lefts, rights) = (&lefts[..left_count], &rights[..right_count]);
    for row in rows {
        let y = row as f64 + 0.5;
        let at = |&(slope, at): &(f64, f64)| slope * y + at;
        let left = lefts.iter().map(at).fold(f64::NEG_INFINITY, |p, q| if q > p { q } else { p });
        let right = rights.iter().map(at).fold(f64::INFINITY, |p, q| if q < p { q } else { p });
        visit(row, left, right);
    }
}
