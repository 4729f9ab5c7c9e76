//! Losses of matched objects, one value per object, with gradients.

use candle_core::{D, Tensor};
use mapvec_nn::{bce_with_logits, sigmoid};

use crate::error::Result;

/// `|d|^exponent` with gradient 0 at 0, for an exponent of 1 or more.
fn power(d: &Tensor, exponent: f64) -> Result<Tensor> {
    let zero = d.zeros_like()?;
    let positive = d.gt(0.0)?.where_cond(d, &zero)?;
    let negative = d.lt(0.0)?.where_cond(d, &zero)?;
    let magnitude = (positive - &negative)?;
    // NaN is neither, and has to show.
    let magnitude = d.ne(d)?.where_cond(d, &magnitude)?;
    Ok(if exponent > 1.0 { magnitude.powf(exponent)? } else { magnitude })
}

/// Cross-entropy of logits with soft targets, `[B, N, ..]` to the mean over all but the
/// first two dimensions; balanced focal where there are an exponent and a weight.
pub(crate) fn binary(
    logits: &Tensor,
    target: &Tensor,
    focal: Option<(f64, f64)>,
) -> Result<Tensor> {
    let target = target.detach().to_dtype(logits.dtype())?;
    let mut loss = bce_with_logits(logits, &target)?;
    if let Some((gamma, alpha)) = focal {
        let probability = sigmoid(logits)?;
        let absent = target.affine(-1.0, 1.0)?;
        if gamma > 0.0 {
            // One minus the probability of what is true: p (1 - y) + (1 - p) y.
            let miss = ((&probability * &absent)? + (probability.affine(-1.0, 1.0)? * &target)?)?;
            loss = (loss * if gamma > 1.0 { miss.powf(gamma)? } else { miss })?;
        }
        loss = (loss * target.affine(2.0 * alpha - 1.0, 1.0 - alpha)?)?;
    }
    Ok(loss.flatten_from(2)?.mean(D::Minus1)?)
}

/// `iou_weight (1 - IoU) + (1 - iou_weight) mean |d|^rank`, `[B, N, 4]` to `[B, N]`.
pub(crate) fn boxes(
    predicted: &Tensor,
    truth: &Tensor,
    (centre, iou_weight, rank): (bool, f64, f64),
) -> Result<Tensor> {
    let truth = truth.detach().to_dtype(predicted.dtype())?;
    let distance = power(&(predicted - &truth)?, rank)?.mean(D::Minus1)?;
    let (low, high) = corners(predicted, centre)?;
    let (true_low, true_high) = corners(&truth, centre)?;
    let larger = |a: &Tensor, b: &Tensor| a.lt(b)?.where_cond(b, a);
    let smaller = |a: &Tensor, b: &Tensor| a.gt(b)?.where_cond(b, a);
    let area = |low: &Tensor, high: &Tensor| -> Result<Tensor> {
        let sides = (high - low)?;
        let sides = sides.lt(0.0)?.where_cond(&sides.zeros_like()?, &sides)?;
        Ok((sides.narrow(2, 0, 1)? * sides.narrow(2, 1, 1)?)?.squeeze(2)?)
    };
    let shared = area(&larger(&low, &true_low)?, &smaller(&high, &true_high)?)?;
    let union = ((area(&low, &high)? + area(&true_low, &true_high)?)? - &shared)?;
    let safe = union.eq(0.0)?.where_cond(&union.ones_like()?, &union)?;
    let miss = shared.div(&safe)?.affine(-1.0, 1.0)?;
    Ok(((miss * iou_weight)? + (distance * (1.0 - iou_weight))?)?)
}

/// Lower and upper corners, `[B, N, 2]` each.
fn corners(boxes: &Tensor, centre: bool) -> Result<(Tensor, Tensor)> {
    let (first, second) = (boxes.narrow(2, 0, 2)?, boxes.narrow(2, 2, 2)?);
    if !centre {
        return Ok((first, second));
    }
    let half = (second * 0.5)?;
    Ok(((&first - &half)?, (first + half)?))
}

/// The mean over endpoints of `sum |d|^gamma` in the better order, `[B, N, 2, 2]` to `[B, N]`.
pub(crate) fn vectors(predicted: &Tensor, truth: &Tensor, gamma: f64) -> Result<Tensor> {
    let truth = truth.detach().to_dtype(predicted.dtype())?;
    let swapped = Tensor::cat(&[truth.narrow(2, 1, 1)?, truth.narrow(2, 0, 1)?], 2)?;
    let distance = |truth: &Tensor| -> Result<Tensor> {
        let sum = power(&(predicted - truth)?, gamma)?.flatten_from(2)?.sum(D::Minus1)?;
        Ok((sum * 0.5)?)
    };
    let (a, b) = (distance(&truth)?, distance(&swapped)?);
    Ok(b.lt(&a)?.where_cond(&b, &a)?)
}
