//! Right, surplus and missed: precision, recall and what follows from them.

use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::same_shape;

/// What was found, found in error, and missed: pixels or objects. Counts of several
/// pictures can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryCounts {
    /// Predicted and true.
    pub true_positives: u64,
    /// Predicted but not true.
    pub false_positives: u64,
    /// True but not predicted.
    pub false_negatives: u64,
}

/// The scores of [`BinaryCounts`], in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryScore {
    /// `tp / (tp + fp)`; none where nothing was predicted.
    pub precision: Option<f64>,
    /// `tp / (tp + fn)`; none where nothing is true.
    pub recall: Option<f64>,
    /// Harmonic mean of the two, also called Dice coefficient; none where there is nothing
    /// on either side.
    pub f1: Option<f64>,
    /// `tp / (tp + fp + fn)`, also called Jaccard index; none where there is nothing on
    /// either side.
    pub iou: Option<f64>,
}

impl BinaryCounts {
    /// The scores of these counts.
    #[must_use]
    pub fn score(&self) -> BinaryScore {
        BinaryScore {
            precision: self.precision(),
            recall: self.recall(),
            f1: self.f_beta(1.0),
            iou: self.iou(),
        }
    }

    /// `tp / (tp + fp)`; none where nothing was predicted.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// `tp / (tp + fn)`; none where nothing is true.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Intersection over union; none where there is nothing on either side.
    #[must_use]
    pub fn iou(&self) -> Option<f64> {
        ratio(self.true_positives, self.all())
    }

    /// Dice coefficient, `2 tp / (2 tp + fp + fn)`; none where there is nothing on either
    /// side. `IoU = D / (2 - D)`.
    #[must_use]
    pub fn dice(&self) -> Option<f64> {
        ratio(2 * self.true_positives, self.all() + self.true_positives)
    }

    /// Weighted harmonic mean of precision and recall, in which recall weighs `beta` times
    /// as much; none where there is nothing on either side, or for a `beta` that is
    /// negative or whose square is not finite (above about 1.3e154).
    ///
    /// ```text
    /// F = (1 + beta^2) P R / (beta^2 P + R)
    /// ```
    ///
    /// # References
    /// C. J. van Rijsbergen, Information Retrieval, 1979.
    #[must_use]
    pub fn f_beta(&self, beta: f64) -> Option<f64> {
        let square = beta * beta;
        if self.all() == 0 || !square.is_finite() || beta < 0.0 {
            return None;
        }
        match (self.precision(), self.recall()) {
            (Some(p), Some(r)) if self.true_positives > 0 => {
                Some((1.0 + square) * p * r / (square * p + r))
            }
            _ => Some(0.0),
        }
    }

    fn all(&self) -> u64 {
        self.true_positives + self.false_positives + self.false_negatives
    }
}

impl AddAssign for BinaryCounts {
    fn add_assign(&mut self, other: Self) {
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
    }
}

impl Sum for BinaryCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Compares two masks pixel by pixel, inside `mask` where there is one.
///
/// # Examples
/// ```
/// use ndarray::array;
/// let truth = array![[true, true, false, false]];
/// let predicted = array![[true, false, true, false]];
/// let counts = mapvec_metrics::binary_counts(predicted.view(), truth.view(), None)?;
/// assert_eq!(counts.dice(), Some(0.5));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the masks differ in size.
pub fn binary_counts(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    mask: Option<ArrayView2<'_, bool>>,
) -> Result<BinaryCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    if let Some(mask) = mask {
        same_shape("mask", mask.dim(), predicted.dim())?;
    }
    let mut counts = BinaryCounts::default();
    for (index, (&p, &t)) in predicted.indexed_iter().map(|(i, p)| (i, (p, &truth[i]))) {
        if mask.is_none_or(|mask| mask[index]) {
            counts.true_positives += u64::from(p && t);
            counts.false_positives += u64::from(p && !t);
            counts.false_negatives += u64::from(!p && t);
        }
    }
    Ok(counts)
}

/// `part / whole`; none if there is nothing to count.
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
