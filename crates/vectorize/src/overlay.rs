//! The picture with the found vectors drawn over it.

use geo_types::LineString;
use mapvec_geometry::{Cap, Join, Stroke, fill_coverage, stroke_coverage};
use ndarray::{Array2, Array3, ArrayView3};

use crate::{Error, Result, ShapeClass, Vectorized};

/// Colours and widths of an overlay.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlayStyle {
    /// Colour of the outlines of shapes.
    pub shape: [u8; 3],
    /// Colour of the outlines of background regions.
    pub background: [u8; 3],
    /// Colour that fills a third of hatched shapes.
    pub hatched: [u8; 3],
    /// Colour of line features.
    pub line: [u8; 3],
    /// Width of outlines in pixels; line features are drawn twice as wide.
    pub width: f64,
    /// How much of the picture fades towards white, 0 to 1.
    pub fade: f32,
}

impl Default for OverlayStyle {
    fn default() -> Self {
        Self {
            shape: [214, 39, 40],
            background: [150, 110, 160],
            hatched: [30, 140, 70],
            line: [31, 90, 200],
            width: 1.5,
            fade: 0.25,
        }
    }
}

/// Draws what was found over the picture it was found in.
///
/// # Errors
/// The picture is not the RGB picture that `found` was found in, or the style's width is
/// not a positive number.
pub fn draw_overlay(
    image: ArrayView3<'_, u8>,
    found: &Vectorized,
    style: &OverlayStyle,
) -> Result<Array3<u8>> {
    let (height, width, channels) = image.dim();
    if channels != 3 {
        return Err(Error::Channels { channels });
    }
    if (height, width) != found.shapes.regions.dim() {
        let (rows, columns) = found.shapes.regions.dim();
        let value = format!("{width} x {height}");
        return Err(Error::OtherPicture { value, expected: format!("{columns} x {rows}") });
    }
    let mut picture = image.mapv(|v| mix(v, 255, style.fade));
    let mut ink = Array2::zeros((height, width));
    for shape in found.shapes.shapes.iter().filter(|shape| shape.hatching.is_some()) {
        fill_coverage(&shape.polygon, &mut ink);
    }
    ink.mapv_inplace(|share| share / 3.0);
    blend(&mut picture, &ink, style.hatched);
    for (class, color) in
        [(ShapeClass::Background, style.background), (ShapeClass::Shape, style.shape)]
    {
        let mut ink = Array2::zeros((height, width));
        for shape in found.shapes.shapes.iter().filter(|s| s.class == class) {
            draw(shape.polygon.exterior(), style.width, &mut ink)?;
            for hole in shape.polygon.interiors() {
                draw(hole, style.width, &mut ink)?;
            }
        }
        blend(&mut picture, &ink, color);
    }
    let mut ink = Array2::zeros((height, width));
    for line in &found.lines {
        draw(&line.line, 2.0 * style.width, &mut ink)?;
    }
    blend(&mut picture, &ink, style.line);
    Ok(picture)
}

/// `share` of `to`, the rest of `from`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn mix(from: u8, to: u8, share: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    (from + (to - from) * share).round().clamp(0.0, 255.0) as u8
}

fn draw(line: &LineString<f64>, width: f64, ink: &mut Array2<f32>) -> Result<()> {
    let stroke = Stroke { width, cap: Cap::Round, join: Join::Round, dash: None };
    Ok(stroke_coverage(line, &stroke, ink)?)
}

fn blend(picture: &mut Array3<u8>, ink: &Array2<f32>, color: [u8; 3]) {
    for ((y, x), coverage) in ink.indexed_iter() {
        if *coverage > 0.0 {
            for (c, tone) in color.iter().enumerate() {
                let value = &mut picture[[y, x, c]];
                *value = mix(*value, *tone, *coverage);
            }
        }
    }
}
