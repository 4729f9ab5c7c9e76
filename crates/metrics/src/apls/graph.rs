//! Roads as a graph, and shortest paths on it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use geo_types::{Coord, LineString};

/// A place on an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) edge: usize,
    /// Share of the edge before it, in [0, 1].
    pub(super) share: f64,
}

/// Vertices of lines and the segments between them.
#[derive(Debug, Default)]
pub(super) struct RoadGraph {
    pub(super) points: Vec<Coord<f64>>,
    pub(super) edges: Vec<[usize; 2]>,
    /// The line that each edge is from.
    pub(super) origins: Vec<usize>,
}

impl RoadGraph {
    /// Lines meet where they have a vertex in common. A segment that occurs twice is one edge.
    pub(super) fn new(lines: &[LineString<f64>]) -> Self {
        let mut graph = Self::default();
        let mut nodes = BTreeMap::new();
        let mut known = BTreeMap::new();
        for (index, line) in lines.iter().enumerate() {
            let mut before = None;
            for &point in line.coords() {
                // Adding 0 makes one of the two zeros.
                let key = ((point.x + 0.0).to_bits(), (point.y + 0.0).to_bits());
                let node = *nodes.entry(key).or_insert_with(|| {
                    graph.points.push(point);
                    graph.points.len() - 1
                });
                if let Some(before) = before.filter(|&before| before != node) {
                    let ends = [node.min(before), node.max(before)];
                    if known.insert(ends, ()).is_none() {
                        graph.edges.push([before, node]);
                        graph.origins.push(index);
                    }
                }
                before = Some(node);
            }
        }
        graph
    }

    /// Every edge as a line, in their order.
    pub(super) fn lines(&self) -> Vec<LineString<f64>> {
        let line = |&[a, b]: &[usize; 2]| LineString(vec![self.points[a], self.points[b]]);
        self.edges.iter().map(line).collect()
    }

    pub(super) fn length(&self, edge: usize) -> f64 {
        let [a, b] = self.edges[edge].map(|node| self.points[node]);
        (b.x - a.x).hypot(b.y - a.y)
    }

    /// Where a place is.
    pub(super) fn point(&self, place: Place) -> Coord<f64> {
        let [a, b] = self.edges[place.edge].map(|node| self.points[node]);
        match place.share {
            share if share <= 0.0 => a,
            share if share >= 1.0 => b,
            share => a + (b - a) * share,
        }
    }

    /// The place of a point that lies on an edge.
    pub(super) fn place(&self, edge: usize, point: Coord<f64>) -> Place {
        let [a, b] = self.edges[edge].map(|node| self.points[node]);
        let length = self.length(edge);
        let way = (point.x - a.x).hypot(point.y - a.y);
        let share = if point == b {
            1.0
        } else if length > 0.0 {
            way / length
        } else {
            0.0
        };
        Place { edge, share: share.min(1.0) }
    }

    /// The graph with nodes at some places as well, and the nodes of the places.
    pub(super) fn with_places(&self, places: &[Place]) -> (Roads, Vec<usize>) {
        let mut roads = Roads { next: vec![Vec::new(); self.points.len()] };
        let mut nodes = vec![0; places.len()];
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (places[a], places[b]);
            a.edge.cmp(&b.edge).then(a.share.total_cmp(&b.share))
        });
        let mut order = order.into_iter().peekable();
        for (edge, &[start, end]) in self.edges.iter().enumerate() {
            let length = self.length(edge);
            let (mut from, mut done) = (start, 0.0);
            while let Some(index) = order.next_if(|&index| places[index].edge == edge) {
                let share = places[index].share;
                nodes[index] = if share >= 1.0 {
                    end
                } else if share <= done {
                    from
                } else {
                    let node = roads.next.len();
                    roads.next.push(Vec::new());
                    roads.join(from, node, (share - done) * length);
                    (from, done) = (node, share);
                    node
                };
            }
            roads.join(from, end, (1.0 - done) * length);
        }
        (roads, nodes)
    }
}

/// The neighbours of every node and the way to them.
pub(super) struct Roads {
    next: Vec<Vec<(usize, f64)>>,
}

impl Roads {
    fn join(&mut self, a: usize, b: usize, length: f64) {
        self.next[a].push((b, length));
        self.next[b].push((a, length));
    }

    /// Length of the shortest path to every node (Dijkstra); infinite where there is none.
    pub(super) fn lengths_from(&self, start: usize) -> Vec<f64> {
        let mut lengths = vec![f64::INFINITY; self.next.len()];
        lengths[start] = 0.0;
        let mut open = BinaryHeap::from([Step { length: 0.0, node: start }]);
        while let Some(Step { length, node }) = open.pop() {
            if length > lengths[node] {
                continue;
            }
            for &(next, way) in &self.next[node] {
                let through = length + way;
                if through < lengths[next] {
                    lengths[next] = through;
                    open.push(Step { length: through, node: next });
                }
            }
        }
        lengths
    }
}

/// A node to go on from; the nearest is the greatest.
struct Step {
    length: f64,
    node: usize,
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        other.length.total_cmp(&self.length).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Step {}
