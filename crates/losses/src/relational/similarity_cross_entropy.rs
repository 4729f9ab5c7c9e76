//! Whether two pixels belong to the same pattern.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_share;
use crate::error::Result;
use crate::reduction::Reduction;
use crate::relational::pixel_pairs::{Pair, evaluate, prepare};

/// What a predicted similarity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimilarityForm {
    /// Probabilities; below `2^-23` or as near to 1 they are taken as that, without a
    /// gradient.
    #[default]
    Probabilities,
    /// Logits, of any size.
    Logits,
}

/// How much the row of a pixel counts within a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelWeights {
    /// As much as any other.
    #[default]
    Uniform,
    /// By one over the area of its pattern, so that patterns count alike.
    PatternArea,
}

/// Settings of [`similarity_cross_entropy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimilarityConfig {
    /// What the prediction is. Default probabilities.
    pub form: SimilarityForm,
    /// How rows count. Default uniform.
    pub pixel_weights: PixelWeights,
    /// Share of the target that is one half, `s`, 0 to 1. Default 0; 0.1 is usual with weights
    /// by area.
    pub label_smoothing: f64,
    /// From pictures to the result.
    pub reduction: Reduction,
}

impl Default for SimilarityConfig {
    fn default() -> Self {
        Self {
            form: SimilarityForm::Probabilities,
            pixel_weights: PixelWeights::Uniform,
            label_smoothing: 0.0,
            reduction: Reduction::Mean,
        }
    }
}

impl SimilarityConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) when `label_smoothing` is not from 0 to 1.
    pub fn validate(&self) -> Result<()> {
        check_share("label_smoothing", self.label_smoothing)
    }
}

/// Cross-entropy of the similarity of pixels.
///
/// Two pixels are similar as far as they share a pattern, `a_ij = sum over p of y_pi y_pj`,
/// 0 or 1 for masks that do not overlap:
///
/// ```text
/// loss_b = sum over i of w_i mean over j of BCE(a_ij (1 - s) + s / 2, prediction_ij)
/// w_i ~ v_i    or    w_i ~ v_i sum over p of y_pi / (area_p + 1e-6),    sum over i of w_i = 1
/// ```
///
/// with the weights `v`, 1 without; the second form of `w_i` is
/// [`PixelWeights::PatternArea`].
/// A picture whose weights are all 0 has the loss 0. On the
/// CPU in single precision no target of `N x N` is made: rows are computed one by one.
///
/// # Shapes
///
/// `prediction`: `[B, N, N]` for `N = H W` pixels, row `i` the similarity to pixel `i`;
/// `masks`: `[B, P, N]`, 0 or 1 (or shares); `weights`: `[B, N]`; the result is a scalar, or
/// `[B]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit, [`Error::Config`](crate::Error::Config) for a setting out of range.
pub fn similarity_cross_entropy(
    prediction: &Tensor,
    masks: &Tensor,
    weights: Option<&Tensor>,
    config: &SimilarityConfig,
) -> Result<Tensor> {
    config.validate()?;
    let masks = prepare(prediction, masks, weights, config.pixel_weights)?;
    let pair = Pair::CrossEntropy { form: config.form, smoothing: config.label_smoothing };
    evaluate(prediction, &masks, pair, config.reduction)
}
