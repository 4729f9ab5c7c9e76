//! What distances of lines by their ends, and of boxes by their diagonals, share.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{data, leading, nothing};
use crate::singular::{magnitude, power, smaller};

/// Settings of [`endpoint_distance`](crate::endpoint_distance()) and of the losses made of it.
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
        let prediction = &widen(prediction)?;
        let target = data("target", target, &[dims, &[aims, 2]].concat(), prediction)?;
        if prediction.elem_count() == 0 {
            return self.reduction.apply(&nothing(prediction, dims)?, weights);
        }
        self.reduction.apply(&distance(prediction, &target)?, weights)
    }
}

/// Both entries of a dimension in the other order.
fn swap(points: &Tensor, dim: D) -> Result<Tensor> {
    Ok(Tensor::cat(&[points.narrow(dim, 1, 1)?, points.narrow(dim, 0, 1)?], dim)?)
}
