//! Vectors and their directions.

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::singular::{TINY, norm};

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
