//! Losses of boxes that belong together.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::boxes::overlap::{Overlap, box_overlap};
use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::shape::{expect, leading, nothing};
use crate::singular::{magnitude, power};
use crate::vector::check_positive;

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
/// [`Error::Shape`] for shapes that do not fit.
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
    expect("target", target, prediction.dims())?;
    let values = box_overlap(prediction, target, config.overlap)?.affine(-1.0, 1.0)?;
    config.reduction.apply(&values, weights)
}

/// Settings of [`box_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoxLossConfig {
    /// Share of the overlap, 0 to 1; the differences of coordinates have the rest. Default
    /// 0.5.
    pub iou_weight: f64,
    /// Exponent of the differences, more than 0. Default 1.
    pub rank: f64,
    /// The measure of the overlap. Default intersection over union.
    pub overlap: Overlap,
    /// From boxes to the result.
    pub reduction: Reduction,
}

impl Default for BoxLossConfig {
    fn default() -> Self {
        Self { iou_weight: 0.5, rank: 1.0, overlap: Overlap::Iou, reduction: Reduction::Mean }
    }
}

impl BoxLossConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("rank", self.rank)?;
        if (0.0..=1.0).contains(&self.iou_weight) {
            return Ok(());
        }
        let (field, value) = ("iou_weight", self.iou_weight.to_string());
        Err(Error::Config { field, value, expected: "0 to 1" })
    }

    /// The loss of every box; coordinates are compared as they are, overlaps of the `corners`
    /// that they stand for.
    pub(crate) fn values(
        &self,
        prediction: &Tensor,
        target: &Tensor,
        corners: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let overlap = box_overlap(&corners(prediction)?, &corners(target)?, self.overlap)?;
        let difference = magnitude(&(prediction - target)?)?;
        let far = power(&difference, self.rank)?.mean(D::Minus1)?;
        let w = self.iou_weight;
        Ok((overlap.affine(-w, w)? + (far * (1.0 - w))?)?)
    }
}

/// Overlap and coordinates of boxes together.
///
/// ```text
/// loss = iou_weight (1 - overlap) + (1 - iou_weight) mean over coordinates of |p - t|^rank
/// ```
///
/// # Shapes
///
/// As [`overlap_loss`]; the unit of the coordinates decides how much they count, published
/// is the side of the picture.
///
/// # Errors
///
/// [`Error::Shape`] for shapes that do not fit, [`Error::Config`] for a setting out of range.
pub fn box_loss(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &BoxLossConfig,
) -> Result<Tensor> {
    config.validate()?;
    let dims = leading("prediction", prediction, &[4])?;
    expect("target", target, prediction.dims())?;
    if prediction.elem_count() == 0 {
        return config.reduction.apply(&nothing(prediction, dims)?, weights);
    }
    let target = target.to_dtype(prediction.dtype())?;
    let values = config.values(prediction, &target, |boxes| Ok(boxes.clone()))?;
    config.reduction.apply(&values, weights)
}
