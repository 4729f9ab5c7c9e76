//! Validity of polygons by trees of boxes.
//!
//! The same rules as in [`validate_polygon`], in about n log n instead of n^2.

use super::ring_tree::RingTree;
use crate::{
    BoxIndex, PolygonFault, Result, Ring, error::check_coordinate, raster::rings, validate_polygon,
};
use geo::{
    Intersects,
    coordinate_position::CoordPos,
    line_intersection::{LineIntersection, line_intersection},
};
use geo_types::{Coord, Line, LineString, Polygon};

/// Up to this number of vertices comparing all pairs is faster.
const SMALL: usize = 48;

/// Refuses polygons that are not valid or have coordinates beyond `1e100`.
pub(crate) fn check_polygon(polygon: &Polygon<f64>) -> Result<()> {
    let count: usize = rings(polygon).map(|ring| ring.0.len()).sum();
    if count > SMALL {
        return check_by_trees(polygon);
    }
    validate_polygon(polygon)?;
    rings(polygon).try_for_each(check_range)
}

fn check_by_trees(polygon: &Polygon<f64>) -> Result<()> {
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
    let trees: Vec<RingTree<'_>> = lines.iter().filter_map(|ring| RingTree::new(ring)).collect();
    for (index, tree) in trees.iter().enumerate() {
        tree.pairs_within(&mut |a, b| {
            if crosses_itself(a, b) {
                Err(PolygonFault::SelfIntersection(role(index)))
            } else {
                Ok(())
            }
        })?;
    }
    check_holes(&lines, &trees)
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

/// Whether two segments of a ring meet other than one after the other.
fn crosses_itself(a: Line<f64>, b: Line<f64>) -> bool {
    a.start != b.end && a.end != b.start && a.intersects(&b)
}

/// Checks that holes lie in the exterior ring and apart from each other.
fn check_holes(lines: &[&LineString<f64>], trees: &[RingTree<'_>]) -> Result<()> {
    let Some((exterior, holes)) = trees.split_first() else { return Ok(()) };
    let boxes = BoxIndex::new(holes.iter().map(RingTree::area))?;
    for (hole, tree) in holes.iter().enumerate() {
        let this = (lines[hole + 1], tree);
        let around = (lines[0], exterior);
        if !is_apart(around, this, CoordPos::Inside, [Ring::Exterior, Ring::Hole(hole)])? {
            return Err(PolygonFault::HoleOutside(Ring::Hole(hole)).into());
        }
        for other in boxes.within(&tree.area()).into_iter().filter(|&other| other > hole) {
            let roles = [Ring::Hole(hole), Ring::Hole(other)];
            let next = (lines[other + 1], &holes[other]);
            if !is_apart(this, next, CoordPos::Outside, roles)? {
                return Err(PolygonFault::Overlap(roles[0], roles[1]).into());
            }
        }
    }
    Ok(())
}

/// Whether the second ring lies at `position` of the first and the first outside of
/// the second, apart from points where they touch.
fn is_apart(
    (ring, tree): (&LineString<f64>, &RingTree<'_>),
    (inner, inner_tree): (&LineString<f64>, &RingTree<'_>),
    position: CoordPos,
    roles: [Ring; 2],
) -> Result<bool, PolygonFault> {
    let mut touching = false;
    tree.pairs_across(inner_tree, &mut |a, b| {
        touching |= touches(a, b, roles)?;
        Ok(())
    })?;
    if touching {
        let wrong = if position == CoordPos::Inside { CoordPos::Outside } else { CoordPos::Inside };
        return Ok(avoids(inner, tree, wrong) && avoids(ring, inner_tree, CoordPos::Inside));
    }
    Ok(tree.position(inner.0[0]) == position && inner_tree.position(ring.0[0]) == CoordPos::Outside)
}

/// Whether segments of two rings meet at a point that the rings may share.
fn touches(a: Line<f64>, b: Line<f64>, [r, q]: [Ring; 2]) -> Result<bool, PolygonFault> {
    match line_intersection(a, b) {
        None => Ok(false),
        Some(LineIntersection::SinglePoint { is_proper: false, .. }) => Ok(true),
        Some(LineIntersection::SinglePoint { .. }) if r == Ring::Exterior => {
            Err(PolygonFault::HoleOutside(q))
        }
        Some(LineIntersection::SinglePoint { .. }) => Err(PolygonFault::Overlap(r, q)),
        // Repeated points make segments without length.
        Some(LineIntersection::Collinear { intersection: s }) if s.start == s.end => Ok(true),
        Some(LineIntersection::Collinear { .. }) => Err(PolygonFault::SharedLine(r, q)),
    }
}

/// Whether no point of `ring` lies at `position` of another one, for rings that meet
/// at vertices of one of them only.
///
/// Stretches between two contacts lie on one side: a vertex stands for each, or a
/// midpoint where both ends of a segment are contacts.
fn avoids(ring: &LineString<f64>, other: &RingTree<'_>, position: CoordPos) -> bool {
    let places: Vec<CoordPos> = ring.coords().map(|&p| other.position(p)).collect();
    let on = |k: usize| places[k] == CoordPos::OnBoundary;
    places.iter().all(|&found| found != position)
        && ring.lines().enumerate().all(|(k, segment)| {
            let middle = || -> Coord<f64> { (segment.start + segment.end) * 0.5 };
            !(on(k) && on(k + 1)) || other.position(middle()) != position
        })
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
            let (fast, slow) = (check_by_trees(&polygon), validate_polygon(&polygon));
            prop_assert_eq!(fast.is_ok(), slow.is_ok(), "{:?} {:?} {:?}", polygon, fast, slow);
        }
    }
}
