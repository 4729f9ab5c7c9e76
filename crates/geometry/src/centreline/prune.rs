//! Removing spurs and short parts from a graph of pixel chains.

use super::graph::{Edge, Graph, Pixel};
use std::{cmp::Reverse, collections::BinaryHeap};

/// A graph whose edges can be removed and joined.
pub(super) struct Network {
    /// Edges by id; removed and joined ones are gone.
    pub(super) edges: Vec<Option<Edge>>,
    /// Edge ids at each node; an edge that begins and ends there counts twice.
    pub(super) incident: Vec<Vec<usize>>,
    /// Spurs as (length bits, edge id): the bits of non-negative floats are ordered.
    spurs: BinaryHeap<Reverse<(u64, usize)>>,
    min_spur: f64,
}

impl Network {
    /// Joins edges across nodes that turn out not to be junctions.
    pub(super) fn new(graph: Graph) -> Self {
        let mut incident = vec![Vec::new(); graph.nodes.len()];
        for (id, edge) in graph.edges.iter().enumerate() {
            for node in edge.ends.into_iter().flatten() {
                incident[node].push(id);
            }
        }
        let edges = graph.edges.into_iter().map(Some).collect();
        let mut network = Self { edges, incident, spurs: BinaryHeap::new(), min_spur: 0.0 };
        for node in 0..network.incident.len() {
            network.settle(node);
        }
        network
    }

    /// Removes edges with one free end that are shorter than `min_spur`, the
    /// shortest first, until none is left.
    pub(super) fn prune(&mut self, min_spur: f64) {
        self.min_spur = min_spur;
        for id in 0..self.edges.len() {
            self.enqueue(id);
        }
        while let Some(Reverse((_, id))) = self.spurs.pop() {
            // Ids are not used twice, but an edge may have lost its junction since.
            let Some(node) = self.edges[id].as_ref().and_then(spur_node) else { continue };
            self.edges[id] = None;
            self.incident[node].retain(|&other| other != id);
            self.settle(node);
        }
    }

    fn enqueue(&mut self, id: usize) {
        if let Some(edge) = &self.edges[id]
            && spur_node(edge).is_some()
        {
            let length = edge.length();
            if length < self.min_spur {
                self.spurs.push(Reverse((length.to_bits(), id)));
            }
        }
    }

    /// Dissolves a node with fewer than three edge ends.
    fn settle(&mut self, node: usize) {
        match *self.incident[node].as_slice() {
            [only] => {
                self.release(only, node);
                self.incident[node].clear();
                self.enqueue(only);
            }
            [a, b] if a == b => {
                // One edge from the node to itself: a ring.
                self.release(a, node);
                self.incident[node].clear();
                if let Some(edge) = &mut self.edges[a] {
                    trim_ring(&mut edge.pixels);
                }
            }
            [a, b] => self.join(a, b, node),
            _ => {}
        }
    }

    /// Makes the ends of an edge at `node` free.
    fn release(&mut self, id: usize, node: usize) {
        if let Some(edge) = &mut self.edges[id] {
            for end in &mut edge.ends {
                if *end == Some(node) {
                    *end = None;
                }
            }
        }
    }

    /// Replaces two edges that meet at `node` by one.
    fn join(&mut self, a: usize, b: usize, node: usize) {
        let (Some(mut first), Some(mut second)) = (self.edges[a].take(), self.edges[b].take())
        else {
            return;
        };
        if first.ends[1] != Some(node) {
            reverse(&mut first);
        }
        if second.ends[0] != Some(node) {
            reverse(&mut second);
        }
        // Both may have reached the node through the same pixels: no way in and out.
        let pairs = first.pixels.iter().rev().skip(1).zip(&second.pixels[1..]);
        let shared = pairs.take_while(|(p, q)| p == q).count();
        first.pixels.truncate(first.pixels.len() - shared);
        first.pixels.extend(second.pixels.into_iter().skip(1 + shared));
        first.ends[1] = second.ends[1];
        let id = self.edges.len();
        for end in first.ends.into_iter().flatten() {
            for other in &mut self.incident[end] {
                if *other == a || *other == b {
                    *other = id;
                }
            }
        }
        self.incident[node].clear();
        self.edges.push(Some(first));
        self.enqueue(id);
    }

    /// Removes the longer one of two edges between the same two nodes, if neither is
    /// longer than `max_length`: what they enclose is a hole, not a block.
    pub(super) fn close_holes(&mut self, max_length: f64) {
        for id in 0..self.edges.len() {
            let Some(edge) = &self.edges[id] else { continue };
            let [Some(a), Some(b)] = edge.ends else { continue };
            let length = edge.length();
            let is_twin = |&other: &usize| {
                let twin = self.edges[other].as_ref().filter(|_| other != id);
                twin.is_some_and(|twin| {
                    let between = [[Some(a), Some(b)], [Some(b), Some(a)]].contains(&twin.ends);
                    between && twin.length() <= length
                })
            };
            if a != b && length <= max_length && self.incident[a].iter().any(is_twin) {
                self.edges[id] = None;
                for node in [a, b] {
                    self.incident[node].retain(|&other| other != id);
                    self.settle(node);
                }
            }
        }
    }

    /// Consecutive numbers for the nodes that are still junctions.
    pub(super) fn junction_numbers(&self) -> Vec<Option<usize>> {
        let mut count = 0;
        let number = |edges: &Vec<usize>| {
            (!edges.is_empty()).then(|| {
                count += 1;
                count - 1
            })
        };
        self.incident.iter().map(number).collect()
    }

    /// The edges of all connected parts with at least `min_length` in total.
    pub(super) fn into_edges(self, min_length: f64) -> impl Iterator<Item = Edge> {
        let parts = self.part_lengths();
        let edges = self.edges.into_iter().zip(parts).filter(move |(_, part)| *part >= min_length);
        edges.filter_map(|(edge, _)| edge)
    }

    /// Total length of the connected part that each edge belongs to.
    fn part_lengths(&self) -> Vec<f64> {
        let mut lengths = vec![0.0; self.edges.len()];
        let mut seen = vec![false; self.edges.len()];
        for start in 0..self.edges.len() {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            let mut part = vec![start];
            let (mut next, mut sum) = (0, 0.0);
            while let Some(&id) = part.get(next) {
                next += 1;
                let Some(edge) = &self.edges[id] else { continue };
                sum += edge.length();
                for node in edge.ends.into_iter().flatten() {
                    for &other in &self.incident[node] {
                        if !std::mem::replace(&mut seen[other], true) {
                            part.push(other);
                        }
                    }
                }
            }
            for id in part {
                lengths[id] = sum;
            }
        }
        lengths
    }
}

/// The junction of an edge whose other end is free.
fn spur_node(edge: &Edge) -> Option<usize> {
    match edge.ends {
        [Some(node), None] | [None, Some(node)] => Some(node),
        _ => None,
    }
}

/// Removes the stretch that a ring runs both out and back from its closing point.
pub(super) fn trim_ring(pixels: &mut Vec<Pixel>) {
    let pairs = pixels.iter().zip(pixels.iter().rev());
    let shared = pairs.take_while(|(p, q)| p == q).count();
    // One equal pair closes the ring; at least two more pixels stay between.
    let extra = shared.saturating_sub(1).min(pixels.len().saturating_sub(4) / 2);
    pixels.truncate(pixels.len() - extra);
    pixels.drain(..extra);
}

fn reverse(edge: &mut Edge) {
    edge.pixels.reverse();
    edge.ends.reverse();
}
