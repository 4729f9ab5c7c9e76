//! What a detector finds, drawn over pictures.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use mapvec_losses::{Objects, TrueObjects};
use mapvec_nn::sigmoid;
use ndarray::Array3;

use super::batch::LINE;
use super::scores::{SURE, best, rows};

/// Pixels of the sheet for a pixel of a picture.
const SCALE: usize = 6;
/// Empty pixels between panels.
const GAP: usize = 8;

/// Pictures with their true objects above, with what was found below: boxes of symbols in blue,
/// lines in red.
///
/// # Errors
/// The tensors are not those of a batch.
#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=1")]
pub fn sheet(
    pictures: &Tensor,
    truth: &[TrueObjects],
    prediction: &Objects,
    count: usize,
) -> Result<Array3<u8>> {
    let side = pictures.dim(2)?;
    let panel = side * SCALE;
    let mut sheet = Array3::from_elem((2 * panel + 3 * GAP, count * (panel + GAP) + GAP, 3), 255);
    let classes = prediction.classes.as_ref().context("a prediction has classes")?;
    let probabilities = sigmoid(&classes.detach())?.to_vec3::<f32>()?;
    let boxes = rows(prediction.boxes.as_ref().context("a prediction has boxes")?)?;
    let vectors = rows(prediction.vectors.as_ref().context("a prediction has vectors")?)?;
    for index in 0..count.min(truth.len()) {
        let left = GAP + index * (panel + GAP);
        let values = pictures.get(index)?.to_device(&Device::Cpu)?.to_vec3::<f32>()?;
        for top in [GAP, 2 * GAP + panel] {
            for (y, x) in (0..panel).flat_map(|y| (0..panel).map(move |x| (y, x))) {
                for (channel, plane) in values.iter().enumerate() {
                    let value = plane[y / SCALE][x / SCALE].clamp(0.0, 1.0);
                    sheet[(top + y, left + x, channel)] = (255.0 * value) as u8;
                }
            }
        }
        let own = &truth[index];
        let labels = own.classes.clone().unwrap_or_default();
        if let (Some(boxes), Some(vectors)) = (&own.boxes, &own.vectors) {
            let (boxes, vectors) = (rows(&boxes.unsqueeze(0)?)?, rows(&vectors.unsqueeze(0)?)?);
            for (object, &class) in labels.iter().enumerate() {
                let at = [GAP, left];
                draw(&mut sheet, at, panel, class, &boxes[0][object], &vectors[0][object]);
            }
        }
        for (query, probabilities) in probabilities[index].iter().enumerate() {
            let (class, p) = best(probabilities);
            if p >= SURE {
                let at = [2 * GAP + panel, left];
                let (box_, vector) = (&boxes[index][query], &vectors[index][query]);
                draw(&mut sheet, at, panel, class, box_, vector);
            }
        }
    }
    Ok(sheet)
}

fn draw(
    sheet: &mut Array3<u8>,
    at: [usize; 2],
    panel: usize,
    class: usize,
    box_: &[f64],
    vector: &[f64],
) {
    if class == LINE {
        stroke(sheet, at, panel, [vector[0], vector[1], vector[2], vector[3]], [220, 30, 30]);
        return;
    }
    let [x, y, w, h] = [box_[0], box_[1], box_[2] / 2.0, box_[3] / 2.0];
    let (left, top, right, bottom) = (x - w, y - h, x + w, y + h);
    for ends in [
        [left, top, right, top],
        [right, top, right, bottom],
        [right, bottom, left, bottom],
        [left, bottom, left, top],
    ] {
        stroke(sheet, at, panel, ends, [20, 60, 220]);
    }
}

/// A line of two pixels in width, of ends in shares of the panel; what lies outside is cut off.
#[expect(clippy::cast_sign_loss, reason = "the points lie inside the panel")]
fn stroke(
    sheet: &mut Array3<u8>,
    [top, left]: [usize; 2],
    panel: usize,
    [x0, y0, x1, y1]: [f64; 4],
    colour: [u8; 3],
) {
    let steps = 2 * panel;
    for step in 0..=steps {
        let t = step as f64 / steps as f64;
        let place = |a: f64, b: f64| ((a + (b - a) * t) * panel as f64).round();
        let (x, y) = (place(x0, x1), place(y0, y1));
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (x, y) = (x + dx, y + dy);
            let inside = 0.0..panel as f64;
            if inside.contains(&x) && inside.contains(&y) {
                for (channel, value) in colour.into_iter().enumerate() {
                    sheet[(top + y as usize, left + x as usize, channel)] = value;
                }
            }
        }
    }
}
