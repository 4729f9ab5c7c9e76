//! Circular arcs between two points.

use super::circle::taubin;
use geo_types::Coord;
use std::f64::consts::{PI, TAU};

/// Steps that refine the radius.
const STEPS: usize = 8;
/// Largest turn of one arc; a longer one hardly feels where its ends are.
const MAX_SWEEP: f64 = 1.5 * PI;

/// An arc of a circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircularArc {
    /// Where the arc begins.
    pub start: Coord<f64>,
    /// Where the arc ends.
    pub end: Coord<f64>,
    /// Centre of the circle.
    pub centre: Coord<f64>,
    /// Turn from start to end as seen from the centre (radians): positive from +x
    /// towards +y, less than a full turn.
    pub sweep: f64,
}

impl CircularArc {
    /// Radius of the circle (pixels).
    #[must_use]
    pub fn radius(&self) -> f64 {
        length(self.start - self.centre)
    }

    /// The point at a share of the way, 0 at the start and 1 at the end.
    #[must_use]
    pub fn point_at(&self, t: f64) -> Coord<f64> {
        if t <= 0.0 {
            return self.start;
        }
        if t >= 1.0 {
            return self.end;
        }
        let spoke = self.start - self.centre;
        let (s, c) = (t * self.sweep).sin_cos();
        self.centre + Coord { x: c * spoke.x - s * spoke.y, y: s * spoke.x + c * spoke.y }
    }

    /// Distance of a point from the arc.
    #[must_use]
    pub fn distance(&self, p: Coord<f64>) -> f64 {
        if self.turn(p) <= self.sweep.abs() {
            return (length(p - self.centre) - self.radius()).abs();
        }
        length(p - self.start).min(length(p - self.end))
    }

    /// The parameter of the point of the arc nearest to a point.
    pub(super) fn nearest(&self, p: Coord<f64>) -> f64 {
        let share = self.turn(p) / self.sweep.abs();
        if share <= 1.0 {
            return share;
        }
        if length(p - self.start) <= length(p - self.end) { 0.0 } else { 1.0 }
    }

    /// Angle from the start to a point as seen from the centre, in the sense of the arc.
    fn turn(&self, p: Coord<f64>) -> f64 {
        let turn = angle(self.start - self.centre, p - self.centre);
        if self.sweep < 0.0 { (TAU - turn) % TAU } else { turn }
    }

    /// The arc from the first to the last of some points that fits the ones between
    /// best; `None` where a line or no arc does better.
    pub(super) fn fit(points: &[Coord<f64>]) -> Option<Self> {
        let (&start, &end) = (points.first()?, points.last()?);
        let chord = end - start;
        let half = 0.5 * length(chord);
        let normal = Coord { x: -chord.y, y: chord.x } / (2.0 * half);
        let middle = (start + end) * 0.5;
        // The centre may only move along the bisector, at height h.
        let free = taubin(points)?.centre - middle;
        let mut height = free.x * normal.x + free.y * normal.y;
        for _ in 0..STEPS {
            let (mut square, mut slope) = (0.0, 0.0);
            let radius = height.hypot(half);
            for &p in points {
                let v = p - middle - normal * height;
                let distance = length(v);
                let residual = distance - radius;
                let derivative = -(v.x * normal.x + v.y * normal.y) / distance - height / radius;
                square += derivative * derivative;
                slope += derivative * residual;
            }
            let next = height - slope / square;
            if !next.is_finite() {
                break;
            }
            height = next;
        }
        let centre = middle + normal * height;
        let (spoke, last) = (start - centre, end - centre);
        let forwards = angle(spoke, last);
        // The middle point says which way round.
        let sweep = if angle(spoke, points[points.len() / 2] - centre) <= forwards {
            forwards
        } else {
            forwards - TAU
        };
        let usable = sweep.abs() <= MAX_SWEEP && sweep.abs() > 0.0 && half > 0.0;
        usable.then_some(Self { start, end, centre, sweep })
    }
}

/// Angle from one direction to another, in `[0, 2 pi)`.
fn angle(from: Coord<f64>, to: Coord<f64>) -> f64 {
    let cross = from.x * to.y - from.y * to.x;
    let dot = from.x * to.x + from.y * to.y;
    cross.atan2(dot).rem_euclid(TAU) % TAU
}

fn length(v: Coord<f64>) -> f64 {
    v.x.hypot(v.y)
}
