//! Whether two lines stay within a distance of each other.

use crate::{
    box_tree::{Bounds, BoxTree},
    simplify_line::distance_to_segment,
};
use geo_types::{Coord, LineString};

/// Halvings of a segment before it counts as too far.
const MAX_DEPTH: u32 = 24;

/// Whether every point of each ring is within `bound` of the other ring.
///
/// The distance to a line changes by at most 1 per unit of way, so the distances at the
/// ends of a segment bound those between; segments are halved until they decide.
pub(super) fn is_within(a: &LineString<f64>, b: &LineString<f64>, bound: f64) -> bool {
    is_covered(a, b, bound) && is_covered(b, a, bound)
}

fn is_covered(line: &LineString<f64>, target: &LineString<f64>, bound: f64) -> bool {
    let segments: Vec<[Coord<f64>; 2]> =
        target.lines().map(|line| [line.start, line.end]).collect();
    let tree = BoxTree::new(segments.iter().map(|&[a, b]| Bounds::of(a, b)).collect());
    // Rounding of coordinates must not fail shapes that are moved by the bound.
    let bound = bound * (1.0 + 1e-9);
    // Capped at twice the bound, which is still a lower bound of the distance.
    let distance = |p: Coord<f64>| {
        let mut nearest = 2.0 * bound;
        tree.visit_near(p, nearest, |k| {
            nearest = nearest.min(distance_to_segment(p, (segments[k][0], segments[k][1])));
            nearest
        });
        nearest
    };
    // On the way along one segment of the target the distance is convex: if both ends
    // are near the same one, so is all between.
    let near_one = |[a, b]: [Coord<f64>; 2]| {
        let mut found = false;
        tree.visit(&Bounds::of(a, a).grown(bound), |k| {
            let chord = (segments[k][0], segments[k][1]);
            found = distance_to_segment(a, chord).max(distance_to_segment(b, chord)) <= bound;
            !found
        });
        found
    };
    let mut stack: Vec<([Coord<f64>; 2], u32)> =
        line.lines().map(|line| ([line.start, line.end], 0)).collect();
    while let Some(([a, b], depth)) = stack.pop() {
        let (near, far) = (distance(a), distance(b));
        if near > bound || far > bound || depth > MAX_DEPTH {
            return false;
        }
        let length = (b.x - a.x).hypot(b.y - a.y);
        if 0.5 * (near + far + length) > bound && !near_one([a, b]) {
            let middle = (a + b) * 0.5;
            stack.extend([([a, middle], depth + 1), ([middle, b], depth + 1)]);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_segment_counts() {
        let ring = |points: &[(f64, f64)]| LineString::from(points.to_vec());
        let square = ring(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)]);
        let dent =
            ring(&[(0.0, 0.0), (5.0, 2.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)]);
        assert!(is_within(&square, &dent, 2.0));
        assert!(!is_within(&square, &dent, 1.8));
        assert!(is_within(&square, &square, 1e-6));
    }
}
