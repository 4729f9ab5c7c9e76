//! Shapes that arguments must have.

use candle_core::Tensor;

use crate::error::{Error, Result};

/// The dimensions of a tensor that must have `N` of them; `form` names them, as `[B, C, H, W]`.
pub(crate) fn rank<const N: usize>(
    field: &'static str,
    tensor: &Tensor,
    form: &str,
) -> Result<[usize; N]> {
    <[usize; N]>::try_from(tensor.dims()).map_err(|_| mismatch(field, tensor, form.to_owned()))
}

/// The rows of a tensor that must be `[rows, columns]`.
pub(crate) fn rows(field: &'static str, tensor: &Tensor, columns: usize) -> Result<usize> {
    match *tensor.dims() {
        [rows, found] if found == columns => Ok(rows),
        _ => Err(mismatch(field, tensor, format!("[N, {columns}]"))),
    }
}

/// Checks that `tensor` has exactly these dimensions.
pub(crate) fn expect(field: &'static str, tensor: &Tensor, dims: &[usize]) -> Result<()> {
    if tensor.dims() == dims {
        return Ok(());
    }
    Err(mismatch(field, tensor, format!("{dims:?}")))
}

/// Checks that `tensor` has these dimensions but for axes of size 1.
///
/// As many values in another order of axes would be other pixels.
pub(crate) fn same_axes(field: &'static str, tensor: &Tensor, dims: &[usize]) -> Result<()> {
    let long = |dims: &[usize]| dims.iter().copied().filter(|&size| size != 1).collect::<Vec<_>>();
    if long(tensor.dims()) == long(dims) {
        return Ok(());
    }
    Err(mismatch(field, tensor, format!("{dims:?}, axes of size 1 may be left out")))
}

/// A target: data of exactly these dimensions, which no gradient reaches, in the precision of
/// the prediction `like`.
pub(crate) fn data(
    field: &'static str,
    tensor: &Tensor,
    dims: &[usize],
    like: &Tensor,
) -> Result<Tensor> {
    expect(field, tensor, dims)?;
    Ok(tensor.detach().to_dtype(like.dtype())?)
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
