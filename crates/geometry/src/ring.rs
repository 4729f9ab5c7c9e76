//! Areas of rings.

use geo_types::LineString;

/// Area enclosed by a ring, signed by its orientation.
///
/// Plain shoelace formula: positive when the ring turns from +x towards +y, which
/// is clockwise on the screen. An open ring is closed by a straight segment.
/// Coordinates are taken relative to the first point, so far-away rings keep
/// their precision.
///
/// # Examples
/// ```
/// let ring = vec![(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0), (0.0, 0.0)].into();
/// assert_eq!(mapvec_geometry::signed_area(&ring), 2.0);
/// ```
#[must_use]
pub fn signed_area(ring: &LineString<f64>) -> f64 {
    let Some(&origin) = ring.0.first() else { return 0.0 };
    let doubled: f64 = ring
        .0
        .windows(2)
        .map(|pair| (pair[0] - origin, pair[1] - origin))
        .map(|(a, b)| a.x * b.y - b.x * a.y)
        .sum();
    0.5 * doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_and_offset() {
        let mut points = vec![(1e9, 1e9), (1e9 + 1.0, 1e9), (1e9 + 1.0, 1e9 + 1.0)];
        let area = signed_area(&points.clone().into());
        assert!((area - 0.5).abs() < 1e-12);
        points.reverse();
        assert!((signed_area(&points.into()) + 0.5).abs() < 1e-12);
        assert!(signed_area(&LineString(Vec::new())).abs() < 1e-12);
    }
}
