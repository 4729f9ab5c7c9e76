//! How well one wave explains another.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive};
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{data, leading, nothing};
use crate::singular::{larger, magnitude, norm, ratio};

/// Settings of [`frequency_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrequencyLossConfig {
    /// Weight of the frequency's size, `m`, 0 or more. Default 1.
    pub magnitude_weight: f64,
    /// Weight of its direction, `o`, 0 or more. Default 1.
    pub orientation_weight: f64,
    /// Weight of the phase, `p`, 0 or more. Default 1.
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
    /// [`Error::Config`](crate::Error::Config) for a weight that is negative or not finite, and for weights that
    /// are all 0.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("magnitude_weight", self.magnitude_weight)?;
        check_not_negative("orientation_weight", self.orientation_weight)?;
        check_not_negative("phase_weight", self.phase_weight)?;
        let sum = self.magnitude_weight + self.orientation_weight + self.phase_weight;
        check_positive("the sum of the weights", sum)
    }

    /// The errors, 0 to 1, of waves in the last dimension.
    pub(crate) fn errors(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
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
/// With `f = |(u, v)|`, `a` its angle and the weights `m`, `o` and `p` of the settings divided by
/// their sum, after the target was turned to the same side as the prediction ((-u, -v, -phase) is
/// the same wave):
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
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit, [`Error::Config`](crate::Error::Config) for a setting out of range.
pub fn frequency_loss(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &FrequencyLossConfig,
) -> Result<Tensor> {
    config.validate()?;
    let dims = leading("prediction", prediction, &[3])?;
    let prediction = &widen(prediction)?;
    let target = data("target", target, prediction.dims(), prediction)?;
    if prediction.elem_count() == 0 {
        return config.reduction.apply(&nothing(prediction, dims)?, weights);
    }
    config.reduction.apply(&config.errors(prediction, &target)?, weights)
}
