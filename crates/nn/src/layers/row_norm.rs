//! Layer, RMS and group norm with parameters.

use candle_core::{Module, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};

use crate::layer_norm::{check_eps, group_norm, layer_norm, rms_norm};

/// Layer norm over the last dimension; parameters `weight` and `bias`.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// A norm of `features` values that starts with weight 1 and bias 0.
    ///
    /// # Errors
    ///
    /// An `eps` that is not positive; those of the builder.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn new(features: usize, eps: f64, vb: VarBuilder<'_>) -> Result<Self> {
        check_eps("LayerNorm", eps)?;
        let weight = vb.get_with_hints(features, "weight", Init::Const(1.0))?;
        let bias = vb.get_with_hints(features, "bias", Init::Const(0.0))?;
        Ok(Self { weight, bias, eps })
    }

    /// Normalises `x`, `[..., D]`.
    ///
    /// # Errors
    ///
    /// Those of [`layer_norm`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}

/// RMS norm over the last dimension; parameter `weight`.
#[derive(Clone, Debug)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f64,
}

impl RmsNorm {
    /// A norm of `features` values that starts with weight 1.
    ///
    /// # Errors
    ///
    /// An `eps` that is not positive; those of the builder.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn new(features: usize, eps: f64, vb: VarBuilder<'_>) -> Result<Self> {
        check_eps("RmsNorm", eps)?;
        Ok(Self { weight: vb.get_with_hints(features, "weight", Init::Const(1.0))?, eps })
    }

    /// Normalises `x`, `[..., D]`.
    ///
    /// # Errors
    ///
    /// Those of [`rms_norm`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        rms_norm(x, &self.weight, self.eps)
    }
}

/// Group norm; parameters `weight` and `bias`.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
}

impl GroupNorm {
    /// A norm of `channels` in `groups` that starts with weight 1 and bias 0.
    ///
    /// # Errors
    ///
    /// Groups that do not divide the channels, an `eps` that is not positive; those of the
    /// builder.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn new(groups: usize, channels: usize, eps: f64, vb: VarBuilder<'_>) -> Result<Self> {
        check_eps("GroupNorm", eps)?;
        if groups == 0 || !channels.is_multiple_of(groups) {
            bail!("GroupNorm: {groups} groups must divide the {channels} channels");
        }
        let weight = vb.get_with_hints(channels, "weight", Init::Const(1.0))?;
        let bias = vb.get_with_hints(channels, "bias", Init::Const(0.0))?;
        Ok(Self { weight, bias, groups, eps })
    }

    /// Normalises `x`, `[B, C, ...]`.
    ///
    /// # Errors
    ///
    /// Those of [`group_norm`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        group_norm(x, self.groups, &self.weight, &self.bias, self.eps)
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Self::forward(self, x)
    }
}

impl Module for RmsNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Self::forward(self, x)
    }
}

impl Module for GroupNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Self::forward(self, x)
    }
}
