//! Graph of regions whose edges are the borders between them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::mem;

use crate::MergeConfig;

/// Line pixels that are the border between two regions.
#[derive(Debug, Clone, Copy, Default)]
struct Border {
    sum: f64,
    count: u32,
}

/// A border that waits for its turn. The number of pixels tells whether it has
/// grown since: it never shrinks.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// A region at the border is too small: it goes before all others.
    small: bool,
    mean: f64,
    low: u32,
    high: u32,
    count: u32,
}

impl Ord for Candidate {
    /// The weakest border is the greatest, for [`BinaryHeap`] hands out the
    /// greatest; among equals the one with the smallest ids.
    fn cmp(&self, other: &Self) -> Ordering {
        let ids = |c: &Self| (c.low, c.high, c.count);
        self.small
            .cmp(&other.small)
            .then_with(|| other.mean.total_cmp(&self.mean))
            .then_with(|| ids(other).cmp(&ids(self)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Regions 1, 2, ... and their borders; region 0 stands for the lines and has
/// no border.
pub(crate) struct RegionGraph {
    areas: Vec<u64>,
    borders: Vec<BTreeMap<u32, Border>>,
    parents: Vec<u32>,
}

impl RegionGraph {
    /// A graph without borders; `areas` in pixels.
    pub(crate) fn new(areas: Vec<u64>) -> Self {
        let count = areas.len();
        Self { areas, borders: vec![BTreeMap::new(); count], parents: (0..count as u32).collect() }
    }

    /// Adds a line pixel to the border between two regions.
    pub(crate) fn add(&mut self, a: u32, b: u32, strength: f64) {
        let border = self.borders[a.min(b) as usize].entry(a.max(b)).or_default();
        border.sum += strength;
        border.count = border.count.saturating_add(1);
    }

    /// Merges regions over their weakest borders and returns the region that
    /// each one went into.
    pub(crate) fn merge(mut self, config: &MergeConfig) -> Vec<u32> {
        let mut heap = self.candidates(config.min_area);
        while let Some(candidate) = heap.pop() {
            if !candidate.small && candidate.mean >= f64::from(config.threshold) {
                break;
            }
            let Candidate { low, high, .. } = candidate;
            // Regions that are gone have no borders.
            let Some(&border) = self.borders[low as usize].get(&high) else { continue };
            if border.count != candidate.count {
                continue;
            }
            // Once small regions have grown, their borders wait for a later turn.
            let current = self.candidate(low, high, border, config.min_area);
            if current == candidate {
                self.unite(low, high, config.min_area, &mut heap);
            } else {
                heap.push(current);
            }
        }
        self.roots()
    }

    /// Makes the borders known to both sides and queues them.
    fn candidates(&mut self, min_area: u32) -> BinaryHeap<Candidate> {
        let mut found = Vec::new();
        for low in 0..self.borders.len() {
            let (before, after) = self.borders.split_at_mut(low + 1);
            // Sides below `low` were added when it was the higher one.
            for (&high, &border) in before[low].range(low as u32 + 1..) {
                after[high as usize - low - 1].insert(low as u32, border);
                found.push((low as u32, high, border));
            }
        }
        found.into_iter().map(|(low, high, b)| self.candidate(low, high, b, min_area)).collect()
    }

    fn candidate(&self, a: u32, b: u32, border: Border, min_area: u32) -> Candidate {
        let mean = border.sum / f64::from(border.count);
        let smaller = self.areas[a as usize].min(self.areas[b as usize]);
        let small = smaller < u64::from(min_area);
        Candidate { small, mean, low: a.min(b), high: a.max(b), count: border.count }
    }

    /// Moves the borders of the region with fewer of them to the other one.
    fn unite(&mut self, low: u32, high: u32, min_area: u32, heap: &mut BinaryHeap<Candidate>) {
        let (keep, gone) = if self.borders[low as usize].len() < self.borders[high as usize].len() {
            (high, low)
        } else {
            (low, high)
        };
        self.parents[gone as usize] = keep;
        self.areas[keep as usize] += self.areas[gone as usize];
        for (side, moved) in mem::take(&mut self.borders[gone as usize]) {
            self.borders[side as usize].remove(&gone);
            if side == keep {
                continue;
            }
            let border = self.borders[keep as usize].entry(side).or_default();
            border.sum += moved.sum;
            border.count = border.count.saturating_add(moved.count);
            let border = *border;
            self.borders[side as usize].insert(keep, border);
            heap.push(self.candidate(keep, side, border, min_area));
        }
    }

    fn roots(mut self) -> Vec<u32> {
        for region in 0..self.parents.len() {
            let mut root = self.parents[region];
            while self.parents[root as usize] != root {
                let grandparent = self.parents[self.parents[root as usize] as usize];
                self.parents[root as usize] = grandparent;
                root = grandparent;
            }
            self.parents[region] = root;
        }
        self.parents
    }
}
