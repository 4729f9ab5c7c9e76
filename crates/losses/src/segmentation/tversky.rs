//! Overlap that weighs false alarms and misses differently.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive};
use crate::composite::Composite;
use crate::error::Result;
use crate::segmentation::class_target::ClassTarget;
use crate::segmentation::overlap::{OverlapConfig, Sums};

/// Added before the power, so that its slope is finite for a perfect match.
const TINY: f64 = 1e-10;

/// Settings of [`tversky`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TverskyConfig {
    /// Weight of false alarms, `a`, 0 or more. Default 0.3.
    pub false_positives: f64,
    /// Weight of misses, `b`, 0 or more. Default 0.7.
    pub false_negatives: f64,
    /// Power of each class's loss, `q`, above 0. Default 1; the focal Tversky loss of the paper
    /// has 3/4 (one over its `gamma`).
    pub power: f64,
    /// What losses of overlap share.
    pub overlap: OverlapConfig,
}

impl Default for TverskyConfig {
    fn default() -> Self {
        let overlap = OverlapConfig::default();
        Self { false_positives: 0.3, false_negatives: 0.7, power: 1.0, overlap }
    }
}

impl TverskyConfig {
    /// The focal loss of Abraham and Khan: a power of 3/4.
    #[must_use]
    pub fn focal() -> Self {
        Self { power: 0.75, ..Self::default() }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("false_positives", self.false_positives)?;
        check_not_negative("false_negatives", self.false_negatives)?;
        check_positive("power", self.power)?;
        self.overlap.validate()
    }
}

/// One minus the Tversky index, to a power, a mean over classes.
///
/// With the sums of [`soft_dice`](crate::soft_dice()):
///
/// ```text
/// t    = (I + s) / (I + a (P - I) + b (T - I) + s)
/// loss = mean over classes( (1 - t)^q )
/// ```
///
/// `a = b = 1/2` is Dice with half the `s`, `a = b = 1` Jaccard; a larger `b` finds more of thin
/// and rare classes. A power below 1 keeps the slope up where a class is nearly right.
///
/// # Shapes
///
/// Those of [`soft_dice`](crate::soft_dice()). Term: `tversky`.
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Salehi, Erdogmus, Gholipour, "Tversky loss function for image segmentation using 3D fully
/// convolutional deep networks" (MLMI 2017); Abraham, Khan, "A novel focal Tversky loss function
/// with improved attention U-Net for lesion segmentation" (ISBI 2019).
pub fn tversky<'a>(
    prediction: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &TverskyConfig,
) -> Result<Composite> {
    config.validate()?;
    let sums = Sums::of("tversky", prediction, &target.into(), &config.overlap, false)?;
    let alarms = ((&sums.predicted - &sums.shared)? * config.false_positives)?;
    let misses = ((&sums.target - &sums.shared)? * config.false_negatives)?;
    let below = ((&sums.shared + alarms)? + misses)?;
    let mut values = Sums::ratio(&sums.shared, &below, config.overlap.smooth)?.affine(-1.0, 1.0)?;
    if (config.power - 1.0).abs() > 0.0 {
        // Rounding may leave a perfect match just below 0.
        let at_least = mapvec_nn::relu(&values)?;
        values = ((at_least + TINY)?.powf(config.power)? - TINY.powf(config.power))?;
    }
    sums.mean("tversky", &values, config.overlap.absent)
}
