//! What share of its pattern every pixel says another one is.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::error::Result;
use crate::reduction::Reduction;
use crate::relational::pixel_pairs::{Pair, evaluate, prepare};
use crate::relational::similarity_cross_entropy::PixelWeights;

/// Settings of [`mask_map_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskMapConfig {
    /// Exponent of the difference, more than 0. Default 1.
    pub gamma: f64,
    /// From pictures to the result.
    pub reduction: Reduction,
}

impl Default for MaskMapConfig {
    fn default() -> Self {
        Self { gamma: 1.0, reduction: Reduction::Mean }
    }
}

impl MaskMapConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) when `gamma` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma)
    }
}

/// Difference of the similarity of pixels from the masks of their patterns.
///
/// The target of row `i` is the mask of its pattern divided by its area, so that it sums to
/// 1, `a_ij = sum over p of y_pi y_pj / area_p`:
///
/// ```text
/// loss_b = mean over i, j of |a_ij - prediction_ij|^gamma
/// ```
///
/// with rows weighted by `weights`, normalised in every picture. A pattern without pixels
/// counts nowhere.
///
/// # Shapes
///
/// As [`similarity_cross_entropy`](crate::similarity_cross_entropy()); the prediction is of any values.
///
/// # Errors
///
/// As [`similarity_cross_entropy`](crate::similarity_cross_entropy()).
pub fn mask_map_loss(
    prediction: &Tensor,
    masks: &Tensor,
    weights: Option<&Tensor>,
    config: &MaskMapConfig,
) -> Result<Tensor> {
    config.validate()?;
    let mut masks = prepare(prediction, masks, weights, PixelWeights::Uniform)?;
    masks.by_area();
    evaluate(prediction, &masks, Pair::Power(config.gamma), config.reduction)
}
