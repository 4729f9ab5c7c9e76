//! What errors that are rounded near 0 share.

use candle_core::Tensor;

use crate::error::Result;
use crate::precision::widen;
use crate::shape::data;
use crate::singular::magnitude;

/// `|prediction - target|`.
pub(crate) fn difference(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    let prediction = &widen(prediction)?;
    magnitude(&(prediction - data("target", target, prediction.dims(), prediction)?)?)
}

/// `r^2 / 2`, and from `delta` on its tangent.
pub(crate) fn rounded(r: &Tensor, delta: f64) -> Result<Tensor> {
    let far = r.affine(delta, -0.5 * delta * delta)?;
    Ok(r.lt(delta)?.where_cond(&(r.sqr()? * 0.5)?, &far)?)
}
