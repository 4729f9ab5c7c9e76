//! `UNet`: the encoder-decoder with skip connections, at full resolution.
//!
//! Every level is a stage of 3 x 3 convolutions, each with batch normalisation and
//! ReLU. Down the levels pixels are pooled 2 x 2; up, a transposed convolution
//! doubles the size and halves the channels, and its result is joined with the
//! encoder's of the same level. A 1 x 1 convolution gives the logits.
//!
//! Differences from the paper: convolutions are padded, so the output has the size
//! of the input, and have batch normalisation instead of a bias.
//!
//! # References
//! O. Ronneberger, P. Fischer, T. Brox: U-Net: Convolutional Networks for Biomedical
//! Image Segmentation. MICCAI 2015.

use candle_core::{Result as TensorResult, Tensor, bail};
use candle_nn::VarBuilder;
use mapvec_nn::{
    Conv2d, Conv2dConfig, ConvBnRelu, ConvStage, ConvTranspose2d, ConvTranspose2dConfig, max_pool2d,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Shape of a [`UNet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UNetConfig {
    /// Channels of the picture, 1 or more.
    pub in_channels: usize,
    /// Channels of each level, full resolution first; 1 to 8 levels.
    pub widths: Vec<usize>,
    /// Convolutions per stage, 1 to 8.
    pub convolutions: usize,
    /// Channels of the output, 1 or more.
    pub out_channels: usize,
}

impl Default for UNetConfig {
    /// Four levels of three convolutions from 16 channels on, two classes: 727 682 parameters.
    fn default() -> Self {
        Self { in_channels: 3, widths: vec![16, 32, 64, 128], convolutions: 3, out_channels: 2 }
    }
}

impl UNetConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, value: String, allowed| Err(Error::Config { field, value, allowed });
        if self.in_channels == 0 {
            return refuse("in_channels", "0".into(), "1 or more");
        }
        if self.widths.is_empty() || self.widths.len() > 8 || self.widths.contains(&0) {
            let value = format!("{:?}", self.widths);
            return refuse("widths", value, "1 to 8 levels of 1 or more channels");
        }
        if !(1..=8).contains(&self.convolutions) {
            return refuse("convolutions", self.convolutions.to_string(), "1 to 8");
        }
        if self.out_channels == 0 {
            return refuse("out_channels", "0".into(), "1 or more");
        }
        Ok(())
    }

    /// Height and width of an input must be multiples of this.
    #[must_use]
    pub fn size_multiple(&self) -> usize {
        1 << (self.widths.len() - 1)
    }
}

/// The encoder-decoder with skip connections.
#[derive(Debug)]
pub struct UNet {
    down: Vec<ConvStage>,
    up: Vec<(ConvTranspose2d, ConvStage)>,
    head: Conv2d,
    config: UNetConfig,
}

impl UNet {
    /// Makes the network with the parameters of `vb`: `down.{level}.{convolution}`,
    /// `up.{step}.upsample`, `up.{step}.{convolution}` (coarsest first) and `head`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one
    /// of another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &UNetConfig, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let stage = |inputs, outputs, vb: &VarBuilder<'_>| {
            let blocks = (0..config.convolutions).map(|k| {
                let inputs = if k == 0 { inputs } else { outputs };
                ConvBnRelu::new(inputs, outputs, 3, &Conv2dConfig::same(3), vb.pp(k))
            });
            ConvStage::new(blocks.collect::<TensorResult<_>>()?)
        };
        let mut down = Vec::with_capacity(config.widths.len());
        let mut channels = config.in_channels;
        for (level, width) in config.widths.iter().enumerate() {
            down.push(stage(channels, *width, &vb.pp("down").pp(level))?);
            channels = *width;
        }
        let mut up = Vec::with_capacity(config.widths.len());
        let double = ConvTranspose2dConfig::upsampling(2);
        for (step, width) in config.widths.iter().rev().skip(1).enumerate() {
            let vb = vb.pp("up").pp(step);
            let upsample = ConvTranspose2d::new(channels, *width, 2, &double, vb.pp("upsample"))?;
            up.push((upsample, stage(2 * width, *width, &vb)?));
            channels = *width;
        }
        let pointwise = Conv2dConfig::default();
        let head = Conv2d::new(channels, config.out_channels, 1, &pointwise, vb.pp("head"))?;
        Ok(Self { down, up, head, config: config.clone() })
    }

    /// Logits of every pixel.
    ///
    /// With `train` the batch norms use and update batch statistics.
    ///
    /// # Shapes
    /// `[B, C, H, W]` -> `[B, K, H, W]`, `H` and `W` multiples of
    /// [`size_multiple`](UNetConfig::size_multiple).
    ///
    /// # Errors
    /// The input has another rank, channel count or size.
    pub fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<Tensor> {
        let mut skips = self.encode(xs, train)?;
        let Some(mut xs) = skips.pop() else { bail!("UNet: a network has a level") };
        for ((upsample, stage), skip) in self.up.iter().zip(skips.iter().rev()) {
            xs = stage.forward_joined(&[&upsample.forward(&xs)?, skip], train)?;
        }
        self.head.forward(&xs)
    }

    /// What the encoder sees: the features of every level, full resolution first.
    ///
    /// # Shapes
    /// `[B, C, H, W]` -> for level `l` `[B, widths[l], H / 2^l, W / 2^l]`; sizes as for
    /// [`UNet::forward`].
    ///
    /// # Errors
    /// The input has another rank, channel count or size.
    pub fn encode(&self, xs: &Tensor, train: bool) -> TensorResult<Vec<Tensor>> {
        let (_, _, h, w) = xs.dims4()?;
        let multiple = self.config.size_multiple();
        if h == 0 || w == 0 || h % multiple != 0 || w % multiple != 0 {
            bail!("UNet: {h} x {w} pixels; both sides must be multiples of {multiple}");
        }
        let mut xs = xs.clone();
        let mut levels = Vec::with_capacity(self.down.len());
        for (level, stage) in self.down.iter().enumerate() {
            if level > 0 {
                xs = max_pool2d(&xs, 2)?;
            }
            xs = stage.forward(&xs, train)?;
            levels.push(xs.clone());
        }
        Ok(levels)
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use mapvec_nn::ParameterStore;

    use super::*;

    fn input(h: usize, w: usize) -> Tensor {
        let data: Vec<f32> =
            (0..3 * h * w).map(|i| ((i * 37 % 101) as f32) / 101.0 - 0.5).collect();
        Tensor::from_vec(data, (1, 3, h, w), &Device::Cpu).unwrap()
    }

    #[test]
    fn keeps_the_size_and_has_the_published_parameters() {
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let net = UNet::new(&UNetConfig::default(), store.var_builder()).unwrap();
        assert_eq!(store.parameter_count(), 727_682);
        for (h, w) in [(32, 32), (24, 40)] {
            let out = net.forward(&input(h, w), false).unwrap();
            assert_eq!(out.dims4().unwrap(), (1, 2, h, w));
        }
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let features = UNetConfig { widths: vec![64, 128, 256], ..UNetConfig::default() };
        UNet::new(&features, store.var_builder()).unwrap();
        assert_eq!(store.parameter_count(), 2_823_938);
    }

    #[test]
    fn every_parameter_gets_a_gradient() {
        let store = ParameterStore::new(2, DType::F32, &Device::Cpu);
        let config = UNetConfig { widths: vec![4, 6, 8], convolutions: 2, ..UNetConfig::default() };
        let net = UNet::new(&config, store.var_builder()).unwrap();
        let loss = net.forward(&input(16, 24), true).unwrap().sqr().unwrap().mean_all().unwrap();
        let grads = loss.backward().unwrap();
        for (name, var) in store.trainable() {
            let grad = grads.get(&var).unwrap_or_else(|| panic!("{name} has no gradient"));
            let size = grad.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size.is_finite() && size > 0.0, "{name}: gradient size {size}");
        }
    }

    #[test]
    fn bad_sizes_and_configurations_are_refused() {
        let store = ParameterStore::new(3, DType::F32, &Device::Cpu);
        let config = UNetConfig { widths: vec![4, 6, 8], ..UNetConfig::default() };
        let net = UNet::new(&config, store.var_builder()).unwrap();
        let message = net.forward(&input(18, 16), false).unwrap_err().to_string();
        assert!(message.contains("multiples of 4"), "{message}");
        let wrong = [
            UNetConfig { in_channels: 0, ..config.clone() },
            UNetConfig { widths: vec![], ..config.clone() },
            UNetConfig { convolutions: 0, ..config.clone() },
            UNetConfig { out_channels: 0, ..config },
        ];
        for config in wrong {
            let store = ParameterStore::new(3, DType::F32, &Device::Cpu);
            assert!(UNet::new(&config, store.var_builder()).is_err(), "{config:?}");
        }
    }
}
