//! The rectifier.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::host::{is_fast, read, slice, tensor};

/// `max(0, x)`, with gradient zero at zero (Candle's own has one there).
///
/// # Errors
///
/// Those of the device.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if is_fast(x) {
        return x.contiguous()?.apply_op1(Relu);
    }
    // The mask is a constant: the gradient is exactly the one of the product.
    let mask = x.detach().gt(0.0)?.to_dtype(x.dtype())?;
    x * mask
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        // Written so that NaN passes through.
        let out = slice(storage, layout)?.iter().map(|v| if *v < 0.0 { 0.0 } else { *v }).collect();
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let pass = |(y, g): (&f32, &f32)| if *y > 0.0 { *g } else { 0.0 };
        let out =
            read(result, |y| read(gradient, |g| y.iter().zip(g).map(pass).collect::<Vec<f32>>()))??;
        Ok(Some(tensor(out, result)?))
    }
}
