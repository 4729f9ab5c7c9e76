//! The edges of an arrangement that have the inside on one side only.

use super::{
    Fill,
    arrangement::{Edge, Point, edge_tree, orient, ray},
};

/// The polygon of a ring, and whether it is its exterior ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    pub(super) part: usize,
    pub(super) exterior: bool,
}

/// Borders as directed edges with the inside on their left ([`orient`] is positive).
pub(super) fn borders(edges: &[Edge], roles: &[Role], fill: Fill) -> Vec<[Point; 2]> {
    let ends: Vec<[Point; 2]> = edges.iter().map(|edge| [edge.low, edge.high]).collect();
    let tree = edge_tree(&ends);
    let mut windings = Windings { counts: vec![0; roles.len()], touched: Vec::new() };
    let mut borders = Vec::new();
    for (index, edge) in edges.iter().enumerate() {
        windings.clear();
        // Twice the midpoint is a lattice point.
        let [x, y] = [edge.low.x + edge.high.x, edge.low.y + edge.high.y];
        tree.visit(&ray((x as f64 / 2.0).floor(), y as f64 / 2.0), |k| {
            if k != index && is_right_of(ends[k], [x, y]) {
                windings.add(&edges[k], 1);
            }
            true
        });
        // A ray at a slightly larger y passes beside all points. It starts right of a
        // slanted edge and left of a level one.
        let level = edge.low.y == edge.high.y;
        let here = windings.are_inside(roles, fill);
        windings.add(edge, if level { -1 } else { 1 });
        let there = windings.are_inside(roles, fill);
        let (left, right) = if level { (here, there) } else { (there, here) };
        if left != right {
            borders.push(if left { [edge.low, edge.high] } else { [edge.high, edge.low] });
        }
    }
    borders
}

/// Whether an upward edge crosses the ray to the right from half of a point.
fn is_right_of([low, high]: [Point; 2], [x, y]: [i64; 2]) -> bool {
    let twice = |p: Point| Point { x: 2 * p.x, y: 2 * p.y };
    let (low, high) = (twice(low), twice(high));
    low.y <= y && y < high.y && orient(low, high, Point { x, y }) > 0
}

/// How often each ring winds around a place.
struct Windings {
    counts: Vec<i32>,
    touched: Vec<u32>,
}

impl Windings {
    fn clear(&mut self) {
        for ring in self.touched.drain(..) {
            self.counts[ring as usize] = 0;
        }
    }

    fn add(&mut self, edge: &Edge, sign: i32) {
        for &(ring, winding) in &edge.windings {
            self.counts[ring as usize] += sign * winding;
            self.touched.push(ring);
        }
    }

    fn are_inside(&self, roles: &[Role], fill: Fill) -> bool {
        if fill == Fill::EvenOdd {
            // Rings may be listed twice; their counts must be added once.
            let mut rings = self.touched.clone();
            rings.sort_unstable();
            rings.dedup();
            let sum: i32 = rings.iter().map(|&ring| self.counts[ring as usize]).sum();
            return sum % 2 != 0;
        }
        let parts = |exterior: bool| {
            let around = self.touched.iter().map(|&ring| ring as usize);
            around
                .filter(move |&ring| self.counts[ring] != 0 && roles[ring].exterior == exterior)
                .map(|ring| roles[ring].part)
        };
        let mut cut: Vec<usize> = parts(false).collect();
        cut.sort_unstable();
        parts(true).any(|part| cut.binary_search(&part).is_err())
    }
}
