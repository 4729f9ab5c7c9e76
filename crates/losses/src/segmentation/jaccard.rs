//! Soft intersection over union.

use candle_core::Tensor;

use crate::composite::Composite;
use crate::error::Result;
use crate::segmentation::class_target::ClassTarget;
use crate::segmentation::overlap::{OverlapConfig, Sums};

/// One minus the soft Jaccard index (intersection over union), a mean over classes.
///
/// With the sums of [`soft_dice`](crate::soft_dice()):
///
/// ```text
/// loss = mean over classes( 1 - (I + s) / (P + T - I + s) )
/// ```
///
/// # Shapes
///
/// Those of [`soft_dice`](crate::soft_dice()). Term: `jaccard`.
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Rahman, Wang, "Optimizing intersection-over-union in deep neural networks for image
/// segmentation" (ISVC 2016).
pub fn jaccard<'a>(
    prediction: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &OverlapConfig,
) -> Result<Composite> {
    let sums = Sums::of("jaccard", prediction, &target.into(), config, false)?;
    let union = ((&sums.predicted + &sums.target)? - &sums.shared)?;
    let values = Sums::ratio(&sums.shared, &union, config.smooth)?.affine(-1.0, 1.0)?;
    sums.mean("jaccard", &values, config.absent)
}
