//! The spanning tree of least mutual reachability.

use rayon::prelude::*;

use super::kd_tree::{KdTree, LANES, Node};
use super::union_find::Forest;

/// Two points, by position, and the square of their mutual reachability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) square: f64,
    pub(super) a: u32,
    pub(super) b: u32,
}

/// Squared distance, by position, to the `samples`-th nearest point, the point itself being the
/// first; `samples` is at most the number of points.
pub(super) fn core_distances(tree: &KdTree, samples: usize) -> Vec<f64> {
    let mut core = vec![0.0; tree.len()];
    let work = || (Vec::new(), vec![0.0; tree.dimensions], Vec::new());
    core.par_chunks_mut(LANES).enumerate().for_each_init(
        work,
        |(siblings, query, best), (leaf, core)| {
            tree.siblings(leaf, siblings);
            for (lane, core) in core.iter_mut().enumerate() {
                tree.copy_point(leaf * LANES + lane, query);
                best.clear();
                best.resize(samples.max(1), f64::INFINITY);
                insert_leaf(tree, leaf, query, best);
                for &node in &*siblings {
                    search(tree, node, query, best);
                }
                *core = best[best.len() - 1];
            }
        },
    );
    core
}

/// Keeps the least distances, in order.
fn insert_leaf(tree: &KdTree, leaf: usize, query: &[f64], best: &mut [f64]) {
    let last = best.len() - 1;
    for distance in tree.distances(leaf, query) {
        if distance < best[last] {
            let place = best.partition_point(|&other| other <= distance);
            best.copy_within(place..last, place + 1);
            best[place] = distance;
        }
    }
}

fn search(tree: &KdTree, node: Node, query: &[f64], best: &mut [f64]) {
    if tree.boxes.distance(node, query) >= best[best.len() - 1] {
        return;
    }
    let Some((left, right)) = node.children() else {
        insert_leaf(tree, node.first, query, best);
        return;
    };
    let nearer_first = tree.boxes.distance(left, query) <= tree.boxes.distance(right, query);
    let (near, far) = if nearer_first { (left, right) } else { (right, left) };
    search(tree, near, query, best);
    search(tree, far, query, best);
}

/// A node with points of several components.
const MIXED: u32 = u32::MAX;
/// No point.
const NONE: u32 = u32::MAX;

/// Edges of a tree through all points with the least sum: Boruvka's algorithm. In each round
/// every component takes its shortest edge to another one.
///
/// A point's nearest point outside its component stays that until its component takes it in,
/// so most points need no search in a round; the shortest edge that is known already bounds
/// the searches of the others.
pub(super) fn spanning_tree(tree: &KdTree, core: &[f64]) -> Vec<Edge> {
    let count = tree.len();
    let mut parents: Vec<u32> = (0..count as u32).collect();
    let mut least_core = vec![f64::INFINITY; tree.nodes()];
    if let Some(root) = tree.root() {
        fill_least(tree, core, root, &mut least_core);
    }
    let mut nearest = vec![(0.0, NONE); count];
    let mut edges = Vec::with_capacity(count.saturating_sub(1));
    while edges.len() + 1 < count {
        let mut forest = Forest { parents: &mut parents, base: 0 };
        let roots: Vec<u32> = (0..count as u32).map(|position| forest.find(position)).collect();
        let mut states = vec![MIXED; tree.nodes()];
        if let Some(root) = tree.root() {
            fill_states(tree, &roots, root, &mut states);
        }
        let round = Round { tree, core, least_core: &least_core, roots: &roots, states: &states };
        let known = round.shortest(&nearest);
        round.search_all(&known, &mut nearest);
        let before = edges.len();
        for edge in round.shortest(&nearest).into_iter().filter(|edge| edge.b != NONE) {
            if forest.unite(edge.a, edge.b) {
                edges.push(edge);
            }
        }
        if edges.len() == before {
            // Cannot happen with finite distances; a loop must end all the same.
            break;
        }
    }
    edges
}

fn fill_least(tree: &KdTree, core: &[f64], node: Node, least: &mut [f64]) -> f64 {
    let found = match node.children() {
        Some((left, right)) => {
            fill_least(tree, core, left, least).min(fill_least(tree, core, right, least))
        }
        None => core[tree.positions(node)].iter().copied().fold(f64::INFINITY, f64::min),
    };
    least[node.id] = found;
    found
}

fn fill_states(tree: &KdTree, roots: &[u32], node: Node, states: &mut [u32]) -> u32 {
    let state = if let Some((left, right)) = node.children() {
        let (a, b) =
            (fill_states(tree, roots, left, states), fill_states(tree, roots, right, states));
        if a == b { a } else { MIXED }
    } else {
        let roots = &roots[tree.positions(node)];
        if roots.iter().all(|root| *root == roots[0]) { roots[0] } else { MIXED }
    };
    states[node.id] = state;
    state
}

/// The state of a round.
struct Round<'a> {
    tree: &'a KdTree,
    core: &'a [f64],
    /// Per node.
    least_core: &'a [f64],
    /// Component of every position.
    roots: &'a [u32],
    /// Component of every node, or `MIXED`.
    states: &'a [u32],
}

impl Round<'_> {
    /// The shortest known edge of every component, at its root.
    fn shortest(&self, nearest: &[(f64, u32)]) -> Vec<Edge> {
        let mut found = vec![Edge { square: f64::INFINITY, a: NONE, b: NONE }; self.roots.len()];
        for (position, &(square, other)) in nearest.iter().enumerate() {
            let root = self.roots[position];
            let outside = other != NONE && self.roots[other as usize] != root;
            let best = &mut found[root as usize];
            if outside && (best.b == NONE || square < best.square) {
                *best = Edge { square, a: position as u32, b: other };
            }
        }
        found
    }

    /// Finds the nearest point outside for the points whose last one is inside now, if it can
    /// be nearer than what their components know.
    fn search_all(&self, known: &[Edge], nearest: &mut [(f64, u32)]) {
        let work = || (Vec::new(), vec![0.0; self.tree.dimensions]);
        nearest.par_chunks_mut(LANES).enumerate().for_each_init(
            work,
            |(siblings, query), (leaf, nearest)| {
                self.tree.siblings(leaf, siblings);
                for (lane, nearest) in nearest.iter_mut().enumerate() {
                    let position = leaf * LANES + lane;
                    let root = self.roots[position];
                    let inside = nearest.1 == NONE || self.roots[nearest.1 as usize] == root;
                    let least = nearest.0.max(self.core[position]);
                    let limit = known[root as usize].square;
                    if !inside || least >= limit {
                        continue;
                    }
                    self.tree.copy_point(position, query);
                    let mut best = (limit, NONE);
                    self.search_leaf(leaf, position, query, &mut best);
                    for &node in &*siblings {
                        self.search(node, position, query, &mut best);
                    }
                    // Without a find the limit bounds the distance from below.
                    *nearest = (best.0.min(limit), best.1);
                }
            },
        );
    }

    fn search(&self, node: Node, position: usize, query: &[f64], best: &mut (f64, u32)) {
        let least = self.core[position].max(self.least_core[node.id]);
        if self.states[node.id] == self.roots[position]
            || least >= best.0
            || self.tree.boxes.distance(node, query) >= best.0
        {
            return;
        }
        let Some((left, right)) = node.children() else {
            self.search_leaf(node.first, position, query, best);
            return;
        };
        let boxes = &self.tree.boxes;
        let nearer_first = boxes.distance(left, query) <= boxes.distance(right, query);
        let (near, far) = if nearer_first { (left, right) } else { (right, left) };
        self.search(near, position, query, best);
        self.search(far, position, query, best);
    }

    fn search_leaf(&self, leaf: usize, position: usize, query: &[f64], best: &mut (f64, u32)) {
        let own = self.core[position];
        let others = leaf * LANES..((leaf + 1) * LANES).min(self.tree.len());
        for (other, distance) in others.zip(self.tree.distances(leaf, query)) {
            let square = distance.max(own).max(self.core[other]);
            if square < best.0 && self.roots[other] != self.roots[position] {
                *best = (square, other as u32);
            }
        }
    }
}
