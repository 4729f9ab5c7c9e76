//! Rings of polygons, their areas and repeated points.

use geo_types::{LineString, Polygon};

/// All rings of a polygon, the exterior first.
pub(crate) fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

/// Drops points that repeat the one before, from `start` on.
pub(crate) fn dedup_from<T: Copy + PartialEq>(points: &mut Vec<T>, start: usize) {
    // Most rings repeat nothing, and then nothing moves.
    let repeated = points[start..].windows(2).position(|pair| pair[0] == pair[1]);
    let Some(first) = repeated.map(|at| start + at + 1) else { return };
    let mut kept = first;
    for index in first..points.len() {
        if points[kept - 1] != points[index] {
            points[kept] = points[index];
            kept += 1;
        }
    }
    points.truncate(kept);
}

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
