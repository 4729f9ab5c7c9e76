//! Intersection of convex quadrilaterals.

use geo_types::{Coord, Rect, coord};
use mapvec_geometry::OrientedBox;

/// Largest magnitude of a coordinate: sums and products of such do not overflow.
const LARGEST: f64 = 1e100;
/// Four corners and one more for each of four cuts.
const MOST: usize = 8;

/// A convex quadrilateral whose corners have a positive area in their order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quadrilateral {
    corners: [Coord<f64>; 4],
    area: f64,
}

impl Quadrilateral {
    /// `None` unless it is finite and convex. Corners may coincide or lie on one line.
    pub(super) fn new(corners: &[Coord<f64>; 4]) -> Option<Self> {
        let fits = |p: &Coord<f64>| p.x.abs() <= LARGEST && p.y.abs() <= LARGEST;
        if !corners.iter().all(fits) {
            return None;
        }
        let [a, b, c, d] = *corners;
        let turns = [cross(a, b, c), cross(b, c, d), cross(c, d, a), cross(d, a, b)];
        let area = 0.5 * (cross(a, b, c) + cross(a, c, d));
        if turns.iter().all(|turn| *turn >= 0.0) {
            Some(Self { corners: *corners, area })
        } else if turns.iter().all(|turn| *turn <= 0.0) {
            Some(Self { corners: [d, c, b, a], area: -area })
        } else {
            None
        }
    }

    pub(super) fn of_box(turned: &OrientedBox) -> Self {
        Self { corners: turned.corners(), area: turned.area() }
    }

    pub(super) fn bounds(&self) -> Rect<f64> {
        let [first, rest @ ..] = self.corners;
        let (mut low, mut high) = (first, first);
        for p in rest {
            low = coord! { x: low.x.min(p.x), y: low.y.min(p.y) };
            high = coord! { x: high.x.max(p.x), y: high.y.max(p.y) };
        }
        Rect::new(low, high)
    }

    /// Area of the intersection over that of the union; 0 without a common area.
    pub(super) fn iou(&self, other: &Self) -> f64 {
        let shared = self.intersection(other).min(self.area).min(other.area);
        if shared > 0.0 { shared / (self.area + other.area - shared) } else { 0.0 }
    }

    /// The part of `other` left of all sides of `self` (Sutherland and Hodgman 1974).
    fn intersection(&self, other: &Self) -> f64 {
        // Near the origin, so that areas far from it lose no digits.
        let origin = self.corners[0];
        let mut shape = Shape::default();
        other.corners.iter().for_each(|&corner| shape.push(corner - origin));
        for k in 0..4 {
            let (p, q) = (self.corners[k] - origin, self.corners[(k + 1) % 4] - origin);
            shape = shape.left_of(p, q);
        }
        shape.area().max(0.0)
    }
}

/// Twice the area of a triangle, positive for the order of the crate.
fn cross(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> f64 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// A convex shape of few corners.
#[derive(Debug, Clone, Copy)]
struct Shape {
    corners: [Coord<f64>; MOST],
    len: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { corners: [Coord::zero(); MOST], len: 0 }
    }
}

impl Shape {
    fn push(&mut self, corner: Coord<f64>) {
        // A cut adds one corner at most; what rounding may add beyond has no area.
        if self.len < MOST {
            self.corners[self.len] = corner;
            self.len += 1;
        }
    }

    fn left_of(&self, p: Coord<f64>, q: Coord<f64>) -> Self {
        let mut kept = Self::default();
        for k in 0..self.len {
            let (a, b) = (self.corners[k], self.corners[(k + 1) % self.len]);
            let (side_a, side_b) = (cross(p, q, a), cross(p, q, b));
            if side_a >= 0.0 {
                kept.push(a);
            }
            if side_a > 0.0 && side_b < 0.0 || side_a < 0.0 && side_b > 0.0 {
                kept.push(a + (b - a) * (side_a / (side_a - side_b)));
            }
        }
        kept
    }

    fn area(&self) -> f64 {
        let corners = &self.corners[..self.len];
        let fan = corners.windows(2).skip(1).map(|pair| cross(corners[0], pair[0], pair[1]));
        0.5 * fan.sum::<f64>()
    }
}
