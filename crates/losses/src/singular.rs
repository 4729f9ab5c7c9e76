//! Functions without a derivative at a point: there their gradient is 0.
//!
//! All of them show NaN.

use candle_core::{D, DType, Tensor};

use crate::error::Result;

/// `|x|`.
pub(crate) fn magnitude(x: &Tensor) -> Result<Tensor> {
    Ok((x * x.detach().sign()?)?)
}

/// `max(x, 0)`.
pub(crate) fn positive(x: &Tensor) -> Result<Tensor> {
    // NaN is not below 0, so it passes.
    Ok(x.le(0.0)?.where_cond(&x.zeros_like()?, x)?)
}

/// The square root of `x >= 0`.
pub(crate) fn root(x: &Tensor) -> Result<Tensor> {
    let regular = x.ne(0.0)?;
    let safe = regular.where_cond(x, &x.ones_like()?)?;
    Ok(regular.where_cond(&safe.sqrt()?, &x.zeros_like()?)?)
}

/// `x^gamma` of `x >= 0` for `gamma > 0`; below [`TINY`] a line to 0 where `gamma` is below 1.
pub(crate) fn power(x: &Tensor, gamma: f64) -> Result<Tensor> {
    if (gamma - 1.0).abs() < f64::EPSILON {
        return Ok(x.clone());
    }
    if (gamma - 2.0).abs() < f64::EPSILON {
        return Ok(x.sqr()?);
    }
    // Below 1 the slope grows without end towards 0: a line goes there.
    let least = if gamma < 1.0 { TINY } else { 0.0 };
    let regular = (x.gt(least)? + x.ne(x)?)?;
    let safe = regular.where_cond(x, &x.ones_like()?)?;
    let rest = if gamma < 1.0 {
        let line = (x * TINY.powf(gamma - 1.0))?;
        x.ne(0.0)?.where_cond(&line, &x.zeros_like()?)?
    } else {
        x.zeros_like()?
    };
    Ok(regular.where_cond(&safe.powf(gamma)?, &rest)?)
}

/// The Euclidean norm over the last dimension, which stays with size 1.
pub(crate) fn norm(x: &Tensor) -> Result<Tensor> {
    root(&x.sqr()?.sum_keepdim(D::Minus1)?)
}

/// What counts as 0 in a denominator: its square is still a normal number of single precision.
pub(crate) const TINY: f64 = 1e-18;

/// `a / b` of `b >= 0`, and 0 with gradient 0 where `b` is at most [`TINY`].
pub(crate) fn ratio(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let none = b.le(TINY)?;
    let safe = none.where_cond(&b.ones_like()?, b)?;
    Ok(none.where_cond(&a.zeros_like()?, &(a / safe)?)?)
}

/// The smaller of two; the whole gradient goes to it, and to the first of equals.
pub(crate) fn smaller(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    first_if(&a.le(b)?, a, b)
}

/// The larger of two; the whole gradient goes to it, and to the first of equals.
pub(crate) fn larger(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    first_if(&a.ge(b)?, a, b)
}

/// `a` where it is `chosen` or NaN. NaN in `b` is never compared as chosen.
fn first_if(chosen: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    Ok((chosen + a.ne(a)?)?.where_cond(a, b)?)
}

/// 0 as a function of `x`, whatever it holds.
pub(crate) fn zero(x: &Tensor) -> Result<Tensor> {
    let never = Tensor::zeros(x.shape(), DType::U8, x.device())?;
    Ok(never.where_cond(x, &x.zeros_like()?)?.sum_all()?)
}
