//! A ring as a row of lines that meet in its corners.

use crate::simplify_line::{distance_to_segment, douglas_peucker};
use geo_types::{Coord, LineString};
use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    f64::consts::{FRAC_PI_2, FRAC_PI_4},
};

/// Neighbours whose directions differ by less (as a sine) do not meet in a point that
/// is near them; a step joins them instead.
const PARALLEL: f64 = 0.25;

/// Rings with more edges than this are no buildings.
const MAX_SIDES: usize = 4096;

/// The line that replaces an edge.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// A point on it: the mean of the way that it replaces.
    anchor: Coord<f64>,
    /// Unit vector along the ring.
    along: Coord<f64>,
    length: f64,
    /// Where the edge met the next one.
    end: Coord<f64>,
}

/// Which directions edges turn to.
#[derive(Debug, Clone)]
pub(super) struct Snapping<'a> {
    /// Directions modulo a quarter turn, in radians.
    pub(super) directions: &'a [f64],
    /// Whether the diagonals between them count.
    pub(super) diagonals: bool,
    /// Largest turn in radians.
    pub(super) max_turn: f64,
    /// Largest way that the ends of an edge go as it turns about its middle.
    pub(super) reach: f64,
}

impl Snapping<'_> {
    /// The direction nearest to a vector, or its own if none is near.
    fn snap(&self, v: Coord<f64>) -> Coord<f64> {
        let angle = v.y.atan2(v.x);
        let step = if self.diagonals { FRAC_PI_4 } else { FRAC_PI_2 };
        let snapped = |&direction: &f64| direction + ((angle - direction) / step).round() * step;
        let nearest = self
            .directions
            .iter()
            .map(snapped)
            .min_by(|a, b| (a - angle).abs().total_cmp(&(b - angle).abs()));
        let radius = 0.5 * v.x.hypot(v.y);
        let allowed = |turn: f64| turn <= self.max_turn && radius * turn.sin() <= self.reach;
        let angle = nearest.filter(|a| allowed((a - angle).abs())).unwrap_or(angle);
        Coord { x: angle.cos(), y: angle.sin() }
    }
}

/// Edges of a ring without the vertices within `tolerance` of them.
pub(super) fn simple_edges(ring: &LineString<f64>, tolerance: f64) -> Vec<[Coord<f64>; 2]> {
    let kept = corners(&ring.0, tolerance);
    kept.windows(2).map(|pair| [ring.0[pair[0]], ring.0[pair[1]]]).collect()
}

/// The ring without the vertices within `tolerance` of its edges, in its own directions.
pub(super) fn simple_ring(ring: &LineString<f64>, tolerance: f64) -> LineString<f64> {
    corners(&ring.0, tolerance).into_iter().map(|index| ring.0[index]).collect()
}

fn corners(points: &[Coord<f64>], tolerance: f64) -> Vec<usize> {
    let keep = douglas_peucker(points, tolerance);
    (0..points.len()).filter(|&index| keep[index]).collect()
}

/// Which vertices of a ring its simplified form keeps; none for more than a building has.
pub(super) fn simple_corners(ring: &LineString<f64>, tolerance: f64) -> Option<Vec<usize>> {
    let kept = corners(&ring.0, tolerance);
    (kept.len() <= MAX_SIDES).then_some(kept)
}

/// A ring of snapped lines; none if fewer than three are left.
///
/// Edges are those between the `corners`. Edges shorter than `slack` go, the shortest
/// first, and parallel neighbours that are closer are merged. About n log n.
pub(super) fn snapped_ring(
    ring: &LineString<f64>,
    corners: &[usize],
    snapping: &Snapping<'_>,
    slack: f64,
) -> Option<LineString<f64>> {
    let way = |pair: &[usize]| side(&ring.0[pair[0]..=pair[1]], snapping);
    let mut row = Row::new(corners.windows(2).map(way).collect(), slack);
    row.merge_all();
    let mut shortest: BinaryHeap<Short> =
        row.present().filter_map(|side| row.short(side)).collect();
    // Each round removes a side, so there are at most as many rounds as sides.
    while row.count >= 3 {
        let Some(short) = shortest.pop() else { return Some(closed(&row)) };
        if short.version == row.versions[short.side] {
            let changed = row.remove(short.side);
            for side in changed {
                row.versions[side] = row.versions[side].map(|version| version + 1);
                shortest.extend(row.short(side));
            }
        }
    }
    None
}

fn side(way: &[Coord<f64>], snapping: &Snapping<'_>) -> Side {
    let (start, end) = (way[0], way[way.len() - 1]);
    let (mut length, mut sum) = (0.0, Coord { x: 0.0, y: 0.0 });
    for pair in way.windows(2) {
        let step = (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y);
        length += step;
        sum = sum + (pair[0] - start + pair[1] - start) * (0.5 * step);
    }
    let anchor = if length > 0.0 { start + sum / length } else { start };
    let chord = end - start;
    Side { anchor, along: snapping.snap(chord), length: chord.x.hypot(chord.y), end }
}

/// The sides of a ring, of which some are gone.
struct Row {
    sides: Vec<Side>,
    before: Vec<usize>,
    after: Vec<usize>,
    /// How often the length of a side has changed; none once it is gone.
    versions: Vec<Option<u32>>,
    count: usize,
    slack: f64,
}

impl Row {
    fn new(sides: Vec<Side>, slack: f64) -> Self {
        let count = sides.len();
        let before = (0..count).map(|k| (k + count - 1) % count).collect();
        let after = (0..count).map(|k| (k + 1) % count).collect();
        Self { sides, before, after, versions: vec![Some(0); count], count, slack }
    }

    /// The sides that are left, in order.
    fn present(&self) -> impl Iterator<Item = usize> {
        (0..self.sides.len()).filter(|&side| self.versions[side].is_some())
    }

    fn unlink(&mut self, side: usize) {
        let (before, after) = (self.before[side], self.after[side]);
        self.after[before] = after;
        self.before[after] = before;
        self.versions[side] = None;
        self.count -= 1;
    }

    /// Joins a side with the next one if they have the same direction and their lines are
    /// at most the slack apart.
    fn merge(&mut self, side: usize) -> bool {
        let next = self.after[side];
        let (a, b) = (self.sides[side], self.sides[next]);
        let same = cross(a.along, b.along).abs() < 1e-9 && dot(a.along, b.along) > 0.0;
        let near = cross(a.along, b.anchor - a.anchor).abs() <= self.slack.max(1e-9);
        if self.count <= 2 || !same || !near {
            return false;
        }
        let length = a.length + b.length;
        let share = if length > 0.0 { b.length / length } else { 0.5 };
        let anchor = a.anchor + (b.anchor - a.anchor) * share;
        self.sides[side] = Side { anchor, along: a.along, length, end: b.end };
        self.unlink(next);
        true
    }

    fn merge_all(&mut self) {
        let (mut side, mut unmerged) = (0, 0);
        while self.count > 2 && unmerged <= self.count {
            if self.merge(side) {
                unmerged = 0;
            } else {
                side = self.after[side];
                unmerged += 1;
            }
        }
    }

    /// Takes a side out; its neighbours then meet halfway along it, or are merged. Returns
    /// the sides whose ends have moved.
    fn remove(&mut self, side: usize) -> [usize; 3] {
        let mut at = self.before[side];
        self.sides[at].end = (self.sides[at].end + self.sides[side].end) * 0.5;
        self.unlink(side);
        // Only sides that have changed can be merged with their neighbours.
        loop {
            if self.merge(at) {
                continue;
            }
            let before = self.before[at];
            if !self.merge(before) {
                return [before, at, self.after[at]];
            }
            at = before;
        }
    }

    /// Start and end of a side: where its line meets those of its neighbours.
    fn ends(&self, side: usize) -> [Coord<f64>; 2] {
        let sides = [self.before[side], side, self.after[side]].map(|k| &self.sides[k]);
        [meeting_points(sides[0], sides[1])[1], meeting_points(sides[1], sides[2])[0]]
    }

    /// A side as one to remove, if it is short enough.
    fn short(&self, side: usize) -> Option<Short> {
        let [start, end] = self.ends(side);
        // Negative where the ends have changed places.
        let extent = dot(self.sides[side].along, end - start);
        let is_short = extent <= 1e-9 || extent < self.slack;
        is_short.then_some(Short { extent, side, version: self.versions[side] })
    }
}

/// A side that may go. The greatest is the shortest one, and the first of equal ones.
struct Short {
    /// Length in its own direction.
    extent: f64,
    side: usize,
    /// The version of the side that has this length.
    version: Option<u32>,
}

impl Ord for Short {
    fn cmp(&self, other: &Self) -> Ordering {
        other.extent.total_cmp(&self.extent).then(other.side.cmp(&self.side))
    }
}

impl PartialOrd for Short {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Short {}

/// The end of a side and the start of the next one.
fn meeting_points(a: &Side, b: &Side) -> [Coord<f64>; 2] {
    let sine = cross(a.along, b.along);
    if sine.abs() < PARALLEL {
        let foot = |side: &Side| side.anchor + side.along * dot(side.along, a.end - side.anchor);
        return [foot(a), foot(b)];
    }
    let p = a.anchor + a.along * (cross(b.anchor - a.anchor, b.along) / sine);
    [p, p]
}

fn closed(row: &Row) -> LineString<f64> {
    let mut points: Vec<Coord<f64>> = row.present().flat_map(|side| row.ends(side)).collect();
    points.extend(points.first().copied());
    points.dedup_by(|b, a| distance_to_segment(*b, (*a, *a)) < 1e-9);
    // Rounding may leave the two ends apart.
    let first = points.first().copied();
    if let (Some(first), Some(last)) = (first, points.last_mut()) {
        *last = first;
    }
    LineString(points)
}

fn dot(a: Coord<f64>, b: Coord<f64>) -> f64 {
    a.x * b.x + a.y * b.y
}

fn cross(a: Coord<f64>, b: Coord<f64>) -> f64 {
    a.x * b.y - a.y * b.x
}
