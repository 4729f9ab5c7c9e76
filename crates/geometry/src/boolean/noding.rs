//! Many rings cut where they meet, by snap rounding.
//!
//! Vertices and rounded crossings are hot. Every edge is led through all hot points
//! whose cell of the grid it passes; a cell holds its lower sides only, so that cells
//! do not overlap. The pieces meet at their ends and nowhere else (Guibas, Marimont,
//! *Rounding arrangements dynamically*, 1998). All decisions are exact.

use super::{assemble::Edge, grid::cross};
use crate::{
    Error, Result,
    box_tree::{Bounds, BoxTree},
    hot_cell::passes,
};
use geo_types::Coord;
use i_overlay::i_float::int::point::IntPoint;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Largest number of crossings, and of pieces.
const LIMIT: usize = 1 << 24;

/// An edge from its lower to its higher end in the order of x, then y, and the rings
/// that pass it an odd number of times.
pub(super) type NodedEdge = (Edge, Vec<u32>);

/// The edges of open rings with their owners, cut where they meet and in order.
///
/// Fails for more than 2^24 crossings or pieces.
pub(super) fn node<'a>(
    rings: impl Iterator<Item = (u32, &'a [IntPoint])>,
) -> Result<Vec<NodedEdge>> {
    let mut edges = Vec::new();
    for (owner, ring) in rings {
        let next = ring.iter().cycle().skip(1);
        edges.extend(ring.iter().zip(next).map(|(&a, &b)| (ascending([a, b]), owner)));
    }
    let edges = merge(edges);
    let tree = BoxTree::new(edges.iter().map(|(edge, _)| bounds(*edge)).collect());
    let mut hot: Vec<IntPoint> = edges.iter().flat_map(|(edge, _)| *edge).collect();
    hot.extend(crossings(&edges, &tree)?);
    hot.sort_unstable_by_key(|&p| key(p));
    hot.dedup();
    let places = BoxTree::new(hot.iter().map(|&p| bounds([p, p])).collect());
    let total = AtomicUsize::new(0);
    let of_edge = |(edge, owners): &NodedEdge| {
        let chain = through(*edge, &hot, &places);
        let count = chain.len().saturating_sub(1) * owners.len();
        if total.fetch_add(count, Ordering::Relaxed) + count > LIMIT {
            return Err(too_many("pieces of edges"));
        }
        let pieces = chain
            .windows(2)
            .flat_map(|pair| owners.iter().map(|&owner| (ascending([pair[0], pair[1]]), owner)));
        Ok(pieces.collect::<Vec<_>>())
    };
    let pieces: Vec<Vec<(Edge, u32)>> = edges.par_iter().map(of_edge).collect::<Result<_>>()?;
    Ok(merge(pieces.into_iter().flatten().collect()))
}

fn too_many(what: &'static str) -> Error {
    Error::TooManySteps { what, count: (LIMIT + 1) as f64, limit: LIMIT as f64 }
}

/// Sorted edges of some length with those owners that have them an odd number of times.
fn merge(mut edges: Vec<(Edge, u32)>) -> Vec<NodedEdge> {
    edges.retain(|([a, b], _)| a != b);
    edges.par_sort_unstable_by_key(|&([a, b], owner)| (key(a), key(b), owner));
    let groups = edges.chunk_by(|p, q| p.0 == q.0).map(|group| {
        let odd = group.chunk_by(|p, q| p.1 == q.1).filter(|same| same.len() % 2 == 1);
        (group[0].0, odd.map(|same| same[0].1).collect::<Vec<_>>())
    });
    groups.filter(|(_, owners)| !owners.is_empty()).collect()
}

/// Rounded points where two edges cross inside both.
fn crossings(edges: &[NodedEdge], tree: &BoxTree) -> Result<Vec<IntPoint>> {
    let total = AtomicUsize::new(0);
    let of_edge = |(index, (edge, _)): (usize, &NodedEdge)| {
        let mut found = Vec::new();
        tree.visit(&bounds(*edge), |other| {
            if other > index {
                found.extend(crossing(*edge, edges[other].0));
            }
            found.len() <= LIMIT
        });
        if total.fetch_add(found.len(), Ordering::Relaxed) + found.len() > LIMIT {
            return Err(too_many("crossings of edges"));
        }
        Ok(found)
    };
    let found: Vec<Vec<IntPoint>> =
        edges.par_iter().enumerate().map(of_edge).collect::<Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// The rounded point where two edges cross inside both.
fn crossing([a, b]: Edge, [c, d]: Edge) -> Option<IntPoint> {
    let apart = |p: i64, q: i64| (p < 0 && q > 0) || (p > 0 && q < 0);
    let (from, to) = (cross(c, d, a), cross(c, d, b));
    if !apart(from, to) || !apart(cross(a, b, c), cross(a, b, d)) {
        return None;
    }
    let (from, to) = (i128::from(from), i128::from(to));
    let whole = (from - to).abs();
    // Half a step up, then down: a cell holds its lower sides.
    let place = |a: i32, b: i32| {
        let way = (i128::from(b) - i128::from(a)) * from.abs();
        i128::from(a) + (2 * way + whole).div_euclid(2 * whole)
    };
    let [x, y] = [place(a.x, b.x), place(a.y, b.y)].map(|value| i32::try_from(value).ok());
    Some(IntPoint::new(x?, y?))
}

/// The hot points that an edge is led through, in order.
fn through(edge: Edge, hot: &[IntPoint], places: &BoxTree) -> Vec<IntPoint> {
    let [a, b] = edge;
    let mut found = Vec::new();
    places.visit(&bounds(edge).grown(0.5), |index| {
        if passes(edge.map(place), place(hot[index])) {
            found.push(hot[index]);
        }
        true
    });
    // An edge passes cells in the order of x, and of y in its own direction.
    let way = |p: &IntPoint| if b.y < a.y { -i64::from(p.y) } else { i64::from(p.y) };
    found.sort_unstable_by_key(|p| (p.x, way(p)));
    found
}

fn place(p: IntPoint) -> [i64; 2] {
    [i64::from(p.x), i64::from(p.y)]
}

fn ascending([a, b]: Edge) -> Edge {
    if key(a) <= key(b) { [a, b] } else { [b, a] }
}

fn key(p: IntPoint) -> (i32, i32) {
    (p.x, p.y)
}

fn bounds([a, b]: Edge) -> Bounds {
    let place = |p: IntPoint| Coord { x: f64::from(p.x), y: f64::from(p.y) };
    Bounds::of(place(a), place(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring() -> impl Strategy<Value = Vec<IntPoint>> {
        let point = (0..14_i32, 0..14_i32).prop_map(|(x, y)| IntPoint::new(x, y));
        proptest::collection::vec(point, 3..9)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        /// Coarse steps, so that nearly every crossing is rounded.
        #[test]
        fn pieces_meet_at_ends_only(rings in proptest::collection::vec(ring(), 1..5)) {
            let noded = node((0..).zip(rings.iter().map(Vec::as_slice)))?;
            for (k, ([a, b], _)) in noded.iter().enumerate() {
                for ([c, d], _) in &noded[k + 1..] {
                    prop_assert!(crossing([*a, *b], [*c, *d]).is_none());
                    for (p, [u, v]) in [(a, [c, d]), (b, [c, d]), (c, [a, b]), (d, [a, b])] {
                        let between = key(*u) < key(*p) && key(*p) < key(*v);
                        prop_assert!(!between || cross(*u, *v, *p) != 0, "{:?} {:?} {:?}", p, u, v);
                    }
                }
            }
            // Every ring stays closed: an even number of its pieces meets at each point.
            for owner in 0..rings.len() as u32 {
                let mut ends: Vec<_> = noded
                    .iter()
                    .filter(|(_, owners)| owners.contains(&owner))
                    .flat_map(|(edge, _)| edge.map(key))
                    .collect();
                ends.sort_unstable();
                prop_assert!(ends.chunk_by(|p, q| p == q).all(|same| same.len() % 2 == 0));
            }
        }
    }
}
