//! Outlines of the letters, from the fonts embedded in the crate.

use std::sync::OnceLock;

use geo_types::{Coord, LineString, Polygon};
use ttf_parser::{Face, OutlineBuilder};

use crate::planar::{Points, area, point};

/// Characters used on sheets; `fonts/README.md` tells what the files hold.
const CHARACTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\
    .,;:'()-/&ÀÂÇÉÈÊËÎÏÔÖŒÙÛÜàâäçéèêëîïôöœùûüğĞıİşŞáíóúñ°";

const FILES: [&[u8]; 8] = [
    include_bytes!("../fonts/sheet-serif-regular.ttf"),
    include_bytes!("../fonts/sheet-serif-italic.ttf"),
    include_bytes!("../fonts/sheet-serif-bold.ttf"),
    include_bytes!("../fonts/sheet-didone-regular.otf"),
    include_bytes!("../fonts/sheet-didone-italic.otf"),
    include_bytes!("../fonts/sheet-didone-bold.otf"),
    include_bytes!("../fonts/sheet-sans-regular.ttf"),
    include_bytes!("../fonts/sheet-sans-bold.ttf"),
];

/// One of the embedded fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Font {
    SerifRegular,
    SerifItalic,
    SerifBold,
    DidoneRegular,
    DidoneItalic,
    DidoneBold,
    SansRegular,
    SansBold,
}

/// A letter: advance and outlines in units of the type size, y down, baseline at 0.
#[derive(Debug, Clone)]
pub(crate) struct Glyph {
    character: char,
    pub(crate) advance: f64,
    pub(crate) outlines: Vec<Polygon<f64>>,
}

/// The letter of a font; `None` for characters outside the set (a space is one of them).
pub(crate) fn glyph(font: Font, character: char) -> Option<&'static Glyph> {
    static FONTS: OnceLock<Vec<Vec<Glyph>>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| FILES.iter().map(|bytes| load(bytes)).collect());
    let glyphs = fonts.get(font as usize)?;
    let index = glyphs.binary_search_by_key(&character, |glyph| glyph.character).ok()?;
    glyphs.get(index)
}

fn load(bytes: &[u8]) -> Vec<Glyph> {
    let Ok(face) = Face::parse(bytes, 0) else { return Vec::new() };
    let unit = 1.0 / f64::from(face.units_per_em());
    let mut glyphs: Vec<Glyph> = CHARACTERS
        .chars()
        .filter_map(|character| {
            let id = face.glyph_index(character)?;
            let mut flattener = Flattener { unit, contours: Vec::new() };
            face.outline_glyph(id, &mut flattener)?;
            let advance = f64::from(face.glyph_hor_advance(id)?) * unit;
            Some(Glyph { character, advance, outlines: outlines(flattener.contours) })
        })
        .collect();
    glyphs.sort_by_key(|glyph| glyph.character);
    glyphs
}

/// Groups contours into polygons: the turn of the largest contour marks outer rings,
/// the others are holes of the first outer ring around them.
fn outlines(contours: Vec<Points>) -> Vec<Polygon<f64>> {
    let contours: Vec<Points> = contours.into_iter().filter(|c| c.len() > 2).collect();
    let largest = contours
        .iter()
        .map(|contour| area(contour))
        .fold(0.0_f64, |best, a| if a.abs() > best.abs() { a } else { best });
    let (outer, holes): (Vec<Points>, Vec<Points>) =
        contours.into_iter().partition(|contour| area(contour) * largest > 0.0);
    let mut inner: Vec<Vec<LineString<f64>>> = vec![Vec::new(); outer.len()];
    for hole in holes {
        if let Some(index) = outer.iter().position(|ring| contains(ring, hole[0])) {
            inner[index].push(LineString::new(hole));
        }
    }
    outer
        .into_iter()
        .zip(inner)
        .map(|(ring, holes)| Polygon::new(LineString::new(ring), holes))
        .collect()
}

/// Even-odd point in ring.
fn contains(ring: &[Coord<f64>], p: Coord<f64>) -> bool {
    crate::planar::edges(ring).fold(false, |inside, (a, b)| {
        let crosses =
            (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x;
        inside != crosses
    })
}

/// Collects contours, curves cut into a few segments (letters are tens of pixels tall).
#[derive(Debug)]
struct Flattener {
    unit: f64,
    contours: Vec<Points>,
}

impl Flattener {
    fn scaled(&self, x: f32, y: f32) -> Coord<f64> {
        point(f64::from(x) * self.unit, -f64::from(y) * self.unit)
    }

    fn push(&mut self, p: Coord<f64>) {
        if let Some(contour) = self.contours.last_mut() {
            contour.push(p);
        }
    }

    fn last(&self) -> Coord<f64> {
        self.contours.last().and_then(|c| c.last()).copied().unwrap_or(point(0.0, 0.0))
    }
}

impl OutlineBuilder for Flattener {
    fn move_to(&mut self, x: f32, y: f32) {
        self.contours.push(vec![self.scaled(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.push(self.scaled(x, y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (a, b, c) = (self.last(), self.scaled(x1, y1), self.scaled(x, y));
        for t in [1.0 / 3.0, 2.0 / 3.0, 1.0] {
            let (p, q) = (a + (b - a) * t, b + (c - b) * t);
            self.push(p + (q - p) * t);
        }
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (a, b) = (self.last(), self.scaled(x1, y1));
        let (c, d) = (self.scaled(x2, y2), self.scaled(x, y));
        for t in [0.2, 0.4, 0.6, 0.8, 1.0] {
            let s = 1.0 - t;
            let p = a * (s * s * s) + b * (3.0 * s * s * t) + c * (3.0 * s * t * t);
            self.push(p + d * (t * t * t));
        }
    }

    fn close(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::{CHARACTERS, FILES, glyph, load};
    use crate::glyphs::Font;

    #[test]
    fn every_font_holds_every_character() {
        for (index, file) in FILES.iter().enumerate() {
            assert_eq!(load(file).len(), CHARACTERS.chars().count(), "font {index}");
        }
    }

    #[test]
    fn counters_are_holes() {
        let holes = |font, c| {
            glyph(font, c).map(|g| g.outlines.iter().map(|p| p.interiors().len()).sum::<usize>())
        };
        for font in [Font::SerifBold, Font::DidoneItalic, Font::SansRegular] {
            assert_eq!(holes(font, 'B'), Some(2), "{font:?}");
            assert_eq!(holes(font, 'O'), Some(1), "{font:?}");
            assert_eq!(holes(font, 'L'), Some(0), "{font:?}");
        }
        let dotted = glyph(Font::SansRegular, 'i').map(|g| g.outlines.len());
        assert_eq!(dotted, Some(2), "an i has a dot");
    }
}
