//! Vertex removal that keeps the topology of a coverage.

use super::{
    Arc, Corner, Coverage,
    hull::{merge, orient},
    vertex_grid::VertexGrid,
};
use crate::{
    Result,
    error::check_non_negative,
    simplify_line::{distance_to_segment, douglas_peucker},
};
use geo_types::Coord;
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
};

/// Largest number of times that blocked vertices are tried again.
const MAX_ROUNDS: usize = 32;

/// Which vertices of a coverage are dropped, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Simplification {
    /// The nearest vertices first, while no dropped vertex is farther than
    /// `tolerance` pixels from the chord that replaces it.
    Distance {
        /// In pixels, at least 0.
        tolerance: f64,
    },
    /// The vertices of every arc that the method of Douglas and Peucker drops: those
    /// within `tolerance` pixels of its chords.
    DouglasPeucker {
        /// In pixels, at least 0.
        tolerance: f64,
    },
    /// The method of Visvalingam and Whyatt: the vertex whose triangle with its
    /// neighbours is smallest first, while that triangle is at most `area`.
    Visvalingam {
        /// In square pixels, at least 0.
        area: f64,
    },
}

impl Simplification {
    /// Checks the range of the field.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the field out of range.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Distance { tolerance } | Self::DouglasPeucker { tolerance } => {
                check_non_negative("simplification.tolerance", tolerance)
            }
            Self::Visvalingam { area } => check_non_negative("simplification.area", area),
        }
    }

    /// Largest cost of a vertex that may go.
    fn limit(self) -> f64 {
        match self {
            Self::Distance { tolerance } => tolerance * tolerance,
            Self::DouglasPeucker { .. } => f64::INFINITY,
            Self::Visvalingam { area } => 2.0 * area,
        }
    }

    /// The vertices of an arc that stay, whatever their cost.
    fn fixed(self, arc: &Arc) -> Vec<bool> {
        if let Self::DouglasPeucker { tolerance } = self {
            let points: Vec<Coord<f64>> = arc.corners.iter().map(|&c| c.into()).collect();
            return douglas_peucker(&points, tolerance);
        }
        let last = arc.corners.len() - 1;
        (0..=last).map(|index| index == 0 || index == last).collect()
    }
}

impl Coverage {
    /// Drops vertices so that no dropped vertex is farther than `tolerance` pixels
    /// from the chord that replaces it.
    ///
    /// [`Self::simplify_with`] with [`Simplification::Distance`].
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) unless `tolerance` is finite and
    /// at least 0.
    pub fn simplify(&self, tolerance: f64) -> Result<Self> {
        self.simplify_with(Simplification::Distance { tolerance })
    }

    /// Drops vertices by one of several methods and keeps the topology.
    ///
    /// A vertex goes only if the closed triangle with its two neighbours holds no
    /// other vertex and the chord is not an arc already. Arcs therefore never meet
    /// anew: at any tolerance there is no gap, no overlap and no invalid ring, and all
    /// faces survive. Nodes stay where they are, and so do the four corners of the
    /// raster. Vertices that are in the way of others stay beyond what the method
    /// alone would keep. Distances and areas refer to the vertices of `self`.
    ///
    /// Cost: about n log n for n vertices; Douglas and Peucker's method takes n^2 on arcs
    /// that it splits very unevenly.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) as [`Simplification::validate`].
    ///
    /// # References
    /// - M. Visvalingam, J. Whyatt, *Line generalisation by repeated elimination of
    ///   points*, 1993.
    /// - D. Douglas, T. Peucker, *Algorithms for the reduction of the number of points
    ///   required to represent a digitized line or its caricature*, 1973.
    pub fn simplify_with(&self, method: Simplification) -> Result<Self> {
        method.validate()?;
        let mut simplifier = Simplifier::new(&self.arcs, method);
        simplifier.run();
        let arcs = simplifier.arcs();
        Ok(Self { arcs, faces: self.faces.clone(), nodes: self.nodes })
    }
}

/// One vertex of one arc. Ends of arcs have an entry per arc.
struct Entry {
    corner: Corner,
    arc: u32,
    previous: u32,
    next: u32,
    /// Counts changes of the neighbours; older queue items are void.
    version: u32,
    fixed: bool,
    alive: bool,
    /// Hull of the dropped vertices between this one and the next.
    dropped: Vec<Corner>,
}

/// Queue item: cost as ordered bits, entry, version.
type Candidate = Reverse<(u64, u32, u32)>;

struct Simplifier<'a> {
    source: &'a [Arc],
    entries: Vec<Entry>,
    /// Entries left per arc, ends included.
    left: Vec<usize>,
    /// Node pairs that are joined by a straight arc.
    straight: HashSet<[u32; 2]>,
    grid: VertexGrid,
    queue: BinaryHeap<Candidate>,
    method: Simplification,
}

impl<'a> Simplifier<'a> {
    fn new(source: &'a [Arc], method: Simplification) -> Self {
        let mut entries = Vec::with_capacity(source.iter().map(|arc| arc.corners.len()).sum());
        let mut corners = Vec::with_capacity(entries.capacity());
        let mut straight = HashSet::new();
        for (id, arc) in source.iter().enumerate() {
            let first = entries.len() as u32;
            for ((index, &corner), fixed) in (first..).zip(&arc.corners).zip(method.fixed(arc)) {
                entries.push(Entry {
                    corner,
                    arc: id as u32,
                    previous: index.saturating_sub(1),
                    next: index + 1,
                    version: 0,
                    fixed,
                    alive: true,
                    dropped: Vec::new(),
                });
                corners.push(corner);
            }
            if arc.corners.len() == 2 {
                straight.extend(node_pair(arc));
            }
        }
        corners.sort_unstable();
        corners.dedup();
        Self {
            source,
            entries,
            left: source.iter().map(|arc| arc.corners.len()).collect(),
            straight,
            grid: VertexGrid::new(&corners),
            queue: BinaryHeap::new(),
            method,
        }
    }

    fn run(&mut self) {
        for index in 0..self.entries.len() as u32 {
            self.enqueue(index);
        }
        let mut blocked: Vec<u32> = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let mut removed = 0_usize;
            while let Some(Reverse((_, index, version))) = self.queue.pop() {
                let entry = &self.entries[index as usize];
                if !entry.alive || entry.version != version {
                    continue;
                }
                if self.may_remove(index) {
                    self.remove(index);
                    removed += 1;
                } else {
                    blocked.push(index);
                }
            }
            if removed == 0 || blocked.is_empty() {
                break;
            }
            // What stood in the way may be gone by now.
            blocked.sort_unstable();
            blocked.dedup();
            for index in std::mem::take(&mut blocked) {
                self.enqueue(index);
            }
        }
    }

    /// The corners before, at and after an entry.
    fn triangle(&self, index: u32) -> [Corner; 3] {
        let entry = &self.entries[index as usize];
        let corner = |index: u32| self.entries[index as usize].corner;
        [corner(entry.previous), entry.corner, corner(entry.next)]
    }

    /// Queues an inner vertex if its removal keeps the limit of the method.
    fn enqueue(&mut self, index: u32) {
        let entry = &self.entries[index as usize];
        if entry.fixed || !entry.alive {
            return;
        }
        let cost = self.cost(index);
        if cost <= self.method.limit() {
            // The bits of non-negative floats are ordered like the floats.
            self.queue.push(Reverse((cost.to_bits(), index, entry.version)));
        }
    }

    /// Twice the area of the triangle of an entry, or the largest squared distance of
    /// a dropped vertex from the chord without this entry.
    fn cost(&self, index: u32) -> f64 {
        let [a, corner, b] = self.triangle(index);
        if !matches!(self.method, Simplification::Distance { .. }) {
            return orient(a, corner, b).unsigned_abs() as f64;
        }
        let entry = &self.entries[index as usize];
        let (chord, limit) = ((a.into(), b.into()), self.method.limit());
        let before = &self.entries[entry.previous as usize].dropped;
        let mut worst = 0.0_f64;
        for &dropped in before.iter().chain(&entry.dropped).chain([&corner]) {
            worst = worst.max(distance_to_segment(dropped.into(), chord).powi(2));
            if worst > limit {
                break;
            }
        }
        worst
    }

    fn may_remove(&self, index: u32) -> bool {
        let arc = &self.source[self.entries[index as usize].arc as usize];
        let left = self.left[self.entries[index as usize].arc as usize];
        let enough = if arc.is_loop() {
            left > 4
        } else {
            left > 3 || node_pair(arc).is_none_or(|pair| !self.straight.contains(&pair))
        };
        enough && self.grid.is_empty(self.triangle(index))
    }

    fn remove(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.alive = false;
        let (corner, arc) = (entry.corner, entry.arc as usize);
        let (previous, next) = (entry.previous, entry.next);
        let after = std::mem::take(&mut entry.dropped);
        let before = &mut self.entries[previous as usize];
        before.next = next;
        if matches!(self.method, Simplification::Distance { .. }) {
            before.dropped = merge(std::mem::take(&mut before.dropped), corner, &after);
        }
        self.entries[next as usize].previous = previous;
        self.grid.remove(corner);
        self.left[arc] -= 1;
        if self.left[arc] == 2 {
            self.straight.extend(node_pair(&self.source[arc]));
        }
        for neighbour in [previous, next] {
            self.entries[neighbour as usize].version += 1;
            self.enqueue(neighbour);
        }
    }

    /// The arcs with what is left of their corners.
    fn arcs(&self) -> Vec<Arc> {
        let mut rest = self.entries.as_slice();
        let mut arcs = Vec::with_capacity(self.source.len());
        for arc in self.source {
            let (own, others) = rest.split_at(arc.corners.len());
            rest = others;
            let corners = own.iter().filter(|entry| entry.alive).map(|entry| entry.corner);
            arcs.push(Arc { corners: corners.collect(), nodes: arc.nodes, faces: arc.faces });
        }
        arcs
    }
}

/// The two distinct end nodes of an arc, in order.
fn node_pair(arc: &Arc) -> Option<[u32; 2]> {
    let [start, end] = arc.nodes?;
    (start != end).then_some([start.min(end), start.max(end)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygonize;
    use ndarray::Array2;

    #[test]
    fn staircase_becomes_a_diagonal() {
        let labels = Array2::from_shape_fn((40, 40), |(i, j)| if i > j { 1 } else { 2 });
        let simple = polygonize(labels.view()).simplify(1.0).unwrap();
        assert!(simple.vertices() < 9, "{}", simple.vertices());
        assert!(polygonize(labels.view()).simplify(f64::NAN).is_err());
    }

    #[test]
    fn tolerance_zero_keeps_every_corner() {
        let labels = Array2::from_shape_fn((9, 9), |(i, j)| u32::from((i * j) % 3 == 1));
        let coverage = polygonize(labels.view());
        assert_eq!(coverage.simplify(0.0).unwrap(), coverage);
        for method in [
            Simplification::DouglasPeucker { tolerance: 0.0 },
            Simplification::Visvalingam { area: 0.0 },
        ] {
            assert_eq!(coverage.simplify_with(method).unwrap(), coverage);
        }
    }
}
