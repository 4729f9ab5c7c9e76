//! What losses of every pixel with every other share.

use candle_core::{D, DType, Tensor};
use mapvec_nn::bce_with_logits;

use crate::allowed::check_weights;
use crate::error::Result;
use crate::precision::{is_fast, widen};
use crate::reduction::Reduction;
use crate::relational::rows::{Masks, fused};
use crate::relational::similarity_cross_entropy::{PixelWeights, SimilarityForm};
use crate::shape::{expect, rank};
use crate::singular::{magnitude, power, zero};

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

/// Checks shapes and fetches masks and weights of rows.
pub(crate) fn prepare(
    prediction: &Tensor,
    masks: &Tensor,
    weights: Option<&Tensor>,
    pixel_weights: PixelWeights,
) -> Result<Masks> {
    let [b, n, _] = rank("prediction", prediction, "[B, N, N]")?;
    expect("prediction", prediction, &[b, n, n])?;
    let [_, p, _] = rank("masks", masks, &format!("[{b}, P, {n}]"))?;
    expect("masks", masks, &[b, p, n])?;
    let fetch = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let own = match weights {
        Some(weights) => {
            expect("weights", weights, &[b, n])?;
            check_weights("weights", weights)?;
            fetch(weights)?
        }
        None => vec![1.0; b * n],
    };
    let mut masks =
        Masks { b, p, n, values: fetch(masks)?, weights: own, scales: vec![1.0; b * p] };
    masks.weigh(pixel_weights);
    Ok(masks)
}

/// The loss of all pairs.
pub(crate) fn evaluate(
    prediction: &Tensor,
    masks: &Masks,
    pair: Pair,
    reduction: Reduction,
) -> Result<Tensor> {
    if prediction.elem_count() == 0 {
        let none = zero(&widen(prediction)?)?.broadcast_as(masks.b)?.contiguous()?;
        return reduction.apply(&none, None);
    }
    let prediction = widen(prediction)?;
    let scale = match reduction {
        Reduction::Mean => Some(1.0 / masks.b as f64),
        Reduction::Sum => Some(1.0),
        Reduction::None => None,
    };
    match scale {
        Some(scale) if is_fast(&prediction) => fused(&prediction.contiguous()?, masks, pair, scale),
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
