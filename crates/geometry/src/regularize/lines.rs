//! A ring as a row of lines that meet in its corners.

use crate::simplify_line::{distance_to_segment, douglas_peucker};
use geo_types::{Coord, LineString};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

/// Neighbours whose directions differ by less (as a sine) do not meet in a point that
/// is near them; a step joins them instead.
const PARALLEL: f64 = 0.25;

/// Rings with more edges than this are no buildings; the search below is quadratic.
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

/// A ring of snapped lines; none if fewer than three are left, or too many to start with.
///
/// Edges are those of the ring simplified by `tolerance`. Edges shorter than `slack`
/// go, and parallel neighbours that are closer are merged.
pub(super) fn snapped_ring(
    ring: &LineString<f64>,
    snapping: &Snapping<'_>,
    tolerance: f64,
    slack: f64,
) -> Option<LineString<f64>> {
    let points = &ring.0;
    let kept = corners(points, tolerance);
    if kept.len() > MAX_SIDES {
        return None;
    }
    let mut sides: Vec<Side> =
        kept.windows(2).map(|pair| side(&points[pair[0]..=pair[1]], snapping)).collect();
    // Each round removes a side, so there are at most as many rounds as sides.
    loop {
        merge_parallel(&mut sides, slack);
        if sides.len() < 3 {
            return None;
        }
        let vertices = vertices(&sides);
        let shortest = (0..sides.len())
            .map(|k| (k, extent(&sides[k], vertices[k])))
            .filter(|&(_, extent)| extent <= 1e-9 || extent < slack)
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let Some((k, _)) = shortest else { return Some(closed(&vertices)) };
        remove(&mut sides, k);
    }
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

/// Joins neighbours of the same direction whose lines are at most `slack` apart.
fn merge_parallel(sides: &mut Vec<Side>, slack: f64) {
    let mut k = 0;
    let mut unmerged = 0;
    while sides.len() > 2 && unmerged <= sides.len() {
        k %= sides.len();
        let next = (k + 1) % sides.len();
        let (a, b) = (sides[k], sides[next]);
        let same = cross(a.along, b.along).abs() < 1e-9 && dot(a.along, b.along) > 0.0;
        if same && cross(a.along, b.anchor - a.anchor).abs() <= slack.max(1e-9) {
            let length = a.length + b.length;
            let share = if length > 0.0 { b.length / length } else { 0.5 };
            let anchor = a.anchor + (b.anchor - a.anchor) * share;
            sides[k] = Side { anchor, along: a.along, length, end: b.end };
            sides.remove(next);
            unmerged = 0;
            // The list has moved by one if the first was removed.
            k = if next == 0 { k - 1 } else { k };
        } else {
            k += 1;
            unmerged += 1;
        }
    }
}

/// Takes a side out; its neighbours then meet halfway along it.
fn remove(sides: &mut Vec<Side>, k: usize) {
    let before = (k + sides.len() - 1) % sides.len();
    let end = sides[k].end;
    sides[before].end = (sides[before].end + end) * 0.5;
    sides.remove(k);
}

/// Start and end of each side: where its line meets those of its neighbours.
fn vertices(sides: &[Side]) -> Vec<[Coord<f64>; 2]> {
    let meet: Vec<[Coord<f64>; 2]> = (0..sides.len())
        .map(|k| meeting_points(&sides[k], &sides[(k + 1) % sides.len()]))
        .collect();
    (0..sides.len()).map(|k| [meet[(k + sides.len() - 1) % sides.len()][1], meet[k][0]]).collect()
}

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

/// Length of a side in its own direction; negative where its ends have changed places.
fn extent(side: &Side, [start, end]: [Coord<f64>; 2]) -> f64 {
    dot(side.along, end - start)
}

fn closed(vertices: &[[Coord<f64>; 2]]) -> LineString<f64> {
    let mut points: Vec<Coord<f64>> = vertices.iter().flatten().copied().collect();
    points.extend(vertices.first().map(|pair| pair[0]));
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
