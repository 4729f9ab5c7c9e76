//! Overlays that would not fit the memory are refused before they begin.

use crate::{
    Error, Result,
    chains::{Chains, Visitor},
    validate::predicates::{Meeting, meeting},
};
use geo_types::Coord;

/// Largest number of places where edges meet: each takes a few hundred bytes.
const MAX_MEETINGS: usize = 4_000_000;
/// Largest number of pairs of edges that are looked at for it.
const MAX_PAIRS: usize = 1_000_000_000;
/// Chains of edges that are looked at first.
const SAMPLE: usize = 1000;

/// Refuses rings, given by their first vertex and the one after their last, whose edges
/// meet in too many places.
pub(super) fn limit_meetings(
    chains: &Chains,
    ranges: &[[usize; 2]],
    count: usize,
    place: impl Fn(usize) -> Coord<f64>,
) -> Result<()> {
    // Not even if every edge met every other one.
    if count.saturating_mul(count) / 2 <= MAX_MEETINGS {
        return Ok(());
    }
    // Neither if the boxes of so few meet. A sample meets pairs from both sides; an odd
    // stride does not always hit the same side of repeated shapes with four.
    let stride = (chains.len() / SAMPLE) | 1;
    let enough = if stride > 1 { 2 * MAX_MEETINGS / stride } else { MAX_MEETINGS };
    let mut pairs = 0;
    let meet = |_, _| {
        pairs += 1;
        pairs <= enough
    };
    chains.compare_every(stride, 0.0, &place, &mut Visitor { cut: |_| {}, meet });
    if pairs <= enough {
        return Ok(());
    }
    // Now the edges themselves are compared, not boxes.
    let mut next: Vec<usize> = (1..=count).collect();
    for &[start, end] in ranges.iter().filter(|range| range[0] < range[1]) {
        next[end - 1] = start;
    }
    let (mut pairs, mut meetings) = (0, 0);
    let meet = |k: usize, l: usize| {
        let edge = |k: usize| [place(k), place(next[k])];
        pairs += 1;
        meetings += usize::from(meeting(edge(k), edge(l)) != Meeting::None);
        meetings <= MAX_MEETINGS && pairs <= MAX_PAIRS
    };
    chains.compare(0.0, &place, &mut Visitor { cut: |_| {}, meet });
    for (found, limit) in [(meetings, MAX_MEETINGS), (pairs, MAX_PAIRS)] {
        if found > limit {
            let (what, count, limit) = ("cutting edges", found as f64, limit as f64);
            return Err(Error::TooManySteps { what, count, limit });
        }
    }
    Ok(())
}
