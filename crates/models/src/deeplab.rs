//! `DeepLabV3`: semantic segmentation with atrous spatial pyramid pooling.
//!
//! A residual network whose last two layers dilate instead of striding (output stride 8),
//! parallel dilated convolutions on its result together with a branch that sees the mean
//! of the whole picture, a 3 x 3 convolution, and bilinear upsampling to the picture.
//! Parameter names and shapes are those of torchvision's `deeplabv3_resnet50` and
//! `deeplabv3_resnet101`, so its checkpoints load.
//!
//! Differences from torchvision: no dropout (there 0.5 behind the pyramid, 0.1 in the
//! auxiliary head); the auxiliary head runs in training only.
//!
//! # References
//! L.-C. Chen, G. Papandreou, F. Schroff, H. Adam: Rethinking Atrous Convolution for
//! Semantic Image Segmentation. arXiv:1706.05587, 2017.

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::VarBuilder;
use mapvec_nn::{Conv2d, Conv2dConfig, ConvBnRelu, ConvStage, Interpolation, resize};
use serde::{Deserialize, Serialize};

use crate::resnet::conv_norm;
use crate::{Error, ResNetBackbone, ResNetConfig, Result};

/// Channels between pyramid and classifier.
const WIDTH: usize = 256;

/// Shape of a [`DeepLabV3`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepLabV3Config {
    /// The backbone; its `classes` are not used.
    pub backbone: ResNetConfig,
    /// Dilations of the pyramid's 3 x 3 convolutions, each 1 or more.
    pub dilations: Vec<usize>,
    /// Whether there is an auxiliary head on layer 3.
    pub auxiliary: bool,
    /// Classes of the output, 1 or more.
    pub classes: usize,
}

impl Default for DeepLabV3Config {
    /// On ResNet-50, output stride 8, dilations 12, 24 and 36, the 21 classes of Pascal VOC.
    fn default() -> Self {
        Self {
            backbone: ResNetConfig { dilate: [false, true, true], ..ResNetConfig::resnet50() },
            dilations: vec![12, 24, 36],
            auxiliary: false,
            classes: 21,
        }
    }
}

impl DeepLabV3Config {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        self.backbone.validate()?;
        if self.dilations.contains(&0) {
            let value = format!("{:?}", self.dilations);
            return Err(Error::Config { field: "dilations", value, allowed: "1 or more each" });
        }
        if self.classes == 0 {
            let allowed = "1 or more";
            return Err(Error::Config { field: "classes", value: "0".into(), allowed });
        }
        Ok(())
    }
}

/// What a [`DeepLabV3`] gives.
#[derive(Debug, Clone)]
pub struct DeepLabV3Output {
    /// Logits of every pixel, `[B, K, H, W]`.
    pub out: Tensor,
    /// Those of the auxiliary head, in training if there is one.
    pub auxiliary: Option<Tensor>,
}

/// Semantic segmentation with atrous spatial pyramid pooling.
#[derive(Debug)]
pub struct DeepLabV3 {
    backbone: ResNetBackbone,
    pyramid: Pyramid,
    head: Head,
    auxiliary: Option<Head>,
    config: DeepLabV3Config,
}

impl DeepLabV3 {
    /// Makes the network with the parameters of `vb`: `backbone`, `classifier` and, with
    /// an auxiliary head, `aux_classifier`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one
    /// of another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &DeepLabV3Config, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let backbone = ResNetBackbone::new(&config.backbone, vb.pp("backbone"))?;
        let [.., middle, last] = config.backbone.channels();
        let classifier = vb.pp("classifier");
        let pyramid = Pyramid::new(last, &config.dilations, &classifier.pp(0))?;
        let names = ["1", "2", "4"].map(|name| classifier.pp(name));
        let head = Head::new((WIDTH, WIDTH, config.classes), names)?;
        let auxiliary = if config.auxiliary {
            let names = ["0", "1", "4"].map(|name| vb.pp("aux_classifier").pp(name));
            Some(Head::new((middle, middle / 4, config.classes), names)?)
        } else {
            None
        };
        Ok(Self { backbone, pyramid, head, auxiliary, config: config.clone() })
    }

    /// Logits of every pixel.
    ///
    /// With `train` the batch norms use and update batch statistics; then the batch must
    /// have two pictures or more, because the branch of the whole picture has one value
    /// per picture and channel.
    ///
    /// # Shapes
    /// `[B, C, H, W]` -> `[B, K, H, W]`, `K` the classes; any `H` and `W`.
    ///
    /// # Errors
    /// The input has another rank or channel count, or no values.
    pub fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<DeepLabV3Output> {
        let (_, _, h, w) = xs.dims4()?;
        let bilinear = Interpolation::Bilinear { align_corners: false };
        let features = self.backbone.forward(xs, train)?;
        let out = self.pyramid.forward(&features.layer4, train)?;
        let out = resize(&self.head.forward(&out, train)?, (h, w), bilinear)?;
        let auxiliary = match &self.auxiliary {
            Some(head) if train => {
                Some(resize(&head.forward(&features.layer3, train)?, (h, w), bilinear)?)
            }
            _ => None,
        };
        Ok(DeepLabV3Output { out, auxiliary })
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &DeepLabV3Config {
        &self.config
    }
}

/// Atrous spatial pyramid pooling.
#[derive(Debug)]
struct Pyramid {
    branches: Vec<ConvBnRelu>,
    whole: ConvBnRelu,
    project: ConvStage,
}

impl Pyramid {
    fn new(inputs: usize, dilations: &[usize], vb: &VarBuilder<'_>) -> TensorResult<Self> {
        let point = Conv2dConfig::default();
        let convs = vb.pp("convs");
        let first = convs.pp(0);
        let mut branches =
            vec![conv_norm((inputs, WIDTH, 1), &point, (first.pp(0), first.pp(1)), true)?];
        for (index, &dilation) in dilations.iter().enumerate() {
            let config = Conv2dConfig::square(1, dilation, dilation);
            let vb = convs.pp(index + 1);
            branches.push(conv_norm((inputs, WIDTH, 3), &config, (vb.pp(0), vb.pp(1)), true)?);
        }
        // Number 0 of this branch is the pooling.
        let last = convs.pp(branches.len());
        let whole = conv_norm((inputs, WIDTH, 1), &point, (last.pp(1), last.pp(2)), true)?;
        let joined = (branches.len() + 1) * WIDTH;
        let vb = vb.pp("project");
        let project = conv_norm((joined, WIDTH, 1), &point, (vb.pp(0), vb.pp(1)), true)?;
        Ok(Self { branches, whole, project: ConvStage::new(vec![project])? })
    }

    fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<Tensor> {
        let (b, _, h, w) = xs.dims4()?;
        let whole = self.whole.forward(&xs.mean_keepdim((2, 3))?, train)?;
        let mut all = Vec::with_capacity(self.branches.len() + 1);
        for branch in &self.branches {
            all.push(branch.forward(xs, train)?);
        }
        // Bilinear upsampling of one pixel repeats it.
        all.push(whole.broadcast_as((b, WIDTH, h, w))?);
        self.project.forward_joined(&all.iter().collect::<Vec<_>>(), train)
    }
}

/// A 3 x 3 convolution and a classifier of pixels.
#[derive(Debug)]
struct Head {
    conv: ConvBnRelu,
    classify: Conv2d,
}

impl Head {
    fn new(
        (inputs, inner, classes): (usize, usize, usize),
        [conv, norm, classify]: [VarBuilder<'_>; 3],
    ) -> TensorResult<Self> {
        let conv = conv_norm((inputs, inner, 3), &Conv2dConfig::same(3), (conv, norm), true)?;
        let classify = Conv2d::new(inner, classes, 1, &Conv2dConfig::default(), classify)?;
        Ok(Self { conv, classify })
    }

    fn forward(&self, xs: &Tensor, train: bool) -> TensorResult<Tensor> {
        self.classify.forward(&self.conv.forward(xs, train)?)
    }
}
