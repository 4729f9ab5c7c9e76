//! Numbers that targets and weights may hold.

use candle_core::{DType, Tensor};

use crate::error::{Error, Result};

/// How far beyond 0 and 1 a probability may lie by rounding.
const ROUNDING: f64 = 1e-6;

/// Refuses a tensor with a value that is not `allowed`, which `text` describes.
pub(crate) fn check_values(
    task: &'static str,
    values: &Tensor,
    text: &'static str,
    allowed: impl Fn(f64) -> bool,
) -> Result<()> {
    if values.elem_count() == 0 {
        return Ok(());
    }
    let flat = values.detach().flatten_all()?;
    let wrong = match flat.dtype() {
        DType::F64 => {
            let values = flat.to_vec1::<f64>()?;
            let found = values.iter().position(|&value| !allowed(value));
            found.map(|index| (index, values[index] as f32))
        }
        _ => {
            let values = flat.to_dtype(DType::F32)?.to_vec1::<f32>()?;
            let found = values.iter().position(|&value| !allowed(value.into()));
            found.map(|index| (index, values[index]))
        }
    };
    match wrong {
        None => Ok(()),
        Some((index, value)) => Err(Error::Target { task, value, index, allowed: text.to_owned() }),
    }
}

/// Refuses weights that are negative or not finite.
pub(crate) fn check_weights(task: &'static str, weights: &Tensor) -> Result<()> {
    check_values(task, weights, "finite, 0 or more", |weight| weight.is_finite() && weight >= 0.0)
}

/// Refuses what is no probability.
pub(crate) fn check_probabilities(task: &'static str, values: &Tensor) -> Result<()> {
    let range = -ROUNDING..=1.0 + ROUNDING;
    check_values(task, values, "probabilities, 0 to 1", |value| range.contains(&value))
}
