//! Which numbers losses compute with.

use candle_core::{DType, Device, Tensor};

use crate::error::Result;

/// The tensor in single or double precision: half precision computes in single.
pub(crate) fn widen(x: &Tensor) -> Result<Tensor> {
    Ok(match x.dtype() {
        DType::F64 | DType::F32 => x.clone(),
        _ => x.to_dtype(DType::F32)?,
    })
}

/// Whether code of our own computes it: single precision on the CPU.
pub(crate) fn is_fast(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32
}
