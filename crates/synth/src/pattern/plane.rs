//! Points, directions and the borders of the canvas.

use std::f64::consts::PI;

/// A point in pixels: the centre of row `i`, column `j` is `(x, y) = (j, i)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    /// The point `distance` away in the direction `angle`.
    pub(crate) fn step(self, angle: f64, distance: f64) -> Self {
        Self { x: self.x + distance * angle.cos(), y: self.y + distance * angle.sin() }
    }

    /// Its pixel, inside a canvas of some size.
    pub(crate) fn on_pixel(self, size: usize) -> Self {
        let last = (size - 1) as f64;
        Self { x: self.x.round().clamp(0.0, last), y: self.y.round().clamp(0.0, last) }
    }

    /// Distance to another point.
    pub(crate) fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// How far it is from a point of the canvas in a direction to the border of its pixel centres.
pub(crate) fn reach(from: Point, angle: f64, size: usize) -> f64 {
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
    along(from.x, angle.cos()).min(along(from.y, angle.sin())).max(0.0)
}

/// The direction of an undirected line, in `[0, pi)`.
pub(crate) fn undirected(angle: f64) -> f64 {
    let wrapped = angle.rem_euclid(PI);
    if wrapped < PI { wrapped } else { 0.0 }
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
    }

    #[test]
    fn rays_end_at_the_border() {
        let from = Point { x: 3.0, y: 10.0 };
        for angle in [0.0, 0.3, 1.6, PI, -2.0] {
            let end = from.step(angle, reach(from, angle, 32));
            let border = [end.x, end.y, 31.0 - end.x, 31.0 - end.y];
            assert!(border.iter().all(|d| *d > -1e-9), "{angle}: {end:?}");
            assert!(border.iter().any(|d| d.abs() < 1e-9), "{angle}: {end:?}");
        }
    }
}
