//! Turning functions: shapes compared at any place, angle and size.

use super::between;
use crate::{Error, Result, signed_area, spatial_index::check_line, validate_ring};
use geo_types::{Coord, LineString};
use std::f64::consts::{PI, TAU};

/// Largest product of the numbers of vertices.
const LIMIT: f64 = (1 << 23) as f64;

/// Root mean square difference (radians) of the turning functions of two rings, at
/// the best rotation and starting points.
///
/// The turning function gives the direction of a boundary by the share of its length
/// walked. Equal shapes have distance 0 wherever they lie, however large they are,
/// whichever way they are turned and at whichever vertex and in whichever direction
/// their rings begin; mirrored ones have not. Exact, n m log(n m) time and n m
/// memory: simplify rings of thousands of vertices before.
///
/// # Errors
/// [`Error::Polygon`] for a ring with fewer than three distinct points or one that
/// crosses or touches itself;
/// [`Error::NonFiniteLine`] for bad coordinates; [`Error::TooManySteps`] for more
/// than eight million pairs of vertices.
///
/// # References
/// E. Arkin, P. Chew, D. Huttenlocher, K. Kedem, J. Mitchell, *An efficiently
/// computable metric for comparing polygonal shapes*, 1991.
pub fn turning_distance(a: &LineString<f64>, b: &LineString<f64>) -> Result<f64> {
    let count = a.0.len() as f64 * b.0.len() as f64;
    if count > LIMIT {
        return Err(Error::TooManySteps { what: "turning distance", count, limit: LIMIT });
    }
    let (f, g) = (Turning::new(a)?, Turning::new(b)?);
    // f moves to the left by t. The mean square and the mean of f - g are linear in
    // t while no step of f passes one of g, and the best rotation takes the square
    // of the mean away: between two such events the distance is concave, so that a
    // smallest value lies at an event.
    let [mut mean, mut square] = f.difference(&g);
    let mut slope = f.initial_slope(&g);
    let mut events: Vec<(f64, f64)> = Vec::with_capacity(f.steps.len() * g.steps.len());
    for i in &f.steps {
        for j in &g.steps {
            let t = i.position - j.position;
            events.push((if t > 0.0 { t } else { t + 1.0 }, 2.0 * i.turn * j.turn));
        }
    }
    events.sort_unstable_by(|p, q| p.0.total_cmp(&q.0).then(p.1.total_cmp(&q.1)));
    let mut best = square - mean * mean;
    let mut now = 0.0;
    for (time, change) in events {
        square += slope * (time - now);
        mean += TAU * (time - now);
        best = best.min(square - mean * mean);
        slope += change;
        now = time;
    }
    Ok(best.max(0.0).sqrt())
}

/// A step of a turning function.
struct Step {
    /// Share of the boundary before the vertex, in `[0, 1)`.
    position: f64,
    /// Exterior angle at the vertex.
    turn: f64,
    /// Direction after the vertex, continuous along the boundary.
    after: f64,
}

/// The direction of a ring by the share of its length; it grows by a full turn per
/// round.
struct Turning {
    steps: Vec<Step>,
}

impl Turning {
    fn new(ring: &LineString<f64>) -> Result<Self> {
        check_line(ring)?;
        let mut closed = ring.clone();
        closed.close();
        // A ring that neither crosses nor touches itself turns once in all.
        validate_ring(&closed)?;
        let mut points = ring.0.clone();
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if signed_area(ring) < 0.0 {
            points.reverse();
        }
        let n = points.len();
        let lengths: Vec<f64> = (0..n).map(|i| between(points[i], points[(i + 1) % n])).collect();
        let total: f64 = lengths.iter().sum();
        let direction = |i: usize| -> Coord<f64> { points[(i + 1) % n] - points[i % n] };
        let first = direction(0);
        let (mut position, mut after) = (0.0, first.y.atan2(first.x));
        let mut steps = Vec::with_capacity(n);
        for (i, length) in lengths.iter().enumerate() {
            let turn = angle_between(direction(i + n - 1), direction(i));
            if i > 0 {
                after += turn;
            }
            steps.push(Step { position: position / total, turn, after });
            position += length;
        }
        Ok(Self { steps })
    }

    /// Integrals of `self - other` and its square over one round.
    fn difference(&self, other: &Self) -> [f64; 2] {
        let mut sums = [0.0; 2];
        let (mut i, mut j, mut now) = (0, 0, 0.0);
        while now < 1.0 {
            let end = |turning: &Self, k: usize| {
                turning.steps.get(k + 1).map_or(1.0, |step| step.position)
            };
            let (end_i, end_j) = (end(self, i), end(other, j));
            let next = end_i.min(end_j);
            let gap = self.steps[i].after - other.steps[j].after;
            sums[0] += gap * (next - now);
            sums[1] += gap * gap * (next - now);
            i += usize::from(end_i <= next && i + 1 < self.steps.len());
            j += usize::from(end_j <= next && j + 1 < other.steps.len());
            now = next;
        }
        sums
    }

    /// Derivative of the mean square as the steps of `self` begin to move left.
    fn initial_slope(&self, other: &Self) -> f64 {
        let terms = self.steps.iter().map(|step| {
            // Value of the other function just left of the step.
            let index = other.steps.partition_point(|q| q.position < step.position);
            let value = match index.checked_sub(1) {
                Some(index) => other.steps[index].after,
                None => other.steps[0].after - other.steps[0].turn,
            };
            step.turn * (2.0 * step.after - step.turn - 2.0 * value)
        });
        terms.sum()
    }
}

/// Angle from one direction to another, in `(-pi, pi]`.
fn angle_between(from: Coord<f64>, to: Coord<f64>) -> f64 {
    let angle = (from.x * to.y - from.y * to.x).atan2(from.x * to.x + from.y * to.y);
    if angle <= -PI { PI } else { angle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_and_its_half_step() {
        let square = LineString::from(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
        // Turned by 45 degrees, larger, and begun in the middle of a side.
        let turned = LineString::from(vec![
            (5.0, 5.0),
            (10.0, 10.0),
            (0.0, 20.0),
            (-10.0, 10.0),
            (0.0, 0.0),
            (5.0, 5.0),
        ]);
        assert!(turning_distance(&square, &turned).unwrap() < 1e-7);
    }

    #[test]
    fn square_and_rectangle() {
        // Sides of 3/8 and 1/8 against 1/4: begun at a common corner, the directions
        // differ by a right angle over two stretches of 1/8.
        let square = LineString::from(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
        let long = LineString::from(vec![(0.0, 0.0), (6.0, 0.0), (6.0, 2.0), (0.0, 2.0)]);
        let share: f64 = 0.25;
        let expected = 0.5 * PI * (share * (1.0 - share)).sqrt();
        assert!((turning_distance(&square, &long).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn bad_rings_are_refused() {
        let square = LineString::from(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
        let bow = LineString::from(vec![(0.0, 0.0), (4.0, 4.0), (4.0, 0.0), (0.0, 4.0)]);
        assert!(turning_distance(&square, &bow).is_err());
        let flat = LineString::from(vec![(0.0, 0.0), (4.0, 4.0), (0.0, 0.0)]);
        assert!(turning_distance(&square, &flat).is_err());
        assert!(turning_distance(&LineString(vec![]), &square).is_err());
    }
}
