//! Text: setting a word in a font, along a straight or slightly bent line.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::fill_coverage;

use crate::cast::to_index;
use crate::draw::Draw;
use crate::glyphs::{Font, glyph};
use crate::planar::{normal, point, unit};
use crate::raster::Plane;

/// A word with the look of its letters.
#[derive(Debug, Clone)]
pub(crate) struct Lettering {
    pub(crate) text: String,
    pub(crate) font: Font,
    /// Type size in pixels (capitals are about 0.7 of it).
    pub(crate) size: f64,
    /// Horizontal scale.
    pub(crate) condensed: f64,
    /// Horizontal shift per unit of height.
    pub(crate) shear: f64,
    /// Extra space between letters, in type sizes.
    pub(crate) spacing: f64,
    /// Turn of the baseline per pixel.
    pub(crate) bend: f64,
}

impl Lettering {
    /// A word with random small deviations in width, slant and spacing.
    pub(crate) fn new(draw: &mut Draw, text: String, font: Font, size: f64) -> Self {
        let spacing =
            if draw.chance(0.15) { draw.range(0.1, 0.7) } else { draw.range(-0.03, 0.06) };
        Self {
            text,
            font,
            size,
            condensed: draw.range(0.72, 1.12),
            shear: match font {
                Font::SerifBold | Font::DidoneBold if draw.chance(0.45) => draw.range(0.25, 0.48),
                _ if draw.chance(0.2) => draw.range(-0.1, 0.3),
                _ => 0.0,
            },
            spacing,
            bend: 0.0,
        }
    }

    fn advance(&self, character: char) -> f64 {
        let natural = glyph(self.font, character).map_or(0.28, |glyph| glyph.advance);
        (natural * self.condensed + self.spacing) * self.size
    }

    /// Length of the word, px.
    pub(crate) fn width(&self) -> f64 {
        self.text.chars().map(|character| self.advance(character)).sum()
    }

    /// Draws the word around `centre`, reading in direction `angle`.
    pub(crate) fn draw(&self, centre: Coord<f64>, angle: f64, coverage: &mut Plane) {
        let mut place = -self.width() / 2.0;
        // The word is centred between baseline and x height.
        let lift = unit(angle + std::f64::consts::FRAC_PI_2) * (0.28 * self.size);
        for character in self.text.chars() {
            let advance = self.advance(character);
            if let Some(glyph) = glyph(self.font, character) {
                let middle = place + advance / 2.0;
                let along = unit(angle + self.bend * middle);
                let foot = self.on_baseline(centre + lift, angle, middle) - along * (advance / 2.0);
                if self.visible(foot, coverage) {
                    for outline in &glyph.outlines {
                        fill_coverage(&self.placed(outline, foot, along), coverage);
                    }
                }
            }
            place += advance;
        }
    }

    fn on_baseline(&self, centre: Coord<f64>, angle: f64, s: f64) -> Coord<f64> {
        let turn = self.bend * s;
        let (along, across) = if turn.abs() < 1e-4 {
            (s, 0.0)
        } else {
            (turn.sin() / self.bend, (1.0 - turn.cos()) / self.bend)
        };
        centre + unit(angle) * along + normal(unit(angle)) * across
    }

    fn visible(&self, foot: Coord<f64>, coverage: &Plane) -> bool {
        let reach = 2.0 * self.size;
        let inside = |v: f64, length: usize| v > -reach && v < length as f64 + reach;
        inside(foot.x, coverage.ncols()) && inside(foot.y, coverage.nrows())
    }

    fn placed(&self, outline: &Polygon<f64>, foot: Coord<f64>, along: Coord<f64>) -> Polygon<f64> {
        let across = normal(along);
        let place = |ring: &LineString<f64>| {
            LineString::new(
                ring.0
                    .iter()
                    .map(|p| {
                        let x = (p.x * self.condensed - p.y * self.shear) * self.size;
                        foot + along * x + across * (p.y * self.size)
                    })
                    .collect(),
            )
        };
        Polygon::new(place(outline.exterior()), outline.interiors().iter().map(place).collect())
    }
}

/// Which parts of a sheet already carry text, in cells of 6 px.
#[derive(Debug)]
pub(crate) struct Occupancy {
    side: usize,
    taken: Vec<bool>,
}

const CELL: f64 = 6.0;

impl Occupancy {
    pub(crate) fn new(side: f64) -> Self {
        let side = to_index(side / CELL) + 1;
        Self { side, taken: vec![false; side * side] }
    }

    /// The share of a word's cells that are taken already.
    pub(crate) fn overlap(&self, centre: Coord<f64>, angle: f64, size: (f64, f64)) -> f64 {
        let cells = self.cells(centre, angle, size);
        let taken = cells.iter().filter(|&&cell| self.taken[cell]).count();
        taken as f64 / cells.len().max(1) as f64
    }

    /// Marks a word's cells as taken.
    pub(crate) fn take(&mut self, centre: Coord<f64>, angle: f64, size: (f64, f64)) {
        for cell in self.cells(centre, angle, size) {
            self.taken[cell] = true;
        }
    }

    fn cells(&self, centre: Coord<f64>, angle: f64, (width, height): (f64, f64)) -> Vec<usize> {
        let (along, across) = (unit(angle), normal(unit(angle)));
        let steps = |length: f64| to_index(length / CELL) + 1;
        let mut cells = Vec::new();
        for i in 0..=steps(width) {
            for k in 0..=steps(height) {
                let s = width * (i as f64 / steps(width) as f64 - 0.5);
                let t = height * (k as f64 / steps(height) as f64 - 0.5);
                let p = (centre + along * s + across * t) / CELL;
                if p.x >= 0.0 && p.y >= 0.0 {
                    let (x, y) = (to_index(p.x), to_index(p.y));
                    if x < self.side && y < self.side {
                        cells.push(y * self.side + x);
                    }
                }
            }
        }
        cells
    }
}

/// Turns a direction so that text along it does not stand on its head.
pub(crate) fn upright(angle: f64) -> f64 {
    if angle.cos() < -1e-9 { angle + std::f64::consts::PI } else { angle }
}

/// A point on the sheet, slightly beyond its edges now and then.
pub(crate) fn anywhere(draw: &mut Draw, side: f64) -> Coord<f64> {
    point(draw.range(-0.03, 1.03) * side, draw.range(-0.03, 1.03) * side)
}
