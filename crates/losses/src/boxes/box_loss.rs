//! Overlap and coordinates of boxes that belong together.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_positive, check_share};
use crate::boxes::overlap::{Overlap, box_overlap};
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{data, leading, nothing};
use crate::singular::{magnitude, power};

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
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("rank", self.rank)?;
        check_share("iou_weight", self.iou_weight)
    }

    /// The loss of every box; coordinates are compared as they are, overlaps of the `corners`
    /// that they stand for.
    pub(crate) fn values(
        &self,
        prediction: &Tensor,
        target: &Tensor,
        corners: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let target = target.detach();
        let overlap = box_overlap(&corners(prediction)?, &corners(&target)?, self.overlap)?;
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
/// As [`overlap_loss`](crate::overlap_loss()); the unit of the coordinates decides how
/// much they count: in shares of the side of the picture both parts are of one size.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit, [`Error::Config`](crate::Error::Config) for a setting out of range.
///
/// # References
///
/// Carion et al., *End-to-End Object Detection with Transformers* (ECCV 2020), whose loss of boxes
/// is such a sum.
pub fn box_loss(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &BoxLossConfig,
) -> Result<Tensor> {
    config.validate()?;
    let dims = leading("prediction", prediction, &[4])?;
    let prediction = &widen(prediction)?;
    let target = data("target", target, prediction.dims(), prediction)?;
    if prediction.elem_count() == 0 {
        return config.reduction.apply(&nothing(prediction, dims)?, weights);
    }
    let values = config.values(prediction, &target, |boxes| Ok(boxes.clone()))?;
    config.reduction.apply(&values, weights)
}
