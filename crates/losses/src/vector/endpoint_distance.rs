//! Lines by their two ends in any order.

use candle_core::Tensor;

use crate::error::Result;
use crate::vector::endpoints::EndpointConfig;

/// Distance of two segments whose ends have no order.
///
/// ```text
/// loss = min over both orders of mean over ends of sum over x, y of |(p - t) / size|^gamma
/// ```
///
/// It does not change when the ends of either are exchanged; where a difference is 0 its
/// gradient is 0.
///
/// # Shapes
///
/// `prediction` and `target`: `[.., 2, 2]`, two ends as (x, y), px; `weights`: `[..]`; the
/// result is a scalar, or `[..]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit,
/// [`Error::Config`](crate::Error::Config) for a setting out of range.
pub fn endpoint_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &EndpointConfig,
) -> Result<Tensor> {
    let points = [(prediction, 2), (target, 2)];
    config.reduce(points, weights, |prediction, target| config.line(prediction, target))
}
