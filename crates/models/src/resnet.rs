//! `ResNet`: residual networks for classification and as backbones.
//!
//! Four layers of residual blocks behind a strided stem; parameter names and shapes are
//! those of torchvision, so its checkpoints load. As there, the stride of a bottleneck
//! sits in its 3 x 3 convolution (version 1.5), not in the first 1 x 1 as in the paper,
//! and strides of the last three layers can be replaced by dilation, which keeps the
//! resolution for segmentation.
//!
//! A block is one [`ConvStage`], the shortcut added before the last `ReLU`.
//!
//! # References
//! K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016.

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::VarBuilder;
use mapvec_nn::{
    BatchNorm2d, BatchNormConfig, BiasInit, Conv2d, Conv2dConfig, ConvBnRelu, ConvStage, Linear,
    Pool2dConfig, max_pool2d,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What a layer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResNetBlock {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3, and 1 x 1 to four times the channels.
    Bottleneck,
}

impl ResNetBlock {
    /// Output channels per channel of its 3 x 3 convolutions.
    #[must_use]
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// Shape of a [`ResNet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResNetConfig {
    /// Channels of the picture, 1 or more.
    pub in_channels: usize,
    /// Channels of the stem and of the first layer's 3 x 3 convolutions, 1 or more; each
    /// layer doubles them.
    pub width: usize,
    /// What the layers are made of.
    pub block: ResNetBlock,
    /// Blocks of each layer, 1 or more.
    pub depths: [usize; 4],
    /// Whether layers 2, 3 and 4 dilate instead of taking a stride of 2; needs bottlenecks.
    pub dilate: [bool; 3],
    /// Classes of the output, 1 or more.
    pub classes: usize,
}

impl Default for ResNetConfig {
    /// ResNet-50 for 1000 classes.
    fn default() -> Self {
        Self {
            in_channels: 3,
            width: 64,
            block: ResNetBlock::Bottleneck,
            depths: [3, 4, 6, 3],
            dilate: [false; 3],
            classes: 1000,
        }
    }
}

impl ResNetConfig {
    /// ResNet-18: 11 689 512 parameters.
    #[must_use]
    pub fn resnet18() -> Self {
        Self { block: ResNetBlock::Basic, depths: [2; 4], ..Self::default() }
    }

    /// ResNet-34: 21 797 672 parameters.
    #[must_use]
    pub fn resnet34() -> Self {
        Self { block: ResNetBlock::Basic, ..Self::default() }
    }

    /// ResNet-50: 25 557 032 parameters.
    #[must_use]
    pub fn resnet50() -> Self {
        Self::default()
    }

    /// ResNet-101: 44 549 160 parameters.
    #[must_use]
    pub fn resnet101() -> Self {
        Self { depths: [3, 4, 23, 3], ..Self::default() }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, value: String, allowed| Err(Error::Config { field, value, allowed });
        for (field, value) in
            [("in_channels", self.in_channels), ("width", self.width), ("classes", self.classes)]
        {
            if value == 0 {
                return refuse(field, "0".into(), "1 or more");
            }
        }
        if self.depths.contains(&0) {
            return refuse("depths", format!("{:?}", self.depths), "1 or more blocks per layer");
        }
        if self.block == ResNetBlock::Basic && self.dilate.contains(&true) {
            let value = format!("{:?}", self.dilate);
            return refuse("dilate", value, "false with basic blocks, which have no dilation");
        }
        Ok(())
    }

    /// Output channels of layer 1 to 4.
    #[must_use]
    pub fn channels(&self) -> [usize; 4] {
        [1, 2, 4, 8].map(|factor| factor * self.width * self.block.expansion())
    }
}

/// What the layers of a [`ResNetBackbone`] give, finest first.
#[derive(Debug, Clone)]
pub struct ResNetFeatures {
    /// `[B, C1, H / 4, W / 4]`.
    pub layer1: Tensor,
    /// `[B, C2, H / 8, W / 8]` without dilation.
    pub layer2: Tensor,
    /// `[B, C3, H / 16, W / 16]` without dilation.
    pub layer3: Tensor,
    /// `[B, C4, H / 32, W / 32]` without dilation.
    pub layer4: Tensor,
}

/// A residual network without the classifier.
#[derive(Debug)]
pub struct ResNetBackbone {
    stem: ConvBnRelu,
    layers: [Vec<Residual>; 4],
}

impl ResNetBackbone {
    /// Makes the network with the parameters of `vb`: `conv1`, `bn1` and
    /// `layer{1..4}.{block}`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one
    /// of another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &ResNetConfig, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let ResNetConfig { in_channels, width, block, depths, dilate, .. } = config;
        let strided = Conv2dConfig::square(2, 3, 1);
        let stem =
            conv_norm((*in_channels, *width, 7), &strided, (vb.pp("conv1"), vb.pp("bn1")), true)?;
        let mut channels = *width;
        let mut dilation = 1;
        let mut layer = |index: usize| -> TensorResult<Vec<Residual>> {
            let vb = vb.pp(format!("layer{}", index + 1));
            let inner = width << index;
            let (mut stride, before) = (if index == 0 { 1 } else { 2 }, dilation);
            if index > 0 && dilate[index - 1] {
                dilation *= stride;
                stride = 1;
            }
            let blocks = (0..depths[index]).map(|number| {
                // The first block of a dilated layer still has the dilation before it.
                let (stride, dilation) = if number == 0 { (stride, before) } else { (1, dilation) };
                let step = Conv2dConfig::square(stride, dilation, dilation);
                let made = Residual::new(*block, (channels, inner), &step, &vb.pp(number));
                channels = inner * block.expansion();
                made
            });
            blocks.collect()
        };
        let layers = [layer(0)?, layer(1)?, layer(2)?, layer(3)?];
        Ok(Self { stem, layers })
    }

    /// The result of every layer.
    ///
    /// With `train` the batch norms use and update batch statistics.
    ///
    /// # Shapes
    /// `xs`: `[B, C, H, W]`; the results as in [`ResNetFeatures`], sizes rounded up.
    ///
    /// # Errors
    /// The input has another rank or channel count, or no values.
    pub fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<ResNetFeatures> {
        let run = |xs: &Tensor, blocks: &[Residual]| {
            blocks.iter().try_fold(xs.clone(), |xs, block| block.forward(&xs, train))
        };
        let [first, second, third, fourth] = &self.layers;
        let layer1 = run(
            &max_pool2d(&self.stem.forward(xs, train)?, Pool2dConfig::square(3, 2, 1))?,
            first,
        )?;
        let layer2 = run(&layer1, second)?;
        let layer3 = run(&layer2, third)?;
        let layer4 = run(&layer3, fourth)?;
        Ok(ResNetFeatures { layer1, layer2, layer3, layer4 })
    }
}

/// A residual network for classification.
#[derive(Debug)]
pub struct ResNet {
    backbone: ResNetBackbone,
    fc: Linear,
    config: ResNetConfig,
}

impl ResNet {
    /// Makes the network with the parameters of `vb`: those of [`ResNetBackbone`] and `fc`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one
    /// of another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &ResNetConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let backbone = ResNetBackbone::new(config, vb.clone())?;
        let [.., features] = config.channels();
        let fc = Linear::new(features, config.classes, true, vb.pp("fc"))?;
        Ok(Self { backbone, fc, config: config.clone() })
    }

    /// Logits of every picture.
    ///
    /// With `train` the batch norms use and update batch statistics.
    ///
    /// # Shapes
    /// `[B, C, H, W]` -> `[B, K]`, `K` the classes; any `H` and `W`.
    ///
    /// # Errors
    /// The input has another rank or channel count, or no values.
    pub fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<Tensor> {
        let features = self.backbone.forward(xs, train)?.layer4.mean((2, 3))?;
        self.fc.forward(&features)
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &ResNetConfig {
        &self.config
    }
}

/// A block and its shortcut.
#[derive(Debug)]
struct Residual {
    stage: ConvStage,
    downsample: Option<ConvBnRelu>,
}

impl Residual {
    fn new(
        block: ResNetBlock,
        (inputs, inner): (usize, usize),
        step: &Conv2dConfig,
        vb: &VarBuilder<'_>,
    ) -> TensorResult<Self> {
        let outputs = inner * block.expansion();
        let (point, same) = (Conv2dConfig::default(), Conv2dConfig::same(3));
        let convolutions = match block {
            ResNetBlock::Basic => vec![(inputs, inner, 3, step), (inner, outputs, 3, &same)],
            ResNetBlock::Bottleneck => {
                vec![
                    (inputs, inner, 1, &point),
                    (inner, inner, 3, step),
                    (inner, outputs, 1, &point),
                ]
            }
        };
        let blocks =
            convolutions.into_iter().enumerate().map(|(i, (inputs, outputs, kernel, config))| {
                let parts = (vb.pp(format!("conv{}", i + 1)), vb.pp(format!("bn{}", i + 1)));
                conv_norm((inputs, outputs, kernel), config, parts, true)
            });
        let stage = ConvStage::new(blocks.collect::<TensorResult<_>>()?)?;
        let downsample = if step.stride != (1, 1) || inputs != outputs {
            let config = Conv2dConfig { stride: step.stride, ..point };
            let vb = vb.pp("downsample");
            Some(conv_norm((inputs, outputs, 1), &config, (vb.pp(0), vb.pp(1)), false)?)
        } else {
            None
        };
        Ok(Self { stage, downsample })
    }

    fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<Tensor> {
        match &self.downsample {
            Some(downsample) => {
                self.stage.forward_residual(xs, &downsample.forward(xs, train)?, train)
            }
            None => self.stage.forward_residual(xs, xs, train),
        }
    }
}

/// A convolution without bias and a batch norm, with or without a `ReLU`, from the
/// builders of both.
pub(crate) fn conv_norm(
    (inputs, outputs, kernel): (usize, usize, usize),
    config: &Conv2dConfig,
    (conv, norm): (VarBuilder<'_>, VarBuilder<'_>),
    relu: bool,
) -> TensorResult<ConvBnRelu> {
    let kernel = (kernel, kernel);
    let conv = Conv2d::with_bias(inputs, outputs, kernel, config, BiasInit::None, conv)?;
    let norm = BatchNorm2d::new(outputs, &BatchNormConfig::default(), norm)?;
    Ok(ConvBnRelu::from_parts(conv, norm, relu))
}
