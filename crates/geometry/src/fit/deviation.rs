//! How far a piece and the line that it stands for stray from each other.

use super::Primitive;
use crate::simplify_line::distance_to_segment;
use geo_types::Coord;

/// Samples of a curve that are compared with the line.
const MIN_SAMPLES: u32 = 16;
const MAX_SAMPLES: u32 = 256;

/// Largest distance from the points of a line to the piece, and back from samples
/// of the piece to the line; `None` if it is more than `limit`.
pub(super) fn deviation(primitive: &Primitive, points: &[Coord<f64>], limit: f64) -> Option<f64> {
    let mut worst: f64 = 0.0;
    for &p in points {
        let miss = primitive.distance(p);
        if miss.is_nan() || miss > limit {
            return None;
        }
        worst = worst.max(miss);
    }
    if let Primitive::Line(_) = primitive {
        // A line that stays near a segment from its one end to its other passes all
        // of it.
        return Some(worst);
    }
    // Curves may run wild between points.
    let count = primitive.pieces(0.1 * limit).clamp(MIN_SAMPLES, MAX_SAMPLES);
    let mut nearest = 0;
    for k in 1..count {
        let p = primitive.point_at(f64::from(k) / f64::from(count));
        let miss = distance_to_line(p, points, limit, &mut nearest);
        if miss.is_nan() || miss > limit {
            return None;
        }
        worst = worst.max(miss);
    }
    Some(worst)
}

/// Distance from a point to a line; the search begins at the segment `hint`, and
/// ends early where that one is near enough.
fn distance_to_line(p: Coord<f64>, points: &[Coord<f64>], limit: f64, hint: &mut usize) -> f64 {
    let to = |index: usize| distance_to_segment(p, (points[index], points[index + 1]));
    let count = points.len() - 1;
    let mut best = to(*hint);
    // Along the line from the last hit while it comes nearer.
    while *hint + 1 < count && to(*hint + 1) <= best {
        *hint += 1;
        best = to(*hint);
    }
    if best <= limit {
        return best;
    }
    for index in 0..count {
        if to(index) < best {
            (best, *hint) = (to(index), index);
        }
    }
    best
}

pub(super) fn distance(p: Coord<f64>, q: Coord<f64>) -> f64 {
    (p.x - q.x).hypot(p.y - q.y)
}
