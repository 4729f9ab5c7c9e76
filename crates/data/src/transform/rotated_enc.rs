//! Components for given directions.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::angle_choice::AngleChoice;
use super::arrays::{add, add_picture, canvas, count, zeros};
use super::class::CLASSES;
use super::components::{Component, Details, components};
use crate::error::{Error, Result};
use crate::record::Record;

/// All components of a sample, and directions for a model that looks along some of them.
///
/// # Shapes
///
/// With `n = components` and `A = angles.count` it makes from `img` `[H, W, _]`, `vecs`
/// `[v, 2, 2]`, `bboxes` `[b, 4, 2]` and, where there are any, `vecs_mask` `[v]` and `bbox_mask`
/// `[b]`:
///
/// - `inputs.img`, `inputs.angle_input` `[A]`, radians in `[0, pi)`;
/// - `labels.vecs` `[n, 4, 2]`, px: the ends of a line twice, or both diagonals of a box; lines
///   first, then zeros;
/// - `labels.class` `[n, 3]`, one-hot: background (none), line, shape;
/// - `labels.vecs_mask` `[n]`, 1 for lines;
/// - `weights.vecs` `[n]`, 1 for components.
///
/// All are `f32`. [`balance_weights`](crate::balance_weights) makes the mean of `weights.vecs` 1 in
/// a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RotatedEnc {
    /// The most components that a sample can have. Default 20.
    pub components: usize,
    /// The directions.
    pub angles: AngleChoice,
}

impl Default for RotatedEnc {
    fn default() -> Self {
        Self { components: 20, angles: AngleChoice::default() }
    }
}

impl RotatedEnc {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range, [`Error::FieldTooLarge`] an array that
    /// would be too large.
    pub fn validate(&self) -> Result<()> {
        count("labels.vecs", &[self.components, 4, 2])?;
        self.angles.validate()
    }
}

impl Transform for RotatedEnc {
    fn apply(&self, mut record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let size = canvas(&record)?;
        let details = Details { masks: false, thickness: false };
        let all = components(&record, size, details)?;
        let n = self.components;
        if all.len() > n {
            return Err(Error::Config {
                field: "components",
                value: n.to_string(),
                expected: "at least the number of components of a sample",
            });
        }
        let directions: Vec<f32> = all.iter().filter_map(Component::direction).collect();
        let angles = self.angles.draw(&directions, rng);
        let mut vecs = zeros("labels.vecs", &[n, 4, 2])?;
        let mut classes = zeros("labels.class", &[n, CLASSES])?;
        let (mut lines, mut weights) = (vec![0.0; n], vec![0.0; n]);
        for (slot, component) in all.iter().enumerate() {
            vecs[slot * 8..][..8].copy_from_slice(&component.four_points());
            classes[slot * CLASSES..][..CLASSES].copy_from_slice(&component.one_hot());
            lines[slot] = f32::from(u8::from(component.is_line()));
            weights[slot] = 1.0;
        }
        for slot in all.len()..n {
            classes[slot * CLASSES] = 1.0;
        }
        add_picture(&mut record)?;
        add(&mut record, "inputs.angle_input", &[angles.len()], angles)?;
        add(&mut record, "labels.vecs", &[n, 4, 2], vecs)?;
        add(&mut record, "labels.class", &[n, CLASSES], classes)?;
        add(&mut record, "labels.vecs_mask", &[n], lines)?;
        add(&mut record, "weights.vecs", &[n], weights)?;
        Ok(record)
    }
}
