//! Area and topology of thin structures.

use candle_core::Tensor;

use crate::composite::Composite;
use crate::error::Result;
use crate::segmentation::cl_dice::ClDiceConfig;
use crate::segmentation::skeleton_dice::terms;

/// Soft Dice with [`cl_dice`](crate::cl_dice()): the area and the topology of thin structures.
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
/// Those of [`cl_dice`](crate::cl_dice()).
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets or settings out of range.
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
    let [dice, cl_dice] = terms(prediction, target, config)?;
    Composite::of(&[
        ("dice", 1.0 - config.alpha, dice.loss),
        ("cl_dice", config.alpha, cl_dice.loss),
    ])
}
