//! Focal loss at several scales.

use candle_core::Tensor;
use mapvec_nn::{Pool2dConfig, max_pool2d};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::segmentation::binary_cross_entropy::BinaryTarget;
use crate::segmentation::sigmoid_focal::{SigmoidFocalConfig, sigmoid_focal};
use crate::shape::rank;

/// Logit of an unknown pixel in a window: below that of any known one.
const LOWEST: f64 = -1e4;

/// Settings of [`multi_level_focal`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiLevelFocalConfig {
    /// Levels, 1 to 16: the picture itself, then pooled once, twice... Default 3.
    pub levels: usize,
    /// Side of the windows, px, 2 or more. Default 3.
    pub kernel: usize,
    /// Distance of the windows, px, 1 or more. Default 2.
    pub stride: usize,
    /// Weight of the positive cost, `a`, in [0, 1]. Default 0.75.
    pub alpha: f64,
    /// How fast easy values fade, `g`, 0 or more. Default 2.
    pub gamma: f64,
}

impl Default for MultiLevelFocalConfig {
    fn default() -> Self {
        Self { levels: 3, kernel: 3, stride: 2, alpha: 0.75, gamma: 2.0 }
    }
}

impl MultiLevelFocalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let ranges = [
            ("levels", self.levels, 1, "1 to 16"),
            ("kernel", self.kernel, 2, "2 to 16"),
            ("stride", self.stride, 1, "1 to 16"),
        ];
        for (field, value, least, expected) in ranges {
            if !(least..=16).contains(&value) {
                return Err(Error::Config { field, value: value.to_string(), expected });
            }
        }
        self.focal().validate()
    }

    fn focal(&self) -> SigmoidFocalConfig {
        let (alpha, gamma) = (Some(self.alpha), self.gamma);
        SigmoidFocalConfig { alpha, gamma, reduction: Reduction::Mean }
    }
}

/// Focal loss at several scales, for thin structures: what is near is nearly right.
///
/// ```text
/// loss = 1 / levels sum over l in 0..levels( mean sigmoid_focal( pool^l(x), pool^l(y) ) )
/// ```
///
/// with the maximum over windows of 3 x 3 at every second pixel, without padding, as `pool`. The
/// sigmoid is monotonic, so pooled logits have the pooled probabilities. Pixels whose target is
/// 255 have no part in a window, and a window of nothing else counts nowhere.
///
/// # Shapes
///
/// `logits` and `target` `[B, C, H, W]`, large enough for all levels (7 px for three of the
/// default); the result is a scalar.
///
/// # Errors
///
/// [`Error`] for shapes, targets or settings out of range.
///
/// # References
///
/// Lin et al., "Focal loss for dense object detection" (ICCV 2017), for the loss of a level.
pub fn multi_level_focal(
    logits: &Tensor,
    target: &Tensor,
    config: &MultiLevelFocalConfig,
) -> Result<Tensor> {
    config.validate()?;
    let [_, _, height, width] = rank("logits", logits, "[B, C, H, W]")?;
    let (mut x, mut y, mut weights) = BinaryTarget::from(target).like(logits)?;
    if x.elem_count() == 0 {
        return Ok(x.sum_all()?);
    }
    let mut side = height.min(width);
    for _ in 1..config.levels {
        if side < config.kernel {
            return Err(Error::Shape {
                field: "logits",
                expected: format!(
                    "[B, C, H, W] with room for windows of {} px at {} levels; use fewer levels",
                    config.kernel, config.levels
                ),
                found: format!("{:?}", logits.dims()),
            });
        }
        side = (side - config.kernel) / config.stride + 1;
    }
    let focal = config.focal();
    let level = |x: &Tensor, y: &Tensor, weights: Option<&Tensor>| {
        sigmoid_focal(x, BinaryTarget { values: y, weights }, &focal)
    };
    let mut total = level(&x, &y, weights.as_ref())?;
    if let Some(weights) = &weights {
        let lowest = (x.ones_like()? * LOWEST)?;
        x = weights.ne(0.0)?.where_cond(&x, &lowest)?;
    }
    let windows = Pool2dConfig::square(config.kernel, config.stride, 0);
    for _ in 1..config.levels {
        (x, y) = (max_pool2d(&x, windows)?, max_pool2d(&y, windows)?);
        weights = weights.map(|weights| max_pool2d(&weights, windows)).transpose()?;
        total = (total + level(&x, &y, weights.as_ref())?)?;
    }
    Ok((total / config.levels as f64)?)
}
