//! A set of objects at once, every one by one query.

use candle_core::{DType, Tensor};
use mapvec_nn::{gather, log_softmax};
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::boxes::convert::to_corners;
use crate::boxes::overlap::Overlap;
use crate::boxes::overlap_loss::{OverlapLossConfig, overlap_loss};
use crate::composite::Composite;
use crate::error::Result;
use crate::matching::match_objects::both;
use crate::matching::matched_objects::check_pairs;
use crate::matching::objects::Objects;
use crate::matching::true_objects::{DenseTruth, TrueObjects, check_classes};
use crate::reduction::Reduction;
use crate::singular::{magnitude, zero};

/// Settings of [`set_prediction_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetPredictionConfig {
    /// Weight of queries without an object in the class term, 0 or more. Default 0.1.
    pub no_object_weight: f64,
    /// Weight of `class`, finite, 0 or more. Default 1.
    pub class_weight: f64,
    /// Weight of `l1`, finite, 0 or more. Default 5.
    pub box_weight: f64,
    /// Weight of `overlap`, finite, 0 or more. Default 2.
    pub overlap_weight: f64,
}

impl Default for SetPredictionConfig {
    fn default() -> Self {
        Self { no_object_weight: 0.1, class_weight: 1.0, box_weight: 5.0, overlap_weight: 2.0 }
    }
}

impl SetPredictionConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("no_object_weight", self.no_object_weight)?;
        check_not_negative("class_weight", self.class_weight)?;
        check_not_negative("box_weight", self.box_weight)?;
        check_not_negative("overlap_weight", self.overlap_weight)
    }
}

/// Class of every query, and box of every query with an object.
///
/// Which query has which object is given: `pairs[b]` are pairs of a query and an object of
/// picture `b`, as [`match_objects`](crate::match_objects()) with
/// [`MatchCostConfig::detr`](crate::MatchCostConfig::detr) finds them. With `w = 1` for queries with an object, `no_object_weight` else, over `n`
/// objects (at least 1) of all pictures:
///
/// ```text
/// class   = sum over queries of w CE(logits, class or no object) / sum of w
/// l1      = 1/n sum over pairs of |p - t|_1
/// overlap = 1/n sum over pairs of 1 - giou(p, t)
/// loss    = class_weight class + box_weight l1 + overlap_weight overlap
/// ```
///
/// # Shapes
///
/// `prediction`: classes `[B, Q, K + 1]`, the last is no object, and boxes `[B, Q, 4]`, center
/// and size (x, y, w, h) in shares of the picture; `truth` and `pairs`: `B` entries, with classes
/// 0 to `K - 1` and boxes of the same form. Terms: `class`, `l1`, `overlap`.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) or [`Error::Length`](crate::Error::Length) for shapes that do not fit, [`Error::Target`](crate::Error::Target) for a
/// class, a query or an object that does not exist or is matched twice, [`Error::Config`](crate::Error::Config) for
/// a setting out of range.
///
/// # References
///
/// Carion et al., *End-to-End Object Detection with Transformers* (2020).
pub fn set_prediction_loss(
    prediction: &Objects,
    truth: &[TrueObjects],
    pairs: &[Vec<(usize, usize)>],
    config: &SetPredictionConfig,
) -> Result<Composite> {
    config.validate()?;
    let prediction = &prediction.widened()?;
    let dense = DenseTruth::of(prediction, truth)?;
    let (logits, _) = both("classes", prediction, &dense.objects)?;
    let (boxes, theirs) = both("boxes", prediction, &dense.objects)?;
    let (b, q, classes) = logits.dims3()?;
    let Some(none) = classes.checked_sub(1) else {
        return Err(crate::shape::mismatch("classes", logits, "[B, Q, K + 1]".to_owned()));
    };
    check_classes(truth, none)?;
    check_pairs(pairs, q, &dense.counts)?;
    let mut labels = vec![none as u32; b * q];
    let mut queries = Vec::new();
    let mut objects = Vec::new();
    for (picture, (target, pairs)) in truth.iter().zip(pairs).enumerate() {
        for &(query, object) in pairs {
            let label = target.classes.as_ref().map_or(none, |classes| classes[object]);
            labels[picture * q + query] = label as u32;
            queries.push((picture * q + query) as u32);
            objects.push((picture * dense.slots + object) as u32);
        }
    }
    let n = dense.counts.iter().sum::<usize>().max(1) as f64;
    let class = class_term(logits, labels, none, config.no_object_weight)?;
    let (l1, overlap) = if queries.is_empty() {
        (zero(boxes)?, zero(boxes)?)
    } else {
        let device = boxes.device();
        let rows = |boxes: &Tensor, rows: Vec<u32>| {
            boxes.flatten(0, 1)?.index_select(&Tensor::new(rows, device)?, 0)
        };
        let (own, theirs) = (rows(boxes, queries)?, rows(theirs, objects)?);
        let l1 = magnitude(&(&own - &theirs)?)?.sum_all()?;
        let giou = OverlapLossConfig { overlap: Overlap::Giou, reduction: Reduction::Sum };
        let overlap = overlap_loss(&to_corners(&own)?, &to_corners(&theirs)?, None, &giou)?;
        ((l1 / n)?, (overlap / n)?)
    };
    let dtype = class.dtype();
    Composite::of(&[
        ("class", config.class_weight, class),
        ("l1", config.box_weight, l1.to_dtype(dtype)?),
        ("overlap", config.overlap_weight, overlap.to_dtype(dtype)?),
    ])
}

/// The weighted mean of the cross-entropy of all queries.
fn class_term(logits: &Tensor, labels: Vec<u32>, none: usize, weight: f64) -> Result<Tensor> {
    let (b, q, classes) = logits.dims3()?;
    if b * q == 0 {
        return zero(logits);
    }
    let weights: Vec<f64> =
        labels.iter().map(|&label| if label as usize == none { weight } else { 1.0 }).collect();
    let device = logits.device();
    let weights = Tensor::new(weights, device)?.to_dtype(DType::F64)?;
    let labels = Tensor::from_vec(labels, (b * q, 1), device)?;
    let logs = log_softmax(&logits.reshape((b * q, classes))?, 1)?;
    let values = gather(&logs, 1, &labels)?.squeeze(1)?.neg()?;
    Reduction::Mean.apply(&values, Some(&weights))
}
