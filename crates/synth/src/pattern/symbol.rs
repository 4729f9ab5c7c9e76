//! Symbols: what they look like, and their pixels.

use std::f64::consts::TAU;

use rand::Rng;

use super::config::{SymbolConfig, SymbolKind};
use super::generator::pick;
use super::mask::BitMask;
use super::plane::{Point, round};
use super::scene::Part;
use super::stroke::{add_convex, add_stroke, row_range};

/// Sides of a circle at most: more change no pixel of the largest canvas.
const MOST_SIDES: usize = 4096;

/// A symbol, to be drawn any number of times.
#[derive(Debug, Clone)]
pub(super) struct Symbol {
    size: usize,
    filled: bool,
    /// Step of thickness of the outline; none for filled symbols without one.
    border: Option<usize>,
    /// Its outlines around the origin, the last point of a ring being the first.
    lines: Vec<Vec<(f64, f64)>>,
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
        Self { size, filled, border, lines: lines(kind, size as f64 / 2.0, sides) }
    }

    /// Diagonal of the square that it may touch, px.
    pub(super) fn diagonal(&self) -> f64 {
        (self.size + self.border.unwrap_or(0) / 2) as f64 * std::f64::consts::SQRT_2
    }

    /// Its pixels around a centre, turned by an angle.
    pub(super) fn part(&self, centre: Point, angle: f64, size: usize) -> Part {
        let (sin, cos) = angle.sin_cos();
        let place = |&(x, y): &(f64, f64)| Point {
            x: round(centre.x + x * cos - y * sin),
            y: round(centre.y + x * sin + y * cos),
        };
        let points: Vec<Point> = self.lines.iter().flatten().map(place).collect();
        let width = self.border.map_or(1.0, |t| (2 * t - 1) as f64);
        let low = points.iter().map(|p| p.y).fold(f64::INFINITY, f64::min) - width / 2.0;
        let high = points.iter().map(|p| p.y).fold(f64::NEG_INFINITY, f64::max) + width / 2.0;
        let rows = row_range(low, high, size);
        // All lines of a symbol have the same number of points.
        let lines = || points.chunks_exact(self.lines[0].len());
        let outline = |width: f64| {
            let mut mask = BitMask::empty(size, rows.clone());
            for pair in lines().flat_map(|line| line.windows(2)) {
                add_stroke(&mut mask, [pair[0], pair[1]], width);
            }
            mask
        };
        if !self.filled {
            return Part { full: outline(width), border: None, vector: None };
        }
        // With the pixels that the edges run through, as polygons of pixels have.
        let mut full = outline(1.0);
        for line in lines() {
            add_convex(&mut full, &line[1..]);
        }
        let border = self.border.map(|_| outline(width));
        if let Some(border) = &border {
            full.add(border);
        }
        Part { full, border, vector: None }
    }
}

/// The outlines of a symbol, `h` being half its size: as many points in each.
fn lines(kind: SymbolKind, h: f64, sides: usize) -> Vec<Vec<(f64, f64)>> {
    match kind {
        SymbolKind::Rectangle => vec![vec![(-h, -h), (h, -h), (h, h), (-h, h), (-h, -h)]],
        SymbolKind::Triangle => vec![vec![(-h, 0.0), (h, 0.0), (0.0, h), (-h, 0.0)]],
        SymbolKind::Circle => {
            let corner = |i: usize| {
                let angle = TAU * (i % sides) as f64 / sides as f64;
                (h * angle.cos(), h * angle.sin())
            };
            vec![(0..=sides).map(corner).collect()]
        }
        SymbolKind::Cross => vec![vec![(-h, 0.0), (h, 0.0)], vec![(0.0, -h), (0.0, h)]],
    }
}
