//! Minimum cuts between a source and a sink.

use std::collections::VecDeque;

/// No arc.
const NONE: u32 = u32::MAX;
/// The root of a tree.
const ROOT: u32 = u32::MAX - 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tree {
    Free,
    Source,
    Sink,
}

/// A graph whose nodes may be joined to the source, to the sink, and to each other; arcs come
/// in pairs of opposite directions.
#[derive(Debug)]
pub(crate) struct FlowGraph {
    /// First arc of each node.
    first: Vec<u32>,
    next: Vec<u32>,
    head: Vec<u32>,
    capacity: Vec<f64>,
    /// Positive: what is left from the source; negative: to the sink.
    terminal: Vec<f64>,
    tree: Vec<Tree>,
    /// The arc to the parent.
    parent: Vec<u32>,
    orphans: VecDeque<u32>,
    active: VecDeque<u32>,
}

impl FlowGraph {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            first: vec![NONE; nodes],
            next: Vec::new(),
            head: Vec::new(),
            capacity: Vec::new(),
            terminal: vec![0.0; nodes],
            tree: vec![Tree::Free; nodes],
            parent: vec![NONE; nodes],
            orphans: VecDeque::new(),
            active: VecDeque::new(),
        }
    }

    /// Adds to the capacity from the source (positive) or to the sink (negative).
    pub(crate) fn add_terminal(&mut self, node: usize, capacity: f64) {
        self.terminal[node] += capacity;
    }

    pub(crate) fn add_arcs(&mut self, from: usize, to: usize, there: f64, back: f64) {
        for (from, to, capacity) in [(from, to, there), (to, from, back)] {
            self.next.push(self.first[from]);
            self.first[from] = self.head.len() as u32;
            self.head.push(to as u32);
            self.capacity.push(capacity);
        }
    }

    /// Cuts the graph; tells which nodes are on the side of the source.
    ///
    /// Search trees grow from both ends; where they meet, flow goes along the path, and what is
    /// cut off is adopted again (Y. Boykov and V. Kolmogorov, An Experimental Comparison of
    /// Min-Cut/Max-Flow Algorithms for Energy Minimization in Vision, IEEE TPAMI 26(9), 2004).
    pub(crate) fn cut(mut self) -> Vec<bool> {
        for node in 0..self.first.len() {
            if self.terminal[node] != 0.0 {
                let source = self.terminal[node] > 0.0;
                self.tree[node] = if source { Tree::Source } else { Tree::Sink };
                self.parent[node] = ROOT;
                self.active.push_back(node as u32);
            }
        }
        while let Some(node) = self.active.front().copied() {
            match self.grow(node as usize) {
                Some(arc) => {
                    self.augment(arc);
                    self.adopt();
                }
                None => {
                    self.active.pop_front();
                }
            }
        }
        self.tree.iter().map(|tree| *tree == Tree::Source).collect()
    }

    /// What an arc can take away from the source's side for a node of this tree.
    fn rest(&self, arc: u32, tree: Tree) -> f64 {
        let arc = if tree == Tree::Source { arc } else { arc ^ 1 };
        self.capacity[arc as usize]
    }

    /// Takes free neighbours into the tree of a node; gives an arc to the other tree, from the
    /// source's side to the sink's.
    fn grow(&mut self, node: usize) -> Option<u32> {
        let tree = self.tree[node];
        if tree == Tree::Free {
            return None;
        }
        let mut arc = self.first[node];
        while arc != NONE {
            if self.rest(arc, tree) > 0.0 {
                let other = self.head[arc as usize] as usize;
                if self.tree[other] == Tree::Free {
                    self.tree[other] = tree;
                    self.parent[other] = arc ^ 1;
                    self.active.push_back(other as u32);
                } else if self.tree[other] != tree {
                    return Some(if tree == Tree::Source { arc } else { arc ^ 1 });
                }
            }
            arc = self.next[arc as usize];
        }
        None
    }

    /// Sends what the path through an arc holds.
    fn augment(&mut self, middle: u32) {
        let mut least = self.capacity[middle as usize];
        for (start, tree) in self.ends(middle) {
            let mut node = start;
            while self.parent[node] != ROOT {
                let arc = self.parent[node];
                least = least.min(self.rest(arc ^ 1, tree));
                node = self.head[arc as usize] as usize;
            }
            least = least.min(self.terminal[node].abs());
        }
        self.capacity[middle as usize] -= least;
        self.capacity[middle as usize ^ 1] += least;
        for (start, tree) in self.ends(middle) {
            let mut node = start;
            while self.parent[node] != ROOT {
                let arc = self.parent[node];
                let forward = if tree == Tree::Source { arc ^ 1 } else { arc } as usize;
                self.capacity[forward] -= least;
                self.capacity[forward ^ 1] += least;
                let parent = self.head[arc as usize] as usize;
                if self.capacity[forward] <= 0.0 {
                    self.parent[node] = NONE;
                    self.orphans.push_back(node as u32);
                }
                node = parent;
            }
            self.terminal[node] -= if tree == Tree::Source { least } else { -least };
            if self.terminal[node] == 0.0 {
                self.parent[node] = NONE;
                self.orphans.push_back(node as u32);
            }
        }
    }

    fn ends(&self, middle: u32) -> [(usize, Tree); 2] {
        let from = self.head[middle as usize ^ 1] as usize;
        [(from, Tree::Source), (self.head[middle as usize] as usize, Tree::Sink)]
    }

    /// Finds new parents for orphans, or sets them free.
    fn adopt(&mut self) {
        while let Some(orphan) = self.orphans.pop_front() {
            let orphan = orphan as usize;
            let tree = self.tree[orphan];
            let mut arc = self.first[orphan];
            while arc != NONE {
                let other = self.head[arc as usize] as usize;
                let fits = self.tree[other] == tree && self.rest(arc ^ 1, tree) > 0.0;
                if fits && self.reaches_root(other) {
                    self.parent[orphan] = arc;
                    break;
                }
                arc = self.next[arc as usize];
            }
            if self.parent[orphan] != NONE {
                continue;
            }
            self.tree[orphan] = Tree::Free;
            let mut arc = self.first[orphan];
            while arc != NONE {
                let other = self.head[arc as usize] as usize;
                if self.tree[other] == tree {
                    if self.rest(arc ^ 1, tree) > 0.0 {
                        self.active.push_back(other as u32);
                    }
                    let parent = self.parent[other];
                    if parent < ROOT && self.head[parent as usize] as usize == orphan {
                        self.parent[other] = NONE;
                        self.orphans.push_back(other as u32);
                    }
                }
                arc = self.next[arc as usize];
            }
        }
    }

    /// Whether the way to the root is whole.
    fn reaches_root(&self, mut node: usize) -> bool {
        loop {
            match self.parent[node] {
                ROOT => return true,
                NONE => return false,
                arc => node = self.head[arc as usize] as usize,
            }
        }
    }
}
