//! A convolution with parameters.

use candle_core::{Module, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder, init};

use crate::conv::{Conv2dConfig, conv2d};

/// Whether a layer has a bias, and its first value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BiasInit {
    /// No bias.
    None,
    /// A bias that starts at this value.
    Constant(f64),
}

/// A convolution; parameters `weight` and `bias`.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: Conv2dConfig,
}

impl Conv2d {
    /// A convolution with a bias that starts at zero and a square kernel. Weights start
    /// Kaiming normal for a `ReLU`.
    ///
    /// # Errors
    ///
    /// Groups that do not divide the channels; those of the builder.
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        config: &Conv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let (bias, kernel) = (BiasInit::Constant(0.0), (kernel, kernel));
        Self::with_bias(in_channels, out_channels, kernel, config, bias, vb)
    }

    /// A convolution whose bias is chosen, with a kernel of so many rows and columns.
    ///
    /// # Errors
    ///
    /// As [`Conv2d::new`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn with_bias(
        in_channels: usize,
        out_channels: usize,
        kernel: (usize, usize),
        config: &Conv2dConfig,
        bias: BiasInit,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let groups = config.groups;
        if groups == 0
            || !in_channels.is_multiple_of(groups)
            || !out_channels.is_multiple_of(groups)
        {
            bail!(
                "Conv2d: {groups} groups must divide {in_channels} inputs and {out_channels} outputs"
            );
        }
        let shape = (out_channels, in_channels / groups, kernel.0, kernel.1);
        let weight = vb.get_with_hints(shape, "weight", init::DEFAULT_KAIMING_NORMAL)?;
        let bias = match bias {
            BiasInit::None => None,
            BiasInit::Constant(value) => {
                Some(vb.get_with_hints(out_channels, "bias", Init::Const(value))?)
            }
        };
        Ok(Self { weight, bias, config: *config })
    }

    /// Convolves `x`, see [`conv2d`].
    ///
    /// # Errors
    ///
    /// Those of [`conv2d`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        conv2d(x, &self.weight, self.bias.as_ref(), &self.config)
    }

    /// The weights, `[O, C / groups, KH, KW]`.
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// How the kernel moves.
    #[must_use]
    pub fn config(&self) -> &Conv2dConfig {
        &self.config
    }

    /// The bias, `[O]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Self::forward(self, x)
    }
}
