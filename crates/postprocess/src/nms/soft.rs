//! Suppression that lowers scores instead of dropping shapes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::detections::{Detections, Overlaps};
use super::order::{by_score, check_decaying, check_threshold};
use crate::{Error, Result};

/// A detection that is kept, and its score after suppression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescored {
    /// Which detection.
    pub index: usize,
    /// Its new score, at most the old one.
    pub score: f32,
}

/// What an overlap leaves of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SoftDecay {
    /// 1 minus the overlap, where that is above a threshold.
    Linear {
        /// Overlaps up to this one cost nothing (0 to 1).
        threshold: f64,
    },
    /// `exp(-overlap^2 / sigma)`.
    Gaussian {
        /// Width of the curve (above 0).
        sigma: f64,
    },
}

/// Settings of [`soft_nms`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftNmsConfig {
    /// What an overlap leaves of a score; default Gaussian of sigma 0.5.
    pub decay: SoftDecay,
    /// Detections with a lower score are left out (at least 0, default 0.001).
    pub min_score: f32,
    /// Only so many of the best detections are looked at; all without it.
    pub top_k: Option<usize>,
}

impl Default for SoftNmsConfig {
    fn default() -> Self {
        Self { decay: SoftDecay::Gaussian { sigma: 0.5 }, min_score: 0.001, top_k: None }
    }
}

impl SoftNmsConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_min_score(self.min_score)?;
        match self.decay {
            SoftDecay::Linear { threshold } => check_threshold("decay.threshold", threshold),
            SoftDecay::Gaussian { sigma } => check_sigma(sigma),
        }
    }
}

pub(super) fn check_min_score(value: f32) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    let (field, value) = ("min_score", f64::from(value));
    Err(Error::InvalidSetting { field, value, expected: "finite and at least 0" })
}

pub(super) fn check_sigma(value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::InvalidSetting { field: "decay.sigma", value, expected: "finite and above 0" })
}

impl SoftDecay {
    fn factor(self, overlap: f64) -> f64 {
        match self {
            Self::Linear { threshold } if overlap > threshold => 1.0 - overlap,
            Self::Linear { .. } => 1.0,
            Self::Gaussian { sigma } => (-overlap * overlap / sigma).exp(),
        }
    }
}

/// Lowers the scores of detections that better ones of their class overlap.
///
/// Again and again the best of the detections that are left is kept, and what it overlaps
/// loses some of its score. So a shape behind another one survives where
/// [`hard_nms`](crate::hard_nms) drops it. Returns the kept detections by their new scores, of equal ones
/// the lower index first; nothing is filled up.
///
/// A heap holds the scores and an R-tree the shapes: about n log n for n shapes that overlap
/// few others.
///
/// # Errors
/// Other numbers of scores or classes than shapes, a score that is NaN, infinite or negative,
/// a shape that is not valid, a setting out of range.
///
/// # References
/// N. Bodla, B. Singh, R. Chellappa, L. Davis, *Soft-NMS: improving object detection with one
/// line of code*, 2017.
pub fn soft_nms(detections: &Detections<'_>, config: &SoftNmsConfig) -> Result<Vec<Rescored>> {
    config.validate()?;
    detections.check_lengths()?;
    check_decaying(detections.scores)?;
    let overlaps = Overlaps::new(detections)?;
    let order = by_score(detections.scores, (0..detections.len()).collect());
    // Scores are at least 0, so their bits have their order. Old entries stay in the heap and
    // are known by a score that is no longer the current one.
    let mut scores = vec![None; detections.len()];
    let mut heap = BinaryHeap::new();
    for &index in order.iter().take(config.top_k.unwrap_or(usize::MAX)) {
        let score = f64::from(detections.scores[index]);
        scores[index] = Some(score);
        heap.push((score.to_bits(), Reverse(index)));
    }
    let mut kept = Vec::new();
    while let Some((bits, Reverse(best))) = heap.pop() {
        let Some(score) = scores[best].filter(|score| score.to_bits() == bits) else { continue };
        if score < f64::from(config.min_score) {
            break;
        }
        scores[best] = None;
        kept.push(Rescored { index: best, score: score as f32 });
        for other in overlaps.neighbours(best) {
            let Some(old) = scores[other] else { continue };
            let new = old * config.decay.factor(overlaps.overlap(best, other));
            if new < old {
                scores[other] = Some(new);
                heap.push((new.to_bits(), Reverse(other)));
            }
        }
    }
    Ok(kept)
}
