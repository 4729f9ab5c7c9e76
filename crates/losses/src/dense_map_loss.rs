//! The whole loss of a map model: six tasks on one tensor of logits.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::bce_dice::BceDiceConfig;
use crate::composite::Composite;
use crate::error::{Error, Result};
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
    pub boundary: f64,
    /// Centreline. Default 1.
    pub centreline: f64,
    /// Class. Default 0.5.
    pub class: f64,
    /// Angle. Default 0.25.
    pub angle: f64,
    /// Thickness. Default 0.1.
    pub thickness: f64,
    /// Distractor. Default 0.25.
    pub distractor: f64,
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
        check_not_negative("weights.boundary", weights.boundary)?;
        check_not_negative("weights.centreline", weights.centreline)?;
        check_not_negative("weights.class", weights.class)?;
        check_not_negative("weights.angle", weights.angle)?;
        check_not_negative("weights.thickness", weights.thickness)?;
        check_not_negative("weights.distractor", weights.distractor)?;
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

/// The weighted sum of the six tasks' losses, as one edge of the graph, with its terms.
///
/// ```text
/// loss = sum over tasks of weight * loss of the task        bce + d dice for bce_dice
/// ```
///
/// The terms are those of [`bce_dice`](crate::bce_dice()) (boundary, centreline),
/// [`cross_entropy`](crate::cross_entropy()) (class, distractor),
/// [`angle`](crate::angle()) and [`thickness`](crate::thickness()).
///
/// On the CPU in single precision, value and gradient come from one parallel pass, the
/// same bits at any thread count. Other devices and precisions compose the loss of tensor
/// operations; half precision computes in single.
///
/// # Shapes
///
/// `logits` `[B, C, H, W]` (not normalized). Terms: `boundary_bce`, `boundary_dice`,
/// `centreline_bce`, `centreline_dice`, `class`, `angle`, `thickness`, `distractor`, before their
/// weights.
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
/// let composite = dense_map_loss(&logits, &targets, &DenseLossConfig::default())?;
/// assert!(composite.loss.to_scalar::<f32>()? > 0.0);
/// assert!((composite.term("class").unwrap_or(0.0) - 3_f64.ln()).abs() < 1e-6);
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
) -> Result<Composite> {
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
    Ok(Composite { loss, terms: terms(&active, &means), classes: Vec::new() })
}

/// The six tasks.
pub(crate) fn tasks<'a>(targets: &Targets<'a>, config: &'a DenseLossConfig) -> [Task<'a>; 6] {
    let (heads, weights) = (&config.heads, &config.weights);
    let task = |name, channel, weight, kind| Task { name, target: name, channel, weight, kind };
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

/// The terms of each task.
const TERMS: [(&str, &[&str]); 6] = [
    ("boundary", &["boundary_bce", "boundary_dice"]),
    ("centreline", &["centreline_bce", "centreline_dice"]),
    ("class", &["class"]),
    ("angle", &["angle"]),
    ("thickness", &["thickness"]),
    ("distractor", &["distractor"]),
];

/// Means by the names of their terms.
fn terms(tasks: &[Task<'_>], means: &[Means]) -> Vec<(&'static str, f64)> {
    let of_task = |&(name, terms): &(&str, &'static [&'static str])| {
        let place = tasks.iter().position(|task| task.name == name);
        let means = place.map_or([0.0; 2], |place| means[place]);
        terms.iter().copied().zip(means)
    };
    TERMS.iter().flat_map(of_task).collect()
}
