//! Thick segments and convex outlines as sets of pixels.
//!
//! Coordinates are those of pixels: the centre of row `i`, column `j` is `(x, y) = (j, i)`. A
//! pixel belongs to a shape if its centre does.

use super::mask::BitMask;
use super::plane::{Point, ceil, floor};

/// Slack at borders, px: centres that lie on a border up to rounding are inside.
const EPSILON: f64 = 1e-9;

/// Adds the pixels within `width / 2` of a segment: a line with round ends.
pub(crate) fn add_stroke(mask: &mut BitMask, [a, b]: [Point; 2], width: f64) {
    let radius = width / 2.0;
    // Downwards, so that the left side is the one of smaller columns.
    let (a, b) = if a.y <= b.y { (a, b) } else { (b, a) };
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = (dx * dx + dy * dy).sqrt();
    // From the axis to the right side.
    let (nx, ny) = if length > 0.0 { (dy / length, -dx / length) } else { (1.0, 0.0) };
    let slope = if dy > 0.0 { dx / dy } else { 0.0 };
    let rows = mask.rows();
    for y in rows_between(a.y - radius, b.y + radius, &rows) {
        // The set is convex, so its part of a row is one interval. Each of its ends is on a
        // straight side or, above and below, on the arc around an end of the segment.
        let bound = |side: f64| {
            let (low, high) = (a.y + side * ny * radius, b.y + side * ny * radius);
            if dy > 0.0 && (low..=high).contains(&y) {
                return a.x + side * nx * radius + (y - low) * slope;
            }
            let end = if dy > 0.0 {
                if y < low { a } else { b }
            } else if (b.x - a.x) * side > 0.0 {
                b
            } else {
                a
            };
            let rise = y - end.y;
            end.x + side * (radius * radius - rise * rise).max(0.0).sqrt()
        };
        Span { low: bound(-1.0), high: bound(1.0) }.paint(mask, y);
    }
}

/// Adds the pixels inside or on a convex polygon.
pub(crate) fn add_convex(mask: &mut BitMask, corners: &[Point]) {
    let low = corners.iter().map(|p| p.y).fold(f64::INFINITY, f64::min);
    let high = corners.iter().map(|p| p.y).fold(f64::NEG_INFINITY, f64::max);
    for y in rows_between(low, high, &mask.rows()) {
        let mut span = Span::default();
        span.add_polygon(corners, y);
        span.paint(mask, y);
    }
}

/// The rows that may have pixels of something between two heights.
pub(crate) fn row_range(low: f64, high: f64, size: usize) -> std::ops::Range<usize> {
    let at = |row: i64| usize::try_from(row).unwrap_or(0).min(size);
    let first = at(ceil(low - EPSILON));
    first..at(floor(high + EPSILON).saturating_add(1)).max(first)
}

/// The rows of a range as numbers.
fn rows_between(
    low: f64,
    high: f64,
    rows: &std::ops::Range<usize>,
) -> impl Iterator<Item = f64> + use<> {
    let inside = row_range(low, high, rows.end);
    (inside.start.max(rows.start)..inside.end).map(|y| y as f64)
}

/// An interval of a row.
struct Span {
    low: f64,
    high: f64,
}

impl Default for Span {
    fn default() -> Self {
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY }
    }
}

impl Span {
    fn add(&mut self, x: f64) {
        self.low = self.low.min(x);
        self.high = self.high.max(x);
    }

    /// What a convex polygon has of row `y`.
    fn add_polygon(&mut self, corners: &[Point], y: f64) {
        for (i, &Point { x: ax, y: ay }) in corners.iter().enumerate() {
            let Point { x: bx, y: by } = corners[if i + 1 < corners.len() { i + 1 } else { 0 }];
            let (low, high) = if ay < by { (ay, by) } else { (by, ay) };
            if y < low - EPSILON || y > high + EPSILON {
                continue;
            }
            if high - low <= EPSILON {
                self.add(ax);
                self.add(bx);
            } else {
                self.add(ax + (bx - ax) * ((y - ay) / (by - ay)).clamp(0.0, 1.0));
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "positions near a canvas of 1024 pixels")]
    fn paint(&self, mask: &mut BitMask, y: f64) {
        if self.low <= self.high {
            mask.add_span(y as i64, ceil(self.low - EPSILON), floor(self.high + EPSILON));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance([a, b]: [Point; 2], p: Point) -> f64 {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = dx * dx + dy * dy;
        let t = if length > 0.0 { ((p.x - a.x) * dx + (p.y - a.y) * dy) / length } else { 0.0 };
        let t = t.clamp(0.0, 1.0);
        (p.x - a.x - t * dx).hypot(p.y - a.y - t * dy)
    }

    proptest! {
        #[test]
        fn strokes_are_the_pixels_within_half_the_width(
            ends in prop::array::uniform4(-5_i32..25), width in 1_u8..9,
        ) {
            let [ax, ay, bx, by] = ends.map(f64::from);
            let segment = [Point { x: ax, y: ay }, Point { x: bx, y: by }];
            let width = f64::from(width);
            let mut mask = BitMask::empty(20, 0..20);
            add_stroke(&mut mask, segment, width);
            for y in 0..20 {
                for x in 0..20 {
                    let d = distance(segment, Point { x: x as f64, y: y as f64 });
                    // On the border rounding decides.
                    if (d - width / 2.0).abs() > 1e-6 {
                        prop_assert_eq!(mask.contains(y, x), d < width / 2.0, "{} {} {}", x, y, d);
                    }
                }
            }
        }

        #[test]
        fn convex_shapes_are_the_pixels_on_one_side_of_all_edges(
            centre in prop::array::uniform2(0_i32..20), radius in 1.0_f64..9.0, turn in 0.0_f64..6.0,
            corners in 3_usize..9,
        ) {
            let [cx, cy] = centre.map(f64::from);
            let ring: Vec<Point> = (0..corners).map(|i| {
                let angle = turn + std::f64::consts::TAU * i as f64 / corners as f64;
                Point { x: cx + radius * angle.cos(), y: cy + radius * angle.sin() }
            }).collect();
            let mut mask = BitMask::empty(20, 0..20);
            add_convex(&mut mask, &ring);
            for y in 0..20 {
                for x in 0..20 {
                    let side = (0..corners).map(|i| {
                        let (a, b) = (ring[i], ring[(i + 1) % corners]);
                        (b.x - a.x) * (y as f64 - a.y) - (b.y - a.y) * (x as f64 - a.x)
                    }).fold(f64::INFINITY, f64::min);
                    if side.abs() > 1e-6 {
                        prop_assert_eq!(mask.contains(y, x), side > 0.0, "{} {}", x, y);
                    }
                }
            }
        }
    }
}
