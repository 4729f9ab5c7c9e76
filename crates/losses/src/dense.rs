//! The whole loss of a map model: six tasks on one tensor of logits.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::bce_dice::BceDiceConfig;
use crate::error::{Error, Result, check_weight};
use crate::segmentation::cross_entropy::CrossEntropyConfig;
use crate::task::{Kind, Means, Task, evaluate};
use crate::thickness::ThicknessConfig;

/// Where each task starts in the channels of the logits.
///
/// The default is the layout of 12 channels that map models use: 0 boundary,
/// 1 centreline, 2 to 4 class (background, line, shape), 5 and 6 angle (cos 2t, sin 2t),
/// 7 base-2 logarithm of the thickness, 8 to 11 distractor (none, text, hatch, dash).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapHeads {
    /// The channel of the boundary logit.
    pub boundary: usize,
    /// The channel of the centreline logit.
    pub centreline: usize,
    /// First of the channels of the classes.
    pub class: usize,
    /// First of the two channels of the doubled angle.
    pub angle: usize,
    /// The channel of the thickness, log2 px.
    pub thickness: usize,
    /// First of the channels of the distractors.
    pub distractor: usize,
}

impl Default for MapHeads {
    fn default() -> Self {
        Self { boundary: 0, centreline: 1, class: 2, angle: 5, thickness: 7, distractor: 8 }
    }
}

/// Factors of the terms in the whole loss. A task of weight 0 is skipped: its target is
/// not read and its term is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TermWeights {
    /// Boundary. Default 1.
    pub boundary: f32,
    /// Centreline. Default 1.
    pub centreline: f32,
    /// Class. Default 0.5.
    pub class: f32,
    /// Angle. Default 0.25.
    pub angle: f32,
    /// Thickness. Default 0.1.
    pub thickness: f32,
    /// Distractor. Default 0.25.
    pub distractor: f32,
}

impl Default for TermWeights {
    fn default() -> Self {
        Self {
            boundary: 1.0,
            centreline: 1.0,
            class: 0.5,
            angle: 0.25,
            thickness: 0.1,
            distractor: 0.25,
        }
    }
}

/// Settings of [`dense_map_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenseLossConfig {
    /// Where each task starts in the channels.
    pub heads: MapHeads,
    /// Factors of the terms.
    pub weights: TermWeights,
    /// The boundary's cross-entropy and Dice.
    pub boundary: BceDiceConfig,
    /// The centreline's cross-entropy and Dice.
    pub centreline: BceDiceConfig,
    /// Background, line, shape. Default: 1 each.
    pub class: CrossEntropyConfig,
    /// The thickness.
    pub thickness: ThicknessConfig,
    /// None, text, hatch, dash. Default: 1 each.
    pub distractor: CrossEntropyConfig,
}

impl Default for DenseLossConfig {
    fn default() -> Self {
        Self {
            heads: MapHeads::default(),
            weights: TermWeights::default(),
            boundary: BceDiceConfig::default(),
            centreline: BceDiceConfig::default(),
            class: CrossEntropyConfig::uniform(3),
            thickness: ThicknessConfig::default(),
            distractor: CrossEntropyConfig::uniform(4),
        }
    }
}

impl DenseLossConfig {
    /// Checks the fields. Channels are checked against the logits when a loss is computed.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let weights = &self.weights;
        check_weight("weights.boundary", weights.boundary)?;
        check_weight("weights.centreline", weights.centreline)?;
        check_weight("weights.class", weights.class)?;
        check_weight("weights.angle", weights.angle)?;
        check_weight("weights.thickness", weights.thickness)?;
        check_weight("weights.distractor", weights.distractor)?;
        self.boundary.validate()?;
        self.centreline.validate()?;
        self.class.validate_head()?;
        self.thickness.validate()?;
        self.distractor.validate_head()
    }
}

/// The targets of a batch: `B * H * W` values each, sample by sample, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// 1 on the boundary, 0 elsewhere, 255 unknown.
    pub boundary: &'a [u8],
    /// 1 on the centreline, 0 elsewhere, 255 unknown.
    pub centreline: &'a [u8],
    /// 0 background, 1 line, 2 shape, 255 unknown.
    pub class: &'a [u8],
    /// Undirected line angle, radians; NaN unknown.
    pub angle: &'a [f32],
    /// Line width, px, above 0; NaN unknown.
    pub thickness: &'a [f32],
    /// 0 none, 1 text, 2 hatch, 3 dash, 255 unknown.
    pub distractor: &'a [u8],
}

/// The terms of a loss, for logs: means before their weights, and the weighted total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Cross-entropy of the boundary.
    pub boundary_bce: f64,
    /// 1 - Dice of the boundary.
    pub boundary_dice: f64,
    /// Cross-entropy of the centreline.
    pub centreline_bce: f64,
    /// 1 - Dice of the centreline.
    pub centreline_dice: f64,
    /// Cross-entropy of the class.
    pub class: f64,
    /// Squared error of the doubled angle.
    pub angle: f64,
    /// Smooth L1 error of the thickness, octaves.
    pub thickness: f64,
    /// Cross-entropy of the distractor.
    pub distractor: f64,
    /// The weighted sum, which is the loss.
    pub total: f64,
}

impl Terms {
    /// Names and values, in a fixed order.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 9] {
        [
            ("boundary_bce", self.boundary_bce),
            ("boundary_dice", self.boundary_dice),
            ("centreline_bce", self.centreline_bce),
            ("centreline_dice", self.centreline_dice),
            ("class", self.class),
            ("angle", self.angle),
            ("thickness", self.thickness),
            ("distractor", self.distractor),
            ("total", self.total),
        ]
    }
}

/// The weighted sum of the six tasks' losses, as one edge of the graph, with its terms.
///
/// The terms are those of [`bce_dice`](crate::bce_dice()) (boundary, centreline),
/// [`cross_entropy`](crate::cross_entropy()) (class, distractor),
/// [`angle`](crate::angle()) and [`thickness`](crate::thickness()).
///
/// On the CPU in single precision, value and gradient come from one parallel pass, the
/// same bits at any thread count; the gradient is handed over by the first backward
/// pass, and a second one is an error. Other devices and precisions compose the loss of
/// tensor operations; half precision computes in single.
///
/// # Shapes
///
/// `logits` `[B, C, H, W]` (not normalized); the loss is a scalar.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use mapvec_losses::{DenseLossConfig, Targets, dense_map_loss};
/// let logits = Tensor::zeros((1, 12, 2, 2), DType::F32, &Device::Cpu)?;
/// let targets = Targets {
///     boundary: &[0, 1, 0, 0],
///     centreline: &[0; 4],
///     class: &[0, 1, 2, 255],
///     angle: &[f32::NAN, 0.5, f32::NAN, f32::NAN],
///     thickness: &[f32::NAN, 2.0, f32::NAN, f32::NAN],
///     distractor: &[0; 4],
/// };
/// let (loss, terms) = dense_map_loss(&logits, &targets, &DenseLossConfig::default())?;
/// assert_eq!(loss.to_scalar::<f32>()?, terms.total as f32);
/// assert!((terms.class - 3_f64.ln()).abs() < 1e-6);
/// # Ok::<(), mapvec_losses::Error>(())
/// ```
///
/// # Errors
///
/// [`Error`] for logits that are not `[B, C, H, W]` or have too few channels, tasks that
/// share a channel, targets of another length or with values that mean nothing, and
/// settings out of range.
pub fn dense_map_loss(
    logits: &Tensor,
    targets: &Targets<'_>,
    config: &DenseLossConfig,
) -> Result<(Tensor, Terms)> {
    config.validate()?;
    let tasks = tasks(targets, config);
    let active: Vec<_> = tasks.iter().copied().filter(|task| task.weight > 0.0).collect();
    if active.is_empty() {
        return Err(Error::Config {
            field: "weights",
            value: "all 0".to_owned(),
            expected: "more than 0 for at least one task",
        });
    }
    let (loss, means) = evaluate(logits, &active)?;
    Ok((loss, terms(&active, &means)))
}

/// The six tasks.
pub(crate) fn tasks<'a>(targets: &Targets<'a>, config: &'a DenseLossConfig) -> [Task<'a>; 6] {
    let (heads, weights) = (&config.heads, &config.weights);
    let task = |name, channel, weight, kind| Task { name, channel, weight, kind };
    [
        task(
            "boundary",
            heads.boundary,
            weights.boundary,
            Kind::BceDice { target: targets.boundary, config: &config.boundary },
        ),
        task(
            "centreline",
            heads.centreline,
            weights.centreline,
            Kind::BceDice { target: targets.centreline, config: &config.centreline },
        ),
        task(
            "class",
            heads.class,
            weights.class,
            Kind::CrossEntropy { target: targets.class, weights: None, config: &config.class },
        ),
        task("angle", heads.angle, weights.angle, Kind::Angle { target: targets.angle }),
        task(
            "thickness",
            heads.thickness,
            weights.thickness,
            Kind::Thickness { target: targets.thickness, config: &config.thickness },
        ),
        task(
            "distractor",
            heads.distractor,
            weights.distractor,
            Kind::CrossEntropy {
                target: targets.distractor,
                weights: None,
                config: &config.distractor,
            },
        ),
    ]
}

/// Means by the names of their tasks.
fn terms(tasks: &[Task<'_>], means: &[Means]) -> Terms {
    let mut terms = Terms::default();
    for (task, means) in tasks.iter().zip(means) {
        let [first, second] = *means;
        match task.name {
            "boundary" => (terms.boundary_bce, terms.boundary_dice) = (first, second),
            "centreline" => (terms.centreline_bce, terms.centreline_dice) = (first, second),
            "class" => terms.class = first,
            "angle" => terms.angle = first,
            "thickness" => terms.thickness = first,
            _ => terms.distractor = first,
        }
        terms.total += task.term(means);
    }
    terms
}
