//! Dice of centrelines, which keeps thin structures connected.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::segmentation::binary_cross_entropy::BinaryTarget;
use crate::segmentation::class_loss::{ClassLoss, SumOver};
use crate::segmentation::overlap::{Activation, check_positive};
use crate::segmentation::soft_skeleton::{MOST, soft_skeleton};

/// Settings of [`cl_dice`] and [`dice_cl_dice`].
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
    /// Share of the centreline term in [`dice_cl_dice`], `a`, in [0, 1]. Default 0.5.
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
        check_positive("smooth", self.smooth, false)?;
        let wrong = |field, value, expected| Err(Error::Config { field, value, expected });
        if self.iterations > MOST {
            return wrong("iterations", self.iterations.to_string(), "0 to 256");
        }
        if !(0.0..=1.0).contains(&self.alpha) {
            return wrong("alpha", self.alpha.to_string(), "in [0, 1]");
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
/// `prediction` `[B, C, H, W]`, `target` as many values, 0 or 1; whole numbers may be 255 for
/// unknown pixels, where nothing is predicted and nothing is there.
///
/// # Errors
///
/// [`Error`] for shapes, targets or settings out of range.
///
/// # References
///
/// Shit et al., "clDice - a novel topology-preserving loss function for tubular structure
/// segmentation" (CVPR 2021).
pub fn cl_dice(prediction: &Tensor, target: &Tensor, config: &ClDiceConfig) -> Result<ClassLoss> {
    config.validate()?;
    let (x, y, known) = BinaryTarget::from(target).like(prediction)?;
    terms(&x, &y, known.as_ref(), config).map(|[_, cl_dice]| cl_dice)
}

/// Soft Dice with [`cl_dice`]: the area and the topology of thin structures.
///
/// ```text
/// dice = mean over channels( 1 - (2 sum(p y) + s) / (sum(p) + sum(y) + s) )
/// loss = (1 - a) dice + a cl_dice
/// ```
///
/// The terms are `dice` and `cl_dice`; both leave out the same channels.
///
/// # Shapes
///
/// Those of [`cl_dice`].
///
/// # Errors
///
/// [`Error`] for shapes, targets or settings out of range.
///
/// # References
///
/// Shit et al., "clDice" (CVPR 2021).
pub fn dice_cl_dice(
    prediction: &Tensor,
    target: &Tensor,
    config: &ClDiceConfig,
) -> Result<Composite> {
    config.validate()?;
    let (x, y, known) = BinaryTarget::from(target).like(prediction)?;
    let [dice, cl_dice] = terms(&x, &y, known.as_ref(), config)?;
    Composite::of(&[
        ("dice", 1.0 - config.alpha, dice.loss),
        ("cl_dice", config.alpha, cl_dice.loss),
    ])
}

/// Dice and centreline Dice; where `known` is 0 nothing is predicted.
fn terms(
    x: &Tensor,
    y: &Tensor,
    known: Option<&Tensor>,
    config: &ClDiceConfig,
) -> Result<[ClassLoss; 2]> {
    let (_, channels, ..) = x.dims4()?;
    if x.elem_count() == 0 {
        let nothing = Tensor::zeros((1, channels), x.dtype(), x.device())?;
        let none = nothing.to_dtype(DType::U8)?;
        return Ok([ClassLoss::of(&nothing, &none)?, ClassLoss::of(&nothing, &none)?]);
    }
    let mut p = config.activation.apply(x)?;
    if let Some(known) = known {
        p = (p * known)?;
    }
    let sum = |values: Tensor| -> Result<Tensor> {
        let sums = values.flatten_from(2)?.sum(2)?;
        Ok(match config.sum_over {
            SumOver::Batch => sums.sum_keepdim(0)?,
            SumOver::Sample => sums,
        })
    };
    let ratio = |above: &Tensor, below: &Tensor| -> Result<Tensor> {
        Ok(((above + config.smooth)? / (below + config.smooth)?)?)
    };
    let line = soft_skeleton(&p, config.iterations)?;
    let truth = soft_skeleton(y, config.iterations)?;
    let precision = ratio(&sum((&line * y)?)?, &sum(line)?)?;
    let sensitivity = ratio(&sum((&truth * &p)?)?, &sum(truth)?)?;
    let product = ((&precision * &sensitivity)? * 2.0)?;
    let centred = (product / (precision + sensitivity)?)?.affine(-1.0, 1.0)?;
    let positive = sum(y.clone())?;
    let shared = (sum((&p * y)?)? * 2.0)?;
    let dice = ratio(&shared, &(sum(p)? + &positive)?)?.affine(-1.0, 1.0)?;
    let counted = positive.gt(0.0)?;
    Ok([ClassLoss::of(&dice, &counted)?, ClassLoss::of(&centred, &counted)?])
}
