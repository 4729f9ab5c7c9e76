//! A product with a matrix of parameters.

use candle_core::{Module, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};

use crate::linear::linear;

/// A product with weights and perhaps a bias; parameters `weight` and `bias`.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer whose parameters start uniform within `1 / sqrt(inputs)`, as in `PyTorch`.
    ///
    /// # Errors
    ///
    /// No inputs or outputs; those of the builder.
    #[expect(
        clippy::needless_pass_by_value,
        clippy::cast_precision_loss,
        reason = "builders are passed by value throughout Candle; inputs are few"
    )]
    pub fn new(inputs: usize, outputs: usize, bias: bool, vb: VarBuilder<'_>) -> Result<Self> {
        if inputs == 0 || outputs == 0 {
            bail!("Linear: {inputs} inputs and {outputs} outputs must be at least 1 each");
        }
        let bound = (inputs as f64).sqrt().recip();
        let init = Init::Uniform { lo: -bound, up: bound };
        let weight = vb.get_with_hints((outputs, inputs), "weight", init)?;
        let bias = bias.then(|| vb.get_with_hints(outputs, "bias", init)).transpose()?;
        Ok(Self { weight, bias })
    }

    /// Runs the layer on `x`, see [`linear`](crate::linear()).
    ///
    /// # Errors
    ///
    /// Those of [`linear`](crate::linear()).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        linear(x, &self.weight, self.bias.as_ref())
    }

    /// The weights, `[O, I]`.
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, `[O]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Self::forward(self, x)
    }
}
