//! Fréchet distances: lines compared in the order of their points.

use super::{between, check_step};
use crate::{Error, Result, spatial_index::check_line};
use geo_types::{Coord, LineString};

/// Largest product of the numbers of vertices.
const LIMIT: f64 = 1e8;
/// Bisection halves an interval of numbers at most this often.
const HALVINGS: usize = 128;

/// Discrete Fréchet distance: the leash between two walkers that jump from vertex
/// to vertex and never back.
///
/// Never below [`frechet`], and above it by at most the longest segment. Quadratic
/// time, linear memory. Rings are walked from their first points.
///
/// # Errors
/// [`Error::Empty`] for a line without points, [`Error::NonFiniteLine`] for bad
/// coordinates and [`Error::TooManySteps`] for more than a hundred million pairs.
///
/// # References
/// T. Eiter, H. Mannila, *Computing discrete Fréchet distance*, 1994.
pub fn discrete_frechet(a: &LineString<f64>, b: &LineString<f64>) -> Result<f64> {
    check(a, b)?;
    let mut row: Vec<f64> = vec![f64::INFINITY; b.0.len()];
    for (i, &p) in a.0.iter().enumerate() {
        // The value up and to the left, and the value to the left.
        let (mut diagonal, mut left) = (f64::INFINITY, f64::INFINITY);
        for (j, (&q, cell)) in b.0.iter().zip(&mut row).enumerate() {
            let before = if i + j == 0 { 0.0 } else { cell.min(diagonal).min(left) };
            diagonal = *cell;
            left = before.max(between(p, q));
            *cell = left;
        }
    }
    Ok(row.last().copied().unwrap_or(0.0))
}

/// Fréchet distance: the shortest leash between two walkers that follow the
/// continuous lines from start to end and never go back.
///
/// The result is at most `tolerance` (in the unit of the coordinates, above 0) above
/// the exact value and never below it, up to rounding. Decided by reachability in
/// the free-space diagram, quadratic, in each of up to 128 steps of a bisection. Rings are
/// walked from their first points.
///
/// # Errors
/// [`Error::Parameter`] for the tolerance, and those of [`discrete_frechet`].
///
/// # References
/// H. Alt, M. Godau, *Computing the Fréchet distance between two polygonal curves*,
/// 1995.
pub fn frechet(a: &LineString<f64>, b: &LineString<f64>, tolerance: f64) -> Result<f64> {
    check_step("tolerance", tolerance)?;
    let mut high = discrete_frechet(a, b)?;
    let (a, b) = (&a.0[..], &b.0[..]);
    let (Some((&a0, &b0)), Some((&a1, &b1))) = (a.first().zip(b.first()), a.last().zip(b.last()))
    else {
        return Ok(high);
    };
    let mut low = between(a0, b0).max(between(a1, b1));
    if a.len() < 2 || b.len() < 2 {
        // One walker stands still.
        return Ok(high);
    }
    if is_reachable(a, b, low) {
        return Ok(low);
    }
    for _ in 0..HALVINGS {
        let middle = low + 0.5 * (high - low);
        if high - low <= tolerance || middle <= low || middle >= high {
            break;
        }
        if is_reachable(a, b, middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// Part of an edge of a cell of the free-space diagram; empty if `from > to`.
#[derive(Clone, Copy)]
struct Interval {
    from: f64,
    to: f64,
}

const NOTHING: Interval = Interval { from: 1.0, to: 0.0 };

impl Interval {
    fn is_empty(self) -> bool {
        self.from > self.to
    }

    /// What can be reached of `self` from points of `other` on, without going back.
    fn after(self, other: Self) -> Self {
        if other.is_empty() {
            return NOTHING;
        }
        Self { from: self.from.max(other.from), to: self.to }
    }
}

/// Whether a leash of length `leash` suffices.
fn is_reachable(a: &[Coord<f64>], b: &[Coord<f64>], leash: f64) -> bool {
    let last = (a.len() - 2, b.len() - 2);
    if between(a[0], b[0]) > leash || between(a[last.0 + 1], b[last.1 + 1]) > leash {
        return false;
    }
    // Reachable part of the lower edge of each cell (segment j of b at vertex i of
    // a). Along the first row only a prefix without gaps can be walked.
    let mut open = true;
    let mut lower: Vec<Interval> = b
        .windows(2)
        .map(|segment| {
            let free = free_part(a[0], segment[0], segment[1], leash);
            let reach = if open && free.from <= 0.0 { free } else { NOTHING };
            open = !reach.is_empty() && reach.to >= 1.0;
            reach
        })
        .collect();
    let mut open = true;
    for pair in a.windows(2) {
        let free = free_part(b[0], pair[0], pair[1], leash);
        let mut left = if open && free.from <= 0.0 { free } else { NOTHING };
        open = !left.is_empty() && left.to >= 1.0;
        let mut any = !left.is_empty();
        for (j, below) in lower.iter_mut().enumerate() {
            if left.is_empty() && below.is_empty() {
                continue;
            }
            let right = free_part(b[j + 1], pair[0], pair[1], leash);
            let above = free_part(pair[1], b[j], b[j + 1], leash);
            // From the left edge everything above is free to reach, from below only
            // what lies farther; the same with the axes swapped.
            let next = if left.is_empty() { above.after(*below) } else { above };
            left = if below.is_empty() { right.after(left) } else { right };
            *below = next;
            any |= !left.is_empty() || !next.is_empty();
        }
        if !any {
            return false;
        }
    }
    lower.last().is_some_and(|reach| !reach.is_empty() && reach.to >= 1.0)
}

/// Parameters in `[0, 1]` of the points of a segment within `radius` of `centre`.
fn free_part(centre: Coord<f64>, start: Coord<f64>, end: Coord<f64>, radius: f64) -> Interval {
    // Ends are decided by the distances that the leash is compared with elsewhere.
    let ends = (between(centre, start) <= radius, between(centre, end) <= radius);
    if ends == (true, true) {
        return Interval { from: 0.0, to: 1.0 };
    }
    let (d, v) = (end - start, centre - start);
    let length = d.x.hypot(d.y);
    if length <= 0.0 {
        return NOTHING;
    }
    let (along, across) =
        ((v.x * d.x + v.y * d.y) / length, (v.x * d.y - v.y * d.x).abs() / length);
    let half = ((radius - across) * (radius + across)).max(0.0).sqrt();
    let (from, to) = ((along - half) / length, (along + half) / length);
    match ends {
        (true, _) => Interval { from: 0.0, to: to.clamp(0.0, 1.0) },
        (_, true) => Interval { from: from.clamp(0.0, 1.0), to: 1.0 },
        _ if across > radius || to < 0.0 || from > 1.0 => NOTHING,
        _ => Interval { from: from.max(0.0), to: to.min(1.0) },
    }
}

fn check(a: &LineString<f64>, b: &LineString<f64>) -> Result<()> {
    check_line(a)?;
    check_line(b)?;
    for (what, line) in [("the first line", a), ("the second line", b)] {
        if line.0.is_empty() {
            return Err(Error::Empty { what });
        }
    }
    let count = a.0.len() as f64 * b.0.len() as f64;
    if count > LIMIT {
        return Err(Error::TooManySteps { what: "Fréchet distance", count, limit: LIMIT });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_matters() {
        let there = LineString::from(vec![(0.0, 0.0), (10.0, 0.0)]);
        let back = LineString::from(vec![(10.0, 0.0), (0.0, 0.0)]);
        assert!((frechet(&there, &back, 1e-9).unwrap() - 10.0).abs() < 1e-9);
        assert!(frechet(&there, &there, 1e-9).unwrap().abs() < 1e-9);
    }

    #[test]
    fn detour_back_and_forth() {
        // Walks to 8, back to 2, on to 10: the other walker waits in the middle at 5.
        let detour = LineString::from(vec![(0.0, 0.0), (8.0, 0.0), (2.0, 0.0), (10.0, 0.0)]);
        let straight = LineString::from(vec![(0.0, 0.0), (10.0, 0.0)]);
        assert!((frechet(&detour, &straight, 1e-9).unwrap() - 3.0).abs() < 1e-8);
    }

    #[test]
    fn continuous_is_below_discrete() {
        let sparse = LineString::from(vec![(0.0, 0.0), (10.0, 0.0)]);
        let dense = LineString::from(vec![(0.0, 1.0), (5.0, 1.0), (10.0, 1.0)]);
        assert!((frechet(&sparse, &dense, 1e-9).unwrap() - 1.0).abs() < 1e-9);
        assert!((discrete_frechet(&sparse, &dense).unwrap() - 26.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_refused() {
        let line = LineString::from(vec![(0.0, 0.0), (10.0, 0.0)]);
        assert!(matches!(frechet(&line, &LineString(vec![]), 1.0), Err(Error::Empty { .. })));
        let long = LineString::from(vec![(0.0, 0.0); 20_000]);
        assert!(matches!(frechet(&long, &long, 1.0), Err(Error::TooManySteps { .. })));
        assert!(matches!(frechet(&line, &line, -1.0), Err(Error::Parameter { .. })));
    }
}
