//! Patterns of lines drawn over their picture.

use anyhow::Result;
use mapvec_fourier::LinePattern;
use mapvec_geometry::{Stroke, fill_coverage, stroke_coverage};
use ndarray::{Array2, Array3};

use crate::canvas::COLOURS;

/// Fills the areas of patterns faintly and draws their lines, each pattern in a colour.
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
    Ok(out)
}

#[expect(clippy::cast_sign_loss, reason = "between two tones")]
fn mixed(from: u8, to: u8, share: f32) -> u8 {
    (f32::from(from) + share * (f32::from(to) - f32::from(from))).round() as u8
}
