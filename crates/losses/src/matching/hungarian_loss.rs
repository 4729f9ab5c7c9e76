//! The loss of objects that are matched first.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive};
use crate::error::{Error, Result};
use crate::matching::match_config::{MatchCostConfig, MatchSettings, MatchTerm};
use crate::matching::match_objects::{both, match_objects};
use crate::matching::matched_objects::{MatchedObjects, matched_objects};
use crate::matching::matched_terms::{boxes, classes, masks, vectors};
use crate::matching::objects::Objects;
use crate::matching::true_objects::TrueObjects;

/// Settings of [`hungarian_loss`].
///
/// A property counts where its weight is above 0; both sides must have it then. The default is for
/// instances with masks: for boxes alone set `mask_weight` to 0. Predictions without an object
/// learn nothing unless `unmatched_classes` is set, so a network that has more of them than there
/// are objects needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HungarianLossConfig {
    /// Weight of the classes, 0 or more. Default 1.
    pub class_weight: f64,
    /// Weight of the boxes, 0 or more. Default 1.
    pub box_weight: f64,
    /// Weight of the masks, 0 or more. Default 1.
    pub mask_weight: f64,
    /// Weight of the vectors, 0 or more. Default 0.
    pub vector_weight: f64,
    /// Whether the classes of predictions without an object count too, with a truth of zeros
    /// (or of [`no_object`](Self::no_object)). Default: only those of matched objects.
    pub unmatched_classes: bool,
    /// The class of predictions without an object, where they have one. Default: none.
    pub no_object: Option<usize>,
    /// What costs, pairs and losses are made with; the terms of the cost follow from the weights.
    pub matching: MatchSettings,
}

impl Default for HungarianLossConfig {
    fn default() -> Self {
        Self {
            class_weight: 1.0,
            box_weight: 1.0,
            mask_weight: 1.0,
            vector_weight: 0.0,
            unmatched_classes: false,
            no_object: None,
            matching: MatchSettings::default(),
        }
    }
}

impl HungarianLossConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let weights = [
            ("class_weight", self.class_weight),
            ("box_weight", self.box_weight),
            ("mask_weight", self.mask_weight),
            ("vector_weight", self.vector_weight),
        ];
        for (field, weight) in weights {
            check_not_negative(field, weight)?;
        }
        let sum = weights.iter().map(|(_, weight)| weight).sum();
        check_positive("the sum of the weights", sum)?;
        self.costs().validate()
    }

    /// The joint cost by which [`hungarian_loss`] matches: the terms of the loss with their
    /// weights.
    #[must_use]
    pub fn costs(&self) -> MatchCostConfig {
        let terms = vec![
            (MatchTerm::ClassBinaryCrossEntropy, self.class_weight),
            (MatchTerm::BoxIou, self.box_weight),
            (MatchTerm::MaskFocal, self.mask_weight),
            (MatchTerm::Endpoints, self.vector_weight),
        ];
        MatchCostConfig { terms, settings: self.matching.clone() }
    }
}

/// What [`hungarian_loss`] gives: losses, and the objects as they were matched, so that
/// metrics are computed on the same pairs.
#[derive(Debug, Clone)]
pub struct MatchedLoss {
    /// `[B]`: the loss of each picture, with its gradient.
    pub loss: Tensor,
    /// Names of the terms and their means over the pictures, before their weights.
    pub terms: Vec<(&'static str, f64)>,
    /// Predictions and true objects slot by slot.
    pub objects: MatchedObjects,
}

/// Matches predicted objects with true ones at the least joint cost, then compares the pairs.
///
/// For a picture with `N` objects and the matched pairs `M`:
///
/// ```text
/// loss = sum over properties c of w_c / max(N, 1) * sum over M of l_c
/// classes: mean over k of BCE(x_k, y_k)
/// boxes:   iou_weight (1 - IoU) + (1 - iou_weight) mean |d|^rank
/// masks:   mean over pixels of -alpha y (1 - p)^gamma ln p
///                              -(1 - alpha) (1 - y) p^gamma ln(1 - p)      p = sigmoid(x)
/// vectors: mean over endpoints of sum |d|^gamma, in the better order
/// ```
///
/// With `unmatched_classes` the sum of the classes is over all predictions, and is divided by
/// `max(N, 1)` too. An object that finds no prediction, where there are too few, costs nothing. The
/// joint cost has the same terms and weights, with masks averaged over blocks; it reads `unit_class_matrix`, the loss does not. The matching is data: no gradient
/// flows through it. A picture without objects has the loss 0 and no gradient, but for the classes
/// of unmatched predictions where they count.
///
/// # Shapes
///
/// `prediction`: `B` pictures with `P` slots, see [`Objects`]; `truth`: `B` entries.
///
/// # Errors
///
/// Those of [`match_objects`]; [`Error::Config`] for a `no_object` that is no class.
///
/// # References
///
/// Carion et al., *End-to-End Object Detection with Transformers* (2020); Lin et al., *Focal
/// Loss for Dense Object Detection* (2017).
pub fn hungarian_loss(
    prediction: &Objects,
    truth: &[TrueObjects],
    config: &HungarianLossConfig,
) -> Result<MatchedLoss> {
    let pairs = match_objects(prediction, truth, &config.costs())?;
    matched_loss(prediction, truth, &pairs, config)
}

/// The loss of [`hungarian_loss`] for pairs that are known, such as those of
/// [`match_objects`] with other costs.
///
/// # Shapes
///
/// As [`hungarian_loss`]; `pairs`: `B` lists of pairs (prediction, true object).
///
/// # Errors
///
/// Those of [`matched_objects`]; [`Error::Config`] for a setting out of range.
pub fn matched_loss(
    prediction: &Objects,
    truth: &[TrueObjects],
    pairs: &[Vec<(usize, usize)>],
    config: &HungarianLossConfig,
) -> Result<MatchedLoss> {
    config.validate()?;
    let joint = config.costs();
    let prediction = &prediction.widened()?;
    let counts = truth.iter().map(TrueObjects::count).collect::<Result<Vec<_>>>()?;
    let objects = matched_objects(prediction, truth, pairs)?;
    let MatchedObjects { truth, prediction: aligned, matched, pairs } = &objects;
    let (b, p) = prediction.slots()?.unwrap_or_default();
    let t = matched.dim(1)?;
    let some = prediction.properties().into_iter().find_map(|(_, tensor)| tensor);
    let (device, dtype) =
        some.map_or((candle_core::Device::Cpu, DType::F32), |x| (x.device().clone(), x.dtype()));
    let counts: Vec<f64> = counts.iter().map(|&count| count.max(1) as f64).collect();
    let counts = Tensor::from_vec(counts, b, &device)?.to_dtype(dtype)?;
    let mut loss = Tensor::zeros(b, dtype, &device)?;
    let mut terms = Vec::new();
    for (term, weight) in joint.weights().filter(|&(_, weight)| weight > 0.0) {
        let sums = match term {
            // Tensors without elements are not for arithmetic.
            _ if b * p == 0 || t == 0 && !counts_unmatched(term, config) => {
                Tensor::zeros(b, dtype, &device)?
            }
            MatchTerm::BoxIou => {
                let (x, y) = both("boxes", aligned, truth)?;
                sum_of(&boxes(x, y, &config.matching)?, matched)?
            }
            MatchTerm::MaskFocal => {
                let (x, y) = both("masks", aligned, truth)?;
                sum_of(&masks(x, &shares(y, matched)?, &config.matching)?, matched)?
            }
            MatchTerm::Endpoints => {
                let (x, y) = both("vectors", aligned, truth)?;
                sum_of(&vectors(x, y, &config.matching)?, matched)?
            }
            _ if counts_unmatched(term, config) => {
                let (x, y) = both("classes", prediction, truth)?;
                let target = class_target(x, y, pairs, config.no_object)?;
                classes(x, &target)?.sum(1)?
            }
            _ => {
                let (x, y) = both("classes", aligned, truth)?;
                sum_of(&classes(x, &shares(y, matched)?)?, matched)?
            }
        };
        let per_object = sums.to_dtype(dtype)?.div(&counts)?;
        let mean = if b == 0 { 0.0 } else { value(&per_object.mean_all()?)? };
        terms.push((name_of(term), mean));
        loss = (loss + (per_object * weight)?)?;
    }
    Ok(MatchedLoss { loss, terms, objects })
}

/// The name of a term of the loss.
fn name_of(term: MatchTerm) -> &'static str {
    match term {
        MatchTerm::BoxIou => "boxes",
        MatchTerm::MaskFocal => "masks",
        MatchTerm::Endpoints => "vectors",
        _ => "classes",
    }
}

/// Whether predictions without an object have a part in a term.
fn counts_unmatched(term: MatchTerm, config: &HungarianLossConfig) -> bool {
    config.unmatched_classes && term == MatchTerm::ClassBinaryCrossEntropy
}

fn value(scalar: &Tensor) -> Result<f64> {
    Ok(scalar.to_dtype(DType::F64)?.to_scalar::<f64>()?)
}

/// The sum over matched slots; what the others hold reaches neither value nor gradient.
fn sum_of(losses: &Tensor, matched: &Tensor) -> Result<Tensor> {
    Ok(matched.where_cond(losses, &losses.zeros_like()?)?.sum(1)?)
}

/// The truth of matched slots and zeros elsewhere, where it may hold anything.
fn shares(truth: &Tensor, matched: &Tensor) -> Result<Tensor> {
    let mut dims = matched.dims().to_vec();
    dims.resize(truth.rank(), 1);
    let matched = matched.reshape(dims)?.broadcast_as(truth.dims())?.contiguous()?;
    Ok(matched.where_cond(truth, &truth.zeros_like()?)?)
}

/// The class of each prediction: that of its object, or none.
fn class_target(
    logits: &Tensor,
    truth: &Tensor,
    pairs: &[Vec<(usize, usize)>],
    no_object: Option<usize>,
) -> Result<Tensor> {
    let (b, p, k) = logits.dims3()?;
    let t = truth.dim(1)?;
    let mut row = vec![0.0; k];
    if let Some(class) = no_object {
        *row.get_mut(class).ok_or_else(|| Error::Config {
            field: "no_object",
            value: class.to_string(),
            expected: "a class of the logits",
        })? = 1.0;
    }
    let truth = truth.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let mut target: Vec<f64> = row.iter().copied().cycle().take(b * p * k).collect();
    for (sample, pairs) in pairs.iter().enumerate() {
        for &(predicted, slot) in pairs {
            let (to, from) = ((sample * p + predicted) * k, (sample * t + slot) * k);
            target[to..to + k].copy_from_slice(&truth[from..from + k]);
        }
    }
    Ok(Tensor::from_vec(target, (b, p, k), logits.device())?.to_dtype(logits.dtype())?)
}
