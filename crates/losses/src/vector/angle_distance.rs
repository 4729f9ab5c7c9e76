//! Distance of the directions of lines, which have no head.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::data;
use crate::singular::{magnitude, power};

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

/// Settings of [`angle_distance`] and [`direction_distance`](crate::direction_distance()).
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
    /// [`Error::Config`](crate::Error::Config) when `gamma` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma)
    }
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
/// [`Error::Shape`](crate::Error::Shape) for shapes that differ, [`Error::Config`](crate::Error::Config) for a setting out of range.
///
/// # References
///
/// Granlund, "In search of a general picture processing operator" (Computer Graphics and Image
/// Processing 1978), for the doubled angle.
pub fn angle_distance(
    prediction: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &AngleDistanceConfig,
) -> Result<Tensor> {
    config.validate()?;
    let prediction = &widen(prediction)?;
    let difference = (prediction - data("target", target, prediction.dims(), prediction)?)?;
    let values = match config.form {
        AngleForm::Sine => power(&magnitude(&difference.sin()?)?, config.gamma)?,
        // 1 - cos 2d without cancellation.
        AngleForm::DoubledCosine => (difference.sin()?.sqr()? * 2.0)?,
    };
    config.reduction.apply(&values, weights)
}
