//! A straight, circular or cubic piece.

use super::{CircularArc, CubicCurve};
use crate::simplify_line::distance_to_segment;
use geo_types::{Coord, Line, LineString};
use std::f64::consts::PI;

/// Largest number of pieces of a flattened curve.
const MAX_PIECES: f64 = 10_000.0;

/// A piece of a line, from the simplest kind to the most flexible.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Primitive {
    /// A straight segment.
    Line(Line<f64>),
    /// An arc of a circle.
    Arc(CircularArc),
    /// A cubic Bezier curve.
    Cubic(CubicCurve),
}

impl Primitive {
    /// Where the piece begins.
    #[must_use]
    pub fn start(&self) -> Coord<f64> {
        self.point_at(0.0)
    }

    /// Where the piece ends.
    #[must_use]
    pub fn end(&self) -> Coord<f64> {
        self.point_at(1.0)
    }

    /// The point at parameter `t`, 0 at the start and 1 at the end.
    #[must_use]
    pub fn point_at(&self, t: f64) -> Coord<f64> {
        match self {
            Self::Line(line) => line.start * (1.0 - t) + line.end * t,
            Self::Arc(arc) => arc.point_at(t),
            Self::Cubic(cubic) => cubic.point_at(t),
        }
    }

    /// Distance of a point from the piece (pixels).
    #[must_use]
    pub fn distance(&self, p: Coord<f64>) -> f64 {
        match self {
            Self::Line(line) => distance_to_segment(p, (line.start, line.end)),
            Self::Arc(arc) => arc.distance(p),
            Self::Cubic(cubic) => cubic.distance(p),
        }
    }

    /// The piece as a line string that strays from it by at most `tolerance` pixels
    /// and has at most 10 001 points.
    #[must_use]
    pub fn flatten(&self, tolerance: f64) -> LineString<f64> {
        let pieces = self.pieces(tolerance);
        let share = |k: u32| f64::from(k) / f64::from(pieces);
        LineString((0..=pieces).map(|k| self.point_at(share(k))).collect())
    }

    /// The parameter of the point of the piece nearest to a point.
    pub(super) fn nearest(&self, p: Coord<f64>) -> f64 {
        match self {
            Self::Line(line) => {
                let (d, v) = (line.delta(), p - line.start);
                let share = (v.x * d.x + v.y * d.y) / (d.x * d.x + d.y * d.y);
                if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
            }
            Self::Arc(arc) => arc.nearest(p),
            Self::Cubic(cubic) => cubic.nearest(p),
        }
    }

    /// Length of the largest second derivative between two parameters.
    pub(super) fn bend_between(&self, from: f64, to: f64) -> f64 {
        match self {
            Self::Line(_) => 0.0,
            Self::Arc(arc) => arc.radius() * arc.sweep * arc.sweep,
            Self::Cubic(cubic) => cubic.bend_at(from).max(cubic.bend_at(to)),
        }
    }

    /// Number of equal steps whose chords stray by at most `tolerance`.
    pub(super) fn pieces(&self, tolerance: f64) -> u32 {
        let tolerance = tolerance.max(0.0);
        let count = match self {
            Self::Line(_) => 1.0,
            Self::Arc(arc) => {
                // The middle of a chord lies r (1 - cos(step / 2)) off the circle.
                let cosine = (1.0 - tolerance / arc.radius()).clamp(0.0, 1.0);
                arc.sweep.abs() / (2.0 * cosine.acos()).min(0.5 * PI)
            }
            Self::Cubic(cubic) => (cubic.bend() / (8.0 * tolerance)).sqrt(),
        };
        // The cast of a whole number in range is exact; NaN becomes the minimum.
        floor_to_u32(count.ceil())
    }
}

#[expect(clippy::cast_sign_loss, reason = "the value is clamped to 1..=10000")]
fn floor_to_u32(count: f64) -> u32 {
    if count.is_nan() { 1 } else { count.clamp(1.0, MAX_PIECES) as u32 }
}
