//! What overlays would not come to an end with is found before they begin.

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
/// Vertices below which bundles of edges are not looked for: they cannot grow to what takes long.
const BUNDLE_FROM: usize = 2500;
/// Pairs of edges in the sample that run along each other, from which on the edges
/// count as bundles.
const BUNDLED: usize = 64;
/// Squared distance in steps at which edges run along each other.
const BESIDE: f64 = 4.0;
/// Length in steps that edges have in common then.
const ALONG: f64 = 16.0;

/// Whether so few vertices need no limit.
pub(super) fn are_few(vertices: usize) -> bool {
    vertices < BUNDLE_FROM
}

/// Refuses rings, given by their first vertex and the one after their last, whose edges
/// cut each other in too many places; tells whether many edges run along each other without
/// being equal.
pub(super) fn limit_meetings(
    chains: &Chains,
    ranges: &[[usize; 2]],
    count: usize,
    place: impl Fn(usize) -> Coord<f64>,
) -> Result<bool> {
    if are_few(count) {
        return Ok(false);
    }
    let mut next: Vec<usize> = (1..=count).collect();
    for &[start, end] in ranges.iter().filter(|range| range[0] < range[1]) {
        next[end - 1] = start;
    }
    let edge = |k: usize| [place(k), place(next[k])];
    // There are not too many if the boxes of so few meet. A sample meets pairs from both
    // sides; an odd stride does not always hit the same side of repeated shapes with four.
    let stride = (chains.len() / SAMPLE) | 1;
    let enough = if stride > 1 { 2 * MAX_MEETINGS / stride } else { MAX_MEETINGS };
    let (mut pairs, mut bundled) = (0, 0);
    let meet = |k: usize, l: usize| {
        pairs += 1;
        bundled += usize::from(run_along(edge(k), edge(l)));
        pairs <= enough && bundled < BUNDLED
    };
    chains.compare_every(stride, 0.0, &place, &mut Visitor { cut: |_| {}, meet });
    if bundled >= BUNDLED {
        return Ok(true);
    }
    // Not even if every edge met every other one.
    if pairs <= enough || count.saturating_mul(count) / 2 <= MAX_MEETINGS {
        return Ok(false);
    }
    // Now the edges themselves are compared, not boxes.
    let (mut pairs, mut meetings) = (0, 0);
    let meet = |k: usize, l: usize| {
        pairs += 1;
        meetings += usize::from(cut(edge(k), edge(l)));
        bundled += usize::from(run_along(edge(k), edge(l)));
        meetings <= MAX_MEETINGS && pairs <= MAX_PAIRS && bundled < BUNDLED
    };
    chains.compare(0.0, &place, &mut Visitor { cut: |_| {}, meet });
    if bundled >= BUNDLED {
        return Ok(true);
    }
    for (found, limit) in [(meetings, MAX_MEETINGS), (pairs, MAX_PAIRS)] {
        if found > limit {
            let (what, count, limit) = ("cutting edges", found as f64, limit as f64);
            return Err(Error::TooManySteps { what, count, limit });
        }
    }
    Ok(false)
}

/// Whether one of two edges has to be cut: those that only share ends, or are equal, have not.
fn cut([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> bool {
    match meeting([a, b], [c, d]) {
        Meeting::None => false,
        Meeting::Cross(_) => true,
        Meeting::Touch(p) => !((p == a || p == b) && (p == c || p == d)),
        Meeting::Overlap(_) => !((a == c && b == d) || (a == d && b == c)),
    }
}

/// Whether two edges are a step or two apart along a stretch that they have in common,
/// but do not lie on one line.
fn run_along([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> bool {
    let mut common: Option<Coord<f64>> = None;
    let (mut long, mut apart) = (false, false);
    for (p, [u, v]) in [(a, [c, d]), (b, [c, d]), (c, [a, b]), (d, [a, b])] {
        let (way, to) = (v - u, p - u);
        let length = way.x * way.x + way.y * way.y;
        let (along, across) = (way.x * to.x + way.y * to.y, way.x * to.y - way.y * to.x);
        if along < 0.0 || along > length || across * across > BESIDE * length {
            continue;
        }
        apart |= across.abs() > 0.0;
        match common {
            None => common = Some(p),
            Some(q) => long |= (p.x - q.x).abs() + (p.y - q.y).abs() > ALONG,
        }
    }
    long && apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_that_run_along_each_other() {
        let edge = |a: (f64, f64), b: (f64, f64)| [Coord::from(a), Coord::from(b)];
        let long = edge((0.0, 0.0), (1000.0, 300.0));
        assert!(run_along(long, edge((1.0, 0.0), (1001.0, 300.0))));
        assert!(run_along(edge((400.0, 121.0), (600.0, 179.0)), long));
        // The same line, a crossing, and a neighbour in a ring.
        assert!(!run_along(long, edge((500.0, 150.0), (2000.0, 600.0))));
        assert!(!run_along(long, edge((500.0, 0.0), (500.0, 151.0))));
        assert!(!run_along(long, edge((1000.0, 300.0), (2000.0, 300.0))));
    }
}
