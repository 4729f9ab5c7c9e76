//! How far a piece and the line that it stands for stray from each other.
//!
//! Points of the line are matched with their nearest points on the piece, the ends with
//! the ends. Between two matches, a point that runs along the segment and one that runs
//! along the piece at an even rate of its parameter are no farther apart than the
//! matches are, plus an eighth of the second derivative times the square of the step.
//! Both together pass all of the line and all of the piece, so the largest of these
//! bounds holds for the distance both ways. Stretches are halved until the bound is
//! close.

use super::Primitive;
use crate::point::distance;
use geo_types::Coord;

/// How much of the limit a bound may be too large.
const SLACK: f64 = 1.0 / 16.0;
/// How often a stretch is halved before the piece is given up.
const MAX_DEPTH: u32 = 12;

/// A point of the line and its match on the piece.
#[derive(Clone, Copy)]
struct Match {
    point: Coord<f64>,
    parameter: f64,
    distance: f64,
}

impl Match {
    fn new(primitive: &Primitive, point: Coord<f64>, parameter: f64) -> Self {
        Self { point, parameter, distance: distance(point, primitive.point_at(parameter)) }
    }
}

/// An upper bound on the distance between a line and a piece with the same ends, both
/// ways; `None` unless it is at most `limit`.
///
/// Exact for straight pieces, otherwise too large by at most a sixteenth of the limit.
pub(super) fn deviation(primitive: &Primitive, points: &[Coord<f64>], limit: f64) -> Option<f64> {
    let last = points.len() - 1;
    let mut worst: f64 = 0.0;
    let mut before: Option<Match> = None;
    let mut stack = Vec::new();
    for (index, &point) in points.iter().enumerate() {
        if let Primitive::Line(_) = primitive {
            // The distance to a segment is convex, so it is largest at a vertex. The
            // nearest point on the segment moves from its one end to its other, so no
            // point of the segment is farther from the line.
            worst = largest(worst, primitive.distance(point), limit)?;
            continue;
        }
        let parameter = match index {
            0 => 0.0,
            _ if index == last => 1.0,
            _ => primitive.nearest(point),
        };
        let here = Match::new(primitive, point, parameter);
        if let Some(before) = before {
            stack.push((before, here, 0));
        }
        while let Some((a, b, depth)) = stack.pop() {
            let step: f64 = b.parameter - a.parameter;
            let stray = primitive.bend_between(a.parameter, b.parameter) * step * step / 8.0;
            let bound = a.distance.max(b.distance) + stray;
            if bound <= limit && stray <= SLACK * limit {
                worst = largest(worst, bound, limit)?;
                continue;
            }
            if depth == MAX_DEPTH {
                return None;
            }
            let point = (a.point + b.point) * 0.5;
            let middle = Match::new(primitive, point, primitive.nearest(point));
            largest(worst, middle.distance, limit)?;
            stack.extend([(middle, b, depth + 1), (a, middle, depth + 1)]);
        }
        before = Some(here);
    }
    Some(worst)
}

/// The larger of two distances; `None` unless `next` is at most `limit`.
fn largest(worst: f64, next: f64, limit: f64) -> Option<f64> {
    (next <= limit).then(|| worst.max(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CubicCurve;

    #[test]
    fn curves_that_leave_a_long_segment_are_seen() {
        let points =
            [(0.0, 0.0), (30.0, 4.0), (70.0, -4.0), (100.0, 0.0)].map(|(x, y)| Coord { x, y });
        let curve = Primitive::Cubic(CubicCurve { points });
        // The extremes of 12 t (1 - t) (1 - 2 t) are 2 / sqrt(3).
        let exact = 2.0 / 3.0_f64.sqrt();
        let segment = [points[0], points[3]];
        assert_eq!(deviation(&curve, &segment, 0.99 * exact), None);
        let bound = deviation(&curve, &segment, 1.2).unwrap();
        assert!(exact <= bound && bound <= exact + 0.075, "{bound}");
    }
}
