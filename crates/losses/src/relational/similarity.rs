//! Whether two pixels belong to the same pattern.

use candle_core::{D, DType, Device, Tensor};
use mapvec_nn::bce_with_logits;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::relational::rows::{Masks, fused};
use crate::shape::{expect, mismatch};
use crate::singular::{magnitude, power, zero};
use crate::vector::check_positive;

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
    /// Share of the target that is one half, 0 to 1. Default 0; published with weights by
    /// area: 0.1.
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
    /// [`Error::Config`] when `label_smoothing` is not from 0 to 1.
    pub fn validate(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.label_smoothing) {
            return Ok(());
        }
        let (field, value) = ("label_smoothing", self.label_smoothing.to_string());
        Err(Error::Config { field, value, expected: "0 to 1" })
    }
}

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
    /// [`Error::Config`] when `gamma` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma)
    }
}

/// The loss of a pair of pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pair {
    /// `|a - y|^gamma`.
    Power(f64),
    /// Binary cross-entropy with a share of the target that is one half.
    CrossEntropy { form: SimilarityForm, smoothing: f64 },
}

/// Least probability and least distance from 1; exact in single precision.
pub(crate) const EDGE: f64 = 1.0 / 8_388_608.0;

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
/// with the weights `v`, 1 without. A picture whose weights are all 0 has the loss 0. On the
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
/// [`Error::Shape`] for shapes that do not fit, [`Error::Config`] for a setting out of range.
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
/// As [`similarity_cross_entropy`]; the prediction is of any values.
///
/// # Errors
///
/// As [`similarity_cross_entropy`].
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

/// Checks shapes and fetches masks and weights of rows.
fn prepare(
    prediction: &Tensor,
    masks: &Tensor,
    weights: Option<&Tensor>,
    pixel_weights: PixelWeights,
) -> Result<Masks> {
    let (b, n, _) = prediction.dims3()?;
    expect("prediction", prediction, &[b, n, n])?;
    let Ok((_, p, _)) = masks.dims3() else {
        return Err(mismatch("masks", masks, format!("[{b}, P, {n}]")));
    };
    expect("masks", masks, &[b, p, n])?;
    let fetch = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let own = match weights {
        Some(weights) => {
            expect("weights", weights, &[b, n])?;
            fetch(weights)?
        }
        None => vec![1.0; b * n],
    };
    let mut masks =
        Masks { b, p, n, values: fetch(masks)?, weights: own, scales: vec![1.0; b * p] };
    masks.weigh(pixel_weights);
    Ok(masks)
}

fn evaluate(
    prediction: &Tensor,
    masks: &Masks,
    pair: Pair,
    reduction: Reduction,
) -> Result<Tensor> {
    if prediction.elem_count() == 0 {
        let none = zero(prediction)?.broadcast_as(masks.b)?.contiguous()?;
        return reduction.apply(&none, None);
    }
    let prediction = match prediction.dtype() {
        DType::F64 | DType::F32 => prediction.clone(),
        _ => prediction.to_dtype(DType::F32)?,
    };
    let fast = matches!(prediction.device(), Device::Cpu) && prediction.dtype() == DType::F32;
    let scale = match reduction {
        Reduction::Mean => Some(1.0 / masks.b as f64),
        Reduction::Sum => Some(1.0),
        Reduction::None => None,
    };
    match scale {
        Some(scale) if fast => fused(&prediction.contiguous()?, masks, pair, scale),
        _ => reduction.apply(&composed(&prediction, masks, pair)?, None),
    }
}

/// The losses of the pictures, `[B]`, from tensor operations.
fn composed(prediction: &Tensor, masks: &Masks, pair: Pair) -> Result<Tensor> {
    let Masks { b, p, n, .. } = *masks;
    let (device, dtype) = (prediction.device(), prediction.dtype());
    let tensor = |values: &[f64], shape: &[usize]| {
        Tensor::from_slice(values, shape, device)?.to_dtype(dtype)
    };
    let target = if p == 0 {
        prediction.detach().zeros_like()?
    } else {
        let y = tensor(&masks.values, &[b, p, n])?;
        let scaled = y.broadcast_mul(&tensor(&masks.scales, &[b, p, 1])?)?;
        scaled.transpose(1, 2)?.contiguous()?.matmul(&y)?
    };
    let values = match pair {
        Pair::Power(gamma) => power(&magnitude(&(prediction - target)?)?, gamma)?,
        Pair::CrossEntropy { form, smoothing } => {
            let target = target.affine(1.0 - smoothing, 0.5 * smoothing)?;
            match form {
                SimilarityForm::Logits => bce_with_logits(prediction, &target)?,
                SimilarityForm::Probabilities => {
                    let (low, high) = ((target.zeros_like()? + EDGE)?, target.ones_like()?);
                    let high = (high - EDGE)?;
                    let q = prediction.lt(EDGE)?.where_cond(&low, prediction)?;
                    let q = q.gt(1.0 - EDGE)?.where_cond(&high, &q)?;
                    let same = (&target * q.log()?)?;
                    let other = (target.affine(-1.0, 1.0)? * q.affine(-1.0, 1.0)?.log()?)?;
                    (same + other)?.neg()?
                }
            }
        }
    };
    let rows = values.mean(D::Minus1)?;
    let weights = tensor(&masks.weights, &[b, n])?;
    // Of rows that do not count not even NaN shows.
    let counted = weights.ne(0.0)?.where_cond(&rows, &rows.zeros_like()?)?;
    Ok((counted * weights)?.sum(1)?)
}
