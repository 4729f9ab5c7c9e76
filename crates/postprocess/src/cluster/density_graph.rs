//! Which core points are connected by steps of at most a distance.
//!
//! The tree is walked in pairs of nodes, lower levels first. A node whose core points are all
//! connected already stands for one of them: a pair of such nodes is done with the first two
//! points in reach of each other, and is not looked at if they are connected already.

use super::boxes::Boxes;
use super::kd_tree::{KdTree, Node, PARALLEL_LEAVES};
use super::union_find::Forest;

/// A node with core points that are not known to be connected.
const MIXED: u32 = u32::MAX;
/// A node without core points.
const EMPTY: u32 = u32::MAX - 1;

/// Root, a position, of every position; points that are no core points are alone.
pub(super) fn components(tree: &KdTree, boxes: &Boxes, core: &[bool], reach: f64) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..tree.len() as u32).collect();
    let mut states = vec![MIXED; tree.nodes()];
    let graph = Graph { tree, boxes, core, reach };
    if let Some(root) = tree.root() {
        graph.connect(
            root,
            &mut Part {
                forest: Forest { parents: &mut parents, base: 0 },
                states: &mut states,
                first: 0,
            },
        );
    }
    // Roots come before their trees, so that one pass is enough.
    for position in 0..parents.len() {
        parents[position] = parents[parents[position] as usize];
    }
    parents
}

struct Graph<'a> {
    tree: &'a KdTree,
    /// Of the core points.
    boxes: &'a Boxes,
    core: &'a [bool],
    reach: f64,
}

/// What is known about the points and nodes below a node.
struct Part<'a> {
    forest: Forest<'a>,
    /// Per node `EMPTY`, `MIXED` or a core point that all others are connected with.
    states: &'a mut [u32],
    /// The first node of the part.
    first: usize,
}

impl Part<'_> {
    fn state(&mut self, node: Node) -> u32 {
        match self.states[node.id - self.first] {
            special @ (EMPTY | MIXED) => special,
            point => self.forest.find(point),
        }
    }

    fn set(&mut self, node: Node, state: u32) {
        self.states[node.id - self.first] = state;
    }

    /// What two nodes that make up one are together.
    fn refresh(&mut self, node: Node, left: Node, right: Node) {
        let state = match (self.state(left), self.state(right)) {
            (EMPTY, other) | (other, EMPTY) => other,
            (a, b) if a == b => a,
            _ => MIXED,
        };
        self.set(node, state);
    }
}

impl Graph<'_> {
    /// Connects the core points of a node.
    fn connect(&self, node: Node, part: &mut Part<'_>) {
        let Some((left, right)) = node.children() else {
            self.connect_leaf(node, part);
            return;
        };
        let middle = self.tree.positions(right).start;
        let first = right.id - part.first;
        let (left_forest, right_forest) = part.forest.split(middle);
        let (left_states, right_states) = part.states.split_at_mut(first);
        let mut lower = Part { forest: left_forest, states: left_states, first: part.first };
        let mut upper = Part { forest: right_forest, states: right_states, first: right.id };
        if node.leaves >= PARALLEL_LEAVES {
            rayon::join(|| self.connect(left, &mut lower), || self.connect(right, &mut upper));
        } else {
            self.connect(left, &mut lower);
            self.connect(right, &mut upper);
        }
        self.connect_pair(left, right, part);
        part.refresh(node, left, right);
    }

    fn connect_leaf(&self, leaf: Node, part: &mut Part<'_>) {
        let mut query = vec![0.0; self.tree.dimensions];
        let start = self.tree.positions(leaf).start;
        for position in self.tree.positions(leaf) {
            if !self.core[position] {
                continue;
            }
            self.tree.copy_point(position, &mut query);
            let distances = self.tree.distances(leaf.first, &query);
            for other in start..position {
                if self.core[other] && distances[other - start] <= self.reach {
                    part.forest.unite(position as u32, other as u32);
                }
            }
        }
        self.refresh_leaf(leaf, part);
    }

    /// Connects the core points of one node with those of another.
    fn connect_pair(&self, a: Node, b: Node, part: &mut Part<'_>) {
        let (state_a, state_b) = (part.state(a), part.state(b));
        let same = state_a == state_b && state_a != MIXED;
        if same || state_a == EMPTY || state_b == EMPTY {
            return;
        }
        if self.boxes.between(a, b) > self.reach {
            return;
        }
        let (whole, other) = if a.leaves >= b.leaves { (a, b) } else { (b, a) };
        let Some((left, right)) = whole.children() else {
            self.connect_leaves(a, b, part);
            return;
        };
        let state = if a.leaves >= b.leaves { state_a } else { state_b };
        if state != MIXED {
            for child in [left, right] {
                if part.state(child) != EMPTY {
                    part.set(child, state);
                }
            }
        }
        let (near, far) = if self.boxes.between(right, other) < self.boxes.between(left, other) {
            (right, left)
        } else {
            (left, right)
        };
        self.connect_pair(near, other, part);
        self.connect_pair(far, other, part);
        part.refresh(whole, left, right);
    }

    fn connect_leaves(&self, a: Node, b: Node, part: &mut Part<'_>) {
        let one_pair = part.state(a) != MIXED && part.state(b) != MIXED;
        let mut query = vec![0.0; self.tree.dimensions];
        for position in self.tree.positions(a) {
            if !self.core[position] {
                continue;
            }
            self.tree.copy_point(position, &mut query);
            if self.boxes.distance(b, &query) > self.reach {
                continue;
            }
            let distances = self.tree.distances(b.first, &query);
            for (other, distance) in self.tree.positions(b).zip(distances) {
                if distance <= self.reach && self.core[other] {
                    part.forest.unite(position as u32, other as u32);
                    if one_pair {
                        return;
                    }
                }
            }
        }
        self.refresh_leaf(a, part);
        self.refresh_leaf(b, part);
    }

    fn refresh_leaf(&self, leaf: Node, part: &mut Part<'_>) {
        let mut state = EMPTY;
        for position in self.tree.positions(leaf) {
            if self.core[position] {
                let root = part.forest.find(position as u32);
                if state != EMPTY && state != root {
                    state = MIXED;
                    break;
                }
                state = root;
            }
        }
        part.set(leaf, state);
    }
}
