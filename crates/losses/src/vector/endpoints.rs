//! Lines by their two ends in any order, and boxes by any of their diagonals.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::reduction::Reduction;
use crate::shape::{expect, leading, nothing};
use crate::singular::{magnitude, power, smaller};
use crate::vector::angle_distance::check_positive;

/// Settings of [`endpoint_distance`] and of the losses made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointConfig {
    /// Exponent of the differences of coordinates, more than 0. Default 1.
    pub gamma: f64,
    /// Length that counts as 1, more than 0: the side of the picture, to compare sizes; px.
    /// Default 1.
    pub size: f64,
    /// From elements to the result.
    pub reduction: Reduction,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self { gamma: 1.0, size: 1.0, reduction: Reduction::Mean }
    }
}

impl EndpointConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma)?;
        check_positive("size", self.size)
    }

    /// The distance of pairs of ends in the better order, `[..]` of `[.., 2, 2]`.
    pub(crate) fn line(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        let reversed = swap(target, D::Minus2)?;
        smaller(&self.ordered(prediction, target)?, &self.ordered(prediction, &reversed)?)
    }

    /// The distance to the better of both diagonals.
    pub(crate) fn diagonal(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        let [x, y] = [0, 1].map(|i| target.narrow(D::Minus1, i, 1));
        // The other diagonal joins the first x to the second y.
        let other = Tensor::cat(&[x?, swap(&y?, D::Minus2)?], D::Minus1)?;
        smaller(&self.line(prediction, target)?, &self.line(prediction, &other)?)
    }

    /// The mean over both ends of the sum over coordinates.
    fn ordered(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        let difference = (magnitude(&(prediction - target)?)? / self.size)?;
        let powers = power(&difference, self.gamma)?;
        Ok((powers.sum(D::Minus1)?.sum(D::Minus1)? * 0.5)?)
    }

    /// Checks a prediction and a target, each with its number of points, and reduces the
    /// distance of both.
    pub(super) fn reduce(
        &self,
        [(prediction, points), (target, aims)]: [(&Tensor, usize); 2],
        weights: Option<&Tensor>,
        distance: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.validate()?;
        let dims = leading("prediction", prediction, &[points, 2])?;
        expect("target", target, &[dims, &[aims, 2]].concat())?;
        if prediction.elem_count() == 0 {
            return self.reduction.apply(&nothing(prediction, dims)?, weights);
        }
        let target = target.to_dtype(prediction.dtype())?;
        self.reduction.apply(&distance(prediction, &target)?, weights)
    }
}

/// Both entries of a dimension in the other order.
fn swap(points: &Tensor, dim: D) -> Result<Tensor> {
    Ok(Tensor::cat(&[points.narrow(dim, 1, 1)?, points.narrow(dim, 0, 1)?], dim)?)
}

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
/// As [`endpoint_distance`].
pub fn diagonal_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &EndpointConfig,
) -> Result<Tensor> {
    let points = [(prediction, 2), (target, 2)];
    config.reduce(points, weights, |prediction, target| config.diagonal(prediction, target))
}
