//! Classes and boxes of proposals.

use candle_core::Tensor;
use mapvec_nn::{gather, log_softmax};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_labels, check_not_negative};
use crate::boxes::smooth_l1::{SmoothL1Config, smooth_l1};
use crate::composite::Composite;
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{expect, rank};
use crate::singular::zero;

/// Settings of [`box_head_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoxHeadConfig {
    /// Difference up to which the loss of boxes is quadratic, 0 or more. Default 1/9.
    pub beta: f64,
    /// Weight of the class, 0 or more. Default 1.
    pub class_weight: f64,
    /// Weight of the boxes, 0 or more. Default 1.
    pub box_weight: f64,
}

impl Default for BoxHeadConfig {
    fn default() -> Self {
        Self { beta: 1.0 / 9.0, class_weight: 1.0, box_weight: 1.0 }
    }
}

impl BoxHeadConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("class_weight", self.class_weight)?;
        check_not_negative("box_weight", self.box_weight)?;
        SmoothL1Config { beta: self.beta, reduction: Reduction::Sum }.validate()
    }
}

/// Class of every proposal, and the box of its own class where it has an object.
///
/// ```text
/// class = 1/N sum over n of -ln softmax(logits_n)[label_n]
/// boxes = 1/N sum over n with label_n > 0 of smooth_l1(deltas_n[label_n] - target_n)
/// loss  = w_c class + w_b boxes
/// ```
///
/// Without proposals the loss is 0.
///
/// # Shapes
///
/// `logits`: `[N, K]`, class 0 is background; `deltas`: `[N, 4 K]`; `labels`: `N` classes;
/// `targets`: `[N, 4]` from [`encode_boxes`](crate::encode_boxes()), of which rows of
/// background are not read. Terms: `class`, `boxes`.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) or [`Error::Length`](crate::Error::Length) for shapes that do not fit, [`Error::Target`](crate::Error::Target) for a
/// label that is no class, [`Error::Config`](crate::Error::Config) for a setting out of range.
///
/// # References
///
/// Girshick, *Fast R-CNN* (ICCV 2015).
pub fn box_head_loss(
    logits: &Tensor,
    deltas: &Tensor,
    labels: &[usize],
    targets: &Tensor,
    config: &BoxHeadConfig,
) -> Result<Composite> {
    config.validate()?;
    let [n, k] = rank("logits", logits, "[N, K]")?;
    expect("deltas", deltas, &[n, 4 * k])?;
    expect("targets", targets, &[n, 4])?;
    check_labels(labels, n, 0, k)?;
    let (logits, deltas) = (&widen(logits)?, &widen(deltas)?);
    let device = logits.device();
    let class = if n == 0 {
        zero(logits)?
    } else {
        let labels: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
        let index = Tensor::from_vec(labels, (n, 1), device)?;
        gather(&log_softmax(logits, 1)?, 1, &index)?.mean_all()?.neg()?
    };
    let found = || labels.iter().enumerate().filter(|(_, label)| **label > 0);
    let own: Vec<u32> = found().map(|(row, label)| (row * k + label) as u32).collect();
    let boxes = if own.is_empty() {
        zero(deltas)?
    } else {
        let rows: Vec<u32> = found().map(|(row, _)| row as u32).collect();
        let own = deltas.reshape((n * k, 4))?.index_select(&Tensor::new(own, device)?, 0)?;
        let targets = targets.index_select(&Tensor::new(rows, device)?, 0)?.detach();
        let smooth = SmoothL1Config { beta: config.beta, reduction: Reduction::Sum };
        (smooth_l1(&own, &targets, None, &smooth)? / n as f64)?
    };
    let boxes = boxes.to_dtype(class.dtype())?;
    Composite::of(&[("class", config.class_weight, class), ("boxes", config.box_weight, boxes)])
}
