//! Weights that are learnt as the noise of every head.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::composite::Composite;
use crate::error::Result;
use crate::precision::widen;
use crate::shape::expect;

/// What a loss is the negative logarithm of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// A normal distribution: squared errors, and by custom any error of numbers.
    Gaussian,
    /// Classes: cross-entropies.
    Categorical,
}

/// The sum of losses over their variances, which are learnt with the network.
///
/// With the logarithm `s_i` of the variance of head `i`:
///
/// ```text
/// loss = sum over i of c_i e^(-s_i) l_i + s_i / 2        c = 1/2 Gaussian, 1 categorical
/// ```
///
/// Start with `s = 0`. The loss may be negative; for one head the best variance is `2 c l`.
///
/// # Shapes
///
/// `terms`: `N` names, kinds and scalars; `log_variances`: `[N]`, a variable. The terms of
/// the result are the losses before their weights.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for another number of variances,
/// [`Error::Config`](crate::Error::Config) without a term.
///
/// # References
///
/// Kendall, Gal and Cipolla, *Multi-Task Learning Using Uncertainty to Weigh Losses* (CVPR
/// 2018).
pub fn uncertainty_sum(
    terms: &[(&'static str, Likelihood, Tensor)],
    log_variances: &Tensor,
) -> Result<Composite> {
    expect("log_variances", log_variances, &[terms.len()])?;
    let log_variances = &widen(log_variances)?;
    let mut named = Vec::with_capacity(terms.len());
    let mut losses = Vec::with_capacity(terms.len());
    for (name, likelihood, term) in terms {
        expect("terms", term, &[])?;
        named.push((*name, term.to_dtype(DType::F64)?.to_scalar::<f64>()?));
        let factor = match likelihood {
            Likelihood::Gaussian => 0.5,
            Likelihood::Categorical => 1.0,
        };
        losses.push((term.to_dtype(log_variances.dtype())? * factor)?);
    }
    if losses.is_empty() {
        return Err(Composite::without_terms());
    }
    let losses = Tensor::stack(&losses, 0)?;
    let loss = ((losses * log_variances.neg()?.exp()?)? + (log_variances * 0.5)?)?.sum_all()?;
    Ok(Composite { loss, terms: named, classes: Vec::new() })
}
