//! A scalar whose gradient was computed together with its value.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Storage, Tensor};
use rayon::prelude::*;

use crate::error::Result;

/// The scalar `value`, of which `gradient` is the derivative by `input`, a tensor of single
/// precision on the CPU; `gradient` has an entry for each of its values, in their order.
///
/// The gradient is kept as long as the scalar, for any number of backward passes.
pub(crate) fn attach(input: &Tensor, value: f32, gradient: Vec<f32>) -> Result<Tensor> {
    let gradient = Tensor::from_vec(gradient, input.shape(), input.device())?;
    Ok(input.apply_op1(Attached { value, gradient })?)
}

/// What `f` makes of the values of a contiguous tensor of single precision on the CPU.
pub(crate) fn read<T>(x: &Tensor, f: impl FnOnce(&[f32]) -> T) -> candle_core::Result<T> {
    let (storage, layout) = x.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => Ok(f(&values[start..end])),
        _ => candle_core::bail!("fused losses need contiguous f32 on the CPU"),
    }
}

struct Attached {
    value: f32,
    gradient: Tensor,
}

impl CustomOp1 for Attached {
    fn name(&self) -> &'static str {
        "fused-loss"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.value]), Shape::from(())))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        incoming: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let factor = incoming.to_scalar::<f32>()?;
        // Exactly 1 unless the loss was scaled after it was computed: nothing is copied.
        if factor.to_bits() == 1.0_f32.to_bits() {
            return Ok(Some(self.gradient.clone()));
        }
        let scaled: Vec<f32> = read(&self.gradient, |values| {
            values.par_iter().with_min_len(1 << 14).map(|value| value * factor).collect()
        })?;
        Ok(Some(Tensor::from_vec(scaled, self.gradient.shape(), self.gradient.device())?))
    }
}
