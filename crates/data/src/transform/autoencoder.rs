//! Pictures that are their own labels.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, add, reals};
use crate::error::{Error, Result};
use crate::record::Record;

/// One channel of a picture as input and as label.
///
/// # Shapes
///
/// From `img` `f32` `[H, W, C]` it makes
///
/// - `inputs.img` `[H, W, 1]`: one channel, any with the same probability;
/// - `inputs.center_points` `[2]`: the middle of the picture, px, shifted at random;
/// - `labels.target_img` `[H, W, 1]`: the same channel.
///
/// All are `f32`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageAutoencoder {
    /// Largest shift of the middle in x and in y, px, not negative. Default 0.
    pub center_shift: f64,
}

impl ImageAutoencoder {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        if (0.0..=1e6).contains(&self.center_shift) {
            return Ok(());
        }
        Err(Error::Config {
            field: "center_shift",
            value: self.center_shift.to_string(),
            expected: "in [0, 1e6]",
        })
    }
}

impl Transform for ImageAutoencoder {
    #[expect(clippy::cast_precision_loss, reason = "sides of a picture")]
    #[expect(clippy::cast_possible_truncation, reason = "a shift of at most 1e6")]
    fn apply(&self, mut record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let ([h, w, channels], img) = reals(&record, "img", [ANY, ANY, ANY])?;
        if channels == 0 {
            return Err(Error::FieldShape {
                name: "img".into(),
                found: vec![h, w, channels],
                expected: "one channel or more".into(),
            });
        }
        let channel = rng.random_range(0..channels);
        let plane: Vec<f32> = img.iter().skip(channel).step_by(channels).copied().collect();
        let shift = self.center_shift as f32;
        let center =
            [w, h].map(|side| side as f32 / 2.0 + (2.0 * rng.random::<f32>() - 1.0) * shift);
        add(&mut record, "inputs.img", &[h, w, 1], plane.clone())?;
        add(&mut record, "inputs.center_points", &[2], center.to_vec())?;
        add(&mut record, "labels.target_img", &[h, w, 1], plane)?;
        Ok(record)
    }
}
