//! Picking values by index, adding them back, and the largest of a line.

use candle_core::shape::Dim;
use candle_core::{DType, Result, Tensor, bail};

use crate::host::{doubles, is_half, not_empty, single};

/// `out[..][i][..] = x[..][index[..][i][..]][..]` along `dim`.
///
/// # Shapes
///
/// `index`: `u32` or `i64` of the rank of `x`, no larger than `x` in the other dimensions; the
/// result has the shape of `index`.
///
/// # Errors
///
/// Indices beyond the dimension or negative, shapes that do not fit, another type of index,
/// tensors without values.
pub fn gather(x: &Tensor, dim: impl Dim + Copy, index: &Tensor) -> Result<Tensor> {
    let places = places("gather", x, dim, index)?;
    if is_half(x.dtype()) {
        // The gradient adds up what was picked several times.
        let picked = single(x)?.flatten_all()?.index_select(&places, 0)?;
        return picked.to_dtype(x.dtype())?.reshape(index.shape());
    }
    x.flatten_all()?.index_select(&places, 0)?.reshape(index.shape())
}

/// `x` with `out[..][index[..][i][..]][..] += src[..][i][..]` along `dim`. Values that meet are
/// added in the order of `src`, so results are the same in every run.
///
/// Candle's own operation has a wrong gradient where the index is smaller than `x`.
///
/// # Shapes
///
/// `index`: `u32` or `i64` of the rank of `x`, no larger than `x` in the other dimensions;
/// `src` has the shape of `index`, the result that of `x`.
///
/// # Errors
///
/// As [`gather`].
pub fn scatter_add(
    x: &Tensor,
    dim: impl Dim + Copy,
    index: &Tensor,
    src: &Tensor,
) -> Result<Tensor> {
    let places = places("scatter_add", x, dim, index)?;
    if src.shape() != index.shape() || src.dtype() != x.dtype() {
        bail!(
            "scatter_add: src {:?} {:?} must have the shape of the index {:?} and the type of x, {:?}",
            src.shape(),
            src.dtype(),
            index.shape(),
            x.dtype()
        );
    }
    let (flat, src) = (x.flatten_all()?, src.flatten_all()?);
    if is_half(x.dtype()) {
        let sum = single(&flat)?.index_add(&places, &single(&src)?, 0)?;
        return sum.to_dtype(x.dtype())?.reshape(x.shape());
    }
    flat.index_add(&places, &src, 0)?.reshape(x.shape())
}

/// The `k` largest (or smallest) values along `dim`, in order, and where they are (`u32`). Of
/// equal values the one with the lower index comes first; NaN counts as the largest.
///
/// The gradient goes to the values that were picked.
///
/// # Shapes
///
/// Any; the size of `dim` becomes `k`.
///
/// # Errors
///
/// A `k` of zero or beyond the dimension, tensors without values, a type that is not a float.
pub fn top_k(
    x: &Tensor,
    k: usize,
    dim: impl Dim + Copy,
    largest: bool,
) -> Result<(Tensor, Tensor)> {
    not_empty(x, "top_k")?;
    let dim = dim.to_index(x.shape(), "top_k")?;
    let size = x.dim(dim)?;
    if k == 0 || k > size {
        bail!("top_k: k {k} must be from 1 to {size}, the size of dimension {dim}");
    }
    if !x.dtype().is_float() || u32::try_from(size).is_err() {
        bail!("top_k: {size} values of {:?}; it takes floats, at most 2^32", x.dtype());
    }
    let lines = x.detach().transpose(dim, x.rank() - 1)?.contiguous()?;
    let mut shape = lines.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = k;
    }
    // Every float type fits into f64 with its order.
    let values = doubles(&lines)?;
    let mut picked = Vec::with_capacity(values.len() / size * k);
    let mut order = Vec::with_capacity(size);
    for line in values.chunks_exact(size) {
        order.clear();
        order.extend((0_u32..).take(size));
        let before = |a: &u32, b: &u32| {
            let (x, y) = (line[*a as usize], line[*b as usize]);
            let rank = rank(x, y);
            (if largest { rank.reverse() } else { rank }).then(a.cmp(b))
        };
        if k < size {
            order.select_nth_unstable_by(k - 1, before);
        }
        order[..k].sort_unstable_by(before);
        picked.extend_from_slice(&order[..k]);
    }
    let index = Tensor::from_vec(picked, shape, x.device())?;
    let index = index.transpose(dim, x.rank() - 1)?.contiguous()?;
    Ok((gather(x, dim, &index)?, index))
}

/// The order of values: zeros of both signs are equal, NaN is the largest.
fn rank(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Where every entry of an index is in the flat values of `whole`; fails where one lies outside.
fn places(
    name: &'static str,
    whole: &Tensor,
    dim: impl Dim + Copy,
    index: &Tensor,
) -> Result<Tensor> {
    let dim = dim.to_index(whole.shape(), name)?;
    not_empty(whole, name)?;
    not_empty(index, name)?;
    let (sizes, dims) = (whole.dims(), index.dims());
    if dims.len() != sizes.len() || (0..dims.len()).any(|i| i != dim && dims[i] > sizes[i]) {
        bail!(
            "{name}: an index {dims:?} does not fit {sizes:?}; it must have the same rank and, \
             but for dimension {dim}, be no larger"
        );
    }
    if !matches!(index.dtype(), DType::U32 | DType::I64) {
        bail!("{name}: the index is {:?}; it must be u32 or i64", index.dtype());
    }
    let mut entries = index.detach().flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let mut strides = vec![1; sizes.len()];
    for i in (1..sizes.len()).rev() {
        strides[i - 1] = strides[i] * sizes[i];
    }
    let mut position = vec![0; dims.len()];
    for entry in &mut entries {
        let Some(at) = usize::try_from(*entry).ok().filter(|at| *at < sizes[dim]) else {
            bail!("{name}: index {entry} must be from 0 to {}", sizes[dim] - 1)
        };
        let mut offset = at * strides[dim];
        for (i, p) in position.iter().enumerate() {
            offset += if i == dim { 0 } else { p * strides[i] };
        }
        // Offsets into memory fit.
        *entry = offset.cast_signed() as i64;
        for (p, size) in position.iter_mut().zip(dims).rev() {
            *p += 1;
            if *p < *size {
                break;
            }
            *p = 0;
        }
    }
    let count = entries.len();
    Tensor::from_vec(entries, count, whole.device())
}
