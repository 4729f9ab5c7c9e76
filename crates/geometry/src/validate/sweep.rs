//! Whether segments meet at their ends only.

use super::predicates::{Meeting, has_exact_sides, meeting, side};
use geo_types::Coord;
use std::{
    cmp::Ordering,
    collections::BTreeSet,
    ops::Bound::{Excluded, Unbounded},
};

/// Whether distinct segments of some length meet at ends of both only, in n log n however
/// many of them meet in one point. Each is given once. False also where that is not known,
/// as some coordinates are so small beside others that sides are not exact.
///
/// A line sweeps over the plane from low to high x; as long as nothing else has met, the
/// segments that it meets keep their order, and those that meet next are neighbours.
///
/// # References
/// M. Shamos, D. Hoey, *Geometric intersection problems*, 1976.
pub(super) fn meet_at_ends_only(segments: impl Iterator<Item = [Coord<f64>; 2]>) -> bool {
    let mut starting: Vec<Active> = segments.map(Active::new).collect();
    // Segments would have no order, and a set would lose them.
    if !starting.iter().all(|s| has_exact_sides(s.low) && has_exact_sides(s.high)) {
        return false;
    }
    let mut ending = starting.clone();
    starting.sort_unstable_by(|a, b| order(a.low, b.low));
    ending.sort_unstable_by(|a, b| order(a.high, b.high));
    let mut ending = ending.into_iter().peekable();
    let mut active: BTreeSet<Active> = BTreeSet::new();
    for segment in starting {
        while let Some(ended) = ending.next_if(|ended| order(ended.high, segment.low).is_le()) {
            if !is_removed(&mut active, ended) {
                return false;
            }
        }
        let [below, above] = neighbours(&active, segment);
        let apart = |other: Option<Active>| other.is_none_or(|other| are_apart(segment, other));
        if !apart(below) || !apart(above) || !active.insert(segment) {
            return false;
        }
    }
    ending.all(|ended| is_removed(&mut active, ended))
}

/// Takes a segment out; false if its neighbours meet elsewhere than at ends.
fn is_removed(active: &mut BTreeSet<Active>, ended: Active) -> bool {
    let [below, above] = neighbours(active, ended);
    active.remove(&ended) && below.zip(above).is_none_or(|(a, b)| are_apart(a, b))
}

fn neighbours(active: &BTreeSet<Active>, segment: Active) -> [Option<Active>; 2] {
    let below = active.range(..segment).next_back();
    [below, active.range((Excluded(segment), Unbounded)).next()].map(Option::<&Active>::copied)
}

fn are_apart(s: Active, t: Active) -> bool {
    match meeting([s.low, s.high], [t.low, t.high]) {
        Meeting::None => true,
        Meeting::Touch(p) => [s, t].iter().all(|segment| p == segment.low || p == segment.high),
        Meeting::Cross(_) | Meeting::Overlap(_) => false,
    }
}

fn order(p: Coord<f64>, q: Coord<f64>) -> Ordering {
    p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y))
}

/// A segment under the line, in the order across it.
#[derive(Debug, Clone, Copy)]
struct Active {
    low: Coord<f64>,
    high: Coord<f64>,
}

impl Active {
    fn new([a, b]: [Coord<f64>; 2]) -> Self {
        if order(a, b).is_le() { Self { low: a, high: b } } else { Self { low: b, high: a } }
    }

    /// The side on which one that begins later begins, or leaves.
    fn side_of(self, later: Self) -> i8 {
        let first = side(self.low, self.high, later.low);
        if first == 0 { side(self.low, self.high, later.high) } else { first }
    }
}

impl Ord for Active {
    fn cmp(&self, other: &Self) -> Ordering {
        if order(self.low, other.low).is_le() {
            0.cmp(&self.side_of(*other))
        } else {
            other.side_of(*self).cmp(&0)
        }
    }
}

impl PartialOrd for Active {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Active {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Active {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// Few places, so that ends meet often, and few segments, so that some sets pass.
        #[test]
        fn agrees_with_all_pairs(
            ends in proptest::collection::vec(((0..6_u8, 0..6_u8), (0..6_u8, 0..6_u8)), 0..9),
        ) {
            let at = |(x, y): (u8, u8)| Coord { x: f64::from(x), y: f64::from(y) };
            let mut segments: Vec<Active> = ends
                .into_iter()
                .filter(|(a, b)| a != b)
                .map(|(a, b)| Active::new([at(a), at(b)]))
                .collect();
            segments.sort_by(|a, b| order(a.low, b.low).then(order(a.high, b.high)));
            segments.dedup_by(|a, b| (a.low, a.high) == (b.low, b.high));
            let expected = segments.iter().enumerate().all(|(index, segment)| {
                segments[index + 1..].iter().all(|other| are_apart(*segment, *other))
            });
            let ends = segments.iter().map(|segment| [segment.low, segment.high]);
            prop_assert_eq!(meet_at_ends_only(ends), expected, "{:?}", segments);
        }

        /// Sets that pass, with many segments, and one more that may spoil them.
        #[test]
        fn one_more_segment_than_a_large_set_that_passes(
            ends in proptest::collection::vec(((0..12_u8, 0..12_u8), (0..12_u8, 0..12_u8)), 40..300),
        ) {
            let at = |(x, y): (u8, u8)| Coord { x: f64::from(x), y: f64::from(y) };
            let segments = ends.into_iter().filter(|(a, b)| a != b);
            let mut segments = segments.map(|(a, b)| Active::new([at(a), at(b)]));
            let last = segments.next();
            let mut passing: Vec<Active> = Vec::new();
            for segment in segments {
                if passing.len() < 40 && passing.iter().all(|other| are_apart(segment, *other)) {
                    passing.push(segment);
                }
            }
            let all = || passing.iter().map(|segment| [segment.low, segment.high]);
            prop_assert!(meet_at_ends_only(all()), "{:?}", passing);
            let Some(last) = last else { return Ok(()) };
            let expected = passing.iter().all(|other| are_apart(last, *other));
            let more = all().chain([[last.low, last.high]]);
            prop_assert_eq!(meet_at_ends_only(more), expected, "{:?} {:?}", passing, last);
        }
    }
}
