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

/// Whether the left and the right of an upward edge are inside.
type Sides = [bool; 2];

/// Borders as directed edges with the inside on their left ([`orient`] is positive).
///
/// Where two edges meet and no third one, the sides of one are those of the other: one
/// ray is shot for each stretch between points where more edges meet.
pub(super) fn borders(edges: &[Edge], roles: &[Role], fill: Fill) -> Vec<[Point; 2]> {
    let ends: Vec<[Point; 2]> = edges.iter().map(|edge| [edge.low, edge.high]).collect();
    let tree = edge_tree(&ends);
    let neighbours = neighbours(&ends);
    let mut windings = Windings { counts: vec![0; roles.len()], touched: Vec::new(), sum: 0 };
    let mut known: Vec<Option<Sides>> = vec![None; edges.len()];
    for (index, edge) in edges.iter().enumerate() {
        if known[index].is_some() {
            continue;
        }
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
        let sides = if level { [here, there] } else { [there, here] };
        carry(index, sides, &ends, &neighbours, &mut known);
    }
    let directed = ends.iter().zip(known).filter_map(|(&[low, high], sides)| match sides {
        Some([true, false]) => Some([low, high]),
        Some([false, true]) => Some([high, low]),
        _ => None,
    });
    directed.collect()
}

/// For both ends of each edge the edge that continues it, if there is exactly one.
fn neighbours(ends: &[[Point; 2]]) -> Vec<[Option<usize>; 2]> {
    let mut places: Vec<(Point, usize, usize)> = Vec::with_capacity(2 * ends.len());
    for (edge, &[low, high]) in ends.iter().enumerate() {
        places.extend([(low, edge, 0), (high, edge, 1)]);
    }
    places.sort_unstable();
    let mut neighbours = vec![[None; 2]; ends.len()];
    for group in places.chunk_by(|a, b| a.0 == b.0) {
        if let &[(_, a, end_a), (_, b, end_b)] = group {
            neighbours[a][end_a] = Some(b);
            neighbours[b][end_b] = Some(a);
        }
    }
    neighbours
}

/// Notes the sides of an edge and of all that continue it in both directions.
fn carry(
    index: usize,
    sides: Sides,
    ends: &[[Point; 2]],
    neighbours: &[[Option<usize>; 2]],
    known: &mut [Option<Sides>],
) {
    known[index] = Some(sides);
    for start in [1, 0] {
        // Leaving an edge by its lower end, its left and right are exchanged.
        let (mut at, mut end, mut sides) = (index, start, sides);
        while let Some(next) = neighbours[at][end].filter(|&next| known[next].is_none()) {
            let upward = ends[next][0] == ends[at][end];
            if upward != (end == 1) {
                sides.reverse();
            }
            known[next] = Some(sides);
            (at, end) = (next, usize::from(upward));
        }
    }
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
    /// Of all rings together.
    sum: i32,
}

impl Windings {
    fn clear(&mut self) {
        for ring in self.touched.drain(..) {
            self.counts[ring as usize] = 0;
        }
        self.sum = 0;
    }

    fn add(&mut self, edge: &Edge, sign: i32) {
        for &(ring, winding) in &edge.windings {
            self.counts[ring as usize] += sign * winding;
            self.sum += sign * winding;
            self.touched.push(ring);
        }
    }

    fn are_inside(&self, roles: &[Role], fill: Fill) -> bool {
        if fill == Fill::EvenOdd {
            return self.sum % 2 != 0;
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
