//! Areas at or above a level of a scalar field.

use crate::{
    ContourBorder, ContourConfig, Fill, Result, chains::Chains, contours, repair_multi_polygon,
    signed_area, validate::predicates::side,
};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use ndarray::ArrayView2;

/// The areas of a field (shape (H, W)) at or above `level`, as a valid multipolygon.
///
/// The closed rings of [`contours`], unchanged, each hole with the ring around it. Where
/// rings touch in samples that equal the level so that this is not valid, all are filled
/// by the even-odd rule instead: areas are split or merged there, and vertices move by a
/// few units in the last place. Cost: linear in the samples, n log n in the vertices,
/// and for each ring the number of those beside it, about the square root of all.
///
/// # Errors
/// As [`contours`].
pub fn contour_polygons(field: ArrayView2<'_, f64>, level: f64) -> Result<MultiPolygon<f64>> {
    let rings = contours(field, level, &ContourConfig { border: ContourBorder::Closed })?;
    repair_multi_polygon(&nest(rings), Fill::EvenOdd)
}

/// Gives the negative rings, holes, to the positive ones around them.
///
/// A ring that touches another one where it is looked at may come to the wrong place;
/// the result is then invalid.
fn nest(rings: Vec<LineString<f64>>) -> MultiPolygon<f64> {
    let (exteriors, holes): (Vec<_>, Vec<_>) =
        rings.into_iter().partition(|ring| signed_area(ring) > 0.0);
    let owners = owners(&exteriors, &holes);
    let mut parts: Vec<_> =
        exteriors.into_iter().map(|ring| Polygon::new(ring, Vec::new())).collect();
    for (hole, owner) in holes.into_iter().zip(owners) {
        match owner {
            Some(part) => parts[part].interiors_push(hole),
            None => parts.push(Polygon::new(hole, Vec::new())),
        }
    }
    MultiPolygon(parts)
}

/// For each hole the smallest exterior ring around its first point.
fn owners(exteriors: &[LineString<f64>], holes: &[LineString<f64>]) -> Vec<Option<usize>> {
    if holes.is_empty() {
        return Vec::new();
    }
    // Points without the closing ones, and their rings.
    let (mut points, mut of, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
    for (index, ring) in exteriors.iter().enumerate() {
        let start = points.len();
        points.extend_from_slice(&ring.0[..ring.0.len().saturating_sub(1)]);
        of.resize(points.len(), index);
        ranges.push([start, points.len()]);
    }
    let chains = Chains::new(ranges.iter().copied(), |k| points[k]);
    let areas: Vec<f64> = exteriors.iter().map(signed_area).collect();
    let mut crossed = Vec::new();
    let mut owner = |p: Coord<f64>| {
        crossed.clear();
        let visit = |k: usize| {
            let [start, end] = ranges[of[k]];
            let (a, b) = (points[k], points[if k + 1 == end { start } else { k + 1 }]);
            let (low, high) = if a.y <= b.y { (a, b) } else { (b, a) };
            if low.y <= p.y && p.y < high.y && side(low, high, p) > 0 {
                crossed.push(of[k]);
            }
        };
        chains.visit_ray(p, |k| points[k], visit);
        crossed.sort_unstable();
        let around = crossed.chunk_by(|a, b| a == b).filter(|group| group.len() % 2 == 1);
        around.map(|group| group[0]).min_by(|&a, &b| areas[a].total_cmp(&areas[b]))
    };
    holes.iter().map(|hole| hole.0.first().and_then(|&p| owner(p))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn rings_around_rings() {
        let wave = |i: usize, j: usize| (0.7 * (i as f64 - 20.0).hypot(j as f64 - 20.0)).cos();
        let field = Array2::from_shape_fn((41, 41), |(i, j)| wave(i, j));
        let rings =
            contours(field.view(), 0.0, &ContourConfig { border: ContourBorder::Closed }).unwrap();
        let polygons = contour_polygons(field.view(), 0.0).unwrap();
        let count: usize = polygons.iter().map(|part| 1 + part.interiors().len()).sum();
        // Nothing was repaired: all rings are there as they were.
        assert_eq!(count, rings.len());
        assert!(polygons.iter().all(|part| rings.contains(part.exterior())));
        assert!(polygons.iter().filter(|part| part.interiors().len() == 1).count() >= 2);
    }
}
