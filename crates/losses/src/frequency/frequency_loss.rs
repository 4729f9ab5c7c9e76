//! How well one wave explains another.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::shape::{expect, leading, mismatch, nothing};
use crate::singular::{larger, magnitude, norm, ratio};

/// Settings of [`frequency_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrequencyLossConfig {
    /// Weight of the frequency's size, 0 or more. Default 1.
    pub magnitude_weight: f64,
    /// Weight of its direction, 0 or more. Default 1.
    pub orientation_weight: f64,
    /// Weight of the phase, 0 or more. Default 1.
    pub phase_weight: f64,
    /// From waves to the result.
    pub reduction: Reduction,
}

impl Default for FrequencyLossConfig {
    fn default() -> Self {
        Self {
            magnitude_weight: 1.0,
            orientation_weight: 1.0,
            phase_weight: 1.0,
            reduction: Reduction::Mean,
        }
    }
}

impl FrequencyLossConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a weight that is negative or not finite, and for weights that
    /// are all 0.
    pub fn validate(&self) -> Result<()> {
        let fields = [
            ("magnitude_weight", self.magnitude_weight),
            ("orientation_weight", self.orientation_weight),
            ("phase_weight", self.phase_weight),
        ];
        for (field, value) in fields {
            if !(value.is_finite() && value >= 0.0) {
                let expected = "finite, 0 or more";
                return Err(Error::Config { field, value: value.to_string(), expected });
            }
        }
        let sum: f64 = fields.iter().map(|field| field.1).sum();
        if sum > 0.0 && sum.is_finite() {
            return Ok(());
        }
        let (field, value) = ("the sum of the weights", sum.to_string());
        Err(Error::Config { field, value, expected: "finite, more than 0" })
    }

    /// The errors, 0 to 1, of waves in the last dimension.
    fn errors(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        let wave = |x: &Tensor| x.narrow(D::Minus1, 0, 2);
        let entry = |x: &Tensor, i| x.narrow(D::Minus1, i, 1)?.squeeze(D::Minus1);
        let [u, v] = [entry(prediction, 0)?, entry(prediction, 1)?];
        let [s, t] = [entry(target, 0)?, entry(target, 1)?];
        let f = norm(&wave(prediction)?)?.squeeze(D::Minus1)?;
        let g = norm(&wave(target)?)?.squeeze(D::Minus1)?;
        let size = ratio(&magnitude(&(&f - &g)?)?, &larger(&f, &g)?)?;
        let cross = magnitude(&((&u * &t)? - (&v * &s)?)?)?;
        let direction = ratio(&cross, &(f * g)?)?;
        // The opposite frequency with the opposite phase is the same wave.
        let along = ((u * s)? + (v * t)?)?.detach();
        let back = along.lt(0.0)?.to_dtype(along.dtype())?;
        let sign = back.affine(-2.0, 1.0)?;
        let apart = (entry(prediction, 2)? - (entry(target, 2)? * sign)?)?;
        // (1 - cos d) / 2 without cancellation.
        let phase = (apart * 0.5)?.sin()?.sqr()?;
        let sum = self.magnitude_weight + self.orientation_weight + self.phase_weight;
        Ok((((size * (self.magnitude_weight / sum))?
            + (direction * (self.orientation_weight / sum))?)?
            + (phase * (self.phase_weight / sum))?)?)
    }
}

/// Distance of two plane waves `cos(2 pi (u x + v y) / N + phase)`, from 0 to 1.
///
/// With `f = |(u, v)|`, `a` its angle and the weights divided by their sum, after the target
/// was turned to the same side as the prediction ((-u, -v, -phase) is the same wave):
///
/// ```text
/// loss = m |f - f'| / max(f, f') + o |sin(a - a')| + p (1 - cos(phase - phase')) / 2
/// ```
///
/// Two waves without a frequency have no difference of size; one without has no direction.
///
/// # Shapes
///
/// `prediction` and `target`: `[.., 3]`, frequencies (u, v) in periods per picture and a phase
/// in radians; `weights`: `[..]`; the result is a scalar, or `[..]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`] for shapes that do not fit, [`Error::Config`] for a setting out of range.
pub fn frequency_loss(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &FrequencyLossConfig,
) -> Result<Tensor> {
    config.validate()?;
    let dims = leading("prediction", prediction, &[3])?;
    expect("target", target, prediction.dims())?;
    if prediction.elem_count() == 0 {
        return config.reduction.apply(&nothing(prediction, dims)?, weights);
    }
    let target = target.to_dtype(prediction.dtype())?;
    config.reduction.apply(&config.errors(prediction, &target)?, weights)
}

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
/// `proposals`: `[B, K, 3]`, `waves`: `[B, T, 3]`, as in [`frequency_loss`]; `valid`: `[B, T]`,
/// 0 for waves that only fill up; result: `[B, K]`.
///
/// # Errors
///
/// As [`frequency_loss`].
pub fn frequency_scores(
    proposals: &Tensor,
    waves: &Tensor,
    valid: Option<&Tensor>,
    config: &FrequencyLossConfig,
) -> Result<Tensor> {
    config.validate()?;
    let (b, k, _) = proposals.dims3()?;
    let Ok((_, t, _)) = waves.dims3() else {
        return Err(mismatch("waves", waves, format!("[{b}, T, 3]")));
    };
    expect("proposals", proposals, &[b, k, 3])?;
    expect("waves", waves, &[b, t, 3])?;
    if let Some(valid) = valid {
        expect("valid", valid, &[b, t])?;
    }
    let proposals = proposals.detach();
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
