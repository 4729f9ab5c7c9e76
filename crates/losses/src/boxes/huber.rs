//! Squared error with straight ends.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::boxes::rounded_error::{difference, rounded};
use crate::error::Result;
use crate::reduction::Reduction;

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
    /// [`Error::Config`](crate::Error::Config) when `delta` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("delta", self.delta)
    }
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
/// As [`smooth_l1`](crate::smooth_l1()).
///
/// # References
///
/// Huber, *Robust Estimation of a Location Parameter* (Annals of Mathematical Statistics,
/// 1964).
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
