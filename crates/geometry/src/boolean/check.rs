//! Validity of polygons by a spatial index.
//!
//! The same rules as in [`validate_polygon`], in about n log n instead of n^2.

use crate::{
    BoxIndex, PolygonFault, Result, Ring, SegmentIndex, error::check_coordinate, raster::rings,
    validate_polygon,
};
use geo::{
    BoundingRect, Intersects,
    coordinate_position::{CoordPos, coord_pos_relative_to_ring},
    line_intersection::{LineIntersection, line_intersection},
};
use geo_types::{Coord, Line, LineString, Polygon, Rect};
use std::collections::BTreeSet;

/// Up to this number of vertices comparing all pairs is faster.
const SMALL: usize = 48;

/// Refuses polygons that are not valid or have coordinates beyond `1e100`.
pub(super) fn check_polygon(polygon: &Polygon<f64>) -> Result<()> {
    let count: usize = rings(polygon).map(|ring| ring.0.len()).sum();
    if count > SMALL {
        return check_by_index(polygon);
    }
    validate_polygon(polygon)?;
    rings(polygon).try_for_each(check_range)
}

fn check_by_index(polygon: &Polygon<f64>) -> Result<()> {
    let lines: Vec<&LineString<f64>> = rings(polygon).collect();
    for (index, ring) in lines.iter().enumerate() {
        if let Some(vertex) = ring.coords().position(|p| !(p.x.is_finite() && p.y.is_finite())) {
            return Err(PolygonFault::NonFinite { ring: role(index), index: vertex }.into());
        }
        check_range(ring)?;
        if !has_three_points(ring) {
            return Err(PolygonFault::TooFewPoints(role(index)).into());
        }
    }
    let touching = touching_rings(&lines)?;
    let exterior = lines[0];
    for (index, &hole) in lines.iter().enumerate().skip(1) {
        let inside = if touching.contains(&(0, index)) {
            avoids(hole, exterior, CoordPos::Outside) && avoids(exterior, hole, CoordPos::Inside)
        } else {
            coord_pos_relative_to_ring(hole.0[0], exterior) == CoordPos::Inside
        };
        if !inside {
            return Err(PolygonFault::HoleOutside(role(index)).into());
        }
    }
    check_holes_apart(&lines, &touching)
}

fn check_range(ring: &LineString<f64>) -> Result<()> {
    ring.coords().flat_map(|p| [p.x, p.y]).try_for_each(check_coordinate)
}

fn role(index: usize) -> Ring {
    index.checked_sub(1).map_or(Ring::Exterior, Ring::Hole)
}

fn has_three_points(ring: &LineString<f64>) -> bool {
    let Some(first) = ring.0.first() else { return false };
    let Some(second) = ring.coords().find(|p| *p != first) else { return false };
    ring.coords().any(|p| p != first && p != second)
}

/// Pairs of rings that touch at points; any other contact is an error.
fn touching_rings(lines: &[&LineString<f64>]) -> Result<BTreeSet<(usize, usize)>> {
    let index = SegmentIndex::new(lines.iter().copied())?;
    let mut touching = BTreeSet::new();
    for (ring, points) in lines.iter().enumerate() {
        for (k, segment) in points.lines().enumerate() {
            for other in index.candidates(Rect::new(segment.start, segment.end)) {
                if (other.line, other.segment) <= (ring, k) {
                    continue;
                }
                if other.line == ring {
                    if crosses_itself(segment, other.shape) {
                        return Err(PolygonFault::SelfIntersection(role(ring)).into());
                    }
                } else if touches((ring, segment), (other.line, other.shape))? {
                    touching.insert((ring, other.line));
                }
            }
        }
    }
    Ok(touching)
}

/// Whether two segments of a ring meet other than one after the other.
fn crosses_itself(a: Line<f64>, b: Line<f64>) -> bool {
    a.start != b.end && a.end != b.start && a.intersects(&b)
}

/// Whether segments of two rings meet at a point that the rings may share.
fn touches((r, a): (usize, Line<f64>), (q, b): (usize, Line<f64>)) -> Result<bool> {
    match line_intersection(a, b) {
        None => Ok(false),
        Some(LineIntersection::SinglePoint { is_proper: false, .. }) => Ok(true),
        Some(LineIntersection::SinglePoint { .. }) if r == 0 => {
            Err(PolygonFault::HoleOutside(role(q)).into())
        }
        Some(LineIntersection::SinglePoint { .. }) => {
            Err(PolygonFault::Overlap(role(r), role(q)).into())
        }
        // Repeated points make segments without length.
        Some(LineIntersection::Collinear { intersection: s }) if s.start == s.end => Ok(true),
        Some(LineIntersection::Collinear { .. }) => {
            Err(PolygonFault::SharedLine(role(r), role(q)).into())
        }
    }
}

/// Whether no point of `ring` lies at `position` of `other`, for rings that meet at
/// vertices of one of them only.
///
/// Stretches between two contacts lie on one side: a vertex stands for each, or a
/// midpoint where both ends of a segment are contacts.
fn avoids(ring: &LineString<f64>, other: &LineString<f64>, position: CoordPos) -> bool {
    let Some(area) = other.bounding_rect() else { return true };
    let place = |p: Coord<f64>| {
        let near = position == CoordPos::Outside || area.intersects(&p);
        if near { coord_pos_relative_to_ring(p, other) } else { CoordPos::Outside }
    };
    let places: Vec<CoordPos> = ring.coords().map(|&p| place(p)).collect();
    let on = |k: usize| places[k] == CoordPos::OnBoundary;
    places.iter().all(|&found| found != position)
        && ring.lines().enumerate().all(|(k, segment)| {
            !(on(k) && on(k + 1)) || place((segment.start + segment.end) * 0.5) != position
        })
}

fn check_holes_apart(
    lines: &[&LineString<f64>],
    touching: &BTreeSet<(usize, usize)>,
) -> Result<()> {
    let boxes: Vec<Rect<f64>> = lines.iter().filter_map(|ring| ring.bounding_rect()).collect();
    let index = BoxIndex::new(boxes.iter().skip(1).copied())?;
    for (r, &a) in lines.iter().enumerate().skip(1) {
        // The index leaves the exterior ring out.
        let later = index.within(&boxes[r]).into_iter().map(|hole| hole + 1).filter(|&q| q > r);
        for q in later {
            let b = lines[q];
            let apart = if touching.contains(&(r, q)) {
                avoids(a, b, CoordPos::Inside) && avoids(b, a, CoordPos::Inside)
            } else {
                coord_pos_relative_to_ring(a.0[0], b) == CoordPos::Outside
                    && coord_pos_relative_to_ring(b.0[0], a) == CoordPos::Outside
            };
            if !apart {
                return Err(PolygonFault::Overlap(role(r), role(q)).into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Corners on a coarse grid: most rings touch or cross something.
    fn ring(size: i8, at: i8) -> impl Strategy<Value = LineString<f64>> {
        let corner = (at..=at + size, at..=at + size);
        proptest::collection::vec(corner, 3..6)
            .prop_map(|points| points.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn agrees_with_the_comparison_of_all_pairs(
            exterior in prop_oneof![ring(9, 0), Just(LineString::from(vec![(0.0, 0.0), (9.0, 0.0), (5.0, 5.0), (9.0, 9.0), (0.0, 9.0)]))],
            holes in proptest::collection::vec(prop_oneof![ring(4, 1), ring(3, 4), ring(9, 0)], 0..3),
        ) {
            let polygon = Polygon::new(exterior, holes);
            let (fast, slow) = (check_by_index(&polygon), validate_polygon(&polygon));
            prop_assert_eq!(fast.is_ok(), slow.is_ok(), "{:?} {:?} {:?}", polygon, fast, slow);
        }
    }
}
