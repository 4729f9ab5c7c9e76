//! The choice of an optimiser and what differs between groups of parameters.

use serde::{Deserialize, Serialize};

use super::adam::{self, AdamConfig, AdamStep, AdamWConfig};
use super::sgd::{SgdConfig, SgdStep};
use super::step::{Step, StepSettings};
use crate::error::{Error, Result};

/// Which optimiser, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum OptimizerConfig {
    /// Gradient descent with momentum.
    Sgd(SgdConfig),
    /// Adam.
    Adam(AdamConfig),
    /// Adam with decoupled weight decay.
    AdamW(AdamWConfig),
}

impl Default for OptimizerConfig {
    /// `AdamW`.
    fn default() -> Self {
        Self::AdamW(AdamWConfig::default())
    }
}

impl OptimizerConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Sgd(config) => config.validate(),
            Self::Adam(config) => config.validate(),
            Self::AdamW(config) => config.validate(),
        }
    }

    /// Learning rate.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(SgdConfig { learning_rate, .. })
            | Self::Adam(AdamConfig { learning_rate, .. })
            | Self::AdamW(AdamWConfig { learning_rate, .. }) => *learning_rate,
        }
    }

    pub(super) fn set_learning_rate(&mut self, rate: f64) {
        match self {
            Self::Sgd(SgdConfig { learning_rate, .. })
            | Self::Adam(AdamConfig { learning_rate, .. })
            | Self::AdamW(AdamWConfig { learning_rate, .. }) => *learning_rate = rate,
        }
    }

    /// Weight decay, and whether one-dimensional parameters have it.
    pub(super) fn decay(&self) -> (f64, bool) {
        match self {
            Self::Sgd(SgdConfig { weight_decay, decay_vectors, .. })
            | Self::Adam(AdamConfig { weight_decay, decay_vectors, .. })
            | Self::AdamW(AdamWConfig { weight_decay, decay_vectors, .. }) => {
                (*weight_decay, *decay_vectors)
            }
        }
    }

    /// One step of one parameter.
    pub(super) fn step(&self, settings: StepSettings) -> Step {
        match self {
            Self::Sgd(config) => Step::Sgd(SgdStep::new(config, &settings)),
            Self::Adam(config) => Step::Adam(AdamStep::new(config, &settings)),
            Self::AdamW(config) => Step::Adam(AdamStep::decoupled(config, &settings)),
        }
    }

    /// The names of what a parameter keeps between steps.
    pub(super) fn moments(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(config) => config.moments(),
            Self::Adam(_) | Self::AdamW(_) => adam::MOMENTS,
        }
    }
}

impl From<&SgdConfig> for OptimizerConfig {
    fn from(config: &SgdConfig) -> Self {
        Self::Sgd(*config)
    }
}

impl From<&AdamConfig> for OptimizerConfig {
    fn from(config: &AdamConfig) -> Self {
        Self::Adam(*config)
    }
}

impl From<&AdamWConfig> for OptimizerConfig {
    fn from(config: &AdamWConfig) -> Self {
        Self::AdamW(*config)
    }
}

/// What differs in one group of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// Factor of the learning rate, so that one schedule drives all groups; not negative. With 0
    /// the group stays where it is.
    pub rate_factor: f64,
    /// Weight decay in place of the optimiser's, not negative. It holds for every parameter of
    /// the group, those with one dimension included.
    pub weight_decay: Option<f64>,
}

impl Default for GroupConfig {
    /// The optimiser's own rate and decay.
    fn default() -> Self {
        Self { rate_factor: 1.0, weight_decay: None }
    }
}

impl GroupConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check("rate_factor", self.rate_factor, self.rate_factor >= 0.0, "not negative")?;
        let decay = self.weight_decay.unwrap_or(0.0);
        check("weight_decay", decay, decay >= 0.0, "not negative")
    }
}

/// An error that names the field unless the value is finite and `ok`.
pub(crate) fn check(
    field: &'static str,
    value: f64,
    ok: bool,
    expected: &'static str,
) -> Result<()> {
    if ok && value.is_finite() {
        Ok(())
    } else {
        Err(Error::Config { field, value: value.to_string(), expected })
    }
}
