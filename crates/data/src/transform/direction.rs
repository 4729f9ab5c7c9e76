//! Undirected directions.

use std::f32::consts::PI;

/// An angle in `[0, pi)`. NaN stays NaN.
pub(super) fn undirected(angle: f32) -> f32 {
    if (0.0..PI).contains(&angle) {
        return angle;
    }
    let wrapped = angle.rem_euclid(PI);
    if wrapped >= PI { 0.0 } else { wrapped }
}

/// The smaller angle between two undirected directions, in `[0, pi/2]`.
pub(super) fn difference(a: f32, b: f32) -> f32 {
    let difference = undirected(a - b);
    difference.min(PI - difference)
}

/// The direction of a vector `[x0, y0, x1, y1]`, in `[0, pi)`.
pub(super) fn direction(ends: &[f32]) -> f32 {
    undirected((ends[3] - ends[1]).atan2(ends[2] - ends[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_directions_are_the_same() {
        for angle in [0.0, 1.0, 3.0, -1.0, -PI, PI, 7.0, -1e-9, 9.7, -9.4] {
            let wrapped = undirected(angle);
            assert!((0.0..PI).contains(&wrapped), "{angle} became {wrapped}");
            assert!(difference(angle, angle + PI) < 1e-5, "{angle}");
            assert!((difference(angle, angle + 1.0) - 1.0).abs() < 1e-5, "{angle}");
            assert!((difference(angle, angle - 3.0) - (PI - 3.0)).abs() < 1e-5, "{angle}");
        }
        assert!(undirected(f32::NAN).is_nan());
        assert!((direction(&[1.0, 1.0, 0.0, 0.0]) - PI / 4.0).abs() < 1e-6);
        assert!((direction(&[0.0, 0.0, 1.0, 1.0]) - PI / 4.0).abs() < 1e-6);
    }
}
