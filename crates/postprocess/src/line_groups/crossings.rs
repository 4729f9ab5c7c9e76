//! Lines go on through crossings by their direction.

use super::LineCrossingConfig;
use super::bend::Bend;
use super::fragment::{End, distance};
use super::links::Links;

/// Arms of a crossing up to which the best pairs are searched for exhaustively: 105 ways.
const EXHAUSTIVE: usize = 8;
/// With more arms a tangle is no crossing: its arms stay free.
const MOST_ARMS: usize = 32;
/// Largest length of a stretch over the largest distance of its ends.
const DETOUR: f64 = 1.5;

/// Pairs the arms of all crossings.
pub(super) fn pass_crossings(links: &mut Links<'_>, config: &LineCrossingConfig) {
    let mut arms = arms_by_junction(links);
    let mut parents: Vec<usize> = (0..arms.len()).collect();
    // Length of the shared stretches of each crossing.
    let mut shared = vec![0.0; arms.len()];
    let stretches = stretches(links, config.max_length);
    for &(id, [a, b]) in &stretches {
        let (a, b) = (find(&mut parents, a), find(&mut parents, b));
        let few = arms[a].len() + arms[b].len() <= MOST_ARMS + 2;
        if a != b && few && arms[a].len() > 2 && arms[b].len() > 2 {
            let mut moved = std::mem::take(&mut arms[b]);
            arms[a].append(&mut moved);
            shared[a] += shared[b] + links.fragments[id].length;
            parents[b] = a;
        }
    }
    // Those that join junctions, and the other sides of holes.
    for (id, [a, b]) in stretches {
        let root = find(&mut parents, a);
        if root == find(&mut parents, b) {
            links.passed[id] = true;
            arms[root].retain(|arm| arm.0 != id);
        }
    }
    for (arms, shared) in arms.iter().zip(shared) {
        pair(links, config, arms, shared);
    }
}

/// Fragments between two junctions that are near each other.
fn stretches(links: &Links<'_>, max_length: f64) -> Vec<(usize, [usize; 2])> {
    let mut found = Vec::new();
    for (id, fragment) in links.fragments.iter().enumerate() {
        let [Some(a), Some(b)] = fragment.junctions else { continue };
        let ends = fragment.points.first().zip(fragment.points.last());
        let across = ends.map_or(f64::INFINITY, |(p, q)| distance(*p, *q));
        if across <= max_length && fragment.length <= DETOUR * max_length {
            found.push((id, [a, b]));
        }
    }
    found
}

fn arms_by_junction(links: &Links<'_>) -> Vec<Vec<End>> {
    let ends = || links.fragments.iter().flat_map(|fragment| fragment.junctions);
    let count = ends().flatten().max().map_or(0, |last| last + 1);
    let mut arms = vec![Vec::new(); count];
    for (id, fragment) in links.fragments.iter().enumerate() {
        for (side, junction) in fragment.junctions.into_iter().enumerate() {
            if let Some(junction) = junction {
                arms[junction].push((id, side));
            }
        }
    }
    arms
}

fn find(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// Joins the pairs of arms that bend least; arms that fit no other stay free.
fn pair(links: &mut Links<'_>, config: &LineCrossingConfig, arms: &[End], shared: f64) {
    if arms.len() > MOST_ARMS {
        return;
    }
    let inner: Vec<f64> =
        arms.iter().map(|arm| links.fragments[arm.0].width + 0.5 * shared).collect();
    let mut costs = Vec::new();
    for (i, &p) in arms.iter().enumerate() {
        for (j, &q) in arms.iter().enumerate().skip(i + 1).filter(|(_, q)| q.0 != p.0) {
            let bend = Bend::between(&links.arm(p, inner[i]), &links.arm(q, inner[j]));
            if bend.within(config.max_turn, config.max_turn)
                && let Some(strange) = links.strangeness(p, q, inner[i])
            {
                costs.push((bend.mean() + config.max_turn * strange, i, j));
            }
        }
    }
    let pairs = if arms.len() <= EXHAUSTIVE {
        best_pairs(&costs, arms.len(), 2.0 * config.max_turn)
    } else {
        costs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        first_pairs(&costs, arms.len())
    };
    for (i, j) in pairs {
        links.join(arms[i], arms[j], [inner[i], inner[j]]);
    }
}

/// The pairs of least total cost, where an arm without a partner costs `alone`.
fn best_pairs(costs: &[(f64, usize, usize)], count: usize, alone: f64) -> Vec<(usize, usize)> {
    fn search(
        costs: &[(f64, usize, usize)],
        free: &mut Vec<bool>,
        alone: f64,
    ) -> (f64, Vec<(usize, usize)>) {
        let Some(first) = free.iter().position(|free| *free) else { return (0.0, Vec::new()) };
        free[first] = false;
        let (rest, mut best) = search(costs, free, alone);
        let mut least = rest + alone;
        for &(cost, i, j) in costs.iter().filter(|pair| pair.1 == first) {
            if !free[j] {
                continue;
            }
            free[j] = false;
            let (rest, mut pairs) = search(costs, free, alone);
            free[j] = true;
            if rest + cost < least {
                pairs.push((i, j));
                (least, best) = (rest + cost, pairs);
            }
        }
        free[first] = true;
        (least, best)
    }
    search(costs, &mut vec![true; count], alone).1
}

/// Pairs in the given order, each arm once.
fn first_pairs(costs: &[(f64, usize, usize)], count: usize) -> Vec<(usize, usize)> {
    let mut free = vec![true; count];
    let mut pairs = Vec::new();
    for &(_, i, j) in costs {
        if free[i] && free[j] {
            (free[i], free[j]) = (false, false);
            pairs.push((i, j));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_pairs_are_found_even_if_the_first_is_not_among_them() {
        // Greedily (1, 2) comes first and leaves 0 and 3 with a dear one.
        let costs = [(0.2, 0, 1), (0.9, 0, 3), (0.1, 1, 2), (0.2, 2, 3)];
        let mut pairs = best_pairs(&costs, 4, 1.0);
        pairs.sort_unstable();
        assert_eq!(pairs, [(0, 1), (2, 3)]);
        let mut sorted = costs;
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(first_pairs(&sorted, 4), [(1, 2), (0, 3)]);
        assert_eq!(best_pairs(&costs, 4, 0.05), [], "staying alone is cheaper");
    }
}
