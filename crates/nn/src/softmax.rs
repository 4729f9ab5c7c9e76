//! Softmax and its logarithm over any dimension.

use candle_core::shape::Dim;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::host::{is_fast, is_half, lowest, not_empty, read_all, single, slice, tensor};
use crate::kernels::isa::Isa;
use crate::kernels::softmax::{Kind, Lines, forward, gradient};

/// `e^x` over its sum along `dim`. Entries of minus infinity give zero; where all entries are
/// minus infinity, the result is zero and has no gradient.
///
/// # Shapes
///
/// Any; the result has the same.
///
/// # Errors
///
/// A dimension the tensor does not have, tensors without values.
pub fn softmax(x: &Tensor, dim: impl Dim + Copy) -> Result<Tensor> {
    run(x, dim, Kind::Softmax, "softmax")
}

/// The logarithm of [`softmax`], finite where that rounds to zero. Where all entries are minus
/// infinity, so is the result.
///
/// # Shapes
///
/// Any; the result has the same.
///
/// # Errors
///
/// As [`softmax`].
pub fn log_softmax(x: &Tensor, dim: impl Dim + Copy) -> Result<Tensor> {
    run(x, dim, Kind::LogSoftmax, "log_softmax")
}

/// `ln(sum of e^x)` along `dim`, which is kept with size 1. Without overflow; minus infinity
/// where all entries are.
///
/// # Shapes
///
/// Any; the size of `dim` becomes 1.
///
/// # Errors
///
/// As [`softmax`].
pub fn log_sum_exp(x: &Tensor, dim: impl Dim + Copy) -> Result<Tensor> {
    not_empty(x, "log_sum_exp")?;
    let dim = dim.to_index(x.shape(), "log_sum_exp")?;
    if is_half(x.dtype()) {
        return log_sum_exp(&single(x)?, dim)?.to_dtype(x.dtype());
    }
    let largest = finite(&x.detach().max_keepdim(dim)?)?;
    let sum = x.broadcast_sub(&largest)?.exp()?.sum_keepdim(dim)?;
    // Without a term there is no gradient; one over zero would make it NaN.
    let empty = sum.detach().eq(0.0)?;
    let safe = (&sum + empty.to_dtype(x.dtype())?)?.log()?;
    let hidden = empty.where_cond(&safe.affine(0.0, f64::NEG_INFINITY)?, &safe.zeros_like()?)?;
    (safe + largest)? + hidden.detach()
}

/// Values no lower than the type can hold.
fn finite(x: &Tensor) -> Result<Tensor> {
    x.maximum(lowest(x.dtype()))
}

fn run(x: &Tensor, dim: impl Dim + Copy, kind: Kind, name: &'static str) -> Result<Tensor> {
    not_empty(x, name)?;
    let dim = dim.to_index(x.shape(), name)?;
    if is_half(x.dtype()) {
        return run(&single(x)?, dim, kind, name)?.to_dtype(x.dtype());
    }
    if is_fast(x) {
        let dims = x.dims();
        let lines = Lines { size: dims[dim], inner: dims[dim + 1..].iter().product() };
        return x.contiguous()?.apply_op1(Softmax { isa: Isa::detect(), lines, kind, name });
    }
    let shifted = x.broadcast_sub(&finite(&x.detach().max_keepdim(dim)?)?)?;
    let weights = shifted.exp()?;
    let sum = weights.sum_keepdim(dim)?;
    let sum = (&sum + sum.detach().eq(0.0)?.to_dtype(x.dtype())?)?;
    match kind {
        Kind::Softmax => weights.broadcast_div(&sum),
        Kind::LogSoftmax => shifted.broadcast_sub(&sum.log()?),
    }
}

/// A recorded softmax.
struct Softmax {
    isa: Isa,
    lines: Lines,
    kind: Kind,
    name: &'static str,
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = forward(self.isa, self.lines, self.kind, slice(storage, layout)?);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let out = read_all([y, g], |[y, g]| gradient(self.isa, self.lines, self.kind, y, g))?;
        Ok(Some(tensor(out, y)?))
    }
}
