//! Limits on gradients.

use candle_core::Var;
use candle_core::backprop::GradStore;

use crate::error::{Error, Result};
use crate::host::{doubles, is_fast, read};
use crate::kernels::optim::sum_of_squares;

/// The norm of all gradients of these parameters taken together.
///
/// # Errors
///
/// [`Error::NonFiniteGradient`] names the first parameter whose gradient holds
/// NaN or infinity; those of the device.
pub fn gradient_norm(grads: &GradStore, parameters: &[(String, Var)]) -> Result<f64> {
    norm(grads, parameters.iter().map(|(name, var)| (name, var)))
}

/// The same of any parameters with their names.
pub(super) fn norm<'a>(
    grads: &GradStore,
    parameters: impl Iterator<Item = (&'a String, &'a Var)>,
) -> Result<f64> {
    let mut total = 0.0;
    for (name, var) in parameters {
        let Some(gradient) = grads.get(var) else { continue };
        let squares = if is_fast(gradient) {
            read(gradient, sum_of_squares)?
        } else {
            doubles(gradient)?.iter().map(|v| v * v).sum()
        };
        total += squares;
        if !total.is_finite() {
            return Err(Error::NonFiniteGradient { parameter: name.clone() });
        }
    }
    Ok(total.sqrt())
}

/// Scales all gradients of these parameters down to a common norm of at most
/// `max_norm`; returns the norm before.
///
/// The scaled gradients are new tensors, as one tensor may be the gradient of several parameters.
/// Before a step, [`Optimizer::step_clipped`](crate::Optimizer::step_clipped) does the same
/// without them.
///
/// # Errors
///
/// Those of [`gradient_norm`]; a `max_norm` that is not positive.
pub fn clip_gradients(
    grads: &mut GradStore,
    parameters: &[(String, Var)],
    max_norm: f64,
) -> Result<f64> {
    check_positive("max_norm", max_norm)?;
    let norm = gradient_norm(grads, parameters)?;
    if norm > max_norm {
        for (_, var) in parameters {
            if let Some(gradient) = grads.get(var) {
                let scaled = gradient.affine(max_norm / norm, 0.0)?;
                grads.insert(var, scaled);
            }
        }
    }
    Ok(norm)
}

/// Limits every value of the gradients of these parameters to `-limit ..= limit`.
///
/// # Errors
///
/// [`Error::NonFiniteGradient`] names the first parameter whose gradient holds
/// NaN or infinity (nothing is changed then); a `limit` that is not positive;
/// those of the device.
pub fn clip_gradient_values(
    grads: &mut GradStore,
    parameters: &[(String, Var)],
    limit: f64,
) -> Result<()> {
    check_positive("limit", limit)?;
    // Fails on values that are not finite.
    gradient_norm(grads, parameters)?;
    for (_, var) in parameters {
        if let Some(gradient) = grads.get(var) {
            let clipped = gradient.clamp(-limit, limit)?;
            grads.insert(var, clipped);
        }
    }
    Ok(())
}

/// An error that names the field unless its value is positive.
pub(super) fn check_positive(field: &'static str, value: f64) -> Result<()> {
    if value > 0.0 {
        return Ok(());
    }
    Err(Error::Config { field, value: value.to_string(), expected: "positive" })
}
