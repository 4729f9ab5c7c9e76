//! Cross-entropy with soft Dice.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::segmentation::class_target::ClassTarget;
use crate::segmentation::cross_entropy::{CrossEntropyConfig, cross_entropy};
use crate::segmentation::soft_dice::{SoftDiceConfig, soft_dice};

/// Settings of [`ce_dice`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CeDiceConfig {
    /// Factor of the cross-entropy, 0 or more. Default 1.
    pub cross_entropy_weight: f64,
    /// Factor of the Dice term, 0 or more. Default 1.
    pub dice_weight: f64,
    /// The cross-entropy; its result must be a scalar.
    pub cross_entropy: CrossEntropyConfig,
    /// The Dice term.
    pub dice: SoftDiceConfig,
}

impl Default for CeDiceConfig {
    fn default() -> Self {
        Self {
            cross_entropy_weight: 1.0,
            dice_weight: 1.0,
            cross_entropy: CrossEntropyConfig::default(),
            dice: SoftDiceConfig::default(),
        }
    }
}

impl CeDiceConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("cross_entropy_weight", self.cross_entropy_weight)?;
        check_not_negative("dice_weight", self.dice_weight)?;
        if self.cross_entropy.reduction == Reduction::None {
            return Err(Error::Config {
                field: "cross_entropy.reduction",
                value: "None".to_owned(),
                expected: "the mean or the sum",
            });
        }
        self.cross_entropy.validate()?;
        self.dice.overlap.validate()
    }
}

/// Softmax cross-entropy, which is right for every pixel, plus soft Dice, which is right for
/// every class.
///
/// ```text
/// loss = alpha cross_entropy + beta dice
/// ```
///
/// The terms `cross_entropy` and `dice` are those of [`cross_entropy`](crate::cross_entropy())
/// and [`soft_dice`](crate::soft_dice()); the values of the classes are those of Dice; those of
/// the cross-entropy are [`class_values`](crate::class_values()).
///
/// # Shapes
///
/// `logits` `[B, K, ...]`; `target` see [`Classes`](crate::Classes).
///
/// # Errors
///
/// [`Error`] for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Isensee et al., "nnU-Net" (Nature Methods 2021), which trains with this sum.
pub fn ce_dice<'a>(
    logits: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &CeDiceConfig,
) -> Result<Composite> {
    config.validate()?;
    let target = target.into();
    let cross = cross_entropy(logits, target, &config.cross_entropy)?;
    let Composite { loss: dice, classes, .. } = soft_dice(logits, target, &config.dice)?;
    let sum = Composite::of(&[
        ("cross_entropy", config.cross_entropy_weight, cross),
        ("dice", config.dice_weight, dice),
    ])?;
    Ok(Composite { classes, ..sum })
}
