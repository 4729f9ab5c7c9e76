//! Points, directions and the borders of the canvas.

use std::f64::consts::PI;

/// A point in pixels: the centre of row `i`, column `j` is `(x, y) = (j, i)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// The largest whole number that is at most `v`, a position near a canvas. The target's
/// baseline has no instruction for it, and the library's function takes several times as long.
#[expect(clippy::cast_possible_truncation, reason = "positions near a canvas of 1024 pixels")]
#[inline]
pub(crate) fn floor(v: f64) -> i64 {
    let whole = v as i64;
    whole - i64::from((whole as f64) > v)
}

/// The smallest whole number that is at least `v`, a position near a canvas.
#[inline]
pub(crate) fn ceil(v: f64) -> i64 {
    -floor(-v)
}

/// The whole number next to `v`, a position near a canvas; halves go away from 0.
#[expect(clippy::cast_possible_truncation, reason = "positions near a canvas of 1024 pixels")]
#[inline]
pub(crate) fn round(v: f64) -> f64 {
    // The largest number below a half: what is just below a half stays there.
    const HALF: f64 = 0.5 - f64::EPSILON / 4.0;
    (v + HALF.copysign(v)) as i64 as f64
}

impl Point {
    /// The point `distance` away in a direction.
    pub(crate) fn step(self, direction: Direction, distance: f64) -> Self {
        Self { x: self.x + distance * direction.x, y: self.y + distance * direction.y }
    }

    /// Its pixel, inside a canvas of some size.
    pub(crate) fn on_pixel(self, size: usize) -> Self {
        let last = (size - 1) as f64;
        Self { x: round(self.x).clamp(0.0, last), y: round(self.y).clamp(0.0, last) }
    }

    /// Distance to another point. A canvas is too small for squares to overflow, and a root takes
    /// a tenth of the time of `hypot`.
    pub(crate) fn distance(self, other: Self) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        (dx * dx + dy * dy).sqrt()
    }
}

/// A vector of length 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Direction {
    x: f64,
    y: f64,
}

impl Direction {
    /// The direction of an angle from +x towards +y.
    pub(crate) fn of(angle: f64) -> Self {
        let (y, x) = angle.sin_cos();
        Self { x, y }
    }

    /// The way back.
    pub(crate) fn opposite(self) -> Self {
        Self { x: -self.x, y: -self.y }
    }

    /// A quarter turn from +y towards +x.
    pub(crate) fn across(self) -> Self {
        Self { x: self.y, y: -self.x }
    }
}

/// How far it is from a point of the canvas in a direction to the border of its pixel centres.
pub(crate) fn reach(from: Point, direction: Direction, size: usize) -> f64 {
    let last = (size - 1) as f64;
    let along = |at: f64, slope: f64| {
        if slope > 1e-12 {
            (last - at) / slope
        } else if slope < -1e-12 {
            -at / slope
        } else {
            f64::INFINITY
        }
    };
    along(from.x, direction.x).min(along(from.y, direction.y)).max(0.0)
}

/// The direction of an undirected line, in `[0, pi)`.
pub(crate) fn undirected(angle: f64) -> f64 {
    let wrapped = angle.rem_euclid(PI);
    if wrapped < PI { wrapped } else { 0.0 }
}

/// The direction of an undirected line as a label: in `[0, pi)` also after rounding.
#[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
pub(crate) fn angle_label(angle: f64) -> f32 {
    let angle = undirected(angle) as f32;
    if angle < std::f32::consts::PI { angle } else { 0.0 }
}

/// The undirected direction from one point to another as a label.
pub(crate) fn direction(a: Point, b: Point) -> f32 {
    angle_label((b.y - a.y).atan2(b.x - a.x))
}

/// Angle between two undirected lines, from 0 to pi / 2.
pub(crate) fn difference(a: f64, b: f64) -> f64 {
    let d = undirected(a - b);
    d.min(PI - d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_undirected() {
        for (angle, want) in [(0.0, 0.0), (PI, 0.0), (-0.5, PI - 0.5), (7.0, 7.0 - 2.0 * PI)] {
            assert!((undirected(angle) - want).abs() < 1e-12, "{angle}");
        }
        assert!((difference(0.1, PI - 0.1) - 0.2).abs() < 1e-12);
        assert!(undirected(-1e-20) < PI);
        for angle in [0.0, 1.0, -1e-9, -1e-20, PI - 1e-9, PI, 7.0] {
            let label = angle_label(angle);
            assert!((0.0..std::f32::consts::PI).contains(&label), "{angle} became {label}");
            assert!(difference(label.into(), angle) < 1e-6, "{angle} became {label}");
        }
    }

    #[test]
    fn rays_end_at_the_border() {
        let from = Point { x: 3.0, y: 10.0 };
        for angle in [0.0, 0.3, 1.6, PI, -2.0] {
            let direction = Direction::of(angle);
            let end = from.step(direction, reach(from, direction, 32));
            let border = [end.x, end.y, 31.0 - end.x, 31.0 - end.y];
            assert!(border.iter().all(|d| *d > -1e-9), "{angle}: {end:?}");
            assert!(border.iter().any(|d| d.abs() < 1e-9), "{angle}: {end:?}");
        }
    }
}
