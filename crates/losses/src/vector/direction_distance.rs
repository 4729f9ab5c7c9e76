//! Distance of vectors from the directions of lines.

use candle_core::Tensor;

use crate::error::Result;
use crate::precision::widen;
use crate::shape::{data, leading, nothing};
use crate::singular::{magnitude, power};
use crate::vector::angle_distance::{AngleDistanceConfig, AngleForm};
use crate::vector::directions::{coordinates, unit};

/// [`angle_distance`](crate::angle_distance()) of predictions that are vectors of any length.
///
/// ```text
/// d = atan2(y, x) - target
/// loss = |sin d|^gamma    or    1 - cos 2d
/// ```
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
/// As [`angle_distance`](crate::angle_distance()).
pub fn direction_distance(
    vectors: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &AngleDistanceConfig,
) -> Result<Tensor> {
    config.validate()?;
    let dims = leading("vectors", vectors, &[2])?;
    let vectors = &widen(vectors)?;
    let target = data("target", target, dims, vectors)?;
    if vectors.elem_count() == 0 {
        return config.reduction.apply(&nothing(vectors, dims)?, weights);
    }
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
