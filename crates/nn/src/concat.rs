//! Concatenation along channels.

use candle_core::{Result, Tensor};

/// The tensors one behind the other along their channels, contiguous.
///
/// # Shapes
///
/// `[B, C1, H, W]`, `[B, C2, H, W]`, ... to `[B, C1 + C2 + ..., H, W]`.
///
/// # Errors
///
/// No tensors, or shapes that differ in more than the channels.
pub fn cat_channels(xs: &[&Tensor]) -> Result<Tensor> {
    let contiguous = xs.iter().map(|x| x.contiguous()).collect::<Result<Vec<_>>>()?;
    Tensor::cat(&contiguous, 1)
}
