//! More weight for the heads that lag behind.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive, check_range, check_share};
use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::shape::expect;

/// Settings of [`adaptive_weights`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveWeightsConfig {
    /// Deviations from the mean that change a weight by a factor of e, more than 0: the more,
    /// the less weights move. Default 20.
    pub regularization: f64,
    /// Largest exponent, more than 0. Default 2.
    pub limit: f64,
    /// Share of the moved weights in the result, 0 to 1. Default 0.5.
    pub rate: f64,
}

impl Default for AdaptiveWeightsConfig {
    fn default() -> Self {
        Self { regularization: 20.0, limit: 2.0, rate: 0.5 }
    }
}

impl AdaptiveWeightsConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("regularization", self.regularization)?;
        check_positive("limit", self.limit)?;
        check_range("limit", self.limit, self.limit <= 50.0, "at most 50")?;
        check_share("rate", self.rate)
    }
}

/// Keeps the quotient finite where all losses are equal.
const LEAST: f64 = 1e-12;

/// Weights of losses, larger for the losses above the mean.
///
/// With the weighted mean `m` and the weighted standard deviation `d` of the losses `l`:
///
/// ```text
/// z  = clip((l - m) / (regularization d + 1e-12), -limit, limit)
/// w' = w e^z sum(w) / sum(w e^z)
/// result = (1 - rate) w + rate w'
/// ```
///
/// so the sum of the weights stays. Where a loss is not finite the weights stay too.
///
/// # Errors
///
/// [`Error::Length`] for another number of weights than losses, [`Error::Config`] for a
/// setting out of range or a weight that is negative or not finite.
pub fn adaptive_weights(
    losses: &[f64],
    weights: &[f64],
    config: &AdaptiveWeightsConfig,
) -> Result<Vec<f64>> {
    config.validate()?;
    if losses.len() != weights.len() {
        let (task, expected, found) = ("weights", losses.len(), weights.len());
        return Err(Error::Length { task, expected, found });
    }
    weights.iter().try_for_each(|&weight| check_not_negative("weights", weight))?;
    let mass: f64 = weights.iter().sum();
    let known = mass.is_finite() && mass > 0.0 && losses.iter().all(|loss| loss.is_finite());
    if !known {
        return Ok(weights.to_vec());
    }
    let mean = |f: &dyn Fn(f64) -> f64| {
        losses.iter().zip(weights).map(|(&loss, weight)| f(loss) * (weight / mass)).sum::<f64>()
    };
    let center = mean(&|loss| loss);
    let deviation = mean(&|loss| (loss - center).powi(2)).sqrt();
    if !deviation.is_finite() {
        return Ok(weights.to_vec());
    }
    let factor = |loss: f64| {
        let z = (loss - center) / (deviation * config.regularization + LEAST);
        z.clamp(-config.limit, config.limit).exp()
    };
    let shared = mean(&factor);
    let moved = |(&loss, &weight): (&f64, &f64)| {
        (1.0 - config.rate) * weight + config.rate * weight * factor(loss) / shared
    };
    Ok(losses.iter().zip(weights).map(moved).collect())
}

/// The sum of losses with [`adaptive_weights`], which are data: no gradient passes them.
///
/// ```text
/// loss = sum over i of w_i l_i        w = adaptive_weights(l, weights)
/// ```
///
/// # Shapes
///
/// `terms`: names and scalars; the terms of the result are the losses before their weights.
///
/// # Errors
///
/// As [`adaptive_weights`]; [`Error::Config`] without a term.
pub fn adaptive_sum(
    terms: &[(&'static str, Tensor)],
    weights: &[f64],
    config: &AdaptiveWeightsConfig,
) -> Result<Composite> {
    let value = |(_, term): &(&'static str, Tensor)| -> Result<f64> {
        expect("terms", term, &[])?;
        Ok(term.to_dtype(DType::F64)?.to_scalar::<f64>()?)
    };
    let losses = terms.iter().map(value).collect::<Result<Vec<_>>>()?;
    let weights = adaptive_weights(&losses, weights, config)?;
    let weighted: Vec<_> = terms
        .iter()
        .zip(weights)
        .map(|((name, term), weight)| (*name, weight, term.clone()))
        .collect();
    Composite::of(&weighted)
}
