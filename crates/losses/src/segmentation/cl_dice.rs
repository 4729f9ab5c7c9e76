//! Dice of centrelines, which keeps thin structures connected.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_positive, check_share};
use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::segmentation::class_mean::SumOver;
use crate::segmentation::overlap::Activation;
use crate::segmentation::skeleton_dice::terms;
use crate::segmentation::soft_skeleton::MOST;

/// Settings of [`cl_dice`] and [`dice_cl_dice`](crate::dice_cl_dice()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClDiceConfig {
    /// How predictions become probabilities: sigmoid or none. Default: sigmoid.
    pub activation: Activation,
    /// Rounds of erosion, at most 256: the half width of the widest structure, px. Default 3.
    pub iterations: usize,
    /// Added above and below in the ratios, `s`, px, above 0. Default 1.
    pub smooth: f64,
    /// Which pixels are summed. Default: those of the batch.
    pub sum_over: SumOver,
    /// Share of the centreline term in [`dice_cl_dice`](crate::dice_cl_dice()), `a`, in [0, 1]. Default 0.5.
    pub alpha: f64,
}

impl Default for ClDiceConfig {
    fn default() -> Self {
        Self {
            activation: Activation::Sigmoid,
            iterations: 3,
            smooth: 1.0,
            sum_over: SumOver::default(),
            alpha: 0.5,
        }
    }
}

impl ClDiceConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("smooth", self.smooth)?;
        check_share("alpha", self.alpha)?;
        let wrong = |field, value, expected| Err(Error::Config { field, value, expected });
        if self.iterations > MOST {
            return wrong("iterations", self.iterations.to_string(), "0 to 256");
        }
        if self.activation == Activation::Softmax {
            let expected = "sigmoid or none: every channel is a structure of its own";
            return wrong("activation", "softmax".to_owned(), expected);
        }
        Ok(())
    }
}

/// One minus the soft centreline Dice, a mean over channels.
///
/// With probabilities `p`, targets `y` and `S` the [`soft_skeleton`](crate::soft_skeleton()):
///
/// ```text
/// precision   = (sum(S(p) y) + s) / (sum(S(p)) + s)
/// sensitivity = (sum(S(y) p) + s) / (sum(S(y)) + s)
/// loss        = mean over channels( 1 - 2 precision sensitivity / (precision + sensitivity) )
/// ```
///
/// A gap in a line costs its length whatever its width. A channel without a positive pixel
/// (in the batch, or in a sample where sums are per sample) does not count; where none counts the
/// loss is 0.
///
/// # Shapes
///
/// `prediction` `[B, C, H, W]`, `target` of that shape, 0 or 1; whole numbers may be 255 for
/// unknown pixels, where nothing is predicted and nothing is there. Term: `cl_dice`.
///
/// # Errors
///
/// [`Error`] for shapes, targets or settings out of range.
///
/// # References
///
/// Shit et al., "clDice - a novel topology-preserving loss function for tubular structure
/// segmentation" (CVPR 2021).
pub fn cl_dice(prediction: &Tensor, target: &Tensor, config: &ClDiceConfig) -> Result<Composite> {
    config.validate()?;
    terms(prediction, target, config).map(|[_, cl_dice]| cl_dice)
}
