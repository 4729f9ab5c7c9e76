//! Gradient descent with momentum.

use candle_core::{Tensor, bail};
use serde::{Deserialize, Serialize};

use super::config::check;
use super::step::StepSettings;
use crate::error::Result;
use crate::kernels::optim::{self, SgdFactors};

/// Settings of gradient descent.
///
/// # References
///
/// Sutskever et al., *On the importance of initialization and momentum in deep learning* (2013),
/// with the momentum of `PyTorch`: `m = momentum m + (1 - dampening) g`, the first `m` being `g`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdConfig {
    /// Learning rate, not negative.
    pub learning_rate: f64,
    /// Factor of the old momentum, in [0, 1); 0 is plain descent.
    pub momentum: f64,
    /// Share of the gradient that does not enter the momentum, from 0 to 1.
    pub dampening: f64,
    /// Whether a step looks ahead along the momentum; needs momentum and no dampening.
    pub nesterov: bool,
    /// Weight decay, added to the gradient, not negative.
    pub weight_decay: f64,
    /// Whether one-dimensional parameters (biases, norms) decay as well.
    pub decay_vectors: bool,
}

impl Default for SgdConfig {
    /// The values of `PyTorch`.
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            decay_vectors: true,
        }
    }
}

impl SgdConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let c = self;
        check("learning_rate", c.learning_rate, c.learning_rate >= 0.0, "not negative")?;
        let inside = (0.0..1.0).contains(&c.momentum);
        check("momentum", c.momentum, inside, "at least 0 and below 1")?;
        let inside = (0.0..=1.0).contains(&c.dampening);
        check("dampening", c.dampening, inside, "from 0 to 1")?;
        let moves = !c.nesterov || c.momentum > 0.0;
        check("momentum", c.momentum, moves, "positive with nesterov")?;
        let whole = !c.nesterov || c.dampening <= 0.0;
        check("dampening", c.dampening, whole, "0 with nesterov")?;
        check("weight_decay", c.weight_decay, c.weight_decay >= 0.0, "not negative")
    }

    /// The names of what a parameter keeps between steps.
    pub(super) fn moments(&self) -> &'static [&'static str] {
        if self.momentum > 0.0 { &["momentum"] } else { &[] }
    }
}

/// One step of one parameter.
#[derive(Debug)]
pub(super) struct SgdStep {
    config: SgdConfig,
    settings: StepSettings,
    /// The factor of the gradient in the momentum.
    fresh: f64,
}

impl SgdStep {
    pub(super) fn new(config: &SgdConfig, settings: &StepSettings) -> Self {
        // The first momentum is the gradient, whatever the dampening.
        let fresh = if settings.steps == 1 { 1.0 } else { 1.0 - config.dampening };
        Self { config: *config, settings: *settings, fresh }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the pass runs in f32")]
    pub(super) fn slices(
        &self,
        parameter: &mut [f32],
        gradient: &[f32],
        moments: &mut [Vec<f32>],
    ) -> candle_core::Result<()> {
        let factors = SgdFactors {
            momentum: self.config.momentum as f32,
            fresh: self.fresh as f32,
            nesterov: self.config.nesterov,
            rate: self.settings.rate as f32,
            scale: self.settings.scale as f32,
            penalty: self.settings.decay as f32,
        };
        match moments {
            [] => optim::sgd(&factors, parameter, gradient),
            [momentum] => optim::sgd_momentum(&factors, parameter, gradient, momentum),
            _ => bail!("SGD: {} moments", moments.len()),
        }
        Ok(())
    }

    pub(super) fn tensors(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> candle_core::Result<Tensor> {
        let gradient = ((gradient * self.settings.scale)? + (parameter * self.settings.decay)?)?;
        let direction = match moments {
            [] => gradient,
            [momentum] => {
                *momentum = ((&*momentum * self.config.momentum)? + (&gradient * self.fresh)?)?;
                if self.config.nesterov {
                    (gradient + (&*momentum * self.config.momentum)?)?
                } else {
                    momentum.clone()
                }
            }
            _ => bail!("SGD: {} moments", moments.len()),
        };
        parameter - (direction * self.settings.rate)?
    }
}
