//! Overlays on fewer vertices.
//!
//! A stretch of a ring whose box meets nothing else stays whole in every result. It is
//! replaced by the chord between its ends, which lies in the same box, and put back
//! afterwards.

use super::{
    grid::place,
    limit::{are_few, limit_meetings},
};
use crate::ring::dedup_from;
use crate::{
    Result,
    chains::{Chains, Visitor, cut},
};
use geo_types::Coord;
use i_overlay::i_float::int::point::IntPoint;

/// Steps that a stretch stays away from everything else: more than the rounding of a
/// crossing moves an edge.
const MARGIN: f64 = 4.0;
/// Vertices per chain below which shortening does not pay.
const LENGTH: usize = 4;

/// What chords stand for.
#[derive(Default)]
pub(super) struct Stretches {
    points: Vec<IntPoint>,
    chords: Vec<Chord>,
}

/// The rings of both operands, and what their chords stand for.
pub(super) type Shortened = ([Vec<Vec<IntPoint>>; 2], Stretches);

/// The ends of a chord in order, whether its ring passes them in this order, and the
/// vertices between them, a range of the points.
struct Chord {
    ends: [u64; 2],
    forward: bool,
    between: [usize; 2],
}

impl Stretches {
    /// Number of chords.
    pub(super) fn len(&self) -> usize {
        self.chords.len()
    }

    /// Whether an edge is a chord, in either direction.
    pub(super) fn contains(&self, a: IntPoint, b: IntPoint) -> bool {
        self.find(a, b).is_some()
    }

    /// Calls `push` with the vertices between the ends of an edge, in order.
    pub(super) fn between(&self, a: IntPoint, b: IntPoint, push: impl FnMut(IntPoint)) {
        let Some(chord) = self.find(a, b) else { return };
        let [start, end] = chord.between;
        let points = self.points[start..end].iter().copied();
        if chord.forward == (place(a) <= place(b)) {
            points.for_each(push);
        } else {
            points.rev().for_each(push);
        }
    }

    fn find(&self, a: IntPoint, b: IntPoint) -> Option<&Chord> {
        if self.chords.is_empty() {
            return None;
        }
        let found = self.chords.binary_search_by_key(&ends(a, b), |chord| chord.ends);
        found.ok().and_then(|index| self.chords.get(index))
    }

    /// Notes what lies between vertex `from` and the vertex `to`, which is at `end`.
    fn add(&mut self, points: &[IntPoint], [from, to]: [usize; 2], end: IntPoint) {
        if to > from + 1 {
            let start = points[from];
            let forward = place(start) <= place(end);
            self.chords.push(Chord { ends: ends(start, end), forward, between: [from + 1, to] });
        }
    }
}

fn ends(a: IntPoint, b: IntPoint) -> [u64; 2] {
    let (a, b) = (place(a), place(b));
    [a.min(b), a.max(b)]
}

/// What became of the rings.
pub(super) enum Shortening {
    Pays(Shortened),
    DoesNotPay,
    /// Edges run along each other: cutting them where they cross, rounding and cutting
    /// again would not come to an end soon.
    Bundles,
}

/// Replaces stretches of the rings by chords.
///
/// # Errors
/// [`Error::TooManySteps`](crate::Error::TooManySteps) for millions of crossings.
pub(super) fn shorten(rings: [&[Vec<IntPoint>]; 2]) -> Result<Shortening> {
    let mut points: Vec<IntPoint> = Vec::new();
    let mut ranges = Vec::new();
    for ring in rings.into_iter().flatten() {
        let start = points.len();
        points.extend(ring);
        dedup_ring(&mut points, start);
        ranges.push([start, points.len()]);
    }
    let vertex = |k: usize| Coord { x: f64::from(points[k].x), y: f64::from(points[k].y) };
    let chains = cut(ranges.iter().copied(), &vertex);
    let pays = chains.len() * LENGTH <= points.len();
    if !pays && are_few(points.len()) {
        return Ok(Shortening::DoesNotPay);
    }
    let chains = Chains::over(chains, vertex);
    if limit_meetings(&chains, &ranges, points.len(), vertex)? {
        return Ok(Shortening::Bundles);
    }
    if !pays {
        return Ok(Shortening::DoesNotPay);
    }
    let mut kept = vec![false; points.len()];
    chains.starts().for_each(|k| kept[k] = true);
    chains.compare(MARGIN, vertex, &mut Visitor { cut: |k| kept[k] = true, meet: |_, _| true });
    let mut stretches = Stretches::default();
    let mut shortened = Vec::with_capacity(ranges.len());
    for &[start, end] in &ranges {
        let mut ring = Vec::new();
        let mut from = start;
        for k in (start..end).filter(|&k| kept[k]) {
            stretches.add(&points, [from, k], points[k]);
            from = k;
            ring.push(points[k]);
        }
        stretches.add(&points, [from, end], points[start]);
        shortened.push(ring);
    }
    let clips = shortened.split_off(rings[0].len());
    stretches.points = points;
    stretches.chords.sort_unstable_by_key(|chord| chord.ends);
    Ok(Shortening::Pays(([shortened, clips], stretches)))
}

/// Drops points that repeat the one before in the ring that begins at `start`.
fn dedup_ring(points: &mut Vec<IntPoint>, start: usize) {
    dedup_from(points, start);
    let mut kept = points.len();
    while kept > start + 1 && points[kept - 1] == points[start] {
        kept -= 1;
    }
    points.truncate(kept);
}
