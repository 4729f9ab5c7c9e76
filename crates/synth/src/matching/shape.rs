//! Quadrilaterals and segments.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use geo_types::{LineString, Polygon};
use mapvec_geometry::fill_coverage;
use ndarray::Array2;
use rand::Rng;

use super::config::MatchingConfig;
use super::style::real;
use crate::pattern::generator::pick;
use crate::pattern::plane::{Direction, Point};

/// What a pattern is drawn on.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Corners around a middle.
    Quadrilateral([Point; 4]),
    /// A piece of a line of some width, px.
    Segment { ends: [Point; 2], width: f64 },
}

impl Shape {
    /// A shape whose middle is on the canvas.
    pub(super) fn draw(config: &MatchingConfig, rng: &mut impl Rng) -> Self {
        let side = config.height.min(config.width) as f64;
        let middle = place(config, rng);
        if rng.random_bool(config.filled_prob) {
            let turn = rng.random_range(0.0..TAU);
            // A corner in every quarter, away from the next ones, so that the ring is simple.
            let corner = |i: usize| {
                let angle = turn + FRAC_PI_2 * i as f64 + rng.random_range(0.1..FRAC_PI_2 - 0.1);
                middle.step(Direction::of(angle), side * real(config.radius_range, rng))
            };
            let mut corners = [0, 1, 2, 3].map(corner);
            // All of them on the canvas, so that its shape is seen.
            for p in &mut corners {
                p.x = p.x.clamp(0.0, config.width as f64);
                p.y = p.y.clamp(0.0, config.height as f64);
            }
            return Self::Quadrilateral(corners);
        }
        let angle = rng.random_range(0.0..PI);
        let half = side * real(config.length_range, rng) / 2.0;
        let width = pick(rng, config.line_width_range) as f64;
        let way = Direction::of(angle);
        Self::Segment { ends: [middle.step(way, -half), middle.step(way, half)], width }
    }

    /// The same shape with its middle at another place of the canvas.
    pub(super) fn moved(&self, config: &MatchingConfig, rng: &mut impl Rng) -> Self {
        let middle = self.middle();
        let to = place(config, rng);
        let shift = |p: Point| Point { x: p.x + to.x - middle.x, y: p.y + to.y - middle.y };
        match self {
            Self::Quadrilateral(corners) => Self::Quadrilateral(corners.map(shift)),
            Self::Segment { ends, width } => Self::Segment { ends: ends.map(shift), width: *width },
        }
    }

    fn middle(&self) -> Point {
        let points: &[Point] = match self {
            Self::Quadrilateral(corners) => corners,
            Self::Segment { ends, .. } => ends,
        };
        let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        Point { x: mean(|p| p.x), y: mean(|p| p.y) }
    }

    /// Share of every pixel that it covers. A segment may be drawn with another width.
    pub(super) fn coverage(&self, (height, width): (usize, usize), line: Option<f64>) -> Vec<f32> {
        let ring = match self {
            Self::Quadrilateral(corners) => corners.map(|p| (p.x, p.y)),
            Self::Segment { ends: [a, b], width } => {
                let half = line.unwrap_or(*width) / 2.0 / a.distance(*b).max(1e-9);
                let (nx, ny) = (-(b.y - a.y) * half, (b.x - a.x) * half);
                [
                    (a.x + nx, a.y + ny),
                    (a.x - nx, a.y - ny),
                    (b.x - nx, b.y - ny),
                    (b.x + nx, b.y + ny),
                ]
            }
        };
        let ring: Vec<(f64, f64)> = ring.into_iter().chain([ring[0]]).collect();
        let mut plane = Array2::zeros((height, width));
        fill_coverage(&Polygon::new(LineString::from(ring), Vec::new()), &mut plane);
        plane.into_raw_vec_and_offset().0
    }
}

fn place(config: &MatchingConfig, rng: &mut impl Rng) -> Point {
    Point {
        x: rng.random_range(0.0..config.width as f64),
        y: rng.random_range(0.0..config.height as f64),
    }
}
