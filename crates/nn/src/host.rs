//! Between tensors on the CPU and slices.

use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor};

/// Whether the kernels of this crate apply.
pub(crate) fn is_fast(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// Whether sums in this type are to be made in `f32`: in their own, those of ones stop at 256
/// (`bf16`) and 2048 (`f16`).
pub(crate) fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

/// Whether to store in halves only: no processor's own product of them is used here.
pub(crate) fn is_half_on_cpu(x: &Tensor) -> bool {
    x.device().is_cpu() && is_half(x.dtype())
}

/// The tensor in `f32`.
pub(crate) fn single(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::F32)
}

/// `x + term`, the latter repeated where it has fewer sizes. In `f32` for halves, since the
/// gradient of `term` is a sum over `x`.
pub(crate) fn add_repeated(x: &Tensor, term: &Tensor) -> Result<Tensor> {
    if is_half(x.dtype()) {
        return single(x)?.broadcast_add(&single(term)?)?.to_dtype(x.dtype());
    }
    x.broadcast_add(term)
}

/// The values of a contiguous argument of an operation.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&values[from..to]),
        None => candle_core::bail!("the kernels take contiguous tensors; call `contiguous` first"),
    }
}

/// Runs `read` on the values of an `f32` tensor on the CPU, copied first only
/// if they are not contiguous.
pub(crate) fn read<R>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(read(slice(storage, layout)?)),
        _ => candle_core::bail!("the kernels take tensors on the CPU"),
    }
}

/// The same for several tensors.
pub(crate) fn read_all<const N: usize, R>(
    tensors: [&Tensor; N],
    read: impl FnOnce([&[f32]; N]) -> R,
) -> Result<R> {
    let tensors = tensors.iter().map(|x| x.contiguous()).collect::<Result<Vec<_>>>()?;
    let guards = tensors.iter().map(Tensor::storage_and_layout).collect::<Vec<_>>();
    let mut slices: [&[f32]; N] = [&[]; N];
    for (to, (storage, layout)) in slices.iter_mut().zip(&guards) {
        *to = match &**storage {
            Storage::Cpu(storage) => slice(storage, layout)?,
            _ => candle_core::bail!("the kernels take tensors on the CPU"),
        };
    }
    Ok(read(slices))
}

/// A new tensor of the same shape and device as `like`.
pub(crate) fn tensor(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), like.device())
}

/// All values as `f64`, row by row. On the CPU, since not every device knows that type.
pub(crate) fn doubles(x: &Tensor) -> Result<Vec<f64>> {
    x.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// A constant of a shape, with the type and on the device of `like`.
pub(crate) fn constant(values: Vec<f64>, shape: impl Into<Shape>, like: &Tensor) -> Result<Tensor> {
    let values = Tensor::from_vec(values, shape.into(), &Device::Cpu)?;
    values.to_dtype(like.dtype())?.to_device(like.device())
}

/// The lowest finite value of a type of floats.
pub(crate) fn lowest(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => -65_504.0,
        DType::BF16 => -3.3e38,
        DType::F64 => f64::MIN,
        _ => f64::from(f32::MIN),
    }
}

/// Fails on tensors without values, which no layer here has a use for.
pub(crate) fn not_empty(x: &Tensor, name: &str) -> Result<()> {
    if x.elem_count() == 0 {
        candle_core::bail!(
            "{name}: the tensor {:?} has no values; every size must be at least 1",
            x.shape()
        );
    }
    Ok(())
}
