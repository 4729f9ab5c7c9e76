//! Soft Dice over classes.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::composite::Composite;
use crate::error::Result;
use crate::segmentation::class_target::ClassTarget;
use crate::segmentation::overlap::{OverlapConfig, Sums};

/// Settings of [`soft_dice`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftDiceConfig {
    /// Whether the sums below are of squares, as in V-Net. Default: they are not.
    pub squared: bool,
    /// What losses of overlap share.
    pub overlap: OverlapConfig,
}

/// One minus the soft Dice coefficient, a mean over classes.
///
/// With probabilities `p`, targets `y` (0 or 1, or probabilities) and pixel weights `v`:
///
/// ```text
/// I = sum( v p y )    P = sum( v p )    T = sum( v y )        squared: p^2 and y^2 in P and T
/// loss = mean over classes( 1 - (2 I + s) / (P + T + s) )
/// ```
///
/// The sums are over the batch or each sample; classes without a pixel are left out unless the
/// settings say otherwise. With `D` the coefficient and `J` that of [`jaccard`](crate::jaccard()),
/// `J = D / (2 - D)` for `s = 0`. In `f32` on the CPU with softmax and ids, the sums and their
/// gradient take one pass each.
///
/// # Shapes
///
/// `prediction` `[B, K, ...]`; `target` see [`Classes`](crate::Classes). With `K = 1` (not for
/// softmax) the ids are 1 for the class and 0 for the rest. Term: `dice`.
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Milletari, Navab, Ahmadi, "V-Net" (3DV 2016); Sudre et al., "Generalised Dice overlap as a
/// deep learning loss function for highly unbalanced segmentations" (DLMIA 2017).
pub fn soft_dice<'a>(
    prediction: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &SoftDiceConfig,
) -> Result<Composite> {
    let overlap = &config.overlap;
    let sums = Sums::of("soft_dice", prediction, &target.into(), overlap, config.squared)?;
    let above = sums.shared.affine(2.0, 0.0)?;
    let below = (&sums.predicted + &sums.target)?;
    let values = Sums::ratio(&above, &below, overlap.smooth)?.affine(-1.0, 1.0)?;
    sums.mean("dice", &values, overlap.absent)
}
