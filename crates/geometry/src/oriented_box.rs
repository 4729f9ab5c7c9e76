//! Rectangles at any angle.

use crate::{Result, convex_hull, error::check_coordinate, signed_area};
use geo_types::{Coord, LineString, Polygon};
use std::f64::consts::{FRAC_PI_2, PI};

/// A rectangle at any angle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrientedBox {
    /// Centre.
    pub centre: Coord<f64>,
    /// Length of the sides along `angle` (unit of the coordinates).
    pub width: f64,
    /// Length of the other two sides (unit of the coordinates).
    pub height: f64,
    /// Direction of the width, radians from +x towards +y.
    pub angle: f64,
}

/// The rectangle of least area that holds all points.
///
/// The width is the longer side and the angle in `[0, pi)`. One side lies on a side
/// of the convex hull; of equally small rectangles the first along the hull is
/// returned. Rotating calipers: n log n for the hull, linear afterwards.
///
/// # Errors
/// Those of [`convex_hull`].
///
/// # References
/// G. Toussaint, *Solving geometric problems with the rotating calipers*, 1983.
///
/// # Examples
/// ```
/// use geo_types::coord;
/// let points = [coord! { x: 0., y: 0. }, coord! { x: 4., y: 0. }, coord! { x: 2., y: 1. }];
/// let found = mapvec_geometry::oriented_box(&points)?;
/// assert_eq!((found.width, found.height, found.angle), (4.0, 1.0, 0.0));
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn oriented_box(points: &[Coord<f64>]) -> Result<OrientedBox> {
    let hull = convex_hull(points)?;
    let ring = &hull.exterior().0;
    let corners = &ring[..ring.len() - 1];
    let n = corners.len();
    let corner = |k: usize| corners[k % n];
    let mut best: Option<OrientedBox> = None;
    // Farthest corners ahead, across and behind; none ever moves back.
    let (mut ahead, mut across, mut behind) = (1, 1, 1);
    for k in 0..n {
        let side = corner(k + 1) - corner(k);
        let along = side / side.x.hypot(side.y);
        let normal = Coord { x: -along.y, y: along.x };
        let farthest = |mut index: usize, direction: Coord<f64>| {
            for _ in 0..n {
                if dot(direction, corner(index + 1) - corner(index)) <= 0.0 {
                    break;
                }
                index += 1;
            }
            index
        };
        ahead = farthest(ahead.max(k + 1), along);
        across = farthest(across.max(ahead), normal);
        behind = farthest(behind.max(across), along * -1.0);
        let origin = corner(k);
        let from = dot(along, corner(behind) - origin);
        let width = dot(along, corner(ahead) - origin) - from;
        let height = dot(normal, corner(across) - origin);
        if best.is_none_or(|best| width * height < best.area()) {
            let centre = origin + along * (from + 0.5 * width) + normal * (0.5 * height);
            best = Some(OrientedBox { centre, width, height, angle: along.y.atan2(along.x) });
        }
    }
    // A hull has sides.
    let found =
        best.unwrap_or(OrientedBox { centre: corner(0), width: 0.0, height: 0.0, angle: 0.0 });
    Ok(found.normalised())
}

impl OrientedBox {
    /// Checks that all fields are finite and lengths are at least 0.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a field out of range.
    pub fn validate(&self) -> Result<()> {
        let fields = [self.centre.x, self.centre.y, self.width, self.height, self.angle];
        fields.into_iter().try_for_each(check_coordinate)?;
        crate::error::check_non_negative("oriented_box.width", self.width)?;
        crate::error::check_non_negative("oriented_box.height", self.height)
    }

    /// Area.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.width * self.height
    }

    /// The four corners, in the crate's orientation.
    #[must_use]
    pub fn corners(&self) -> [Coord<f64>; 4] {
        let (sin, cos) = self.angle.sin_cos();
        let (u, v) = (0.5 * self.width, 0.5 * self.height);
        [(-u, -v), (u, -v), (u, v), (-u, v)]
            .map(|(x, y)| self.centre + Coord { x: x * cos - y * sin, y: x * sin + y * cos })
    }

    /// The rectangle as a polygon.
    #[must_use]
    pub fn to_polygon(&self) -> Polygon<f64> {
        Polygon::new(self.corners().into_iter().collect(), Vec::new())
    }

    /// Area of the intersection with another rectangle.
    ///
    /// Its corners are brought to the axes of `self` and clipped by the four sides.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) as [`Self::validate`].
    pub fn intersection_area(&self, other: &Self) -> Result<f64> {
        self.validate()?;
        other.validate()?;
        let (sin, cos) = self.angle.sin_cos();
        let local = other.corners().map(|p| {
            let d = p - self.centre;
            Coord { x: d.x * cos + d.y * sin, y: d.y * cos - d.x * sin }
        });
        let mut shape = local.to_vec();
        for normal in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let normal = Coord::from(normal);
            let limit = 0.5 * if normal.x == 0.0 { self.height } else { self.width };
            shape = clip(&shape, normal, limit);
        }
        shape.extend(shape.first().copied());
        Ok(signed_area(&LineString(shape)).max(0.0))
    }

    /// Area of the intersection over the area of the union, in `[0, 1]`.
    ///
    /// Two rectangles without area have 0.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) as [`Self::validate`].
    pub fn iou(&self, other: &Self) -> Result<f64> {
        let common = self.intersection_area(other)?;
        let all = self.area() + other.area() - common;
        Ok(if all > 0.0 { (common / all).clamp(0.0, 1.0) } else { 0.0 })
    }

    /// The same rectangle with the longer side as width and the angle in `[0, pi)`.
    #[must_use]
    pub fn normalised(self) -> Self {
        let (width, height) = (self.width.max(self.height), self.width.min(self.height));
        let turned = if self.width < self.height { FRAC_PI_2 } else { 0.0 };
        let angle = (self.angle + turned).rem_euclid(PI);
        // The remainder of a tiny negative angle rounds to pi.
        let angle = if angle < PI { angle } else { 0.0 };
        Self { centre: self.centre, width, height, angle }
    }
}

fn dot(a: Coord<f64>, b: Coord<f64>) -> f64 {
    a.x * b.x + a.y * b.y
}

/// The part of a convex shape where `dot(normal, p) <= limit` (Sutherland-Hodgman).
fn clip(shape: &[Coord<f64>], normal: Coord<f64>, limit: f64) -> Vec<Coord<f64>> {
    let mut kept = Vec::with_capacity(shape.len() + 1);
    for (k, &p) in shape.iter().enumerate() {
        let q = shape[(k + 1) % shape.len()];
        let (over_p, over_q) = (dot(normal, p) - limit, dot(normal, q) - limit);
        if over_p <= 0.0 {
            kept.push(p);
        }
        if (over_p < 0.0) != (over_q < 0.0) && (over_p - over_q).abs() > 0.0 {
            kept.push(p + (q - p) * (over_p / (over_p - over_q)));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(x: f64, y: f64, width: f64, height: f64, angle: f64) -> OrientedBox {
        OrientedBox { centre: Coord { x, y }, width, height, angle }
    }

    #[test]
    fn rotated_rectangle_is_recovered() {
        let turned = boxed(3.0, -2.0, 7.0, 2.0, 2.5);
        let found = oriented_box(&turned.corners()).unwrap();
        assert!((found.width - 7.0).abs() < 1e-12 && (found.height - 2.0).abs() < 1e-12);
        assert!((found.angle - 2.5).abs() < 1e-12);
        assert!((found.centre - turned.centre).x.hypot((found.centre - turned.centre).y) < 1e-12);
    }

    #[test]
    fn iou_of_known_pairs() {
        let square = boxed(0.0, 0.0, 2.0, 2.0, 0.0);
        assert!((square.iou(&square).unwrap() - 1.0).abs() < 1e-15);
        assert!((square.iou(&boxed(1.0, 0.0, 2.0, 2.0, PI)).unwrap() - 1.0 / 3.0).abs() < 1e-12);
        // A regular octagon remains of a square turned by 45 degrees.
        let octagon = 8.0 * (2.0_f64.sqrt() - 1.0);
        let turned = boxed(0.0, 0.0, 2.0, 2.0, PI / 4.0);
        assert!((square.intersection_area(&turned).unwrap() - octagon).abs() < 1e-12);
        assert!(square.iou(&boxed(9.0, 0.0, 2.0, 2.0, 1.0)).unwrap().abs() < 1e-15);
        assert!(square.iou(&boxed(f64::NAN, 0.0, 2.0, 2.0, 1.0)).is_err());
        assert!(boxed(0.0, 0.0, -1.0, 2.0, 1.0).iou(&square).is_err());
        assert!(
            boxed(0.0, 0.0, 0.0, 0.0, 0.0).iou(&boxed(0.0, 0.0, 0.0, 0.0, 1.0)).unwrap().abs()
                < 1e-15
        );
    }
}
