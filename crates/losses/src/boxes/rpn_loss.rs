//! Proposals of regions: where objects are, and how their boxes differ from anchors.

use candle_core::Tensor;
use mapvec_nn::bce_with_logits;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_share};
use crate::boxes::coder::{BoxCoder, encode_boxes};
use crate::boxes::matcher::{AnchorMatchConfig, match_anchors, sample};
use crate::boxes::smooth_l1::{SmoothL1Config, smooth_l1};
use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{expect, rank, rows};
use crate::singular::zero;

/// Settings of [`rpn_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpnLossConfig {
    /// Which anchors belong to which object.
    pub matcher: AnchorMatchConfig,
    /// Anchors drawn per picture, 1 or more. Default 256.
    pub samples: usize,
    /// Largest share of them that belong to objects, 0 to 1. Default 0.5.
    pub positive_fraction: f64,
    /// Scale of the differences from anchors.
    pub coder: BoxCoder,
    /// Difference up to which the loss of boxes is quadratic, 0 or more. Default 1/9.
    pub beta: f64,
    /// Weight of the objectness, 0 or more. Default 1.
    pub objectness_weight: f64,
    /// Weight of the boxes, 0 or more. Default 1.
    pub box_weight: f64,
}

impl Default for RpnLossConfig {
    fn default() -> Self {
        Self {
            matcher: AnchorMatchConfig::default(),
            samples: 256,
            positive_fraction: 0.5,
            coder: BoxCoder::default(),
            beta: 1.0 / 9.0,
            objectness_weight: 1.0,
            box_weight: 1.0,
        }
    }
}

impl RpnLossConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.matcher.validate()?;
        self.coder.validate()?;
        SmoothL1Config { beta: self.beta, reduction: Reduction::Sum }.validate()?;
        check_not_negative("objectness_weight", self.objectness_weight)?;
        check_not_negative("box_weight", self.box_weight)?;
        if self.samples == 0 {
            let (field, value) = ("samples", "0".to_owned());
            return Err(Error::Config { field, value, expected: "1 or more" });
        }
        check_share("positive_fraction", self.positive_fraction)
    }
}

/// What a region proposal network says of the anchors of pictures.
#[derive(Debug, Clone, Copy)]
pub struct RpnPrediction<'a> {
    /// Logits of being an object, `[B, A]`.
    pub objectness: &'a Tensor,
    /// Differences of the boxes from the anchors, `[B, A, 4]`.
    pub deltas: &'a Tensor,
}

/// Objectness and boxes of a sample of anchors.
///
/// Anchors get objects as [`match_anchors`](crate::match_anchors()) says; of every picture
/// some are drawn by `rng`, at most a `positive_fraction` of them with an object. Over the `S` drawn of all
/// pictures and those of them with an object, `P`:
///
/// ```text
/// objectness = 1/S sum over S of BCE(logit, 1 in P, 0 elsewhere)
/// boxes      = 1/S sum over P of smooth_l1(deltas - encode_boxes(anchor, box))
/// loss       = w_o objectness + w_b boxes
/// ```
///
/// Pictures without objects teach background; without anchors the loss is 0.
///
/// # Shapes
///
/// Those of [`RpnPrediction`]; `anchors`: `[A, 4]`, `truth`: `B` times `[T, 4]`, corners (x1,
/// y1, x2, y2), px. Terms: `objectness`, `boxes`.
///
/// # Errors
///
/// [`Error::Shape`] for shapes that do not fit, [`Error::Target`] for a box that is not
/// finite, [`Error::Config`] for a setting out of range.
///
/// # References
///
/// Ren, He, Girshick and Sun, *Faster R-CNN* (NIPS 2015).
pub fn rpn_loss(
    prediction: &RpnPrediction<'_>,
    anchors: &Tensor,
    truth: &[Tensor],
    config: &RpnLossConfig,
    rng: &mut impl Rng,
) -> Result<Composite> {
    config.validate()?;
    let [b, a] = rank("objectness", prediction.objectness, "[B, A]")?;
    expect("deltas", prediction.deltas, &[b, a, 4])?;
    expect("anchors", anchors, &[a, 4])?;
    if truth.len() != b {
        let (task, expected, found) = ("truth", b, truth.len());
        return Err(Error::Length { task, expected, found });
    }
    let device = anchors.device();
    let (objectness, deltas) = (widen(prediction.objectness)?, widen(prediction.deltas)?);
    let anchors = anchors.to_dtype(deltas.dtype())?;
    let mut drawn: Vec<u32> = Vec::new();
    let mut labels = Vec::new();
    let mut places: Vec<u32> = Vec::new();
    let mut targets = Vec::new();
    for (picture, truth) in truth.iter().enumerate() {
        rows("truth", truth, 4)?;
        let matches = match_anchors(truth, &anchors, &config.matcher)?;
        let (objects, background) = sample(&matches, config.samples, config.positive_fraction, rng);
        let place = |anchor: usize| (picture * a + anchor) as u32;
        labels.extend(objects.iter().map(|_| 1.0_f64).chain(background.iter().map(|_| 0.0)));
        drawn.extend(objects.iter().map(|&(anchor, _)| place(anchor)));
        drawn.extend(background.iter().map(|&anchor| place(anchor)));
        if objects.is_empty() {
            continue;
        }
        places.extend(objects.iter().map(|&(anchor, _)| place(anchor)));
        let (own, theirs): (Vec<u32>, Vec<u32>) =
            objects.iter().map(|&(anchor, object)| (anchor as u32, object as u32)).unzip();
        let own = anchors.index_select(&Tensor::new(own, device)?, 0)?;
        let theirs = truth.to_dtype(own.dtype())?.index_select(&Tensor::new(theirs, device)?, 0)?;
        targets.push(encode_boxes(&own, &theirs, &config.coder)?);
    }
    let count = drawn.len().max(1) as f64;
    let objectness = if drawn.is_empty() {
        zero(&objectness)?
    } else {
        let logits = objectness.flatten_all()?;
        let logits = logits.index_select(&Tensor::new(drawn, device)?, 0)?;
        let labels = Tensor::new(labels, device)?.to_dtype(logits.dtype())?;
        (bce_with_logits(&logits, &labels)?.sum_all()? / count)?
    };
    let boxes = if targets.is_empty() {
        zero(&deltas)?
    } else {
        let deltas = deltas.reshape((b * a, 4))?;
        let deltas = deltas.index_select(&Tensor::new(places, device)?, 0)?;
        let smooth = SmoothL1Config { beta: config.beta, reduction: Reduction::Sum };
        (smooth_l1(&deltas, &Tensor::cat(&targets, 0)?.detach(), None, &smooth)? / count)?
    };
    let boxes = boxes.to_dtype(objectness.dtype())?;
    Composite::of(&[
        ("objectness", config.objectness_weight, objectness),
        ("boxes", config.box_weight, boxes),
    ])
}
