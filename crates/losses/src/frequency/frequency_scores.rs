//! How well waves are explained.

use candle_core::Tensor;

use crate::error::Result;
use crate::frequency::frequency_loss::FrequencyLossConfig;
use crate::precision::widen;
use crate::shape::{expect, rank};

/// How well each proposal explains the wave that it explains best.
///
/// ```text
/// score_k = max over t of 1 - frequency_loss(proposal_k, wave_t)
/// ```
///
/// The target of a network that judges proposals: no gradient passes. Without waves the
/// scores are 0.
///
/// # Shapes
///
/// `proposals`: `[B, K, 3]`, `waves`: `[B, T, 3]`, as in [`frequency_loss`](crate::frequency_loss()); `valid`: `[B, T]`,
/// 0 for waves that only fill up; result: `[B, K]`.
///
/// # Errors
///
/// As [`frequency_loss`](crate::frequency_loss()).
pub fn frequency_scores(
    proposals: &Tensor,
    waves: &Tensor,
    valid: Option<&Tensor>,
    config: &FrequencyLossConfig,
) -> Result<Tensor> {
    config.validate()?;
    let [b, k, _] = rank("proposals", proposals, "[B, K, 3]")?;
    let [_, t, _] = rank("waves", waves, "[B, T, 3]")?;
    expect("proposals", proposals, &[b, k, 3])?;
    expect("waves", waves, &[b, t, 3])?;
    if let Some(valid) = valid {
        expect("valid", valid, &[b, t])?;
    }
    let proposals = widen(&proposals.detach())?;
    if b * k * t == 0 {
        return Ok(Tensor::zeros((b, k), proposals.dtype(), proposals.device())?);
    }
    let waves = waves.detach().to_dtype(proposals.dtype())?;
    let shape = (b, k, t, 3);
    let proposals = proposals.unsqueeze(2)?.broadcast_as(shape)?.contiguous()?;
    let waves = waves.unsqueeze(1)?.broadcast_as(shape)?.contiguous()?;
    let scores = config.errors(&proposals, &waves)?.affine(-1.0, 1.0)?;
    let scores = match valid {
        Some(valid) => {
            let known = valid.ne(0.0)?.unsqueeze(1)?.broadcast_as((b, k, t))?.contiguous()?;
            known.where_cond(&scores, &scores.zeros_like()?)?
        }
        None => scores,
    };
    Ok(scores.max(2)?)
}
