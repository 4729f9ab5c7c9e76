//! The grid that overlays are computed on.

use crate::ring::rings;
use geo_types::{Coord, LineString, Polygon};
use i_overlay::i_float::int::point::IntPoint;

/// Half the side of the box of all shapes is at most two to this power, in steps.
/// Products of differences of coordinates then fit 64 bits.
const BITS: f64 = 29.0;

const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Multiples of `step` around `centre`, itself one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    centre: Coord<f64>,
    step: f64,
    /// One over `step`.
    inverse: f64,
}

impl Grid {
    /// The finest grid for all vertices; `None` without any.
    pub(super) fn around<'a>(polygons: impl Iterator<Item = &'a Polygon<f64>>) -> Option<Self> {
        let none = f64::INFINITY;
        let (mut low, mut high) = (Coord { x: none, y: none }, Coord { x: -none, y: -none });
        for ring in polygons.flat_map(rings) {
            for p in &ring.0 {
                // All are numbers: plain comparisons do.
                low.x = if p.x < low.x { p.x } else { low.x };
                low.y = if p.y < low.y { p.y } else { low.y };
                high.x = if p.x > high.x { p.x } else { high.x };
                high.y = if p.y > high.y { p.y } else { high.y };
            }
        }
        if low.x > high.x {
            return None;
        }
        let half = 0.5 * (high.x - low.x).max(high.y - low.y);
        let largest = [low.x, low.y, high.x, high.y].map(f64::abs).into_iter().fold(half, f64::max);
        // Multiples of the step are numbers of 53 bits. Below 2^-900 everything falls
        // onto one point.
        let exponent = (half.log2().ceil() - BITS).max(largest.log2().ceil() - 52.0);
        let step = exponent.max(-900.0).exp2();
        let multiple = |value: f64| (value / step).round() * step;
        let centre = Coord {
            x: multiple(low.x + 0.5 * (high.x - low.x)),
            y: multiple(low.y + 0.5 * (high.y - low.y)),
        };
        Some(Self { centre, step, inverse: 1.0 / step })
    }

    /// Rings of polygons in steps, without those that collapse: exteriors turn
    /// positively, holes negatively.
    pub(super) fn snap(&self, polygons: &[Polygon<f64>]) -> Vec<Vec<IntPoint>> {
        let mut snapped = Vec::new();
        for polygon in polygons {
            for (index, ring) in rings(polygon).enumerate() {
                let mut points: Vec<IntPoint> = ring.0.iter().map(|&p| self.point(p)).collect();
                points.pop();
                let area = doubled_area(&points);
                if area == 0 && index == 0 {
                    break;
                }
                if (area < 0) == (index == 0) {
                    points.reverse();
                }
                if area != 0 {
                    snapped.push(points);
                }
            }
        }
        snapped
    }

    /// A closed ring in coordinates.
    pub(super) fn restore(&self, ring: &[IntPoint]) -> LineString<f64> {
        let mut line = Vec::with_capacity(ring.len() + 1);
        line.extend(ring.iter().map(|p| Coord {
            x: f64::from(p.x) * self.step + self.centre.x,
            y: f64::from(p.y) * self.step + self.centre.y,
        }));
        line.extend(line.first().copied());
        LineString(line)
    }

    #[inline]
    fn point(&self, p: Coord<f64>) -> IntPoint {
        // Below 2^30 by the choice of the step, a power of two: a sum with 1.5 * 2^52
        // has no place for fractions, and its lowest bits are the whole number.
        let steps =
            |value: f64, centre: f64| ((value - centre) * self.inverse + ROUNDER).to_bits() as i32;
        IntPoint::new(steps(p.x, self.centre.x), steps(p.y, self.centre.y))
    }
}

/// A number that orders points by x, then by y.
pub(super) fn place(p: IntPoint) -> u64 {
    let unsigned = |value: i32| u64::from(value.cast_unsigned() ^ (1 << 31));
    unsigned(p.x) << 32 | unsigned(p.y)
}

/// Twice the signed area of an open ring.
pub(super) fn doubled_area(ring: &[IntPoint]) -> i128 {
    let Some(&origin) = ring.first() else { return 0 };
    ring.windows(2).map(|pair| i128::from(cross(origin, pair[0], pair[1]))).sum()
}

/// Twice the signed area of a triangle.
pub(super) fn cross(a: IntPoint, b: IntPoint, c: IntPoint) -> i64 {
    let d = |from: i32, to: i32| i64::from(to) - i64::from(from);
    d(a.x, b.x) * d(a.y, c.y) - d(a.y, b.y) * d(a.x, c.x)
}
