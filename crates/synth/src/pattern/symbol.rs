//! Symbols: what they look like, and their pixels.

use std::f64::consts::TAU;

use rand::Rng;

use super::config::{SymbolConfig, SymbolKind};
use super::generator::pick;
use super::mask::BitMask;
use super::plane::Point;
use super::scene::Part;
use super::stroke::{add_convex, add_stroke, row_range};

/// Sides of a circle at most: more change no pixel of the largest canvas.
const MOST_SIDES: usize = 4096;

/// A symbol, to be drawn any number of times.
#[derive(Debug, Clone)]
pub(super) struct Symbol {
    kind: SymbolKind,
    size: usize,
    filled: bool,
    /// Step of thickness of the outline; none for filled symbols without one.
    border: Option<usize>,
    sides: usize,
}

impl Symbol {
    /// A random symbol; `kind` is drawn by the caller.
    pub(super) fn draw(config: &SymbolConfig, kind: SymbolKind, rng: &mut impl Rng) -> Self {
        let size = pick(rng, config.size_range);
        let filled = rng.random_bool(config.filled_prob) && kind != SymbolKind::Cross;
        let bordered = filled && rng.random_bool(config.add_borderline_prob);
        let thickness = pick(rng, config.borderline_thickness_range)
            .min(size.saturating_sub(config.min_borderline_thickness_diff));
        let border = if filled {
            (bordered && thickness > 0).then_some(thickness)
        } else {
            Some(thickness.max(1))
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 64 times 256"
        )]
        let sides = ((size as f64 * config.samples_per_unit) as usize).clamp(3, MOST_SIDES);
        Self { kind, size, filled, border, sides }
    }

    /// Diagonal of the square that it may touch, px.
    pub(super) fn diagonal(&self) -> f64 {
        (self.size + self.border.unwrap_or(0) / 2) as f64 * std::f64::consts::SQRT_2
    }

    /// Its outlines around the origin, the last point of a ring being the first.
    fn lines(&self) -> Vec<Vec<(f64, f64)>> {
        let h = self.size as f64 / 2.0;
        let ring = |points: Vec<(f64, f64)>| {
            let first = points[0];
            points.into_iter().chain([first]).collect()
        };
        match self.kind {
            SymbolKind::Rectangle => vec![ring(vec![(-h, -h), (h, -h), (h, h), (-h, h)])],
            SymbolKind::Triangle => vec![ring(vec![(-h, 0.0), (h, 0.0), (0.0, h)])],
            SymbolKind::Circle => {
                let corner = |i: usize| {
                    let angle = TAU * i as f64 / self.sides as f64;
                    (h * angle.cos(), h * angle.sin())
                };
                vec![ring((0..self.sides).map(corner).collect())]
            }
            SymbolKind::Cross => vec![vec![(-h, 0.0), (h, 0.0)], vec![(0.0, -h), (0.0, h)]],
        }
    }

    /// Its pixels around a centre, turned by an angle.
    pub(super) fn part(&self, centre: Point, angle: f64, size: usize) -> Part {
        let (sin, cos) = angle.sin_cos();
        let place = |&(x, y): &(f64, f64)| Point {
            x: (centre.x + x * cos - y * sin).round(),
            y: (centre.y + x * sin + y * cos).round(),
        };
        let lines: Vec<Vec<Point>> =
            self.lines().iter().map(|line| line.iter().map(place).collect()).collect();
        let width = self.border.map_or(1.0, |t| (2 * t - 1) as f64);
        let ys = || lines.iter().flatten().map(|p| p.y);
        let low = ys().fold(f64::INFINITY, f64::min) - width / 2.0;
        let high = ys().fold(f64::NEG_INFINITY, f64::max) + width / 2.0;
        let rows = row_range(low, high, size);
        let mut border = BitMask::empty(size, rows.clone());
        let mut fill = BitMask::empty(size, rows);
        let outline = |mask: &mut BitMask, width: f64| {
            for pair in lines.iter().flat_map(|line| line.windows(2)) {
                add_stroke(mask, [pair[0], pair[1]], width);
            }
        };
        if self.filled {
            for line in &lines {
                add_convex(&mut fill, &line[1..]);
            }
            // Pixels that the edges run through, as polygons of pixels have.
            outline(&mut fill, 1.0);
            if self.border.is_some() {
                outline(&mut border, width);
            }
            let mut full = fill;
            full.add(&border);
            return Part { full, border: self.border.map(|_| border), vector: None };
        }
        outline(&mut border, width);
        Part { full: border, border: None, vector: None }
    }
}
