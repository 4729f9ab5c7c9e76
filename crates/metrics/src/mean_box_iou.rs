//! Overlap of boxes that belong to each other.

use crate::error::same_length;
use crate::{Error, Result, WeightedMean, weighted_mean};

/// `IoU` of boxes pair by pair, each left, top, width and height (px), with the weight of each
/// pair, or 1: [`WeightedMean::mean`] is the weighted mean `IoU`. Two boxes without an area
/// have an `IoU` of 0.
///
/// # Examples
/// ```
/// let (predicted, truth) = ([[0.0, 0.0, 4.0, 4.0], [0.0; 4]], [[0.0, 0.0, 4.0, 2.0]; 2]);
/// let overlap = mapvec_metrics::mean_box_iou(&predicted, &truth, Some(&[3.0, 1.0]))?;
/// assert_eq!(overlap.mean(), Some(0.375));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::LengthMismatch`] if there are not as many of each; [`Error::InvalidEntry`] for a box
/// with a number that is not finite or a side that is negative, or for a weight that is not
/// finite or negative.
pub fn mean_box_iou(
    predicted: &[[f64; 4]],
    truth: &[[f64; 4]],
    weights: Option<&[f64]>,
) -> Result<WeightedMean> {
    same_length("truth", truth.len(), predicted.len(), "`predicted`")?;
    for (field, boxes) in [("predicted", predicted), ("truth", truth)] {
        for (index, &[left, top, width, height]) in boxes.iter().enumerate() {
            let wrong = |value: &&f64| !value.is_finite() || value.abs() > 1e100;
            let negative = |value: &&f64| **value < 0.0;
            let (all, sides) = ([left, top, width, height], [width, height]);
            if let Some(&value) = all.iter().find(wrong).or(sides.iter().find(negative)) {
                let expected = "finite, of magnitude 1e100 or less, sides not negative";
                return Err(Error::InvalidEntry { field, index, value, expected });
            }
        }
    }
    let ious: Vec<f64> = predicted.iter().zip(truth).map(|(a, b)| iou(*a, *b)).collect();
    weighted_mean(&ious, weights)
}

fn iou([ax, ay, aw, ah]: [f64; 4], [bx, by, bw, bh]: [f64; 4]) -> f64 {
    let width = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
    let height = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
    let common = width * height;
    let union = aw * ah + bw * bh - common;
    if union > 0.0 { (common / union).clamp(0.0, 1.0) } else { 0.0 }
}
