//! One arrangement of many polygons, whose faces are told by the polygons that cover them.

use super::{
    Rule,
    assemble::{Edge, Shape, assemble, assemble_faces},
    grid::{Grid, cross},
    noding::{NodedEdge, node},
    restore,
    shorten::Stretches,
};
use crate::Result;
use geo_types::{MultiPolygon, Polygon};
use i_overlay::i_float::int::point::IntPoint;
use rayon::prelude::*;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
};

/// The part of each polygon that none before it covers, all on one grid.
///
/// The polygons are valid and their coordinates finite.
pub(crate) fn first_owners(polygons: &[Polygon<f64>]) -> Result<Vec<MultiPolygon<f64>>> {
    let Some(grid) = Grid::around(polygons.iter()) else {
        return Ok(vec![MultiPolygon(Vec::new()); polygons.len()]);
    };
    let borders = borders(&noded(&grid, polygons.par_iter())?, |owners| owners.first().copied());
    let nodes = nodes(&borders);
    let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); polygons.len()];
    for &([a, b], [below, above]) in &borders {
        // The inside lies to the left, in a plane with y up.
        for (owner, edge) in [(above, [a, b]), (below, [b, a])] {
            if let Some(owner) = owner {
                edges[owner as usize].push(edge);
            }
        }
    }
    let shapes = edges.into_par_iter().map(|edges| {
        let shapes: Vec<Shape> = assemble_faces(edges, &nodes);
        restore(&grid, shapes)
    });
    Ok(shapes.collect())
}

/// The overlay of operands with edges that run along each other: every edge is rounded
/// once, however many it meets.
pub(super) fn overlay_bundles(
    grid: &Grid,
    a: &[Polygon<f64>],
    b: &[Polygon<f64>],
    rule: Rule,
) -> Result<MultiPolygon<f64>> {
    let noded = noded(grid, a.par_iter().chain(b))?;
    let is_in = |owners: &[u32]| {
        let in_a = owners.first().is_some_and(|&owner| (owner as usize) < a.len());
        let in_b = owners.last().is_some_and(|&owner| owner as usize >= a.len());
        rule(in_a, in_b)
    };
    let borders = borders(&noded, is_in).into_iter();
    let edges = borders.map(|([a, b], [_, above])| if above { [a, b] } else { [b, a] });
    Ok(restore(grid, assemble(edges.collect(), &Stretches::default())))
}

/// The edges of all polygons, owned by their places in the order, cut where they meet.
fn noded<'a>(
    grid: &Grid,
    polygons: impl IndexedParallelIterator<Item = &'a Polygon<f64>>,
) -> Result<Vec<NodedEdge>> {
    let rings: Vec<Vec<Vec<IntPoint>>> =
        polygons.map(|polygon| grid.snap(std::slice::from_ref(polygon))).collect();
    node((0..).zip(&rings).flat_map(|(owner, rings): (u32, &Vec<Vec<IntPoint>>)| {
        rings.iter().map(move |ring| (owner, ring.as_slice()))
    }))
}

/// An edge, and what lies below and above it.
type Border<T> = (Edge, [T; 2]);

/// An edge under the sweep line, in the order from below.
struct Active(Edge);

impl Ord for Active {
    fn cmp(&self, other: &Self) -> Ordering {
        let ([a, b], [c, d]) = (self.0, other.0);
        let side = |edge: Edge, ends: Edge| {
            let first = cross(edge[0], edge[1], ends[0]);
            if first == 0 { cross(edge[0], edge[1], ends[1]) } else { first }
        };
        // The one that begins later lies on one side of the line of the other.
        if [a, b] == [c, d] {
            Ordering::Equal
        } else if (a.x, a.y) <= (c.x, c.y) {
            0.cmp(&side([a, b], [c, d]))
        } else {
            side([c, d], [a, b]).cmp(&0)
        }
    }
}

impl PartialOrd for Active {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Active {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Active {}

/// The edges between what is judged differently by its owners, which are in order.
///
/// A line sweeps over the plane from low to high x; of each edge that it meets, the
/// owners of what lies above are kept. They differ from those below by the owners of
/// the edge.
fn borders<T: PartialEq>(edges: &[NodedEdge], judge: impl Fn(&[u32]) -> T) -> Vec<Border<T>> {
    let mut ending: Vec<Edge> = edges.iter().map(|&(edge, _)| edge).collect();
    ending.par_sort_unstable_by_key(|&[a, b]| (b.x, b.y, a.x, a.y));
    let mut ending = ending.into_iter().peekable();
    let mut above: BTreeMap<Active, Vec<u32>> = BTreeMap::new();
    let mut borders = Vec::new();
    for group in edges.chunk_by(|p, q| p.0[0] == q.0[0]) {
        let start = group[0].0[0];
        while let Some(edge) = ending.next_if(|[_, b]| (b.x, b.y) <= (start.x, start.y)) {
            above.remove(&Active(edge));
        }
        let mut group: Vec<&NodedEdge> = group.iter().collect();
        group.sort_unstable_by_key(|item| Active(item.0));
        for (edge, owners) in group {
            let below = above.range(..Active(*edge)).next_back();
            let below = below.map_or(&[][..], |(_, owners)| owners.as_slice());
            let own = toggled(below, owners);
            let sides = [judge(below), judge(&own)];
            if sides[0] != sides[1] {
                borders.push((*edge, sides));
            }
            above.insert(Active(*edge), own);
        }
    }
    borders
}

/// What one of two sorted lists holds and the other does not, sorted.
fn toggled(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all: Vec<u32> = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    all.chunk_by(|p, q| p == q).filter(|same| same.len() == 1).map(|same| same[0]).collect()
}

/// The points where other than two borders meet.
fn nodes<T>(borders: &[Border<T>]) -> HashSet<IntPoint> {
    let mut degrees: HashMap<IntPoint, u32> = HashMap::new();
    for end in borders.iter().flat_map(|(edge, _)| edge) {
        *degrees.entry(*end).or_default() += 1;
    }
    degrees.into_iter().filter(|&(_, degree)| degree != 2).map(|(point, _)| point).collect()
}
