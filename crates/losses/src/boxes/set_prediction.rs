//! A set of objects at once, every one by one query.

use candle_core::{DType, Tensor};
use mapvec_nn::{gather, log_softmax};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_labels, check_terms};
use crate::boxes::convert::to_corners;
use crate::boxes::overlap::Overlap;
use crate::boxes::overlap_loss::{OverlapLossConfig, overlap_loss};
use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::shape::expect;
use crate::singular::{magnitude, zero};

/// Settings of [`set_prediction_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetPredictionConfig {
    /// Weight of queries without an object in the class term, 0 or more. Default 0.1.
    pub no_object_weight: f64,
    /// Weights of class, coordinates and overlap, finite, 0 or more. Default 1, 5 and 2.
    pub term_weights: [f64; 3],
}

impl Default for SetPredictionConfig {
    fn default() -> Self {
        Self { no_object_weight: 0.1, term_weights: [1.0, 5.0, 2.0] }
    }
}

impl SetPredictionConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_terms(&self.term_weights)?;
        if self.no_object_weight.is_finite() && self.no_object_weight >= 0.0 {
            return Ok(());
        }
        let (field, value) = ("no_object_weight", self.no_object_weight.to_string());
        Err(Error::Config { field, value, expected: "finite, 0 or more" })
    }
}

/// The objects of one picture.
#[derive(Debug, Clone, Copy)]
pub struct SetTarget<'a> {
    /// Classes of the `T` objects, 0 to `K - 1`.
    pub classes: &'a [usize],
    /// Boxes, `[T, 4]`, centre and size (x, y, w, h) in shares of the picture.
    pub boxes: &'a Tensor,
}

/// Class of every query, and box of every query with an object.
///
/// Which query has which object is given: `matches[b]` are pairs of a query and an object
/// of picture `b`. With `w = 1` for queries with an object, `no_object_weight` else, over `n`
/// objects (at least 1) of all pictures:
///
/// ```text
/// class   = sum over queries of w CE(logits, class or no object) / sum of w
/// l1      = 1/n sum over pairs of |p - t|_1
/// overlap = 1/n sum over pairs of 1 - giou(p, t)
/// loss    = w_c class + w_l l1 + w_o overlap
/// ```
///
/// # Shapes
///
/// `logits`: `[B, Q, K + 1]`, the last class is no object; `boxes`: `[B, Q, 4]` as in
/// [`SetTarget`]; `truth` and `matches`: `B` entries. Terms: `class`, `l1`, `overlap`.
///
/// # Errors
///
/// [`Error::Shape`] or [`Error::Length`] for shapes that do not fit, [`Error::Target`] for a
/// class, a query or an object that does not exist or is matched twice, [`Error::Config`] for
/// a setting out of range.
///
/// # References
///
/// Carion et al., *End-to-End Object Detection with Transformers* (2020).
pub fn set_prediction_loss(
    logits: &Tensor,
    boxes: &Tensor,
    truth: &[SetTarget<'_>],
    matches: &[Vec<(usize, usize)>],
    config: &SetPredictionConfig,
) -> Result<Composite> {
    config.validate()?;
    let (b, q, classes) = logits.dims3()?;
    expect("boxes", boxes, &[b, q, 4])?;
    for (task, found) in [("truth", truth.len()), ("matches", matches.len())] {
        if found != b {
            return Err(Error::Length { task, expected: b, found });
        }
    }
    let Some(none) = classes.checked_sub(1) else {
        return Err(crate::shape::mismatch("logits", logits, "[B, Q, K + 1]".to_owned()));
    };
    let mut labels = vec![none as u32; b * q];
    let mut queries = Vec::new();
    let mut objects = Vec::new();
    let mut count = 0;
    for (picture, (target, pairs)) in truth.iter().zip(matches).enumerate() {
        let t = target.classes.len();
        expect("boxes of the truth", target.boxes, &[t, 4])?;
        check_labels(target.classes, t, 0, none)?;
        check_pairs(pairs, q, t)?;
        for &(query, object) in pairs {
            labels[picture * q + query] = target.classes[object] as u32;
            queries.push((picture * q + query) as u32);
            objects.push((count + object) as u32);
        }
        count += t;
    }
    let n = count.max(1) as f64;
    let class = class_term(logits, labels, none, config.no_object_weight)?;
    let (l1, overlap) = if queries.is_empty() {
        (zero(boxes)?, zero(boxes)?)
    } else {
        let device = boxes.device();
        let own = boxes.reshape((b * q, 4))?.index_select(&Tensor::new(queries, device)?, 0)?;
        let all: Vec<Tensor> = truth
            .iter()
            .filter(|target| !target.classes.is_empty())
            .map(|target| target.boxes.detach().to_dtype(boxes.dtype()))
            .collect::<candle_core::Result<_>>()?;
        let theirs = Tensor::cat(&all, 0)?.index_select(&Tensor::new(objects, device)?, 0)?;
        let l1 = magnitude(&(&own - &theirs)?)?.sum_all()?;
        let giou = OverlapLossConfig { overlap: Overlap::Giou, reduction: Reduction::Sum };
        let overlap = overlap_loss(&to_corners(&own)?, &to_corners(&theirs)?, None, &giou)?;
        ((l1 / n)?, (overlap / n)?)
    };
    let dtype = class.dtype();
    let [w_c, w_l, w_o] = config.term_weights;
    Composite::of(&[
        ("class", w_c, class),
        ("l1", w_l, l1.to_dtype(dtype)?),
        ("overlap", w_o, overlap.to_dtype(dtype)?),
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

/// Checks that queries and objects exist and occur once.
fn check_pairs(pairs: &[(usize, usize)], queries: usize, objects: usize) -> Result<()> {
    let mut seen = [vec![false; queries], vec![false; objects]];
    for (index, &(query, object)) in pairs.iter().enumerate() {
        for ((value, seen), task) in
            [query, object].into_iter().zip(&mut seen).zip(["matched queries", "matched objects"])
        {
            let allowed = format!("indices below {}, each once", seen.len());
            match seen.get_mut(value) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Error::Target { task, value: value as f32, index, allowed }),
            }
        }
    }
    Ok(())
}
