//! A transposed convolution with parameters.

use candle_core::{Module, Result, Tensor, bail};
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::{Init, VarBuilder};

use crate::conv_transpose::{ConvTranspose2dConfig, conv_transpose2d};

/// A transposed convolution with a square kernel and a bias; parameters `weight`
/// and `bias`.
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Tensor,
    config: ConvTranspose2dConfig,
}

impl ConvTranspose2d {
    /// A layer whose weights start Kaiming normal (gain 1) and whose bias starts at zero.
    ///
    /// # Errors
    ///
    /// Groups that do not divide the channels; those of the builder.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        config: &ConvTranspose2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let groups = config.groups;
        if groups == 0
            || !in_channels.is_multiple_of(groups)
            || !out_channels.is_multiple_of(groups)
        {
            bail!(
                "ConvTranspose2d: {groups} groups must divide {in_channels} inputs and {out_channels} outputs"
            );
        }
        let init = Init::Kaiming {
            dist: NormalOrUniform::Normal,
            fan: FanInOut::FanIn,
            non_linearity: NonLinearity::Linear,
        };
        let shape = (in_channels, out_channels / groups, kernel, kernel);
        let weight = vb.get_with_hints(shape, "weight", init)?;
        let bias = vb.get_with_hints(out_channels, "bias", Init::Const(0.0))?;
        Ok(Self { weight, bias, config: *config })
    }

    /// Runs the layer on `x`, see [`conv_transpose2d`].
    ///
    /// # Errors
    ///
    /// Those of [`conv_transpose2d`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        conv_transpose2d(x, &self.weight, Some(&self.bias), &self.config)
    }

    /// The weights, `[C, O / groups, K, K]`.
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, `[O]`.
    #[must_use]
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }
}

impl Module for ConvTranspose2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Self::forward(self, x)
    }
}
