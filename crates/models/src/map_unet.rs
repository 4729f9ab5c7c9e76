//! `MapUNet`: a U-Net at half resolution that labels every pixel of a map.
//!
//! The encoder-decoder with skip connections of Ronneberger et al. (2015), with four
//! differences that make it small and fast on large sheets:
//!
//! - the stem moves every 2 x 2 block of pixels into channels, so all convolutions
//!   run at half resolution or below; the head moves channels back into pixels, so
//!   the output still has the input's size;
//! - two 3 x 3 convolutions without bias per level, each followed by batch
//!   normalisation and ReLU, padded so that nothing is cropped;
//! - the decoder repeats pixels instead of using transposed convolutions;
//! - one 1 x 1 head carries all tasks ([`map_channels`]).
//!
//! # References
//! O. Ronneberger, P. Fischer, T. Brox: U-Net: Convolutional Networks for Biomedical
//! Image Segmentation. MICCAI 2015.

use candle_core::{Result as TensorResult, Tensor, bail};
use candle_nn::VarBuilder;
use mapvec_nn::{
    Conv2d, Conv2dConfig, ConvBnRelu, ConvStage, max_pool2d, pixel_shuffle, pixel_unshuffle,
    upsample_nearest2d,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Output channels of [`MapUNet`].
pub mod map_channels {
    use std::ops::Range;

    /// Logit: a border between regions.
    pub const BOUNDARY: usize = 0;
    /// Logit: the axis of a line feature.
    pub const CENTRELINE: usize = 1;
    /// Logits: background, line, shape.
    pub const CLASS: Range<usize> = 2..5;
    /// (cos 2t, sin 2t) of the undirected line angle t.
    pub const ANGLE: Range<usize> = 5..7;
    /// Binary logarithm of the drawn width in pixels.
    pub const THICKNESS: usize = 7;
    /// Logits: none, text, hatch, dash.
    pub const DISTRACTOR: Range<usize> = 8..12;
    /// Number of channels.
    pub const COUNT: usize = 12;
}

/// Shape of a [`MapUNet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapUNetConfig {
    /// Channels of the picture, 1 or more.
    pub in_channels: usize,
    /// Channels of each level, finest (half resolution) first; 1 to 6 levels.
    pub widths: Vec<usize>,
}

impl Default for MapUNetConfig {
    fn default() -> Self {
        Self { in_channels: 3, widths: vec![32, 48, 64, 96] }
    }
}

impl MapUNetConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        if self.in_channels == 0 {
            return Err(Error::Config {
                field: "in_channels",
                value: "0".into(),
                allowed: "1 or more",
            });
        }
        if self.widths.is_empty() || self.widths.len() > 6 || self.widths.contains(&0) {
            let value = format!("{:?}", self.widths);
            return Err(Error::Config {
                field: "widths",
                value,
                allowed: "1 to 6 levels of 1 or more channels",
            });
        }
        Ok(())
    }

    /// Height and width of an input must be multiples of this.
    #[must_use]
    pub fn size_multiple(&self) -> usize {
        1 << self.widths.len()
    }
}

/// A U-Net at half resolution that labels every pixel of a map ([`map_channels`]).
#[derive(Debug)]
pub struct MapUNet {
    encoder: Vec<ConvStage>,
    decoder: Vec<ConvStage>,
    head: Conv2d,
    config: MapUNetConfig,
}

impl MapUNet {
    /// Makes the network with the parameters of `vb`: `encoder.{level}.{0,1}`,
    /// `decoder.{level}.{0,1}` (coarsest first) and `head`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one
    /// of another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &MapUNetConfig, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let widths = &config.widths;
        let mut encoder = Vec::new();
        let mut channels = config.in_channels * 4;
        for (level, width) in widths.iter().enumerate() {
            encoder.push(block(channels, *width, &vb.pp("encoder").pp(level))?);
            channels = *width;
        }
        let mut decoder = Vec::new();
        for (step, width) in widths.iter().rev().skip(1).enumerate() {
            decoder.push(block(channels + width, *width, &vb.pp("decoder").pp(step))?);
            channels = *width;
        }
        let pointwise = Conv2dConfig::same(1);
        let head = Conv2d::new(channels, 4 * map_channels::COUNT, 1, &pointwise, vb.pp("head"))?;
        Ok(Self { encoder, decoder, head, config: config.clone() })
    }

    /// Logits of every pixel.
    ///
    /// With `train` the batch norms use and update batch statistics.
    ///
    /// # Shapes
    /// `[B, C, H, W]` -> `[B, 12, H, W]`, `H` and `W` multiples of
    /// [`size_multiple`](MapUNetConfig::size_multiple); the channels are those of
    /// [`map_channels`].
    ///
    /// # Errors
    /// The input has another rank, channel count or size.
    pub fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<Tensor> {
        let (_, _, h, w) = xs.dims4()?;
        let multiple = self.config.size_multiple();
        if h == 0 || w == 0 || h % multiple != 0 || w % multiple != 0 {
            bail!("MapUNet: {h} x {w} pixels; both sides must be multiples of {multiple}");
        }
        let mut xs = pixel_unshuffle(xs, 2)?;
        let mut skips = Vec::with_capacity(self.encoder.len());
        for (level, stage) in self.encoder.iter().enumerate() {
            if level > 0 {
                xs = max_pool2d(&xs, 2)?;
            }
            xs = stage.forward(&xs, train)?;
            skips.push(xs.clone());
        }
        skips.pop();
        for (stage, skip) in self.decoder.iter().zip(skips.iter().rev()) {
            let up = upsample_nearest2d(&xs, 2)?;
            xs = stage.forward_joined(&[&up, skip], train)?;
        }
        pixel_shuffle(&self.head.forward(&xs)?, 2)
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &MapUNetConfig {
        &self.config
    }
}

fn block(channels: usize, width: usize, vb: &VarBuilder<'_>) -> TensorResult<ConvStage> {
    let same = Conv2dConfig::same(3);
    ConvStage::new(vec![
        ConvBnRelu::new(channels, width, 3, &same, vb.pp(0))?,
        ConvBnRelu::new(width, width, 3, &same, vb.pp(1))?,
    ])
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use mapvec_nn::{ParameterStore, check_gradients_reach};

    use super::*;

    fn small() -> MapUNetConfig {
        MapUNetConfig { in_channels: 3, widths: vec![4, 6, 8] }
    }

    fn input(h: usize, w: usize) -> Tensor {
        let data: Vec<f32> =
            (0..3 * h * w).map(|i| ((i * 37 % 101) as f32) / 101.0 - 0.5).collect();
        Tensor::from_vec(data, (1, 3, h, w), &Device::Cpu).unwrap()
    }

    #[test]
    fn keeps_the_size_and_has_the_expected_parameters() {
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let net = MapUNet::new(&MapUNetConfig::default(), store.var_builder()).unwrap();
        for (h, w) in [(32, 32), (48, 16)] {
            let out = net.forward(&input(h, w), false).unwrap();
            assert_eq!(out.dims4().unwrap(), (1, map_channels::COUNT, h, w));
        }
        // 3x3 convolutions: encoder 12-32-32-48-48-64-64-96-96, decoder 160-64-64,
        // 112-48-48, 80-32-32; two numbers per normalised channel; head 32 -> 48.
        let pairs = [
            (12, 32),
            (32, 32),
            (32, 48),
            (48, 48),
            (48, 64),
            (64, 64),
            (64, 96),
            (96, 96),
            (160, 64),
            (64, 64),
            (112, 48),
            (48, 48),
            (80, 32),
            (32, 32),
        ];
        let expected: usize = pairs.iter().map(|(i, o)| 9 * i * o + 2 * o).sum::<usize>() + 33 * 48;
        assert_eq!(store.parameter_count(), expected);
    }

    #[test]
    fn every_parameter_gets_a_gradient() {
        let store = ParameterStore::new(2, DType::F32, &Device::Cpu);
        let net = MapUNet::new(&small(), store.var_builder()).unwrap();
        let loss = net.forward(&input(16, 24), true).unwrap().sqr().unwrap().mean_all().unwrap();
        check_gradients_reach(&loss.backward().unwrap(), &store.trainable()).unwrap();
    }

    #[test]
    fn bad_sizes_and_configurations_are_refused() {
        let store = ParameterStore::new(3, DType::F32, &Device::Cpu);
        let net = MapUNet::new(&small(), store.var_builder()).unwrap();
        let message = net.forward(&input(20, 16), false).unwrap_err().to_string();
        assert!(message.contains("multiples of 8"), "{message}");
        let config = MapUNetConfig { in_channels: 3, widths: vec![] };
        let store = ParameterStore::new(3, DType::F32, &Device::Cpu);
        assert!(MapUNet::new(&config, store.var_builder()).is_err(), "no levels");
    }
}
