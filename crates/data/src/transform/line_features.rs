//! Labels of pixels.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{add, add_picture, bytes, canvas, reals, wholes};
use super::class::{CLASSES, mean_one, pixel_classes};
use crate::error::Result;
use crate::record::Record;

/// Class, direction, thickness and vector to the centre, of every pixel.
///
/// # Shapes
///
/// From `img`, `line_label`, `shape_label`, `angle_label`, `thickness_label` and
/// `center_vec_label`, all `[H, W, _]`, it makes
///
/// - `inputs.img`;
/// - `labels.shape_class` `[H, W, 3]`, one-hot: background, line, shape;
/// - `labels.angle` `[H, W, 1]`, radians, `labels.thickness` `[H, W, 1]`, px, and
///   `labels.center_vec` `[H, W, 2]`, px;
/// - `weights.shape_class` `[H, W]`, ones;
/// - `weights.angle` `[H, W, 1]` on lines, `weights.thickness` and `weights.center_vec`
///   `[H, W, 1]` on lines and shapes: mean 1 in the sample, or all 0 where there is nothing.
///
/// All are `f32`. [`balance_weights`](crate::balance_weights) makes the mean of `weights.angle` 1
/// in a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineFeatures {}

impl Transform for LineFeatures {
    fn apply(&self, mut record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        let [h, w] = canvas(&record)?;
        let (_, line) = bytes(&record, "line_label", [h, w, 1])?;
        let (_, shape) = bytes(&record, "shape_label", [h, w, 1])?;
        let (_, angle) = reals(&record, "angle_label", [h, w, 1])?;
        let (_, center) = reals(&record, "center_vec_label", [h, w, 2])?;
        let (_, thickness) = wholes(&record, "thickness_label", [h, w, 1])?;
        let classes = pixel_classes(line, shape);
        let (angle, center) = (angle.to_vec(), center.to_vec());
        let thickness = px(thickness.iter().copied());
        let on_line = mean_one(line.iter().map(|line| *line != 0));
        let on_any = mean_one(line.iter().zip(shape).map(|(line, shape)| line | shape != 0));
        add_picture(&mut record)?;
        add(&mut record, "labels.shape_class", &[h, w, CLASSES], classes)?;
        add(&mut record, "labels.angle", &[h, w, 1], angle)?;
        add(&mut record, "labels.thickness", &[h, w, 1], thickness)?;
        add(&mut record, "labels.center_vec", &[h, w, 2], center)?;
        add(&mut record, "weights.shape_class", &[h, w], vec![1.0_f32; h * w])?;
        add(&mut record, "weights.angle", &[h, w, 1], on_line)?;
        add(&mut record, "weights.thickness", &[h, w, 1], on_any.clone())?;
        add(&mut record, "weights.center_vec", &[h, w, 1], on_any)?;
        Ok(record)
    }
}

/// Thicknesses as real numbers.
#[expect(clippy::cast_precision_loss, reason = "thicknesses are within a picture")]
pub(super) fn px(thickness: impl Iterator<Item = i32>) -> Vec<f32> {
    thickness.map(|value| value as f32).collect()
}
