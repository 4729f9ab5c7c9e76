//! Direction, length and end of a vector together.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive, check_range};
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{data, leading, nothing};
use crate::singular::{magnitude, norm, power};
use crate::vector::directions::unit;

/// Settings of [`angle_length`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AngleLengthConfig {
    /// Weight of the direction, `a`, 0 or more. Default 0.3.
    pub angle_weight: f64,
    /// Weight of the length, `l`, 0 or more. Default 0.7.
    pub length_weight: f64,
    /// Weight of the difference of the vectors, `d`, 0 or more. Default 1.
    pub distance_weight: f64,
    /// Order of the norm of that difference, `gamma`, at least 1. Default 2.
    pub distance_gamma: f64,
    /// From elements to the result.
    pub reduction: Reduction,
}

impl Default for AngleLengthConfig {
    fn default() -> Self {
        Self {
            angle_weight: 0.3,
            length_weight: 0.7,
            distance_weight: 1.0,
            distance_gamma: 2.0,
            reduction: Reduction::Mean,
        }
    }
}

impl AngleLengthConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) for a weight that is negative or not finite, for weights that are
    /// all 0, and for an order below 1.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("angle_weight", self.angle_weight)?;
        check_not_negative("length_weight", self.length_weight)?;
        check_not_negative("distance_weight", self.distance_weight)?;
        let sum = self.angle_weight + self.length_weight + self.distance_weight;
        check_positive("the sum of the weights", sum)?;
        let (field, order) = ("distance_gamma", self.distance_gamma);
        check_range(field, order, order >= 1.0, "finite, 1 or more")
    }
}

/// Distance of vectors by direction (period 2 pi), length and difference.
///
/// ```text
/// loss = ( a |sin((angle p - angle t) / 2)| + l | |p| - |t| | + d |p - t|_gamma ) / (a + l + d)
/// ```
///
/// The weights default to .15, .35 and .5 after the division. The zero vector has the angle
/// 0; where a norm is 0 its gradient is 0.
///
/// # Shapes
///
/// `prediction` and `target`: `[.., 2]` as (x, y), px; `weights`: `[..]`; the result is a
/// scalar, or `[..]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit, [`Error::Config`](crate::Error::Config) for a setting out of range.
pub fn angle_length(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &AngleLengthConfig,
) -> Result<Tensor> {
    config.validate()?;
    let dims = leading("prediction", prediction, &[2])?;
    let prediction = &widen(prediction)?;
    let target = data("target", target, prediction.dims(), prediction)?;
    if prediction.elem_count() == 0 {
        return config.reduction.apply(&nothing(prediction, dims)?, weights);
    }
    // Half the chord between two directions is the sine of half their angle.
    let chord = norm(&(unit(prediction)? - unit(&target)?)?)?.squeeze(D::Minus1)?;
    let length = magnitude(&(norm(prediction)? - norm(&target)?)?)?.squeeze(D::Minus1)?;
    let difference = (prediction - &target)?;
    let gamma = config.distance_gamma;
    let distance = if (gamma - 2.0).abs() < f64::EPSILON {
        norm(&difference)?.squeeze(D::Minus1)?
    } else {
        let powers = power(&magnitude(&difference)?, gamma)?.sum(D::Minus1)?;
        power(&powers, 1.0 / gamma)?
    };
    let sum = config.angle_weight + config.length_weight + config.distance_weight;
    let values = (((chord * (0.5 * config.angle_weight / sum))?
        + (length * (config.length_weight / sum))?)?
        + (distance * (config.distance_weight / sum))?)?;
    config.reduction.apply(&values, weights)
}
