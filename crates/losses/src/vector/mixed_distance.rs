//! Vectors of lines and boxes in one tensor.

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::vector::endpoints::EndpointConfig;

/// A line and a box side by side: the sum of both distances.
///
/// ```text
/// loss = endpoint_distance(first vectors) + diagonal_distance(second vectors)
/// ```
///
/// # Shapes
///
/// `prediction` and `target`: `[.., 4, 2]`, the two ends of a line and two opposite corners
/// of a box as (x, y), px; `weights`: `[..]`; the result is a scalar, or `[..]` without a
/// reduction.
///
/// # Errors
///
/// As [`endpoint_distance`](crate::endpoint_distance()).
pub fn mixed_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &EndpointConfig,
) -> Result<Tensor> {
    config.reduce([(prediction, 4), (target, 4)], weights, |prediction, target| {
        let half = |points: &Tensor, first| points.narrow(D::Minus2, first, 2);
        let line = config.line(&half(prediction, 0)?, &half(target, 0)?)?;
        let diagonal = config.diagonal(&half(prediction, 2)?, &half(target, 2)?)?;
        Ok((line + diagonal)?)
    })
}
