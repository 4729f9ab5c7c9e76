//! How well scores put what is right before what is wrong.

use serde::{Deserialize, Serialize};

use crate::binary::BinaryCounts;
use crate::error::same_length;
use crate::{Error, Result};

/// A threshold and what lies at or above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdCounts {
    /// Scores from this on are taken.
    pub threshold: f64,
    /// What is taken, and what is right.
    pub counts: BinaryCounts,
}

/// Average precision of scores: precision at each score, weighted by the recall that it adds.
///
/// ```text
/// AP = sum over distinct scores s, from the highest:  (R(s) - R(before s)) P(s)
/// ```
///
/// Equal scores are taken together, so that their order does not matter; nothing is
/// interpolated. [`CocoRecords`](crate::CocoRecords) has the interpolated form with matching.
/// None if nothing is right. This is `average_precision_score` of scikit-learn.
///
/// # Examples
/// ```
/// let scores = [0.9, 0.8, 0.7, 0.1];
/// let right = [true, false, true, false];
/// let found = mapvec_metrics::ranked_precision(&scores, &right)?;
/// assert_eq!(found, Some(0.5 * 1.0 + 0.5 * 2.0 / 3.0));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::LengthMismatch`](crate::Error::LengthMismatch) for another number of answers than of
/// scores, [`Error::InvalidEntry`](crate::Error::InvalidEntry) for a score that is not a number.
pub fn ranked_precision(scores: &[f64], right: &[bool]) -> Result<Option<f64>> {
    let all = right.iter().filter(|right| **right).count();
    let (mut sum, mut before) = (0.0, 0);
    for ThresholdCounts { counts, .. } in steps(scores, right)? {
        let found = counts.true_positives;
        sum += (found - before) as f64 * counts.precision().unwrap_or(0.0);
        before = found;
    }
    Ok((all > 0).then(|| sum / all as f64))
}

/// The threshold at which F1 is highest, the highest one of several.
///
/// None if nothing is right. A threshold that is chosen and judged on the same data flatters:
/// choose it on other data, and take [`counts_from`] of it.
///
/// # Errors
/// As [`ranked_precision`].
pub fn best_threshold(scores: &[f64], right: &[bool]) -> Result<Option<ThresholdCounts>> {
    let mut best: Option<ThresholdCounts> = None;
    for step in steps(scores, right)? {
        let f1 = |step: &ThresholdCounts| step.counts.f_beta(1.0).unwrap_or(0.0);
        if step.counts.true_positives > 0 && best.as_ref().is_none_or(|b| f1(&step) > f1(b)) {
            best = Some(step);
        }
    }
    Ok(best)
}

/// What is taken from a threshold on.
///
/// # Errors
/// As [`ranked_precision`].
pub fn counts_from(threshold: f64, scores: &[f64], right: &[bool]) -> Result<BinaryCounts> {
    check(scores, right)?;
    let mut counts = BinaryCounts::default();
    for (score, right) in scores.iter().zip(right) {
        let taken = *score >= threshold;
        counts.true_positives += u64::from(taken && *right);
        counts.false_positives += u64::from(taken && !right);
        counts.false_negatives += u64::from(!taken && *right);
    }
    Ok(counts)
}

/// The counts at every distinct score, from the highest.
fn steps(scores: &[f64], right: &[bool]) -> Result<Vec<ThresholdCounts>> {
    check(scores, right)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let false_negatives = right.iter().filter(|right| **right).count() as u64;
    let mut counts = BinaryCounts { false_negatives, ..BinaryCounts::default() };
    let mut steps: Vec<ThresholdCounts> = Vec::new();
    for at in order {
        let threshold = scores[at];
        counts.true_positives += u64::from(right[at]);
        counts.false_negatives -= u64::from(right[at]);
        counts.false_positives += u64::from(!right[at]);
        match steps.last_mut() {
            // Zeros of both signs are equal.
            Some(last) if last.threshold <= threshold => last.counts = counts,
            _ => steps.push(ThresholdCounts { threshold, counts }),
        }
    }
    Ok(steps)
}

fn check(scores: &[f64], right: &[bool]) -> Result<()> {
    same_length("right", right.len(), scores.len(), "scores")?;
    match scores.iter().position(|score| score.is_nan()) {
        Some(index) => {
            let value = scores[index];
            Err(Error::InvalidEntry { field: "scores", index, value, expected: "a number" })
        }
        None => Ok(()),
    }
}
