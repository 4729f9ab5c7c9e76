//! A vector against two that would both be right.

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::singular::smaller;
use crate::vector::endpoints::EndpointConfig;

/// One vector against two that would both be right.
///
/// ```text
/// loss = min of endpoint_distance to the first and to the second candidate
/// ```
///
/// The candidates of a line are the line twice, those of a box its two diagonals.
///
/// # Shapes
///
/// `prediction`: `[.., 2, 2]`, two ends as (x, y), px; `target`: `[.., 4, 2]`, the ends of
/// the first candidate and those of the second; `weights`: `[..]`; the result is a scalar,
/// or `[..]` without a reduction.
///
/// # Errors
///
/// As [`endpoint_distance`](crate::endpoint_distance()).
pub fn candidate_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &EndpointConfig,
) -> Result<Tensor> {
    config.reduce([(prediction, 2), (target, 4)], weights, |prediction, target| {
        nearest(prediction, target, config)
    })
}

/// The distance to the nearer candidate, `[..]`.
pub(crate) fn nearest(
    prediction: &Tensor,
    target: &Tensor,
    config: &EndpointConfig,
) -> Result<Tensor> {
    let [first, second] = [0, 2].map(|first| target.narrow(D::Minus2, first, 2));
    smaller(&config.line(prediction, &first?)?, &config.line(prediction, &second?)?)
}
