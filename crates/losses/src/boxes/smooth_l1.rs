//! Absolute error that is rounded near 0.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::boxes::rounded_error::{difference, rounded};
use crate::error::Result;
use crate::reduction::Reduction;

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
    /// [`Error::Config`](crate::Error::Config) when `beta` is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("beta", self.beta)
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
/// [`Error::Shape`](crate::Error::Shape) for shapes that differ, [`Error::Config`](crate::Error::Config) for a setting out of range.
///
/// # References
///
/// Girshick, *Fast R-CNN* (ICCV 2015).
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
