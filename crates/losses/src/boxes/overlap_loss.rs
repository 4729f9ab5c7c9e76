//! How far boxes are from covering each other.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::boxes::overlap::{Overlap, box_overlap};
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{data, leading};

/// Settings of [`overlap_loss`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OverlapLossConfig {
    /// The measure. Default generalized.
    pub overlap: Overlap,
    /// From boxes to the result.
    pub reduction: Reduction,
}

/// One less the overlap of boxes.
///
/// ```text
/// loss = 1 - overlap(prediction, target)
/// ```
///
/// # Shapes
///
/// `prediction` and `target`: `[.., 4]`, corners (x1, y1, x2, y2); `weights`: `[..]`; the
/// result is a scalar, or `[..]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit.
///
/// # References
///
/// As [`box_overlap`](crate::box_overlap()).
pub fn overlap_loss(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &OverlapLossConfig,
) -> Result<Tensor> {
    let prediction = &widen(prediction)?;
    leading("prediction", prediction, &[4])?;
    let target = data("target", target, prediction.dims(), prediction)?;
    let values = box_overlap(prediction, &target, config.overlap)?.affine(-1.0, 1.0)?;
    config.reduction.apply(&values, weights)
}
