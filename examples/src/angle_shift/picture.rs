//! Samples and predictions beside each other.

use anyhow::{Context, Result};
use mapvec_data::{Record, encode_png};
use mapvec_synth::SeenWave;
use ndarray::{Array2, Array3, s};

use super::prediction::Predicted;

/// Pixels of the sheet for a pixel of a panel.
const SCALE: usize = 4;
/// Pixels between panels.
const GAP: usize = 6;

/// A PNG with a row for each pattern: the scene, the same made level, the wave, the smoothed mask,
/// the prediction, the prediction in the scene, and the true mask there.
///
/// # Errors
/// A sample lacks a field.
pub fn sheet(rows: &[(SeenWave, Predicted)]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (seen, found) in rows {
        lines.push(vec![
            seen.picture.view().permuted_axes([1, 2, 0]).mapv(level),
            colours(&found.record)?,
            // From -1 to 1.
            grey(&plane(&found.record, "frequency")?.mapv(|value| 0.5 + 0.5 * value)),
            grey(&plane(&found.record, "mask")?),
            grey(&found.level),
            grey(&found.in_scene),
            grey(&seen.mask),
        ]);
    }
    let (side, columns) =
        (lines.first().map_or(1, |l| l[0].dim().0), lines.first().map_or(1, Vec::len));
    let step = side * SCALE + GAP;
    let mut out = Array3::from_elem((lines.len() * step + GAP, columns * step + GAP, 3), 120);
    for (row, panels) in lines.iter().enumerate() {
        for (column, panel) in panels.iter().enumerate() {
            let (y, x) = (GAP + row * step, GAP + column * step);
            let mut place = out.slice_mut(s![y..y + side * SCALE, x..x + side * SCALE, ..]);
            for ((i, j, c), value) in place.indexed_iter_mut() {
                *value = panel[(i / SCALE, j / SCALE, c)];
            }
        }
    }
    Ok(encode_png(out.view())?)
}

fn plane(record: &Record, name: &str) -> Result<Array2<f64>> {
    let field = record.get(name)?;
    let values = field.values().as_f32().with_context(|| format!("{name} has no reals"))?;
    let values = values.iter().map(|value| f64::from(*value)).collect();
    Ok(Array2::from_shape_vec((field.shape()[0], field.shape()[1]), values)?)
}

fn colours(record: &Record) -> Result<Array3<u8>> {
    let field = record.get("img")?;
    let values = field.values().as_f32().context("img has no reals")?;
    let levels = values.iter().map(|value| level(f64::from(*value))).collect();
    Ok(Array3::from_shape_vec((field.shape()[0], field.shape()[1], 3), levels)?)
}

fn grey(plane: &Array2<f64>) -> Array3<u8> {
    let (height, width) = plane.dim();
    Array3::from_shape_fn((height, width, 3), |(y, x, _)| level(plane[(y, x)]))
}

#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=1")]
fn level(value: f64) -> u8 {
    (255.0 * value.clamp(0.0, 1.0)).round() as u8
}
