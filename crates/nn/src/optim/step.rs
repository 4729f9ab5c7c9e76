//! One step of one parameter, whatever the optimiser.

use candle_core::{Result, Tensor};

use super::adam::AdamStep;
use super::sgd::SgdStep;

/// What a step follows besides the optimiser's settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepSettings {
    /// Learning rate of the parameter's group.
    pub(super) rate: f64,
    /// Factor of the gradient.
    pub(super) scale: f64,
    /// Weight decay of the parameter.
    pub(super) decay: f64,
    /// Steps of this parameter, this one included.
    pub(super) steps: u64,
}

/// The rule with its factors.
#[derive(Debug)]
pub(super) enum Step {
    Sgd(SgdStep),
    Adam(AdamStep),
}

impl Step {
    /// The pass over values on the CPU.
    pub(super) fn slices(
        &self,
        parameter: &mut [f32],
        gradient: &[f32],
        moments: &mut [Vec<f32>],
    ) -> Result<()> {
        match self {
            Self::Sgd(step) => step.slices(parameter, gradient, moments),
            Self::Adam(step) => step.slices(parameter, gradient, moments),
        }
    }

    /// The parameter after the step, composed of Candle's operations.
    pub(super) fn tensors(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        match self {
            Self::Sgd(step) => step.tensors(parameter, gradient, moments),
            Self::Adam(step) => step.tensors(parameter, gradient, moments),
        }
    }
}
