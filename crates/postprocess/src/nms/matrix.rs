//! Suppression of all shapes at once.

use serde::{Deserialize, Serialize};

use super::detections::{Detections, Overlaps};
use super::order::{by_score, check_decaying};
use super::soft::{Rescored, check_min_score, check_sigma};
use crate::Result;

/// What an overlap leaves of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MatrixDecay {
    /// 1 minus the overlap.
    Linear,
    /// `exp(-sigma * overlap^2)`.
    Gaussian {
        /// Steepness of the curve (above 0).
        sigma: f64,
    },
}

impl MatrixDecay {
    fn factor(self, overlap: f64) -> f64 {
        match self {
            Self::Linear => 1.0 - overlap,
            Self::Gaussian { sigma } => (-sigma * overlap * overlap).exp(),
        }
    }
}

/// Settings of [`matrix_nms`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixNmsConfig {
    /// What an overlap leaves of a score; default Gaussian of sigma 2.
    pub decay: MatrixDecay,
    /// Detections with a lower score afterwards are left out (at least 0, default 0.05).
    pub min_score: f32,
    /// Only so many of the best detections are looked at (default 500); all without it.
    pub top_k: Option<usize>,
}

impl Default for MatrixNmsConfig {
    fn default() -> Self {
        let decay = MatrixDecay::Gaussian { sigma: 2.0 };
        Self { decay, min_score: 0.05, top_k: Some(500) }
    }
}

impl MatrixNmsConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_min_score(self.min_score)?;
        match self.decay {
            MatrixDecay::Linear => Ok(()),
            MatrixDecay::Gaussian { sigma } => check_sigma(sigma),
        }
    }
}

/// Lowers the scores of detections that better ones of their class overlap, all at once.
///
/// With the detections by falling score, the one at j keeps
///
/// ```text
/// min over i < j of f(overlap(i, j)) / f(max over k < i of overlap(k, i))
/// ```
///
/// of its score, at most all of it: a better shape counts less if it is itself suppressed.
/// One that an exact copy suppresses whole (linear decay) does not count. Returns the
/// detections of at least `min_score` by their new scores, of equal ones the lower index
/// first; nothing is filled up.
///
/// Only pairs whose bounds meet are compared (R-tree), each once.
///
/// # Errors
/// Other numbers of scores or classes than shapes, a score that is NaN, infinite or negative,
/// a shape that is not valid, a setting out of range.
///
/// # References
/// X. Wang, R. Zhang, T. Kong, L. Li, C. Shen, *`SOLOv2`: dynamic and fast instance
/// segmentation*, 2020.
pub fn matrix_nms(detections: &Detections<'_>, config: &MatrixNmsConfig) -> Result<Vec<Rescored>> {
    config.validate()?;
    detections.check_lengths()?;
    check_decaying(detections.scores)?;
    let overlaps = Overlaps::new(detections)?;
    let mut order = by_score(detections.scores, (0..detections.len()).collect());
    order.truncate(config.top_k.unwrap_or(usize::MAX));
    let mut rank = vec![usize::MAX; detections.len()];
    for (place, &index) in order.iter().enumerate() {
        rank[index] = place;
    }
    // What the largest overlap with a better shape leaves of each shape, by rank.
    let mut left = vec![1.0; order.len()];
    let mut scores = Vec::with_capacity(order.len());
    for (place, &index) in order.iter().enumerate() {
        let (mut largest, mut decay) = (0.0_f64, 1.0_f64);
        for other in overlaps.neighbours(index).filter(|&other| rank[other] < place) {
            let overlap = overlaps.overlap(other, index);
            largest = largest.max(overlap);
            let weight: f64 = left[rank[other]];
            if weight > 0.0 {
                decay = decay.min(config.decay.factor(overlap) / weight);
            }
        }
        left[place] = config.decay.factor(largest);
        scores.push((f64::from(detections.scores[index]) * decay) as f32);
    }
    let ranked = order.iter().zip(&scores);
    let kept = ranked.filter(|(_, score)| **score >= config.min_score);
    let mut kept: Vec<Rescored> = kept.map(|(&index, &score)| Rescored { index, score }).collect();
    kept.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    Ok(kept)
}
