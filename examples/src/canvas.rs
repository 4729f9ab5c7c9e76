//! Pictures of panels with captions, drawn once and written as PNG and SVG.

use anyhow::Result;
use geo_types::{Coord, Geometry, LineString, Polygon};
use mapvec_data::{Feature, SvgClass, SvgStyle, encode_png, to_svg_with, write_all_atomic};
use mapvec_geometry::{
    Affine, Cap, Dash, Join, Stroke, dash_line, fill_coverage, polygonize, stroke_coverage,
};
use ndarray::{Array2, Array3, ArrayView2};
use serde_json::{Map, json};
use std::path::Path;

use crate::lettering::letters;

/// Red, green and blue.
pub type Colour = [u8; 3];
/// Colours that can be told apart, also in print.
pub const COLOURS: [Colour; 6] = [BLUE, ORANGE, GREEN, RED, VIOLET, [120, 94, 60]];
#[allow(missing_docs, reason = "the names say it")]
pub const BLUE: Colour = [31, 90, 200];
#[allow(missing_docs, reason = "the names say it")]
pub const ORANGE: Colour = [230, 120, 20];
#[allow(missing_docs, reason = "the names say it")]
pub const GREEN: Colour = [30, 140, 70];
#[allow(missing_docs, reason = "the names say it")]
pub const RED: Colour = [205, 40, 45];
#[allow(missing_docs, reason = "the names say it")]
pub const VIOLET: Colour = [130, 80, 170];
#[allow(missing_docs, reason = "the names say it")]
pub const GREY: Colour = [140, 140, 140];
#[allow(missing_docs, reason = "the names say it")]
pub const BLACK: Colour = [30, 30, 30];

/// Width and height of a panel in most pictures, px.
pub const PANEL: [f64; 2] = [420.0, 300.0];
/// Sizes of what surrounds a panel, px.
const CAPTION: f64 = 26.0;
const GAP: f64 = 22.0;
const TYPE: f64 = 15.0;

/// A sheet of panels; what is drawn goes into the panel begun last, in its own units.
#[derive(Debug)]
pub struct Canvas {
    columns: usize,
    /// Width and height of a panel.
    panel: [f64; 2],
    panels: usize,
    /// From the units of the panel to pixels.
    view: Affine,
    scale: f64,
    inks: Vec<Ink>,
}

/// One shape in pixels and how it looks.
#[derive(Debug)]
struct Ink {
    shape: Geometry<f64>,
    colour: Colour,
    /// Opacity of an area.
    opacity: f64,
    /// Width of a line.
    width: f64,
}

impl Canvas {
    /// A sheet with this many panels beside each other, of a width and height in px.
    #[must_use]
    pub fn new(columns: usize, panel: [f64; 2]) -> Self {
        Self { columns, panel, panels: 0, view: Affine::IDENTITY, scale: 1.0, inks: Vec::new() }
    }

    /// Number of shapes drawn.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inks.len()
    }

    /// Whether nothing is drawn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inks.is_empty()
    }

    /// Begins a panel that is `units` wide.
    ///
    /// # Errors
    /// The title cannot be set.
    pub fn panel(&mut self, title: &str, units: f64) -> Result<()> {
        let corner = self.corner(self.panels);
        self.panels += 1;
        let [width, height] = self.panel;
        self.set(corner + Coord { x: 0.0, y: -8.0 }, title, BLACK)?;
        self.view = Affine::IDENTITY;
        self.scale = 1.0;
        let frame = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height), (0.0, 0.0)];
        let frame = frame.map(|(x, y)| corner + Coord { x, y });
        self.line(&LineString(frame.to_vec()), GREY, 1.0);
        self.scale = width / units;
        self.view = Affine::new([self.scale, 0.0, corner.x], [0.0, self.scale, corner.y])?;
        Ok(())
    }

    /// Writes a line of text below the panel.
    ///
    /// # Errors
    /// The text cannot be set.
    pub fn note(&mut self, text: &str) -> Result<()> {
        let foot = Coord { x: 0.0, y: self.panel[1] + 18.0 };
        self.set(self.corner(self.panels.saturating_sub(1)) + foot, text, [80, 80, 80])
    }

    /// Writes a word into the panel, its baseline starting at a place.
    ///
    /// # Errors
    /// The text cannot be set.
    pub fn label(&mut self, at: Coord<f64>, text: &str, colour: Colour) -> Result<()> {
        self.set(self.view.apply(at), text, colour)
    }

    fn set(&mut self, at: Coord<f64>, text: &str, colour: Colour) -> Result<()> {
        for letter in letters(text, TYPE, at)? {
            self.inks.push(Ink { shape: letter.into(), colour, opacity: 1.0, width: 0.0 });
        }
        Ok(())
    }

    /// Fills a polygon.
    pub fn area(&mut self, polygon: &Polygon<f64>, colour: Colour, opacity: f64) {
        let shape = self.view.apply_shape(polygon).into();
        self.inks.push(Ink { shape, colour, opacity, width: 0.0 });
    }

    /// Draws a line, `width` in pixels of the picture.
    pub fn line(&mut self, line: &LineString<f64>, colour: Colour, width: f64) {
        let shape = self.view.apply_shape(line).into();
        self.inks.push(Ink { shape, colour, opacity: 1.0, width });
    }

    /// Draws a line of dashes.
    ///
    /// # Errors
    /// The line has no length.
    pub fn dashes(&mut self, line: &LineString<f64>, colour: Colour, width: f64) -> Result<()> {
        let dash = Dash { on: 6.0 / self.scale, off: 5.0 / self.scale, offset: 0.0 };
        for piece in dash_line(line, &dash)? {
            self.line(&piece, colour, width);
        }
        Ok(())
    }

    /// Draws the rings of a polygon.
    pub fn outline(&mut self, polygon: &Polygon<f64>, colour: Colour, width: f64) {
        for ring in rings(polygon) {
            self.line(ring, colour, width);
        }
    }

    /// Draws points, `radius` in pixels of the picture.
    pub fn dots<'a>(
        &mut self,
        points: impl IntoIterator<Item = &'a Coord<f64>>,
        colour: Colour,
        radius: f64,
    ) {
        for &point in points {
            let corner = |k: u32| {
                let angle = f64::from(k) * std::f64::consts::TAU / 16.0;
                point + Coord { x: angle.cos(), y: angle.sin() } * (radius / self.scale)
            };
            let disc = LineString((0..16).map(corner).collect());
            self.area(&Polygon::new(disc, Vec::new()), colour, 1.0);
        }
    }

    /// Draws an arrow.
    pub fn arrow(&mut self, from: Coord<f64>, to: Coord<f64>, colour: Colour, width: f64) {
        let back = from - to;
        let length = back.x.hypot(back.y);
        self.line(&LineString(vec![from, to]), colour, width);
        if length > 0.0 {
            let head =
                back * ((3.0 + 2.0 * width) / (length * self.scale)).min(0.5 / length.min(1.0));
            let side = Coord { x: -head.y, y: head.x } * 0.45;
            let barbs = vec![to + head + side, to, to + head - side];
            self.line(&LineString(barbs), colour, width);
        }
    }

    /// Fills the pixels of a label map (units of the panel); labels take turns in colours.
    pub fn cells(&mut self, labels: ArrayView2<'_, u32>, opacity: f64) {
        for (id, face) in polygonize(labels).polygons() {
            self.area(&face, COLOURS[(id as usize - 1) % COLOURS.len()], opacity);
        }
    }

    /// Fills pixels as dark as their values in [0, 1].
    pub fn shades(&mut self, values: ArrayView2<'_, f32>, colour: Colour) {
        for ((row, column), &value) in values.indexed_iter().filter(|&(_, &value)| value > 0.0) {
            let (x, y) = (column as f64, row as f64);
            let square = vec![(x, y), (x + 1.0, y), (x + 1.0, y + 1.0), (x, y + 1.0)];
            self.area(&Polygon::new(square.into(), Vec::new()), colour, f64::from(value.min(1.0)));
        }
    }

    /// Draws the borders of pixels over the whole panel.
    pub fn grid(&mut self) {
        let [width, height] = self.panel.map(|side| side / self.scale);
        let mut at = 1.0;
        while at < width {
            if at < height {
                self.line(&vec![(0.0, at), (width, at)].into(), [215, 215, 215], 0.5);
            }
            self.line(&vec![(at, 0.0), (at, height)].into(), [215, 215, 215], 0.5);
            at += 1.0;
        }
    }

    /// Writes NAME.png and NAME.svg.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let png = encode_png(self.paint()?.view())?;
        write_all_atomic(&[(&file("png"), &png), (&file("svg"), self.svg()?.as_bytes())])?;
        Ok(())
    }

    fn corner(&self, panel: usize) -> Coord<f64> {
        let (row, column) = (panel / self.columns, panel % self.columns);
        let x = GAP + column as f64 * (self.panel[0] + GAP);
        Coord { x, y: CAPTION + 6.0 + row as f64 * (self.panel[1] + 2.0 * CAPTION + GAP) }
    }

    /// Width and height, px.
    fn size(&self) -> [u32; 2] {
        let rows = self.panels.div_ceil(self.columns);
        let width = GAP + self.columns as f64 * (self.panel[0] + GAP);
        let height = 6.0 + rows as f64 * (self.panel[1] + 2.0 * CAPTION + GAP);
        [width, height].map(whole)
    }

    /// The picture, drawn with exact coverage.
    fn paint(&self) -> Result<Array3<u8>> {
        let [width, height] = self.size().map(|side| side as usize);
        let mut picture = Array3::from_elem((height, width, 3), 255);
        for ink in &self.inks {
            let (low, high) = bounds(&ink.shape, ink.width + 2.0);
            let [x, y] = [low.x, low.y].map(|v| whole(v.floor()) as usize);
            let right = (whole(high.x.ceil()) as usize).min(width).max(x);
            let bottom = (whole(high.y.ceil()) as usize).min(height).max(y);
            let mut coverage = Array2::zeros((bottom - y, right - x));
            let place = Affine::new([1.0, 0.0, -(x as f64)], [0.0, 1.0, -(y as f64)])?;
            match place.apply_shape(&ink.shape) {
                Geometry::Polygon(polygon) => fill_coverage(&polygon, &mut coverage),
                Geometry::LineString(line) if mapvec_geometry::validate_line(&line).is_ok() => {
                    let (cap, join) = (Cap::Butt, Join::Round);
                    let stroke = Stroke { width: ink.width, cap, join, dash: None };
                    stroke_coverage(&line, &stroke, &mut coverage)?;
                }
                _ => {}
            }
            for ((i, j), share) in coverage.indexed_iter().filter(|&(_, &share)| share > 0.0) {
                for (c, tone) in ink.colour.into_iter().enumerate() {
                    let value = &mut picture[[y + i, x + j, c]];
                    let share = f64::from(*share) * ink.opacity;
                    *value = byte(f64::from(*value) * (1.0 - share) + f64::from(tone) * share);
                }
            }
        }
        Ok(picture)
    }

    /// The same shapes as SVG: a class for each run of shapes that look the same.
    fn svg(&self) -> Result<String> {
        let [width, height] = self.size();
        let mut style = SvgStyle { classes: Vec::new(), ..SvgStyle::default() };
        let mut features = Vec::new();
        for ink in &self.inks {
            let [r, g, b] = ink.colour;
            let colour = format!("#{r:02x}{g:02x}{b:02x}");
            let none = || "none".to_owned();
            let (fill, stroke) = if ink.width > 0.0 { (none(), colour) } else { (colour, none()) };
            let class = SvgClass {
                class: style.classes.len().saturating_sub(1).to_string(),
                fill,
                fill_opacity: ink.opacity,
                stroke,
                stroke_width: ink.width,
            };
            if style.classes.last() != Some(&class) {
                let class_name = style.classes.len().to_string();
                style.classes.push(SvgClass { class: class_name, ..class });
            }
            let name = (style.classes.len() - 1).to_string();
            let properties = Map::from_iter([("class".to_owned(), json!(name))]);
            features.push(Feature { geometry: ink.shape.clone(), properties });
        }
        Ok(to_svg_with(&features, width, height, &style)?)
    }
}

/// All rings of a polygon, the exterior first.
pub fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

/// Lower and upper corner of a polygon or line, with a margin.
#[must_use]
pub fn bounds(shape: &Geometry<f64>, margin: f64) -> (Coord<f64>, Coord<f64>) {
    let line = match shape {
        Geometry::Polygon(polygon) => polygon.exterior(),
        Geometry::LineString(line) => line,
        _ => &LineString(Vec::new()),
    };
    let mut low = Coord { x: f64::MAX, y: f64::MAX };
    let mut high = Coord { x: 0.0_f64, y: 0.0_f64 };
    for p in line.coords() {
        low = Coord { x: low.x.min(p.x - margin), y: low.y.min(p.y - margin) };
        high = Coord { x: high.x.max(p.x + margin), y: high.y.max(p.y + margin) };
    }
    (low, high)
}

#[expect(clippy::cast_sign_loss, reason = "negative numbers become 0")]
fn whole(value: f64) -> u32 {
    value as u32
}

#[expect(clippy::cast_sign_loss, reason = "the value lies within 0 and 255")]
fn byte(value: f64) -> u8 {
    (value + 0.5) as u8
}
