//! Shapes that arguments must have.

use candle_core::Tensor;

use crate::error::{Error, Result};

/// Checks that `tensor` has exactly these dimensions.
pub(crate) fn expect(field: &'static str, tensor: &Tensor, dims: &[usize]) -> Result<()> {
    if tensor.dims() == dims {
        return Ok(());
    }
    Err(mismatch(field, tensor, format!("{dims:?}")))
}

/// Checks that the dimensions of `tensor` end in `last`, and returns those before.
pub(crate) fn leading<'a>(
    field: &'static str,
    tensor: &'a Tensor,
    last: &[usize],
) -> Result<&'a [usize]> {
    tensor.dims().strip_suffix(last).ok_or_else(|| {
        let last: Vec<String> = last.iter().map(usize::to_string).collect();
        mismatch(field, tensor, format!("[.., {}]", last.join(", ")))
    })
}

/// The error of a shape that does not fit.
pub(crate) fn mismatch(field: &'static str, tensor: &Tensor, expected: String) -> Error {
    Error::Shape { field, expected, found: format!("{:?}", tensor.dims()) }
}

/// Zeros of a shape without elements, as a function of an empty `input`.
///
/// Candle cannot narrow tensors without values.
pub(crate) fn nothing(input: &Tensor, dims: &[usize]) -> Result<Tensor> {
    Ok(input.sum_all()?.broadcast_as(dims)?.contiguous()?)
}
