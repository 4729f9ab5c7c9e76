//! Patterns of lines drawn over their picture.

use anyhow::Result;
use geo_types::Coord;
use mapvec_fourier::LinePattern;
use mapvec_geometry::{Stroke, fill_coverage, stroke_coverage};
use ndarray::{Array2, Array3, s};

use crate::canvas::COLOURS;
use crate::lettering::letters;

/// Height of the numbers, px.
const TYPE: f64 = 15.0;

/// Fills the areas of patterns faintly and draws their lines, each pattern in a colour, with its
/// number from 1 on it.
///
/// # Errors
/// A line cannot be drawn.
pub fn draw(picture: &Array3<u8>, patterns: &[LinePattern]) -> Result<Array3<u8>> {
    let mut out = picture.mapv(|tone| mixed(tone, 255, 0.35));
    let size = (out.dim().0, out.dim().1);
    let (mut areas, mut strokes) = (Array2::<f32>::zeros(size), Array2::<f32>::zeros(size));
    // Patterns of a colour are drawn together, so that a picture is passed a few times only.
    for (first, colour) in COLOURS.iter().enumerate() {
        areas.fill(0.0);
        strokes.fill(0.0);
        for pattern in patterns.iter().skip(first).step_by(COLOURS.len()) {
            pattern.extent.0.iter().for_each(|polygon| fill_coverage(polygon, &mut areas));
            for line in &pattern.lines {
                stroke_coverage(&line.line, &Stroke::default(), &mut strokes)?;
            }
        }
        for ((y, x, channel), tone) in out.indexed_iter_mut() {
            let share = (0.25 * areas[(y, x)]).max(strokes[(y, x)]);
            *tone = mixed(*tone, colour[channel], share);
        }
    }
    for (pattern, number) in patterns.iter().zip(1..) {
        // On a line, since the centre of a pattern that bends may lie outside it.
        let Some(line) = pattern.lines.get(pattern.lines.len() / 2) else { continue };
        if let Some(part) = line.line.lines().nth(line.line.0.len().saturating_sub(1) / 2) {
            draw_number(&mut out, number, (part.start + part.end) / 2.0)?;
        }
    }
    Ok(out)
}

/// Writes a number on white around a place, moved into the picture where it would leave it.
#[expect(clippy::cast_sign_loss, reason = "corners are 0 or more")]
fn draw_number(picture: &mut Array3<u8>, number: usize, at: Coord<f64>) -> Result<()> {
    let text = number.to_string();
    let (height, width) = (TYPE + 2.0, TYPE * (0.62 * text.len() as f64 + 0.3));
    let inside =
        |at: f64, size: f64, most: usize| (at - size / 2.0).min(most as f64 - size).max(0.0);
    let corner =
        Coord { x: inside(at.x, width, picture.dim().1), y: inside(at.y, height, picture.dim().0) };
    let size = (picture.dim().0, picture.dim().1);
    let far = corner + Coord { x: width, y: height };
    let box_rows = corner.y as usize..(far.y.ceil() as usize).min(size.0);
    let box_columns = corner.x as usize..(far.x.ceil() as usize).min(size.1);
    picture.slice_mut(s![box_rows.clone(), box_columns.clone(), ..]).fill(255);
    // Letters in coordinates of the box, so that little is drawn for each.
    let mut ink = Array2::<f32>::zeros((box_rows.len(), box_columns.len()));
    let start = Coord { x: 0.15 * TYPE, y: 0.85 * TYPE };
    letters(&text, TYPE, start)?.iter().for_each(|letter| fill_coverage(letter, &mut ink));
    for ((y, x), share) in ink.indexed_iter() {
        for channel in 0..3 {
            let tone = &mut picture[(box_rows.start + y, box_columns.start + x, channel)];
            *tone = mixed(*tone, 0, *share);
        }
    }
    Ok(())
}

#[expect(clippy::cast_sign_loss, reason = "between two tones")]
fn mixed(from: u8, to: u8, share: f32) -> u8 {
    (f32::from(from) + share * (f32::from(to) - f32::from(from))).round() as u8
}
