//! Polylines: smooth random courses, parallels, places along them, clipping.

use geo_types::{Coord, LineString};

use crate::cast::to_index;
use crate::draw::Draw;
use crate::planar::{Points, norm, normal, point, unit_of};

/// Length of a polyline.
pub(crate) fn length(line: &[Coord<f64>]) -> f64 {
    line.windows(2).map(|pair| norm(pair[1] - pair[0])).sum()
}

/// Points every `step` pixels along a polyline, its ends included.
pub(crate) fn resampled(line: &[Coord<f64>], step: f64) -> Points {
    let total = length(line);
    let count = to_index(total / step).clamp(1, 100_000);
    let mut points = Vec::with_capacity(count + 1);
    let mut walk = Walk::new(line);
    for k in 0..=count {
        if let Some((p, _)) = walk.at(total * k as f64 / count as f64) {
            points.push(p);
        }
    }
    points
}

/// Walks along a polyline; positions must not decrease.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    line: &'a [Coord<f64>],
    segment: usize,
    before: f64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(line: &'a [Coord<f64>]) -> Self {
        Self { line, segment: 0, before: 0.0 }
    }

    /// Point and unit tangent at `distance` from the start; the end beyond it.
    pub(crate) fn at(&mut self, distance: f64) -> Option<(Coord<f64>, Coord<f64>)> {
        loop {
            let a = *self.line.get(self.segment)?;
            let b = *self.line.get(self.segment + 1)?;
            let step = norm(b - a);
            if distance <= self.before + step || self.segment + 2 >= self.line.len() {
                let t = if step > 1e-12 { ((distance - self.before) / step).min(1.0) } else { 0.0 };
                return Some((a + (b - a) * t.max(0.0), unit_of(b - a)));
            }
            self.before += step;
            self.segment += 1;
        }
    }
}

/// The part of a polyline between two distances from its start.
pub(crate) fn between(line: &[Coord<f64>], from: f64, to: f64) -> Points {
    let mut part = Vec::new();
    let mut walk = Walk::new(line);
    if let Some((p, _)) = walk.at(from) {
        part.push(p);
    }
    let mut travelled = 0.0;
    for pair in line.windows(2) {
        travelled += norm(pair[1] - pair[0]);
        if travelled > from && travelled < to {
            part.push(pair[1]);
        }
    }
    if let Some((p, _)) = walk.at(to) {
        part.push(p);
    }
    part
}

/// The parallel at `offset` to the left of y-down travel (towards the turned tangent).
pub(crate) fn parallel(line: &[Coord<f64>], offset: f64) -> Points {
    let last = line.len().saturating_sub(1);
    (0..line.len())
        .map(|k| {
            let tangent = unit_of(line[(k + 1).min(last)] - line[k.saturating_sub(1)]);
            line[k] + normal(tangent) * offset
        })
        .collect()
}

/// A smooth course from `start` to `end` that strays about `stray` times the distance,
/// with `bends` free bends.
pub(crate) fn course(
    draw: &mut Draw,
    start: Coord<f64>,
    end: Coord<f64>,
    stray: f64,
    bends: usize,
) -> Points {
    let distance = norm(end - start);
    let across = normal(unit_of(end - start));
    let knots: Vec<f64> = (0..=bends + 1).map(|_| draw.normal(0.0, stray * distance)).collect();
    let count = to_index(distance / 6.0).clamp(8, 600);
    let raw: Points = (0..=count)
        .map(|k| {
            let t = k as f64 / count as f64;
            let position = t * (knots.len() - 1) as f64;
            let index = to_index(position).min(knots.len().saturating_sub(2));
            let u = position - index as f64;
            let ease = u * u * (3.0 - 2.0 * u);
            let bend = knots[index] + (knots[index + 1] - knots[index]) * ease;
            // The course starts and ends where it was told to.
            let hold = (4.0 * t * (1.0 - t)).min(1.0).sqrt();
            start + (end - start) * t + across * (bend * hold)
        })
        .collect();
    resampled(&raw, 6.0)
}

/// The pieces of a polyline inside the square `[0, side]^2`.
pub(crate) fn clipped(line: &[Coord<f64>], side: f64) -> Vec<LineString<f64>> {
    let mut pieces: Vec<Points> = Vec::new();
    let mut open = false;
    for pair in line.windows(2) {
        let Some((from, to)) = clip_segment(pair[0], pair[1], side) else {
            open = false;
            continue;
        };
        match pieces.last_mut() {
            Some(piece) if open => piece.push(to),
            _ => pieces.push(vec![from, to]),
        }
        // The next segment goes on here only if this one was not cut at its end.
        open = norm(to - pair[1]) < 1e-9;
    }
    pieces.into_iter().filter(|piece| length(piece) > 1.0).map(LineString::new).collect()
}

/// Liang-Barsky clipping of a segment to the square `[0, side]^2`.
fn clip_segment(a: Coord<f64>, b: Coord<f64>, side: f64) -> Option<(Coord<f64>, Coord<f64>)> {
    let d = b - a;
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (step, gap) in [(-d.x, a.x), (d.x, side - a.x), (-d.y, a.y), (d.y, side - a.y)] {
        if step.abs() < 1e-12 {
            if gap < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            enter = enter.max(gap / step);
        } else {
            leave = leave.min(gap / step);
        }
    }
    if enter >= leave {
        return None;
    }
    let keep = |p: Coord<f64>| point(p.x.clamp(0.0, side), p.y.clamp(0.0, side));
    let from = if enter > 0.0 { keep(a + d * enter) } else { a };
    let to = if leave < 1.0 { keep(a + d * leave) } else { b };
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::{between, clipped, length, resampled};
    use crate::planar::point;

    #[test]
    fn a_line_that_leaves_and_returns_gives_two_pieces() {
        let line = [
            point(-5.0, 2.0),
            point(5.0, 2.0),
            point(5.0, 20.0),
            point(7.0, 20.0),
            point(7.0, 5.0),
        ];
        let pieces = clipped(&line, 10.0);
        assert_eq!(pieces.len(), 2, "{pieces:?}");
        let total: f64 = pieces.iter().map(|piece| length(&piece.0)).sum();
        assert!((total - (5.0 + 8.0 + 5.0)).abs() < 1e-9, "length {total}");
    }

    #[test]
    fn parts_and_steps_have_their_lengths() {
        let line = [point(0.0, 0.0), point(3.0, 0.0), point(3.0, 9.0)];
        assert!((length(&between(&line, 1.0, 7.0)) - 6.0).abs() < 1e-9, "part");
        let steps = resampled(&line, 1.0);
        assert_eq!(steps.len(), 13);
        assert!((length(&steps) - 12.0).abs() < 1e-9, "resampled");
    }
}
