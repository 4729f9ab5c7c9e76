//! The weakest crossing between regions, by the minimum barrier distance.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use ndarray::{Array2, ArrayView2};

/// No region.
const NONE: u32 = 0;

/// The easiest way from one region to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Crossing {
    /// The pixel of the largest value on the way, (row, column).
    pub(crate) highest: (usize, usize),
    /// The pixel of the smallest value.
    pub(crate) lowest: (usize, usize),
}

/// A pixel that a way has reached.
#[derive(Debug, Clone, Copy)]
struct Reached {
    region: u32,
    highest: (usize, usize),
    lowest: (usize, usize),
}

/// An entry of the queue: the cheapest first, of equal ones the oldest.
#[derive(Debug)]
struct Entry {
    cost: f64,
    order: usize,
    at: (usize, usize),
    way: Reached,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cost.total_cmp(&other.cost).then(self.order.cmp(&other.order))
    }
}

/// The easiest crossing between every two regions whose ways meet, ordered by their ids.
///
/// Ways start at the pixels of a region (ids above 0) that are more than `margin` steps from
/// every other pixel, or at its deepest pixels where it is thinner.
pub(crate) fn crossings(
    values: ArrayView2<'_, f64>,
    regions: ArrayView2<'_, u32>,
    margin: usize,
) -> BTreeMap<(u32, u32), Crossing> {
    let reached = flood(values, &markers(regions, margin));
    let mut best: BTreeMap<(u32, u32), (f64, Crossing)> = BTreeMap::new();
    for ((row, column), here) in reached.indexed_iter() {
        let Some(here) = here else { continue };
        for place in [(row, column + 1), (row + 1, column)] {
            let Some(Some(there)) = reached.get(place) else { continue };
            if here.region == there.region {
                continue;
            }
            let (barrier, crossing) = join(values, here, there);
            let pair = (here.region.min(there.region), here.region.max(there.region));
            let entry = best.entry(pair).or_insert((barrier, crossing));
            if barrier < entry.0 {
                *entry = (barrier, crossing);
            }
        }
    }
    best.into_iter().map(|(pair, (_, crossing))| (pair, crossing)).collect()
}

/// The barrier of two ways that meet.
fn join(values: ArrayView2<'_, f64>, a: &Reached, b: &Reached) -> (f64, Crossing) {
    let highest = if values[a.highest] >= values[b.highest] { a.highest } else { b.highest };
    let lowest = if values[a.lowest] <= values[b.lowest] { a.lowest } else { b.lowest };
    (values[highest] - values[lowest], Crossing { highest, lowest })
}

/// Grows ways from the markers in the order of their barriers until every pixel has one.
fn flood(values: ArrayView2<'_, f64>, markers: &Array2<u32>) -> Array2<Option<Reached>> {
    let mut reached = Array2::from_elem(values.dim(), None);
    let mut costs = Array2::from_elem(values.dim(), f64::INFINITY);
    let mut queue = BinaryHeap::new();
    let mut order = 0;
    for (at, &region) in markers.indexed_iter().filter(|(_, region)| **region != NONE) {
        let way = Reached { region, highest: at, lowest: at };
        costs[at] = 0.0;
        queue.push(Reverse(Entry { cost: 0.0, order, at, way }));
        order += 1;
    }
    while let Some(Reverse(Entry { at, way, .. })) = queue.pop() {
        if reached[at].is_some() {
            continue;
        }
        reached[at] = Some(way);
        for next in neighbours(at, values.dim()) {
            if reached[next].is_some() {
                continue;
            }
            let here = Reached { region: way.region, highest: next, lowest: next };
            let (cost, crossing) = join(values, &way, &here);
            if cost < costs[next] {
                costs[next] = cost;
                let Crossing { highest, lowest } = crossing;
                let way = Reached { region: way.region, highest, lowest };
                queue.push(Reverse(Entry { cost, order, at: next, way }));
                order += 1;
            }
        }
    }
    reached
}

/// The pixels of each region that are deep enough in it.
fn markers(regions: ArrayView2<'_, u32>, margin: usize) -> Array2<u32> {
    let depth = depth(regions);
    let mut deepest: BTreeMap<u32, usize> = BTreeMap::new();
    for (at, &region) in regions.indexed_iter().filter(|(_, region)| **region != NONE) {
        let entry = deepest.entry(region).or_insert(0);
        *entry = (*entry).max(depth[at]);
    }
    Array2::from_shape_fn(regions.dim(), |at| {
        let region = regions[at];
        let needed =
            deepest.get(&region).map_or(usize::MAX, |&most| most.min(margin.saturating_add(1)));
        if region != NONE && depth[at] >= needed { region } else { NONE }
    })
}

/// Steps from each pixel to the nearest of another region; `usize::MAX` where there is none.
fn depth(regions: ArrayView2<'_, u32>) -> Array2<usize> {
    let mut depth = Array2::from_elem(regions.dim(), usize::MAX);
    let mut queue = VecDeque::new();
    for (at, &region) in regions.indexed_iter() {
        if neighbours(at, regions.dim()).any(|next| regions[next] != region) {
            depth[at] = 1;
            queue.push_back(at);
        }
    }
    while let Some(at) = queue.pop_front() {
        for next in neighbours(at, regions.dim()) {
            if depth[next] == usize::MAX {
                depth[next] = depth[at] + 1;
                queue.push_back(next);
            }
        }
    }
    depth
}

/// The pixels beside, above and below.
fn neighbours(
    (row, column): (usize, usize),
    (rows, columns): (usize, usize),
) -> impl Iterator<Item = (usize, usize)> {
    let places = [
        (row.wrapping_sub(1), column),
        (row, column.wrapping_sub(1)),
        (row, column + 1),
        (row + 1, column),
    ];
    places.into_iter().filter(move |&(row, column)| row < rows && column < columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapvec_testkit::{integers, uniform};

    /// The smallest barrier over all ways between two regions, by trying every lower bound: with
    /// values below it forbidden, the way of the smallest maximum is found by raising a level.
    fn exact(values: &Array2<f64>, regions: &Array2<u32>, pair: (u32, u32)) -> f64 {
        let mut levels: Vec<f64> = values.iter().copied().collect();
        levels.sort_by(f64::total_cmp);
        let connected = |low: f64, high: f64| {
            let open = |at: (usize, usize)| (low..=high).contains(&values[at]);
            let mut seen = Array2::from_elem(values.dim(), false);
            let starts = regions.indexed_iter().filter(|(at, id)| **id == pair.0 && open(*at));
            let mut stack: Vec<_> = starts.map(|(at, _)| at).collect();
            while let Some(at) = stack.pop() {
                if regions[at] == pair.1 {
                    return true;
                }
                if !std::mem::replace(&mut seen[at], true) {
                    stack.extend(neighbours(at, values.dim()).filter(|&next| open(next)));
                }
            }
            false
        };
        let mut best = f64::INFINITY;
        for &low in &levels {
            let high = levels.iter().find(|&&high| high >= low && connected(low, high));
            best = high.map_or(best, |high| best.min(high - low));
        }
        best
    }

    #[test]
    fn two_regions_have_nearly_the_exact_barrier() {
        let (mut same, mut excess) = (0, 0.0);
        for seed in 0..40 {
            let values = uniform(49, seed, 0.0, 1.0);
            let values = Array2::from_shape_vec((7, 7), values).unwrap();
            let regions = Array2::from_shape_fn((7, 7), |(_, column)| match column {
                0 => 1,
                6 => 2,
                _ => 0,
            });
            let found = crossings(values.view(), regions.view(), 0);
            let crossing = found[&(1, 2)];
            let barrier = values[crossing.highest] - values[crossing.lowest];
            let exact = exact(&values, &regions, (1, 2));
            // Each way is the best of its pixel by extending best ways, so never too small.
            assert!(barrier >= exact - 1e-12, "{barrier} below {exact}");
            excess += barrier - exact;
            same += usize::from(barrier - exact < 1e-12);
        }
        // Pure noise is the worst case.
        assert!(same >= 16 && excess < 40.0 * 0.05, "{same} of 40 are exact, excess {excess}");
    }

    #[test]
    fn a_gap_in_a_wall_is_the_crossing() {
        let mut values = Array2::from_elem((9, 9), 0.1);
        values.column_mut(4).fill(0.9);
        values[(6, 4)] = 0.3;
        let regions = Array2::from_shape_fn((9, 9), |(_, column)| match column {
            0..=3 => 1,
            4 => 0,
            _ => 7,
        });
        for margin in [0, 1, 100] {
            let found = crossings(values.view(), regions.view(), margin);
            assert_eq!(found.len(), 1, "margin {margin}");
            assert_eq!(found[&(1, 7)].highest, (6, 4), "margin {margin}");
        }
    }

    #[test]
    fn random_regions_do_not_panic() {
        for seed in 0..20 {
            let values = uniform(30, seed, 0.0, 1.0);
            let ids = integers(30, seed + 100, 0, 4)
                .iter()
                .map(|&id| u32::try_from(id).unwrap())
                .collect();
            let values = Array2::from_shape_vec((5, 6), values).unwrap();
            let regions: Array2<u32> = Array2::from_shape_vec((5, 6), ids).unwrap();
            for ((a, b), _) in crossings(values.view(), regions.view(), 1) {
                assert!(a < b && a > 0, "{a} and {b}");
            }
        }
    }
}
