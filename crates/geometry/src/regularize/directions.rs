//! Dominant directions of a ring.

use geo_types::Coord;
use std::f64::consts::{FRAC_PI_2, PI};

/// Bins of the histogram over a quarter turn: one degree each.
const BINS: usize = 90;
/// Edges this close to a peak belong to it, in bins.
const REACH: usize = 8;
/// Smallest share of the length that a further direction must have.
const SHARE: f64 = 0.2;
/// Largest number of directions.
const MOST: usize = 3;

/// The directions modulo a quarter turn that carry most of the length of the edges, in
/// radians in `[0, pi / 2)`, the longest first.
///
/// A histogram of the angles, weighted by length, gives the peaks; the mean of the
/// edges near a peak, taken on the circle, refines it.
pub(super) fn dominant_directions(edges: &[[Coord<f64>; 2]]) -> Vec<f64> {
    let mut left: Vec<(f64, f64)> = edges.iter().map(|&[a, b]| quarter_angle(b - a)).collect();
    let total: f64 = left.iter().map(|&(_, length)| length).sum();
    let mut directions: Vec<f64> = Vec::new();
    while directions.len() < MOST && !left.is_empty() {
        let peak = (peak_bin(&left) as f64 + 0.5) * FRAC_PI_2 / BINS as f64;
        let reach = REACH as f64 * FRAC_PI_2 / BINS as f64;
        let near = |angle: f64| quarter_difference(angle, peak).abs() <= reach;
        let members = left.iter().filter(|&&(angle, _)| near(angle));
        let (mut weight, mut offset) = (0.0, 0.0);
        for &(angle, length) in members {
            weight += length;
            offset += length * quarter_difference(angle, peak);
        }
        if weight <= 0.0 || (!directions.is_empty() && weight < SHARE * total) {
            break;
        }
        directions.push((peak + offset / weight).rem_euclid(FRAC_PI_2));
        left.retain(|&(angle, _)| !near(angle));
    }
    directions
}

/// Angle of a vector modulo a quarter turn, and its length.
fn quarter_angle(v: Coord<f64>) -> (f64, f64) {
    (v.y.atan2(v.x).rem_euclid(FRAC_PI_2), v.x.hypot(v.y))
}

/// The difference `a` - `b` modulo a quarter turn, in `[-pi / 4, pi / 4)`.
fn quarter_difference(a: f64, b: f64) -> f64 {
    (a - b + 0.25 * PI).rem_euclid(FRAC_PI_2) - 0.25 * PI
}

/// The bin with most length in itself and its two neighbours; the first of equal ones.
fn peak_bin(edges: &[(f64, f64)]) -> usize {
    let mut bins = [0.0; BINS];
    for &(angle, length) in edges {
        bins[crate::grid::floor_index(angle / FRAC_PI_2 * BINS as f64, BINS - 1)] += length;
    }
    let smooth = |k: usize| bins[(k + BINS - 1) % BINS] + 2.0 * bins[k] + bins[(k + 1) % BINS];
    (0..BINS).fold(0, |best, k| if smooth(k) > smooth(best) { k } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(angle: f64, length: f64) -> [Coord<f64>; 2] {
        [
            Coord { x: 3.0, y: 1.0 },
            Coord { x: 3.0 + length * angle.cos(), y: 1.0 + length * angle.sin() },
        ]
    }

    #[test]
    fn the_longest_direction_is_first_and_wraps_around() {
        let edges =
            [edge(0.01, 5.0), edge(FRAC_PI_2 - 0.01, 5.0), edge(PI + 0.7, 4.0), edge(0.4, 0.3)];
        let found = dominant_directions(&edges);
        assert_eq!(found.len(), 2);
        assert!(quarter_difference(found[0], 0.0).abs() < 1e-9, "{found:?}");
        assert!((found[1] - 0.7).abs() < 1e-9, "{found:?}");
        assert!(dominant_directions(&[]).is_empty());
    }
}
