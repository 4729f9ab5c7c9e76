//! Gaps between ends that point at each other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use geo_types::{Rect, coord};
use mapvec_geometry::BoxIndex;

use super::LineBridgeConfig;
use super::bend::Bend;
use super::fragment::{End, distance};
use super::links::Links;
use crate::Result;

/// Nearest ends that each end is compared with.
const NEIGHBOURS: usize = 24;
/// What it costs beside length and turn, each 1 at its limit, to have no direction.
const NO_DIRECTION: f64 = 0.25;
/// The same for two groups, and where a group is not known.
const OTHER_GROUP: f64 = 1.0;
const NO_GROUP: f64 = 0.5;

/// Joins free ends, the best fitting pairs first, each end once.
pub(super) fn bridge_gaps(links: &mut Links<'_>, config: &LineBridgeConfig) -> Result<()> {
    let mut heap = BinaryHeap::new();
    for (p, q) in candidates(links, config)? {
        if let Some(cost) = cost(links, config, p, q) {
            heap.push(Reverse((cost.to_bits(), p, q)));
        }
    }
    while let Some(Reverse((bits, p, q))) = heap.pop() {
        let (Some(p), Some(q)) = (open_end(links, p), open_end(links, q)) else { continue };
        let Some(cost) = cost(links, config, p, q) else { continue };
        // A dot gets a direction with its first link: the pair may fit worse than before.
        if cost.to_bits() > bits {
            heap.push(Reverse((cost.to_bits(), p, q)));
        } else {
            let inner = [p, q].map(|(id, _)| 0.5 * links.fragments[id].width);
            links.join(p, q, inner);
        }
    }
    Ok(())
}

/// The end itself if it is free; of a dot the other one will do.
fn open_end(links: &Links<'_>, (id, side): End) -> Option<End> {
    let sides = if links.fragments[id].is_dot() { vec![side, 1 - side] } else { vec![side] };
    sides.into_iter().find(|&side| links.next[id][side].is_none()).map(|side| (id, side))
}

/// Pairs of free ends that are near enough, each with the nearest ones.
fn candidates(links: &Links<'_>, config: &LineBridgeConfig) -> Result<Vec<(End, End)>> {
    let mut ends = Vec::new();
    for (id, fragment) in links.fragments.iter().enumerate() {
        if links.passed[id] || fragment.is_ring() {
            continue;
        }
        // The two ends of a dot are one.
        let sides = if fragment.is_dot() { 0..1 } else { 0..2 };
        let free = sides.filter(|&side| links.next[id][side].is_none());
        ends.extend(free.map(|side| ((id, side), fragment.arm(side, 0.0, 1.0).tip)));
    }
    let index = BoxIndex::new(ends.iter().map(|(_, tip)| Rect::new(*tip, *tip)))?;
    let mut pairs = Vec::new();
    for (at, &(end, tip)) in ends.iter().enumerate() {
        let reach = config.max_gap.max(if links.grouped { config.max_gap_in_group } else { 0.0 });
        let reach = coord! { x: reach, y: reach };
        let near = index.within(&Rect::new(tip - reach, tip + reach)).into_iter();
        let mut near: Vec<(u64, usize)> = near
            .filter(|&other| other != at)
            .map(|other| (distance(tip, ends[other].1).to_bits(), other))
            .collect();
        near.sort_unstable();
        near.truncate(NEIGHBOURS);
        pairs.extend(near.into_iter().map(|(_, other)| {
            let other = ends[other].0;
            (end.min(other), end.max(other))
        }));
    }
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// Length and turns of a gap, each 1 at its limit, and what else speaks against it; `None` if
/// it is not to be bridged.
fn cost(links: &Links<'_>, config: &LineBridgeConfig, p: End, q: End) -> Option<f64> {
    let (first, second) = (&links.fragments[p.0], &links.fragments[q.0]);
    if p.0 == q.0 && first.is_dot() {
        return None;
    }
    let (one, other) = (links.arm(p, 0.5 * first.width), links.arm(q, 0.5 * second.width));
    let gap = distance(one.tip, other.tip);
    let known = first.group > 0 && second.group > 0;
    let same = known && first.group == second.group && links.grouped;
    if !same && known && !config.rejoin && links.grouped {
        return None;
    }
    let max_gap = if same { config.max_gap.max(config.max_gap_in_group) } else { config.max_gap };
    // A ring must be longer than the gap that it closes.
    if gap > max_gap || p.0 == q.0 && first.length < 2.0 * gap + max_gap {
        return None;
    }
    let bend = Bend::between(&one, &other);
    let (single, both) = if same {
        (config.max_turn_in_group, 2.0 * config.max_turn_in_group)
    } else {
        (config.max_turn, 1.5 * config.max_turn)
    };
    if !bend.within(single, both) {
        return None;
    }
    let strange = links.strangeness(p, q, 0.5 * first.width)?;
    let blind = [one, other].iter().filter(|arm| arm.direction.is_none()).count() as f64;
    let group = match (links.grouped, known, same) {
        (false, ..) | (_, _, true) => 0.0,
        (_, true, false) => OTHER_GROUP,
        (_, false, false) => NO_GROUP,
    };
    // A limit of 0 allows no turn, so there is none to weigh.
    let turn = if config.max_turn > 0.0 { bend.mean() / config.max_turn } else { 0.0 };
    let length = if config.max_gap > 0.0 { gap / config.max_gap } else { 0.0 };
    Some(length + turn + NO_DIRECTION * blind + group + strange)
}
