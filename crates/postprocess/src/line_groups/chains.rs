//! Paths along linked fragments.

use geo_types::Coord;

use super::fragment::{distance, length};
use super::links::Links;

/// Linked fragments in their order.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) path: Vec<Coord<f64>>,
    /// Fragments along it.
    pub(super) members: Vec<usize>,
}

impl Chain {
    pub(super) fn length(&self) -> f64 {
        length(&self.path)
    }
}

/// All chains: those with ends, from the end that comes first, then the rings.
pub(super) fn chains(links: &Links<'_>) -> Vec<Chain> {
    let count = links.fragments.len();
    let mut taken = links.passed.clone();
    let mut found = Vec::new();
    let ends = (0..count).flat_map(|id| [(id, 0), (id, 1)]);
    let open = ends.filter(|&(id, side)| links.next[id][side].is_none());
    for start in open.chain((0..count).map(|id| (id, 0))) {
        if !taken[start.0] {
            found.push(follow(links, start, &mut taken));
        }
    }
    found
}

/// Follows links from an end on, until there is none or a fragment comes again.
fn follow(links: &Links<'_>, start: (usize, usize), taken: &mut [bool]) -> Chain {
    let (mut path, mut members) = (Vec::new(), Vec::new());
    let mut at = start;
    let closed = loop {
        let (id, side) = at;
        taken[id] = true;
        members.push(id);
        append(links, at, &mut path);
        match links.next[id][1 - side] {
            None => break false,
            // A fragment that is taken is the first: links go in pairs.
            Some(next) if taken[next.0] => break true,
            Some(next) => at = next,
        }
    };
    if closed && path.len() > 2 {
        path.extend(path.first().copied());
    }
    Chain { path, members }
}

/// Appends the points of a fragment from its end `side` on, less what links skip.
fn append(links: &Links<'_>, (id, side): (usize, usize), path: &mut Vec<Coord<f64>>) {
    let fragment = &links.fragments[id];
    if fragment.is_dot() {
        path.push(fragment.centre());
        return;
    }
    let (skip, stop) = (links.inner[id][side], fragment.length - links.inner[id][1 - side]);
    let mut passed = 0.0;
    let mut previous: Option<Coord<f64>> = None;
    for point in fragment.points_from(side) {
        passed += previous.map_or(0.0, |previous| distance(previous, point));
        previous = Some(point);
        // Rounding must not take away the ends.
        if passed >= skip - 1e-9 && passed <= stop + 1e-9 && path.last() != Some(&point) {
            path.push(point);
        }
    }
}
