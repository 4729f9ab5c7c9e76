//! Confidence of anchors as how well they cover objects.

use candle_core::{D, Tensor};
use mapvec_nn::gather;
use serde::{Deserialize, Serialize};

use crate::allowed::check_share;
use crate::boxes::overlap::{Overlap, box_overlap};
use crate::error::{Error, Result};
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{expect, rank, rows};
use crate::singular::{magnitude, positive, ratio, zero};

/// What [`anchor_score_loss`] teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorScoreForm {
    /// The confidence: anchors are fixed, their scores are the target.
    #[default]
    Confidence,
    /// The boxes and the confidence: the mean score, weighted by confidence, is to grow.
    Boxes,
}

/// Settings of [`anchor_score_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnchorScoreConfig {
    /// What is taught. Default the confidence.
    pub form: AnchorScoreForm,
    /// Share of the overlap in a score, 0 to 1; coordinates have the rest. Default 0.5.
    pub iou_weight: f64,
    /// Whether the best box of every object has the score 1. Default false.
    pub normalize: bool,
    /// From pictures to the result.
    pub reduction: Reduction,
}

impl Default for AnchorScoreConfig {
    fn default() -> Self {
        Self {
            form: AnchorScoreForm::Confidence,
            iou_weight: 0.5,
            normalize: false,
            reduction: Reduction::Mean,
        }
    }
}

impl AnchorScoreConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when `iou_weight` is not from 0 to 1.
    pub fn validate(&self) -> Result<()> {
        check_share("iou_weight", self.iou_weight)
    }
}

/// Added to every score, so that a box that covers nothing differs from none.
const BASE: f64 = 1e-3;

/// Confidence of boxes against how well they cover any object.
///
/// For box `p` and object `t` of a picture, in shares of the picture's side:
///
/// ```text
/// s_pt = w IoU(p, t) + (1 - w) max(1 - mean over coordinates of |p - t|, 0)
/// s_p  = max over t of s_pt + 0.001          first over max over p of s_pt if normalised
/// confidence:  loss_b = mean over p of |s_p - c_p|         no gradient to the boxes
/// boxes:       loss_b = 1 - sum over p of s_p c_p / sum over p of c_p
/// ```
///
/// Without objects a score is 0.001 in the first form, and the second has the loss 0.
///
/// # Shapes
///
/// `confidence`: `[B, P]`, 0 to 1; `boxes`: `[B, P, 4]`, `truth`: `B` times `[T, 4]`, corners
/// (x1, y1, x2, y2) in shares of the picture; `weights`: `[B]`; the result is a scalar, or
/// `[B]` without a reduction.
///
/// # Errors
///
/// [`Error::Shape`] or [`Error::Length`] for shapes that do not fit, [`Error::Config`] for a
/// setting out of range.
///
/// # References
///
/// Redmon, Divvala, Girshick, Farhadi, *You Only Look Once* (CVPR 2016), for a confidence that
/// says how well a box covers its object.
pub fn anchor_score_loss(
    confidence: &Tensor,
    boxes: &Tensor,
    truth: &[Tensor],
    weights: Option<&Tensor>,
    config: &AnchorScoreConfig,
) -> Result<Tensor> {
    config.validate()?;
    let [b, p] = rank("confidence", confidence, "[B, P]")?;
    expect("boxes", boxes, &[b, p, 4])?;
    if truth.len() != b {
        return Err(Error::Length { task: "truth", expected: b, found: truth.len() });
    }
    if b == 0 {
        return config.reduction.apply(&widen(confidence)?.sum(1)?, weights);
    }
    let (confidence, boxes) = (widen(confidence)?, widen(boxes)?);
    let mut losses = Vec::with_capacity(b);
    for (picture, truth) in truth.iter().enumerate() {
        let t = rows("truth", truth, 4)?;
        let own = confidence.get(picture)?;
        if p == 0 || (t == 0 && config.form == AnchorScoreForm::Boxes) {
            losses.push(zero(&own)?);
            continue;
        }
        let boxes = boxes.get(picture)?.to_dtype(own.dtype())?;
        let score = if t == 0 {
            (own.detach().zeros_like()? + BASE)?
        } else {
            scores(&boxes, &truth.detach().to_dtype(own.dtype())?, config)?
        };
        losses.push(match config.form {
            AnchorScoreForm::Confidence => magnitude(&(own - score.detach())?)?.mean_all()?,
            AnchorScoreForm::Boxes => {
                let covered = ratio(&(score * &own)?.sum_all()?, &own.sum_all()?)?;
                covered.affine(-1.0, 1.0)?
            }
        });
    }
    config.reduction.apply(&Tensor::stack(&losses, 0)?, weights)
}

/// The score of every box, `[P]`.
fn scores(boxes: &Tensor, truth: &Tensor, config: &AnchorScoreConfig) -> Result<Tensor> {
    let (p, t) = (boxes.dim(0)?, truth.dim(0)?);
    let pairs = (p, t, 4);
    let boxes = boxes.unsqueeze(1)?.broadcast_as(pairs)?;
    let truth = truth.unsqueeze(0)?.broadcast_as(pairs)?;
    let overlap = box_overlap(&boxes, &truth, Overlap::Iou)?;
    let apart = magnitude(&(boxes - truth)?)?.mean(D::Minus1)?;
    let near = positive(&apart.affine(-1.0, 1.0)?)?;
    let w = config.iou_weight;
    let mut scores = ((overlap * w)? + (near * (1.0 - w))?)?;
    if config.normalize {
        let best = scores.detach().argmax_keepdim(0)?;
        let best = gather(&scores, 0, &best)?.broadcast_as((p, t))?;
        scores = ratio(&scores, &best)?;
    }
    let best = scores.detach().argmax_keepdim(1)?;
    Ok((gather(&scores, 1, &best)?.squeeze(1)? + BASE)?)
}
