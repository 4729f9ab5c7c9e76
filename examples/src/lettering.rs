//! Letters as polygons, for captions in pictures.

use anyhow::{Context, Result};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{Fill, repair_polygon};
use ttf_parser::{Face, OutlineBuilder};

const FONT: &[u8] = include_bytes!("../../crates/synth/fonts/sheet-sans-regular.ttf");
/// Width of a space and of an underscore, which the font lacks, in type sizes.
const GAP: f64 = 0.28;
const UNDERSCORE: f64 = 0.5;

/// The polygons of a line of text with its baseline starting at `at`; y points down.
///
/// # Errors
/// The font cannot be read.
pub fn letters(text: &str, size: f64, at: Coord<f64>) -> Result<Vec<Polygon<f64>>> {
    let face = Face::parse(FONT, 0).context("the embedded font")?;
    let scale = size / f64::from(face.units_per_em());
    let mut x = at.x;
    let mut polygons = Vec::new();
    for character in text.chars() {
        let Some(id) = face.glyph_index(character).filter(|_| character != ' ') else {
            if character == '_' {
                let bar = [(x, 0.08), (x + 0.46 * size, 0.08), (x + 0.46 * size, 0.14), (x, 0.14)];
                let bar = bar.map(|(x, y)| Coord { x, y: at.y + y * size });
                polygons.push(Polygon::new(LineString(bar.to_vec()), Vec::new()));
            }
            x += size * if character == '_' { UNDERSCORE } else { GAP };
            continue;
        };
        let mut outline = Outline { rings: Vec::new(), at: Coord { x, y: at.y }, scale };
        if face.outline_glyph(id, &mut outline).is_some() {
            polygons.extend(outline.filled()?);
        }
        x += scale * f64::from(face.glyph_hor_advance(id).unwrap_or_default());
    }
    Ok(polygons)
}

/// The contours of one letter, curves cut into pieces.
struct Outline {
    rings: Vec<Vec<Coord<f64>>>,
    at: Coord<f64>,
    scale: f64,
}

impl Outline {
    fn place(&self, x: f32, y: f32) -> Coord<f64> {
        self.at + Coord { x: f64::from(x), y: -f64::from(y) } * self.scale
    }

    fn push(&mut self, point: Coord<f64>) {
        self.rings.last_mut().into_iter().for_each(|ring| ring.push(point));
    }

    fn last(&self) -> Coord<f64> {
        self.rings.last().and_then(|ring| ring.last()).copied().unwrap_or(self.at)
    }

    /// Counters become holes by the even-odd rule.
    fn filled(self) -> Result<MultiPolygon<f64>> {
        let mut rings = self.rings.into_iter().map(LineString);
        let first = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Ok(repair_polygon(&Polygon::new(first, rings.collect()), Fill::EvenOdd)?)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.rings.push(vec![self.place(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.push(self.place(x, y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (a, b, c) = (self.last(), self.place(x1, y1), self.place(x, y));
        for t in [0.25, 0.5, 0.75, 1.0] {
            let (p, q) = (a + (b - a) * t, b + (c - b) * t);
            self.push(p + (q - p) * t);
        }
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        // As two quadratic curves: at this size the difference is not seen.
        let (a, b) = (self.last(), self.place(x1, y1));
        let (c, d) = (self.place(x2, y2), self.place(x, y));
        let middle = (a + (b + c) * 3.0 + d) / 8.0;
        for (start, control, end) in
            [(a, (a + b * 3.0) / 4.0, middle), (middle, (c * 3.0 + d) / 4.0, d)]
        {
            for t in [0.25, 0.5, 0.75, 1.0] {
                let (p, q) = (start + (control - start) * t, control + (end - control) * t);
                self.push(p + (q - p) * t);
            }
        }
    }

    fn close(&mut self) {}
}
