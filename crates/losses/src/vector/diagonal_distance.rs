//! Boxes by any of their diagonals.

use candle_core::Tensor;

use crate::error::Result;
use crate::vector::endpoints::EndpointConfig;

/// Distance of a segment to a box that is given by one of its diagonals.
///
/// ```text
/// loss = min of endpoint_distance to the diagonal and to the other diagonal
/// ```
///
/// that is the least of four pairings of corners.
///
/// # Shapes
///
/// `prediction` and `target`: `[.., 2, 2]`, opposite corners as (x, y), px; `weights`:
/// `[..]`; the result is a scalar, or `[..]` without a reduction.
///
/// # Errors
///
/// As [`endpoint_distance`](crate::endpoint_distance()).
pub fn diagonal_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &EndpointConfig,
) -> Result<Tensor> {
    let points = [(prediction, 2), (target, 2)];
    config.reduce(points, weights, |prediction, target| config.diagonal(prediction, target))
}
