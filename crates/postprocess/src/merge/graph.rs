//! Graph of regions whose edges are the borders between them, merged weakest border first.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::mem;

/// How strong the border between two regions is.
pub(crate) trait Rule {
    /// What is known of a border; grows when borders become one.
    type Border;
    /// What is known of a region beside its area; grows when regions become one.
    type Region;

    /// Number of pixels of a border: tells whether it has grown, for it never shrinks.
    fn pixels(border: &Self::Border) -> u32;

    /// Takes in a border that now lies between the same two regions.
    fn join_borders(into: &mut Self::Border, other: &Self::Border);

    /// Takes in a region that `border` lay between.
    fn join_regions(into: &mut Self::Region, other: &Self::Region, border: &Self::Border);

    /// Strength of a border; the order of the two sides must not matter.
    fn strength(&self, border: &Self::Border, sides: [Side<'_, Self::Region>; 2]) -> f64;
}

/// A region beside a border.
#[derive(Debug)]
pub(crate) struct Side<'a, R> {
    /// Pixels of the region, lines not counted.
    pub(crate) area: u64,
    /// What else is known of it.
    pub(crate) region: &'a R,
}

/// A border and the regions beside it.
pub(crate) type Evidence<'a, R> = (&'a <R as Rule>::Border, [Side<'a, <R as Rule>::Region>; 2]);

/// What becomes of the weakest border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its regions are one.
    Merge,
    /// It stays for good, unless it grows.
    Keep,
    /// Nothing more is merged.
    Stop,
}

/// A border that waits for its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// A region at the border is too small: it goes before all others.
    pub(crate) small: bool,
    /// Strength by the rule.
    pub(crate) strength: f64,
    /// The region with the smaller id.
    pub(crate) low: u32,
    /// The other one.
    pub(crate) high: u32,
    pixels: u32,
}

impl Ord for Candidate {
    /// The weakest border is the greatest, for [`BinaryHeap`] hands out the
    /// greatest; among equals the one with the smallest ids.
    fn cmp(&self, other: &Self) -> Ordering {
        let ids = |c: &Self| (c.low, c.high, c.pixels);
        self.small
            .cmp(&other.small)
            .then_with(|| other.strength.total_cmp(&self.strength))
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
pub(crate) struct RegionGraph<R: Rule> {
    rule: R,
    min_area: u64,
    areas: Vec<u64>,
    regions: Vec<R::Region>,
    borders: Vec<R::Border>,
    /// Of every region, its neighbours and the places of the borders between in `borders`.
    sides: Vec<BTreeMap<u32, u32>>,
    parents: Vec<u32>,
}

impl<R: Rule> RegionGraph<R> {
    /// A graph without borders; `areas` in pixels.
    pub(crate) fn new(rule: R, min_area: u32, areas: Vec<u64>, regions: Vec<R::Region>) -> Self {
        let count = areas.len();
        Self {
            rule,
            min_area: u64::from(min_area),
            areas,
            regions,
            borders: Vec::new(),
            sides: vec![BTreeMap::new(); count],
            parents: (0..count as u32).collect(),
        }
    }

    /// The border between two regions, made by `new` if there is none yet.
    pub(crate) fn border(
        &mut self,
        a: u32,
        b: u32,
        new: impl FnOnce() -> R::Border,
    ) -> &mut R::Border {
        let next = self.borders.len() as u32;
        let index = *self.sides[a.min(b) as usize].entry(a.max(b)).or_insert(next);
        if index == next {
            self.borders.push(new());
        }
        &mut self.borders[index as usize]
    }

    /// All borders with the ids of their sides, the smaller one first.
    pub(crate) fn borders(&self) -> impl Iterator<Item = (u32, u32, &R::Border)> {
        (0_u32..).zip(&self.sides).flat_map(move |(low, sides)| {
            let above = sides.range(low + 1..);
            above.map(move |(&high, &border)| (low, high, &self.borders[border as usize]))
        })
    }

    /// The region with the given id.
    pub(crate) fn region_mut(&mut self, id: u32) -> &mut R::Region {
        &mut self.regions[id as usize]
    }

    /// Hands the borders, weakest first, to `judge`, merges as it says and returns the region
    /// that each one went into.
    pub(crate) fn merge(mut self, mut judge: impl FnMut(&Self, &Candidate) -> Verdict) -> Vec<u32> {
        let mut heap = self.candidates();
        while let Some(candidate) = heap.pop() {
            let Candidate { low, high, .. } = candidate;
            // Regions that are gone have no borders.
            let Some(&border) = self.sides[low as usize].get(&high) else { continue };
            if R::pixels(&self.borders[border as usize]) != candidate.pixels {
                continue;
            }
            // Once the regions have grown, their borders wait for a later turn.
            let current = self.candidate(low, high, border);
            if current != candidate {
                heap.push(current);
                continue;
            }
            match judge(&self, &candidate) {
                Verdict::Merge => self.unite(low, high, &mut heap),
                Verdict::Keep => {}
                Verdict::Stop => break,
            }
        }
        self.roots()
    }

    /// Merges over borders weaker than `threshold`, and small regions over any border.
    pub(crate) fn merge_below(self, threshold: f64) -> Vec<u32> {
        self.merge(|_, candidate| {
            if candidate.small || candidate.strength < threshold {
                Verdict::Merge
            } else {
                Verdict::Stop
            }
        })
    }

    /// Border and sides of a candidate.
    pub(crate) fn evidence(&self, at: &Candidate) -> Option<Evidence<'_, R>> {
        let border = *self.sides[at.low as usize].get(&at.high)?;
        Some((&self.borders[border as usize], [at.low, at.high].map(|id| self.side(id))))
    }

    fn side(&self, id: u32) -> Side<'_, R::Region> {
        Side { area: self.areas[id as usize], region: &self.regions[id as usize] }
    }

    /// Makes the borders known to both sides and queues them.
    fn candidates(&mut self) -> BinaryHeap<Candidate> {
        let mut found = Vec::with_capacity(self.borders.len());
        for low in 0..self.sides.len() {
            let (before, after) = self.sides.split_at_mut(low + 1);
            // Sides below `low` were added when it was the higher one.
            for (&high, &border) in before[low].range(low as u32 + 1..) {
                after[high as usize - low - 1].insert(low as u32, border);
                found.push((low as u32, high, border));
            }
        }
        found.into_iter().map(|(low, high, border)| self.candidate(low, high, border)).collect()
    }

    fn candidate(&self, a: u32, b: u32, border: u32) -> Candidate {
        let (low, high) = (a.min(b), a.max(b));
        let border = &self.borders[border as usize];
        let strength = self.rule.strength(border, [low, high].map(|id| self.side(id)));
        let smaller = self.areas[a as usize].min(self.areas[b as usize]);
        let pixels = R::pixels(border);
        Candidate { small: smaller < self.min_area, strength, low, high, pixels }
    }

    /// Moves the borders of the region with fewer of them to the other one.
    fn unite(&mut self, low: u32, high: u32, heap: &mut BinaryHeap<Candidate>) {
        let (keep, gone) = if self.sides[low as usize].len() < self.sides[high as usize].len() {
            (high, low)
        } else {
            (low, high)
        };
        self.parents[gone as usize] = keep;
        self.areas[keep as usize] += self.areas[gone as usize];
        if let Some(&between) = self.sides[keep as usize].get(&gone) {
            let (before, after) = self.regions.split_at_mut(low.max(high) as usize);
            let (first, second) = (&mut before[low as usize], &mut after[0]);
            let (into, other) = if keep == low { (first, second) } else { (second, first) };
            R::join_regions(into, other, &self.borders[between as usize]);
        }
        for (side, moved) in mem::take(&mut self.sides[gone as usize]) {
            self.sides[side as usize].remove(&gone);
            if side == keep {
                continue;
            }
            let place = *self.sides[keep as usize].entry(side).or_insert(moved);
            if place != moved {
                let (before, after) = self.borders.split_at_mut(place.max(moved) as usize);
                let (first, second) = (&mut before[place.min(moved) as usize], &mut after[0]);
                let (into, other) = if place < moved { (first, second) } else { (second, first) };
                R::join_borders(into, other);
            }
            self.sides[side as usize].insert(keep, place);
            heap.push(self.candidate(keep, side, place));
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
