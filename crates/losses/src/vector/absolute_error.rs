//! Mean absolute error, for example of widths.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::data;
use crate::singular::magnitude;

/// Settings of [`absolute_error`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AbsoluteErrorConfig {
    /// From elements to the result.
    pub reduction: Reduction,
}

/// Absolute difference, in the unit of its arguments: the loss of a width in px.
///
/// ```text
/// loss = |prediction - target|
/// ```
///
/// Where both are equal the gradient is 0.
///
/// # Shapes
///
/// All of one shape; the result is a scalar, or has that shape without a reduction.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that differ.
pub fn absolute_error(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &AbsoluteErrorConfig,
) -> Result<Tensor> {
    let prediction = &widen(prediction)?;
    let target = data("target", target, prediction.dims(), prediction)?;
    config.reduction.apply(&magnitude(&(prediction - target)?)?, weights)
}
