//! The usual block of convolution, batch norm and `ReLU`.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::batch_norm::{BatchNorm2d, BatchNormConfig};
use super::conv::{BiasInit, Conv2d};
use crate::conv::Conv2dConfig;
use crate::conv_stage::{StageLayer, conv_stage};

/// A convolution without bias, a batch norm and a `ReLU`; parameters below
/// `conv` and `bn`.
#[derive(Clone, Debug)]
pub struct ConvBnRelu {
    conv: Conv2d,
    norm: BatchNorm2d,
    relu: bool,
}

impl ConvBnRelu {
    /// A block with the usual settings of the norm.
    ///
    /// # Errors
    ///
    /// Those of [`Conv2d::new`] and [`BatchNorm2d::new`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        config: &Conv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let conv = Conv2d::with_bias(
            in_channels,
            out_channels,
            (kernel, kernel),
            config,
            BiasInit::None,
            vb.pp("conv"),
        )?;
        let norm = BatchNorm2d::new(out_channels, &BatchNormConfig::default(), vb.pp("bn"))?;
        Ok(Self::from_parts(conv, norm, true))
    }

    /// A block of given parts, without the `ReLU` if it is not wanted.
    #[must_use]
    pub fn from_parts(conv: Conv2d, norm: BatchNorm2d, relu: bool) -> Self {
        Self { conv, norm, relu }
    }

    /// Runs the block on `x`, `[B, C, H, W]`.
    ///
    /// # Errors
    ///
    /// Those of [`conv2d`](crate::conv2d) and [`batch_norm2d`](crate::batch_norm2d).
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if self.conv.bias().is_some() {
            let y = self.conv.forward(x)?;
            return if self.relu {
                self.norm.forward_relu(&y, train)
            } else {
                self.norm.forward(&y, train)
            };
        }
        let (y, batch) = conv_stage(&[x], &[self.stage_layer(train)], None)?;
        self.norm.update(batch.first().and_then(Option::as_ref))?;
        Ok(y)
    }

    /// The block as a layer of a stage.
    pub(super) fn stage_layer(&self, train: bool) -> StageLayer<'_> {
        let (gamma, beta, statistics, eps) = self.norm.arguments(train);
        let (weight, config) = (self.conv.weight(), *self.conv.config());
        StageLayer { weight, config, gamma, beta, statistics, eps, relu: self.relu }
    }

    /// The convolution.
    #[must_use]
    pub fn conv(&self) -> &Conv2d {
        &self.conv
    }

    /// The norm.
    #[must_use]
    pub fn norm(&self) -> &BatchNorm2d {
        &self.norm
    }
}
