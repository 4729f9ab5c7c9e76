//! Right, surplus and missed with weights and probabilities.

use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::error::same_shape;
use crate::{BinaryCounts, BinaryScore, Error, Result};

/// [`BinaryCounts`] in which a pixel counts by its weight, and may be right in part. Those of
/// several pictures can be added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedCounts {
    /// Predicted and true.
    pub true_positives: f64,
    /// Predicted but not true.
    pub false_positives: f64,
    /// True but not predicted.
    pub false_negatives: f64,
}

impl WeightedCounts {
    /// Precision, recall, F1 and `IoU`; none as for [`BinaryCounts::score`]. The F1 is
    /// `tp / (tp + (fp + fn) / 2)`.
    #[must_use]
    pub fn score(&self) -> BinaryScore {
        let Self { true_positives, false_positives, false_negatives } = *self;
        let ratio = |wrong: f64| {
            let whole = true_positives + wrong;
            (whole > 0.0).then(|| true_positives / whole)
        };
        BinaryScore {
            precision: ratio(false_positives),
            recall: ratio(false_negatives),
            f1: ratio((false_positives + false_negatives) / 2.0),
            iou: ratio(false_positives + false_negatives),
        }
    }

    /// Adds a pixel of a weight with its predicted and its true share, each in [0, 1].
    fn push(&mut self, weight: f64, predicted: f64, truth: f64) {
        self.true_positives += weight * predicted * truth;
        self.false_positives += weight * predicted * (1.0 - truth);
        self.false_negatives += weight * (1.0 - predicted) * truth;
    }
}

impl From<BinaryCounts> for WeightedCounts {
    fn from(counts: BinaryCounts) -> Self {
        Self {
            true_positives: counts.true_positives as f64,
            false_positives: counts.false_positives as f64,
            false_negatives: counts.false_negatives as f64,
        }
    }
}

impl AddAssign for WeightedCounts {
    fn add_assign(&mut self, other: Self) {
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
    }
}

impl Sum for WeightedCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Compares two masks pixel by pixel; each counts by its weight, or 1. For a prediction of
/// probabilities take the mask of those above a threshold, or [`soft_counts`].
///
/// # Examples
/// ```
/// use ndarray::array;
/// let (predicted, truth) = (array![[true, true, false]], array![[true, false, true]]);
/// let weights = array![[2.0, 1.0, 3.0]];
/// let counts =
///     mapvec_metrics::weighted_counts(predicted.view(), truth.view(), Some(weights.view()))?;
/// assert_eq!(counts.score().f1, Some(0.5));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the rasters differ in size; [`Error::InvalidEntry`] for a
/// weight that is not finite or negative.
pub fn weighted_counts(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    weights: Option<ArrayView2<'_, f32>>,
) -> Result<WeightedCounts> {
    let share = |inside: bool| if inside { 1.0 } else { 0.0 };
    add_up(predicted.dim(), truth.dim(), weights, |at, _| {
        Ok((share(predicted[at]), share(truth[at])))
    })
}

/// Compares two rasters of probabilities pixel by pixel without a threshold; each pixel counts
/// by its weight, or 1.
///
/// ```text
/// tp = sum w p t,   fp = sum w p (1 - t),   fn = sum w (1 - p) t
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the rasters differ in size; [`Error::InvalidEntry`] with the
/// place in reading order of a value outside [0, 1], or of a weight that is not finite or
/// negative.
pub fn soft_counts(
    predicted: ArrayView2<'_, f32>,
    truth: ArrayView2<'_, f32>,
    weights: Option<ArrayView2<'_, f32>>,
) -> Result<WeightedCounts> {
    add_up(predicted.dim(), truth.dim(), weights, |at, index| {
        let checked = |field, value: f32| {
            let (right, value) = ((0.0..=1.0).contains(&value), f64::from(value));
            let expected = "in [0, 1]";
            if right {
                Ok(value)
            } else {
                Err(Error::InvalidEntry { field, index, value, expected })
            }
        };
        Ok((checked("predicted", predicted[at])?, checked("truth", truth[at])?))
    })
}

/// Adds the pixels of rasters in reading order. `pixel` gives what is predicted and true at a
/// pixel and its place.
fn add_up(
    predicted: (usize, usize),
    truth: (usize, usize),
    weights: Option<ArrayView2<'_, f32>>,
    pixel: impl Fn((usize, usize), usize) -> Result<(f64, f64)>,
) -> Result<WeightedCounts> {
    same_shape("truth", truth, predicted)?;
    if let Some(weights) = weights {
        same_shape("weights", weights.dim(), predicted)?;
    }
    let (rows, columns) = predicted;
    let mut counts = WeightedCounts::default();
    for index in 0..rows * columns {
        let at = (index / columns, index % columns);
        let weight = weights.map_or(1.0, |weights| f64::from(weights[at]));
        if !(weight.is_finite() && weight >= 0.0) {
            let (field, expected) = ("weights", "finite and not negative");
            return Err(Error::InvalidEntry { field, index, value: weight, expected });
        }
        let (predicted, truth) = pixel(at, index)?;
        counts.push(weight, predicted, truth);
    }
    Ok(counts)
}
