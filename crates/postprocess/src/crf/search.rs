//! Parameters that score best on a validation set.

use serde::{Deserialize, Serialize};

use super::config::{Compatibility, DenseCrfConfig, KernelShape};
use crate::{Error, Result};

/// Settings of [`search_parameters`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// What each parameter is multiplied by; positive and finite.
    pub factors: Vec<f64>,
    /// How often all parameters are tried in turn, at most 100.
    pub rounds: usize,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { factors: vec![0.5, 0.7, 1.4, 2.0], rounds: 2 }
    }
}

impl SearchConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        super::features::check_sigmas("factors", &self.factors, self.factors.len())?;
        if self.rounds > 100 {
            let (value, expected) = (self.rounds as f64, "at most 100");
            return Err(Error::InvalidSetting { field: "rounds", value, expected });
        }
        Ok(())
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SearchResult {
    /// The setting of the best score, of equal ones the first.
    pub config: DenseCrfConfig,
    /// Its score.
    pub score: f64,
    /// Score of the setting at the start.
    pub start: f64,
    /// Number of settings that were scored.
    pub trials: usize,
}

/// Changes one parameter after the other (spatial and colour deviations and weights of each
/// term; weights of classes one by one, those of a matrix together) and keeps what scores
/// better: `score` is, for example, the mean `IoU` over a validation set, and larger is better.
/// A score that is NaN never wins.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`SearchConfig::validate`] and [`DenseCrfConfig::validate`];
/// what `score` returns.
pub fn search_parameters(
    start: &DenseCrfConfig,
    config: &SearchConfig,
    mut score: impl FnMut(&DenseCrfConfig) -> Result<f64>,
) -> Result<SearchResult> {
    config.validate()?;
    start.validate()?;
    let first = score(start)?;
    let (mut best, mut highest, mut trials) = (start.clone(), first, 1);
    for _ in 0..config.rounds {
        let before = highest;
        for parameter in 0..parameters(&mut best.clone()).len() {
            let origin = best.clone();
            for &factor in &config.factors {
                let mut candidate = origin.clone();
                if let Some(values) = parameters(&mut candidate).into_iter().nth(parameter) {
                    values.scale(factor);
                }
                if candidate.validate().is_err() {
                    continue;
                }
                let found = score(&candidate)?;
                trials += 1;
                if found > highest || highest.is_nan() {
                    (best, highest) = (candidate, found);
                }
            }
        }
        if highest <= before {
            break;
        }
    }
    Ok(SearchResult { config: best, score: highest, start: first, trials })
}

/// A parameter that can be scaled.
enum Parameter<'a> {
    Deviations(&'a mut [f64]),
    Weights(Vec<&'a mut f32>),
}

impl Parameter<'_> {
    fn scale(self, factor: f64) {
        match self {
            Self::Deviations(values) => values.iter_mut().for_each(|value| *value *= factor),
            Self::Weights(values) => {
                for value in values {
                    *value = (f64::from(*value) * factor) as f32;
                }
            }
        }
    }
}

fn parameters(config: &mut DenseCrfConfig) -> Vec<Parameter<'_>> {
    let mut out = Vec::new();
    for term in &mut config.terms {
        match &mut term.kernel {
            KernelShape::Gaussian { sigma } => out.push(Parameter::Deviations(sigma)),
            KernelShape::Bilateral { sigma, color_sigma } => {
                out.push(Parameter::Deviations(sigma));
                out.push(Parameter::Deviations(color_sigma));
            }
        }
        match &mut term.compatibility {
            Compatibility::Potts(weight) => out.push(Parameter::Weights(vec![weight])),
            Compatibility::PerClass(weights) => {
                out.extend(weights.iter_mut().map(|weight| Parameter::Weights(vec![weight])));
            }
            Compatibility::Matrix(rows) => {
                out.push(Parameter::Weights(rows.iter_mut().flatten().collect()));
            }
        }
    }
    out
}
