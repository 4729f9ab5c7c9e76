//! The rectifier.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use rayon::prelude::*;

use crate::host::{is_fast, read_all, slice, tensor};

/// Values that are worth a task.
const CHUNK: usize = 1 << 14;

/// `max(0, x)`, with gradient zero at zero (Candle's own has one there). NaN stays NaN and
/// passes its gradient.
///
/// # Errors
///
/// Those of the device.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if is_fast(x) {
        return x.contiguous()?.apply_op1(Relu);
    }
    // Chosen, not multiplied: minus infinity times zero is NaN. What is not above zero has no
    // gradient; NaN passes through.
    let zeros = x.zeros_like()?.detach();
    x.detach().le(0.0)?.where_cond(&zeros, x)
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        // Written so that NaN passes through.
        let relu = |v: &f32| if *v < 0.0 { 0.0 } else { *v };
        let mut out = Vec::new();
        slice(storage, layout)?.par_iter().with_min_len(CHUNK).map(relu).collect_into_vec(&mut out);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        // Written so that the gradient passes at NaN, as it does in the composition.
        let pass = |(y, g): (&f32, &f32)| if *y <= 0.0 { 0.0 } else { *g };
        let mut out = Vec::new();
        read_all([result, gradient], |[y, g]| {
            y.par_iter().zip(g).with_min_len(CHUNK).map(pass).collect_into_vec(&mut out);
        })?;
        Ok(Some(tensor(out, result)?))
    }
}
