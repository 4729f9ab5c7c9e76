//! Absolute errors that are rounded near 0.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::shape::expect;
use crate::singular::magnitude;
use crate::vector::check_positive;

/// Settings of [`smooth_l1`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothL1Config {
    /// Error up to which the loss is quadratic, in the unit of the values, 0 or more. With 0
    /// the loss is the absolute error. Default 1.
    pub beta: f64,
    /// From elements to the result.
    pub reduction: Reduction,
}

impl Default for SmoothL1Config {
    fn default() -> Self {
        Self { beta: 1.0, reduction: Reduction::Mean }
    }
}

impl SmoothL1Config {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when `beta` is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        if self.beta.is_finite() && self.beta >= 0.0 {
            return Ok(());
        }
        let (field, value) = ("beta", self.beta.to_string());
        Err(Error::Config { field, value, expected: "finite, 0 or more" })
    }
}

/// Settings of [`huber`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HuberConfig {
    /// Error up to which the loss is quadratic, in the unit of the values, more than 0.
    /// Default 1.
    pub delta: f64,
    /// From elements to the result.
    pub reduction: Reduction,
}

impl Default for HuberConfig {
    fn default() -> Self {
        Self { delta: 1.0, reduction: Reduction::Mean }
    }
}

impl HuberConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when `delta` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("delta", self.delta)
    }
}

/// Absolute error, quadratic near 0, with slope 1 beyond.
///
/// ```text
/// r = |prediction - target|
/// loss = r^2 / (2 beta)   if r < beta
///        r - beta / 2     otherwise
/// ```
///
/// # Shapes
///
/// All of one shape; the result is a scalar, or has that shape without a reduction.
///
/// # Errors
///
/// [`Error::Shape`] for shapes that differ, [`Error::Config`] for a setting out of range.
///
/// # References
///
/// Girshick, *Fast R-CNN* (2015).
pub fn smooth_l1(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &SmoothL1Config,
) -> Result<Tensor> {
    config.validate()?;
    let r = difference(prediction, target)?;
    let values = if config.beta > 0.0 { (rounded(&r, config.beta)? / config.beta)? } else { r };
    config.reduction.apply(&values, weights)
}

/// Squared error near 0, with slope `delta` beyond.
///
/// ```text
/// r = |prediction - target|
/// loss = r^2 / 2                    if r < delta
///        delta (r - delta / 2)      otherwise
/// ```
///
/// # Shapes
///
/// All of one shape; the result is a scalar, or has that shape without a reduction.
///
/// # Errors
///
/// As [`smooth_l1`].
///
/// # References
///
/// Huber, *Robust Estimation of a Location Parameter* (1964).
pub fn huber(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &HuberConfig,
) -> Result<Tensor> {
    config.validate()?;
    let values = rounded(&difference(prediction, target)?, config.delta)?;
    config.reduction.apply(&values, weights)
}

fn difference(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    expect("target", target, prediction.dims())?;
    magnitude(&(prediction - target.to_dtype(prediction.dtype())?)?)
}

/// `r^2 / 2`, and from `delta` on its tangent.
fn rounded(r: &Tensor, delta: f64) -> Result<Tensor> {
    let far = r.affine(delta, -0.5 * delta * delta)?;
    Ok(r.lt(delta)?.where_cond(&(r.sqr()? * 0.5)?, &far)?)
}
