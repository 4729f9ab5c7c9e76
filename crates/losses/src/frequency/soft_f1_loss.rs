//! The F1 score of probabilities.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_weights;
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{expect, mismatch, nothing};
use crate::singular::ratio;

/// Settings of [`soft_f1_loss`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftF1Config {
    /// From samples to the result.
    pub reduction: Reduction,
}

/// One less the F1 score, with products of probabilities for counts.
///
/// ```text
/// TP = sum of w p t      FP = sum of w p (1 - t)      FN = sum of w (1 - p) t
/// loss = 1 - TP / (TP + (FP + FN) / 2)
/// ```
///
/// for every sample; 0 where nothing is there and nothing was predicted.
///
/// # Shapes
///
/// `probabilities`, `target` and `weights`: `[B, ..]`, all of one shape, 0 to 1; the result is
/// a scalar, or `[B]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that differ,
/// [`Error::Target`](crate::Error::Target) for a weight that is negative or not finite.
///
/// # References
///
/// Benedict, Koops, Odijk, de Rijke, "sigmoidF1: a smooth F1 score surrogate loss for multilabel
/// classification" (TMLR 2022).
pub fn soft_f1_loss(
    probabilities: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &SoftF1Config,
) -> Result<Tensor> {
    expect("target", target, probabilities.dims())?;
    let Some(&b) = probabilities.dims().first() else {
        return Err(mismatch("probabilities", probabilities, "[B, ..]".to_owned()));
    };
    let probabilities = &widen(probabilities)?;
    if probabilities.elem_count() == 0 {
        return config.reduction.apply(&nothing(probabilities, &[b])?, None);
    }
    let rows = |x: &Tensor| x.reshape((b, ()))?.to_dtype(probabilities.dtype());
    let (p, t) = (rows(probabilities)?, rows(&target.detach())?);
    let both = (&p * &t)?;
    // FP + FN = p + t - 2 p t.
    let wrong = ((p + t)? - (&both * 2.0)?)?;
    let (both, wrong) = match weights {
        None => (both, wrong),
        Some(weights) => {
            expect("weights", weights, probabilities.dims())?;
            check_weights("weights", weights)?;
            let w = rows(&weights.detach())?;
            ((both * &w)?, (wrong * w)?)
        }
    };
    let wrong = (wrong.sum(1)? * 0.5)?;
    let values = ratio(&wrong, &(both.sum(1)? + &wrong)?)?;
    config.reduction.apply(&values, None)
}
