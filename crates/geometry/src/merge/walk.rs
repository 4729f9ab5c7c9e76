//! Rings of one connected area from its edges.

use super::seam::{Key, key};
use crate::validate::predicates::side;
use geo_types::Coord;
use std::collections::HashMap;

/// A directed edge with the area where [`side`] is positive.
pub(super) type Edge = [Coord<f64>; 2];

/// Closed walks (without the closing point) that use every edge once.
///
/// Where several edges leave a point the walk stays beside the same part of the outside.
/// As the area is connected, that part cannot come to the point from two sides, so no
/// ring visits a point twice.
pub(super) fn rings(edges: &[Edge]) -> Vec<Vec<Coord<f64>>> {
    let mut leaving: HashMap<Key, Vec<usize>> = HashMap::new();
    for (index, edge) in edges.iter().enumerate() {
        leaving.entry(key(edge[0])).or_default().push(index);
    }
    let mut used = vec![false; edges.len()];
    let mut rings = Vec::new();
    for start in 0..edges.len() {
        let mut ring = Vec::new();
        let mut at = start;
        while !used[at] {
            used[at] = true;
            let [from, to] = edges[at];
            ring.push(from);
            let ways = leaving.get(&key(to)).map_or(&[][..], Vec::as_slice);
            let next = ways.iter().copied().reduce(|best, way| {
                let is_first = is_first([from, to], edges[way][1], edges[best][1]);
                if is_first { way } else { best }
            });
            let Some(next) = next else { break };
            at = next;
        }
        if !ring.is_empty() {
            rings.push(ring);
        }
    }
    rings
}

/// Whether, turning from x to y at the end of an edge from the way back, `a` comes
/// before `b`.
fn is_first([from, to]: Edge, a: Coord<f64>, b: Coord<f64>) -> bool {
    // Half turns: the outside comes first, then straight on, then the area.
    let half = |p: Coord<f64>| match side(from, to, p) {
        -1 => 0,
        0 if is_ahead([from, to], p) => 1,
        1 => 2,
        _ => 3,
    };
    let (ha, hb) = (half(a), half(b));
    if ha == hb { side(to, a, b) > 0 } else { ha < hb }
}

/// Whether a point on the line of an edge lies beyond its end.
pub(super) fn is_ahead([from, to]: Edge, p: Coord<f64>) -> bool {
    // Signs alone: products of the smallest numbers are 0.
    let beyond = |a: f64, b: f64, c: f64| (a < b && b < c) || (c < b && b < a);
    let level = |a: f64, b: f64, c: f64| a <= b && b <= c && c <= a;
    let along = [beyond(from.x, to.x, p.x), beyond(from.y, to.y, p.y)];
    match along {
        [true, true] => true,
        [true, false] => level(from.y, to.y, p.y),
        [false, true] => level(from.x, to.x, p.x),
        [false, false] => false,
    }
}

/// Number of directions in which edges leave a point towards `others`, up to 3.
pub(super) fn directions(p: Coord<f64>, others: &[Coord<f64>]) -> usize {
    let mut found: Vec<Coord<f64>> = Vec::new();
    for &q in others {
        let same = |&r: &Coord<f64>| {
            let (u, v) = (q - p, r - p);
            side(p, q, r) == 0 && u.x * v.x + u.y * v.y > 0.0
        };
        if !found.iter().any(same) {
            found.push(q);
        }
        if found.len() > 2 {
            break;
        }
    }
    found.len()
}
