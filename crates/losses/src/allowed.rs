//! Numbers that targets, weights and settings may hold.

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

/// Refuses a number that is negative or not finite.
pub(crate) fn check_not_negative(field: &'static str, value: f64) -> Result<()> {
    check_range(field, value, value >= 0.0, "finite, 0 or more")
}

/// Refuses a number that is not above 0 or not finite.
pub(crate) fn check_positive(field: &'static str, value: f64) -> Result<()> {
    check_range(field, value, value > 0.0, "finite, more than 0")
}

/// Refuses what is no share.
pub(crate) fn check_share(field: &'static str, value: f64) -> Result<()> {
    check_range(field, value, (0.0..=1.0).contains(&value), "0 to 1")
}

/// Refuses a number that is not finite or not in the range that `expected` describes.
pub(crate) fn check_range(
    field: &'static str,
    value: f64,
    inside: bool,
    expected: &'static str,
) -> Result<()> {
    if inside && value.is_finite() {
        return Ok(());
    }
    Err(Error::Config { field, value: value.to_string(), expected })
}
/// Checks that there are `n` labels from `first` to `k - 1`.
pub(crate) fn check_labels(labels: &[usize], n: usize, first: usize, k: usize) -> Result<()> {
    if labels.len() != n {
        return Err(Error::Length { task: "labels", expected: n, found: labels.len() });
    }
    match labels.iter().position(|label| !(first..k).contains(label)) {
        None => Ok(()),
        Some(index) => Err(Error::Target {
            task: "labels",
            value: labels[index] as f32,
            index,
            allowed: format!("{first} to {}", k.saturating_sub(1)),
        }),
    }
}
