//! Distance of the directions of lines, which have no head.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::shape::{expect, mismatch, nothing};
use crate::singular::{TINY, magnitude, norm, power};

/// The measure of an angle between two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AngleForm {
    /// `|sin d|^gamma`, at most 1.
    #[default]
    Sine,
    /// `1 - cos 2d`, at most 2; smooth everywhere.
    DoubledCosine,
}

/// Settings of [`angle_distance`] and [`direction_distance`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AngleDistanceConfig {
    /// The measure. Default sine.
    pub form: AngleForm,
    /// Exponent of the sine, more than 0. Default 1.
    pub gamma: f64,
    /// From elements to the result.
    pub reduction: Reduction,
}

impl Default for AngleDistanceConfig {
    fn default() -> Self {
        Self { form: AngleForm::Sine, gamma: 1.0, reduction: Reduction::Mean }
    }
}

impl AngleDistanceConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when `gamma` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma)
    }
}

/// Checks a number that must be finite and more than 0.
pub(crate) fn check_positive(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::Config { field, value: value.to_string(), expected: "finite, more than 0" })
}

/// Distance of two angles with the period pi.
///
/// ```text
/// d = prediction - target
/// loss = |sin d|^gamma    or    1 - cos 2d
/// ```
///
/// It is symmetric, 0 for one line and largest at a right angle. Where the sine is 0 its
/// gradient is 0. For two channels of the doubled angle see [`angle`](crate::angle()).
///
/// # Shapes
///
/// `prediction`, `target` and `weights`: angles in radians of one shape; the result is a
/// scalar, or has that shape without a reduction.
///
/// # Errors
///
/// [`Error::Shape`] for shapes that differ, [`Error::Config`] for a setting out of range.
pub fn angle_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &AngleDistanceConfig,
) -> Result<Tensor> {
    config.validate()?;
    expect("target", target, prediction.dims())?;
    let difference = (prediction - target.to_dtype(prediction.dtype())?)?;
    let values = match config.form {
        AngleForm::Sine => power(&magnitude(&difference.sin()?)?, config.gamma)?,
        // 1 - cos 2d without cancellation.
        AngleForm::DoubledCosine => (difference.sin()?.sqr()? * 2.0)?,
    };
    config.reduction.apply(&values, weights)
}

/// [`angle_distance`] of predictions that are vectors of any length.
///
/// The vector is `(cos, sin)` times a length, so the angle is `atan2(y, x)`; the zero vector
/// has the angle 0 and no gradient.
///
/// # Shapes
///
/// `vectors`: `[.., 2]` as (x, y); `target` and `weights`: `[..]`, angles in radians; the
/// result is a scalar, or `[..]` without a reduction.
///
/// # Errors
///
/// As [`angle_distance`].
pub fn direction_distance(
    vectors: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &AngleDistanceConfig,
) -> Result<Tensor> {
    config.validate()?;
    let Some((&2, dims)) = vectors.dims().split_last() else {
        return Err(mismatch("vectors", vectors, "[.., 2]".to_owned()));
    };
    expect("target", target, dims)?;
    if vectors.elem_count() == 0 {
        return config.reduction.apply(&nothing(vectors, dims)?, weights);
    }
    let target = target.to_dtype(vectors.dtype())?;
    let directions = unit(vectors)?;
    let [x, y] = coordinates(&directions)?;
    // The sine of the difference is the cross product of the directions.
    let sine = ((y * target.cos()?)? - (x * target.sin()?)?)?;
    let values = match config.form {
        AngleForm::Sine => power(&magnitude(&sine)?, config.gamma)?,
        AngleForm::DoubledCosine => (sine.sqr()? * 2.0)?,
    };
    config.reduction.apply(&values, weights)
}

/// The two entries of the last dimension, without it.
pub(crate) fn coordinates(vectors: &Tensor) -> Result<[Tensor; 2]> {
    let part = |i| vectors.narrow(D::Minus1, i, 1)?.squeeze(D::Minus1);
    Ok([part(0)?, part(1)?])
}

/// Vectors over their length; (1, 0) without a gradient where that is at most [`TINY`].
pub(crate) fn unit(vectors: &Tensor) -> Result<Tensor> {
    let length = norm(vectors)?.broadcast_as(vectors.shape())?;
    let zero = length.le(TINY)?;
    let ahead = Tensor::new(&[1.0, 0.0], vectors.device())?
        .to_dtype(vectors.dtype())?
        .broadcast_as(vectors.shape())?
        .contiguous()?;
    let safe = zero.where_cond(&length.ones_like()?, &length)?;
    Ok(zero.where_cond(&ahead, &(vectors / safe)?)?)
}
