//! Max pooling, with indices, and unpooling.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::host::{constant, is_fast, not_empty, read, read_all, slice, tensor};
use crate::kernels::isa::Isa;
use crate::kernels::max_blocks::{max_pool, max_pool_gradient};
use crate::kernels::pool::{Windows, largest, pick, put};

/// The windows of a pooling: rows first, then columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pool2dConfig {
    /// Size of a window in pixels, at least 1.
    pub kernel: (usize, usize),
    /// Distance between windows in pixels, at least 1.
    pub stride: (usize, usize),
    /// How far windows reach beyond the edges, at most half the kernel.
    pub padding: (usize, usize),
    /// Distance between the pixels of a window, at least 1; average pooling has none.
    pub dilation: (usize, usize),
    /// Whether a last window that reaches beyond the far edge counts.
    pub ceil_mode: bool,
}

impl Default for Pool2dConfig {
    /// Blocks of 2 x 2.
    fn default() -> Self {
        Self::from(2)
    }
}

impl From<usize> for Pool2dConfig {
    /// Square blocks side by side.
    fn from(kernel: usize) -> Self {
        Self {
            kernel: (kernel, kernel),
            stride: (kernel, kernel),
            padding: (0, 0),
            dilation: (1, 1),
            ceil_mode: false,
        }
    }
}

impl Pool2dConfig {
    /// Square windows of a size, at a distance, with a padding.
    #[must_use]
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { stride: (stride, stride), padding: (padding, padding), ..Self::from(kernel) }
    }

    /// The windows along both axes of an input of `size`.
    pub(crate) fn windows(&self, name: &str, size: (usize, usize)) -> Result<[Windows; 2]> {
        let axis = |size, kernel, stride, padding, dilation| {
            windows(size, kernel, stride, padding, dilation, self.ceil_mode)
        };
        let rows = axis(size.0, self.kernel.0, self.stride.0, self.padding.0, self.dilation.0);
        let columns = axis(size.1, self.kernel.1, self.stride.1, self.padding.1, self.dilation.1);
        match (rows, columns) {
            (Some(rows), Some(columns)) if u32::try_from(size.0 * size.1).is_ok() => {
                Ok([rows, columns])
            }
            _ => bail!(
                "{name}: {self:?} does not fit an input of {} x {}; kernel, stride and dilation must be at \
                 least 1, a dilation beyond the input has no padding, the padding at most half the kernel, and a window must fit the padded input, \
                 whose planes have fewer than 2^32 pixels",
                size.0,
                size.1
            ),
        }
    }
}

/// The windows along an axis, if there are any.
fn windows(
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    ceil: bool,
) -> Option<Windows> {
    if kernel == 0 || stride == 0 || dilation == 0 || padding > kernel / 2 {
        return None;
    }
    let reach = dilation.checked_mul(kernel - 1)?.checked_add(1)?;
    // A last window may begin inside and reach beyond, even where no window lies inside.
    let beyond = if ceil { stride - 1 } else { 0 };
    let padded = size.checked_add(padding.checked_mul(2)?)?.checked_add(beyond)?;
    let mut count = padded.checked_sub(reach)? / stride + 1;
    // A tap at least must see a pixel, or the window has no largest value: with a dilation
    // beyond the input all of them may lie in the padding.
    if dilation > size && padding > 0 && kernel > 1 {
        return None;
    }
    // A window must start inside the input or its near padding.
    if ceil && (count - 1) * stride >= size + padding {
        count -= 1;
    }
    Some(Windows { size, kernel, stride, padding, dilation, count })
}

/// The largest value of every window. `config` may be a number: blocks of that size.
///
/// NaN wins over all. The gradient goes to one value of a window: the first largest
/// in reading order.
///
/// # Shapes
///
/// `[B, C, H, W]` to `[B, C, H', W']` with
/// `H' = (H + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down, or
/// up with `ceil_mode`.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use mapvec_nn::{Pool2dConfig, max_pool2d};
///
/// let x = Tensor::ones((1, 3, 9, 9), DType::F32, &Device::Cpu)?;
/// assert_eq!(max_pool2d(&x, 2)?.dims(), &[1, 3, 4, 4]);
/// assert_eq!(max_pool2d(&x, Pool2dConfig::square(3, 2, 1))?.dims(), &[1, 3, 5, 5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
///
/// Windows that do not fit the input, tensors without values.
pub fn max_pool2d(x: &Tensor, config: impl Into<Pool2dConfig>) -> Result<Tensor> {
    let config = config.into();
    not_empty(x, "max_pool2d")?;
    let (.., height, width) = x.dims4()?;
    let windows = config.windows("max_pool2d", (height, width))?;
    if !is_fast(x) {
        return Ok(composed(x, &windows)?.0);
    }
    if config == Pool2dConfig::from(2) {
        return x.contiguous()?.apply_op1(MaxBlocks { size: (height, width) });
    }
    Ok(indexed(x, &windows)?.0)
}

/// [`max_pool2d`], and where in its plane every value stands, row by row.
///
/// # Shapes
///
/// `[B, C, H, W]` to values and `U32` indices, both `[B, C, H', W']`.
///
/// # Errors
///
/// Those of [`max_pool2d`].
pub fn max_pool2d_with_indices(
    x: &Tensor,
    config: impl Into<Pool2dConfig>,
) -> Result<(Tensor, Tensor)> {
    let config = config.into();
    not_empty(x, "max_pool2d_with_indices")?;
    let (.., height, width) = x.dims4()?;
    let windows = config.windows("max_pool2d_with_indices", (height, width))?;
    if !is_fast(x) {
        return composed(x, &windows);
    }
    let (y, places) = indexed(x, &windows)?;
    let indices = Tensor::from_vec(places.to_vec(), y.shape(), x.device())?;
    Ok((y, indices))
}

/// Puts values back to where [`max_pool2d_with_indices`] found them, with zeros
/// elsewhere; values with the same index are added.
///
/// # Shapes
///
/// `x` and `indices` (`U32`): `[B, C, H', W']`, to `[B, C, H, W]` for a `size` of
/// `(H, W)`.
///
/// # Errors
///
/// Indices of another shape or type than said, or beyond `size`; planes of 2^32 pixels and
/// more (all planes together, but for `f32` on the CPU); tensors without values.
pub fn max_unpool2d(x: &Tensor, indices: &Tensor, size: (usize, usize)) -> Result<Tensor> {
    not_empty(x, "max_unpool2d")?;
    let (batch, channels, rows, columns) = x.dims4()?;
    if indices.shape() != x.shape() || indices.dtype() != DType::U32 {
        bail!(
            "max_unpool2d: indices {:?} of type {:?} must be U32 of the shape {:?}",
            indices.shape(),
            indices.dtype(),
            x.shape()
        );
    }
    let places: Vec<u32> = indices.flatten_all()?.to_vec1()?;
    let plane = size.0.saturating_mul(size.1);
    if u32::try_from(plane).is_err() {
        bail!("max_unpool2d: planes of {size:?} have 2^32 values or more");
    }
    if let Some(place) = places.iter().find(|place| **place as usize >= plane) {
        bail!("max_unpool2d: index {place} lies outside a plane of {} x {}", size.0, size.1);
    }
    let shape = (batch, channels, size.0, size.1);
    if is_fast(x) {
        let op = Unpool { places: Arc::new(places), sizes: (plane, rows * columns), shape };
        return x.contiguous()?.apply_op1(op);
    }
    if u32::try_from((batch * channels).saturating_mul(plane)).is_err() {
        bail!(
            "max_unpool2d: {batch} x {channels} planes of {size:?} have 2^32 values or more, which this device cannot address"
        );
    }
    // Rows of one plane behind the other: an index per value of the whole tensor.
    let flat: Vec<u32> = places
        .chunks(rows * columns)
        .enumerate()
        .flat_map(|(i, places)| places.iter().map(move |p| u32::try_from(i * plane).map(|o| o + p)))
        .collect::<std::result::Result<_, _>>()
        .map_err(candle_core::Error::wrap)?;
    let count = flat.len();
    let flat = Tensor::from_vec(flat, count, x.device())?;
    Tensor::zeros(batch * channels * plane, x.dtype(), x.device())?
        .index_add(&flat, &x.contiguous()?.flatten_all()?, 0)?
        .reshape(shape)
}

/// Values and places from the kernels.
fn indexed(x: &Tensor, [rows, columns]: &[Windows; 2]) -> Result<(Tensor, Arc<Vec<u32>>)> {
    let x = x.contiguous()?;
    let places = Arc::new(read(&x, |x| largest(rows, columns, x))?);
    let sizes = (rows.size * columns.size, rows.count * columns.count);
    let op = MaxPool { places: Arc::clone(&places), sizes, count: (rows.count, columns.count) };
    Ok((x.apply_op1(op)?, places))
}

/// The same from Candle's operations: one place of all windows after the other.
fn composed(x: &Tensor, [rows, columns]: &[Windows; 2]) -> Result<(Tensor, Tensor)> {
    let padded = pad_low(&pad_low(x, 2, rows)?, 3, columns)?;
    let mut best: Option<(Tensor, Tensor)> = None;
    for ky in 0..rows.kernel {
        for kx in 0..columns.kernel {
            let (y, z) = (positions(rows, ky)?, positions(columns, kx)?);
            let index = |at: &[u32]| Tensor::from_slice(at, at.len(), x.device());
            let value = padded.index_select(&index(&y)?, 2)?;
            let value = value.index_select(&index(&z)?, 3)?.contiguous()?;
            // The place in the plane without padding; those in the padding are never taken.
            let inside = |at: u32, axis: &Windows| {
                (at as usize).saturating_sub(axis.padding).min(axis.size - 1)
            };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "planes have fewer than 2^32 values"
            )]
            let place = |at: usize| at as u32;
            let places: Vec<u32> = y
                .iter()
                .flat_map(|y| {
                    z.iter().map(|z| place(inside(*y, rows) * columns.size + inside(*z, columns)))
                })
                .collect();
            let place = Tensor::from_vec(places, (1, 1, rows.count, columns.count), x.device())?;
            let place = place.broadcast_as(value.shape())?.contiguous()?;
            best = Some(match best {
                None => (value, place),
                Some((old, at)) => {
                    let (v, o) = (value.detach(), old.detach());
                    let new_nan = (v.ne(&v)? * o.eq(&o)?)?;
                    let take = (v.gt(&o)? + new_nan)?;
                    (take.where_cond(&value, &old)?, take.where_cond(&place, &at)?)
                }
            });
        }
    }
    match best {
        Some(best) => Ok(best),
        None => bail!("max_pool2d: a window without values"),
    }
}

/// The tensor with as many values below all others around `dim` as windows reach.
fn pad_low(x: &Tensor, dim: usize, axis: &Windows) -> Result<Tensor> {
    let end = (axis.count - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    let after = end.saturating_sub(axis.size + axis.padding);
    let mut parts = vec![x.clone()];
    for (count, at) in [(axis.padding, 0), (after, 1)] {
        if count > 0 {
            let mut shape = x.dims().to_vec();
            shape[dim] = count;
            let low = constant(vec![f64::NEG_INFINITY], vec![1; x.rank()], x)?;
            let low = low.broadcast_as(shape)?.contiguous()?;
            parts.insert(if at == 0 { 0 } else { parts.len() }, low);
        }
    }
    Tensor::cat(&parts, dim)
}

/// Where value `k` of every window stands in the padded axis.
fn positions(axis: &Windows, k: usize) -> Result<Vec<u32>> {
    let at = (0..axis.count).map(|i| u32::try_from(i * axis.stride + k * axis.dilation));
    at.collect::<std::result::Result<_, _>>().map_err(candle_core::Error::wrap)
}

/// Blocks of 2 x 2, whose winners are found again from the result.
struct MaxBlocks {
    size: (usize, usize),
}

impl CustomOp1 for MaxBlocks {
    fn name(&self) -> &'static str {
        "max-pool2d-blocks"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let out = max_pool(Isa::detect(), self.size, slice(storage, layout)?);
        Ok((CpuStorage::F32(out), (batch, channels, height / 2, width / 2).into()))
    }

    fn bwd(&self, x: &Tensor, pooled: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let out = read_all([x, pooled, gradient], |[x, pooled, g]| {
            max_pool_gradient(Isa::detect(), self.size, x, (pooled, g))
        })?;
        Ok(Some(tensor(out, x)?))
    }
}

/// Any windows: the values at their winners' places.
struct MaxPool {
    places: Arc<Vec<u32>>,
    /// Values of a plane and windows in it.
    sizes: (usize, usize),
    count: (usize, usize),
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, ..) = layout.shape().dims4()?;
        let out = pick(slice(storage, layout)?, &self.places, self.sizes);
        Ok((CpuStorage::F32(out), (batch, channels, self.count.0, self.count.1).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let out = read(gradient, |g| put(g, &self.places, self.sizes))?;
        Ok(Some(tensor(out, x)?))
    }
}

/// Values put to their places.
struct Unpool {
    places: Arc<Vec<u32>>,
    /// Values of a plane of the result and of the input.
    sizes: (usize, usize),
    shape: (usize, usize, usize, usize),
}

impl CustomOp1 for Unpool {
    fn name(&self) -> &'static str {
        "max-unpool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = put(slice(storage, layout)?, &self.places, self.sizes);
        Ok((CpuStorage::F32(out), self.shape.into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let out = read(gradient, |g| pick(g, &self.places, self.sizes))?;
        Ok(Some(tensor(out, x)?))
    }
}
