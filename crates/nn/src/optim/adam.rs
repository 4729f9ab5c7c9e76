//! Adam, with weight decay in the gradient or decoupled from it.

use candle_core::{Tensor, bail};
use serde::{Deserialize, Serialize};

use super::config::check;
use super::step::StepSettings;
use crate::error::Result;
use crate::kernels::optim::{self, AdamFactors};

/// Settings of Adam, whose weight decay is part of the gradient.
///
/// # References
///
/// Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Learning rate, not negative.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of squared gradients, in [0, 1).
    pub beta2: f64,
    /// Added to the denominator, positive.
    pub eps: f64,
    /// Weight decay, added to the gradient, not negative.
    pub weight_decay: f64,
    /// Whether one-dimensional parameters (biases, norms) decay as well.
    pub decay_vectors: bool,
}

impl Default for AdamConfig {
    /// The values of `PyTorch`.
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decay_vectors: true,
        }
    }
}

impl AdamConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let c = self;
        check("learning_rate", c.learning_rate, c.learning_rate >= 0.0, "not negative")?;
        for (field, beta) in [("beta1", c.beta1), ("beta2", c.beta2)] {
            check(field, beta, (0.0..1.0).contains(&beta), "at least 0 and below 1")?;
        }
        check("eps", c.eps, c.eps > 0.0, "positive")?;
        check("weight_decay", c.weight_decay, c.weight_decay >= 0.0, "not negative")
    }
}

/// Settings of Adam with decoupled weight decay.
///
/// # References
///
/// Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWConfig {
    /// Learning rate, not negative.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of squared gradients, in [0, 1).
    pub beta2: f64,
    /// Added to the denominator, positive.
    pub eps: f64,
    /// Decoupled weight decay per unit of learning rate, not negative.
    pub weight_decay: f64,
    /// Whether one-dimensional parameters (biases, norms) decay as well.
    pub decay_vectors: bool,
}

impl Default for AdamWConfig {
    /// The values of `PyTorch`, without decay of one-dimensional parameters.
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 1e-2,
            decay_vectors: false,
        }
    }
}

impl AdamWConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.coupled().validate()
    }

    /// The same settings for the part that both share.
    pub(super) fn coupled(&self) -> AdamConfig {
        AdamConfig {
            learning_rate: self.learning_rate,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            weight_decay: self.weight_decay,
            decay_vectors: self.decay_vectors,
        }
    }
}

/// The names of what a parameter keeps between steps.
pub(super) const MOMENTS: &[&str] = &["exp_avg", "exp_avg_sq"];

/// One step of one parameter.
#[derive(Debug)]
pub(super) struct AdamStep {
    config: AdamConfig,
    /// Learning rate over the bias correction of the first moment.
    rate: f64,
    /// One over the square root of the bias correction of the second moment.
    correction: f64,
    /// Factor of the parameter before the step.
    keep: f64,
    /// Factor of the gradient.
    scale: f64,
    /// Factor of the parameter that is added to the gradient.
    penalty: f64,
}

impl AdamStep {
    pub(super) fn new(config: &AdamConfig, s: &StepSettings) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
        let steps = s.steps as f64;
        Self {
            rate: s.rate / (1.0 - libm::pow(config.beta1, steps)),
            correction: (1.0 - libm::pow(config.beta2, steps)).sqrt().recip(),
            keep: 1.0,
            scale: s.scale,
            penalty: s.decay,
            config: *config,
        }
    }

    pub(super) fn decoupled(config: &AdamWConfig, s: &StepSettings) -> Self {
        Self { keep: 1.0 - s.rate * s.decay, penalty: 0.0, ..Self::new(&config.coupled(), s) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the pass runs in f32")]
    pub(super) fn slices(
        &self,
        parameter: &mut [f32],
        gradient: &[f32],
        moments: &mut [Vec<f32>],
    ) -> candle_core::Result<()> {
        let [first, second] = moments else { bail!("Adam: {} moments", moments.len()) };
        let c = &self.config;
        let factors = AdamFactors {
            // One minus beta is taken in f64: 1 - 0.999 has few digits in f32.
            first: (c.beta1 as f32, (1.0 - c.beta1) as f32),
            second: (c.beta2 as f32, (1.0 - c.beta2) as f32),
            rate: self.rate as f32,
            correction: self.correction as f32,
            eps: c.eps as f32,
            keep: self.keep as f32,
            scale: self.scale as f32,
            penalty: self.penalty as f32,
        };
        optim::adam(&factors, parameter, gradient, first, second);
        Ok(())
    }

    pub(super) fn tensors(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> candle_core::Result<Tensor> {
        let [first, second] = moments else { bail!("Adam: {} moments", moments.len()) };
        let c = &self.config;
        let gradient = ((gradient * self.scale)? + (parameter * self.penalty)?)?;
        *first = ((&*first * c.beta1)? + (&gradient * (1.0 - c.beta1))?)?;
        *second = ((&*second * c.beta2)? + (gradient.sqr()? * (1.0 - c.beta2))?)?;
        let denominator = ((second.sqrt()? * self.correction)? + c.eps)?;
        (parameter * self.keep)? - ((&*first * self.rate)? / denominator)?
    }
}
