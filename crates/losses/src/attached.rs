//! A scalar whose gradient was computed together with its value.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::error::Result;

/// The scalar `value`, of which `gradient` is the derivative by `input`, a tensor of single
/// precision on the CPU; `gradient` has an entry for each of its values, in their order.
pub(crate) fn attach(input: &Tensor, value: f32, gradient: Vec<f32>) -> Result<Tensor> {
    let op = Attached { value, gradient: Mutex::new(Some(gradient)) };
    Ok(input.apply_op1(op)?)
}

struct Attached {
    value: f32,
    /// Taken by the backward pass, so that it is not held twice.
    gradient: Mutex<Option<Vec<f32>>>,
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
        input: &Tensor,
        _: &Tensor,
        incoming: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let taken = self.gradient.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut gradient) = taken else {
            candle_core::bail!(
                "the gradient of this loss was already used; compute the loss again before a \
                 second backward pass"
            );
        };
        let factor = incoming.to_scalar::<f32>()?;
        // Exactly 1 unless the loss was scaled after it was computed.
        if factor.to_bits() != 1.0_f32.to_bits() {
            gradient.par_chunks_mut(1 << 14).for_each(|part| {
                for value in part {
                    *value *= factor;
                }
            });
        }
        Ok(Some(Tensor::from_vec(gradient, input.shape(), input.device())?))
    }
}
