//! Whether probabilities are as often right as they say.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::error::{check_setting, same_length};
use crate::{BinaryCounts, Error, Result};

/// What was said with about one probability.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBin {
    /// Number of statements.
    pub count: u64,
    /// How many of them were right.
    pub right: u64,
    /// Sum of their probabilities.
    pub probability: f64,
}

/// Statements by their probability, in bins of equal width; none and no bins by default. Counts
/// of several pictures can be added.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct CalibrationCounts {
    bins: Vec<CalibrationBin>,
    /// Sum of the squared differences of probability and truth.
    squares: f64,
    /// Statements of sums of different numbers of bins; there are no bins then.
    unbinned: u64,
}

/// Counts as they are read, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    bins: Vec<CalibrationBin>,
    squares: f64,
    unbinned: u64,
}

impl TryFrom<Written> for CalibrationCounts {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written { bins, squares, unbinned } = written;
        // Nothing has been said yet where there is no bin.
        check_bins(bins.len().max(1))?;
        let alone = unbinned == 0 || bins.is_empty();
        check_setting("unbinned", unbinned as f64, alone, "0 where there are bins")?;
        Ok(Self { bins, squares, unbinned })
    }
}

fn check_bins(bins: usize) -> Result<()> {
    check_setting("bins", bins as f64, (1..=10_000).contains(&bins), "from 1 to 10000")
}

/// Counts statements by their probability in `bins` bins of equal width, 1 to 10 000; 15 is
/// usual. `right` says which of them are true.
///
/// # Examples
/// ```
/// let counts = mapvec_metrics::calibration(&[0.9, 0.8, 0.7, 0.1], &[true, true, false, false], 2)?;
/// // Of three statements with 0.8 in the mean two are right; one with 0.1 is not.
/// assert!((counts.expected_error().unwrap() - (0.4 + 0.1) / 4.0).abs() < 1e-12);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] for another number of bins; [`Error::LengthMismatch`] if there are
/// not as many probabilities as truths; [`Error::InvalidEntry`] for a probability outside
/// [0, 1].
pub fn calibration(
    probabilities: &[f64],
    right: &[bool],
    bins: usize,
) -> Result<CalibrationCounts> {
    check_bins(bins)?;
    same_length("right", right.len(), probabilities.len(), "`probabilities`")?;
    if let Some(index) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        let (field, value) = ("probabilities", probabilities[index]);
        return Err(Error::InvalidEntry { field, index, value, expected: "in [0, 1]" });
    }
    let edges: Vec<f64> = (1..bins).map(|edge| edge as f64 / bins as f64).collect();
    let mut counts = CalibrationCounts {
        bins: vec![CalibrationBin::default(); bins],
        ..CalibrationCounts::default()
    };
    for (&probability, &right) in probabilities.iter().zip(right) {
        let bin = &mut counts.bins[edges.partition_point(|&edge| edge <= probability)];
        bin.count += 1;
        bin.right += u64::from(right);
        bin.probability += probability;
        let truth = f64::from(u8::from(right));
        counts.squares += (probability - truth) * (probability - truth);
    }
    Ok(counts)
}

impl AddAssign for CalibrationBin {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.right += other.right;
        self.probability += other.probability;
    }
}

/// Adds bin by bin. Statements that were counted in different numbers of bins cannot be put
/// together: the sum keeps their number and their squares but has no bins and no errors by bins,
/// whatever is added to it. Use one number throughout, or [`CalibrationCounts::coarsened`] first.
/// Counts without statements change nothing.
impl AddAssign for CalibrationCounts {
    fn add_assign(&mut self, other: Self) {
        if other.count() == 0 && !(self.count() == 0 && self.bins.is_empty()) {
            return;
        }
        if self.count() == 0 {
            *self = other;
            return;
        }
        self.squares += other.squares;
        if self.unbinned == 0 && other.unbinned == 0 && self.bins.len() == other.bins.len() {
            self.bins.iter_mut().zip(other.bins).for_each(|(own, part)| *own += part);
        } else {
            self.unbinned = self.count() + other.count();
            self.bins.clear();
        }
    }
}

impl Sum for CalibrationCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

impl CalibrationCounts {
    /// The bins, for a reliability diagram: bin k has the probabilities from `k / bins` to
    /// below `(k + 1) / bins`, the last one 1 too. None by default, and in a sum of different
    /// numbers of bins.
    #[must_use]
    pub fn bins(&self) -> &[CalibrationBin] {
        &self.bins
    }

    /// What is right, surplus and missed if every statement from a probability on is taken for
    /// true: from `k / bins` on for each bin k, so the first takes all. With enough bins their
    /// precisions over their recalls make up the curve of a binary prediction.
    #[must_use]
    pub fn thresholded(&self) -> Vec<BinaryCounts> {
        let truth: u64 = self.bins.iter().map(|bin| bin.right).sum();
        let mut counts = BinaryCounts { false_negatives: truth, ..BinaryCounts::default() };
        let mut all: Vec<BinaryCounts> = Vec::with_capacity(self.bins.len());
        for bin in self.bins.iter().rev() {
            counts.true_positives += bin.right;
            counts.false_positives += bin.count.saturating_sub(bin.right);
            counts.false_negatives -= bin.right;
            all.push(counts);
        }
        all.reverse();
        all
    }

    /// The same statements in fewer bins, so that they can be added to others.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a number of bins that does not divide that of
    /// [`bins`](Self::bins).
    pub fn coarsened(&self, bins: usize) -> Result<Self> {
        let divides = bins > 0 && !self.bins.is_empty() && self.bins.len().is_multiple_of(bins);
        check_setting("bins", bins as f64, divides, "a divisor of the number of bins")?;
        let sum = |parts: &[CalibrationBin]| {
            parts.iter().fold(CalibrationBin::default(), |mut sum, &part| {
                sum += part;
                sum
            })
        };
        let bins = self.bins.chunks(self.bins.len() / bins).map(sum).collect();
        Ok(Self { bins, ..*self })
    }

    /// Number of statements.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.unbinned + self.bins.iter().map(|bin| bin.count).sum::<u64>()
    }

    /// Expected calibration error: the mean over the statements of the difference, in their
    /// bin, between the mean probability and the share that is right. None without
    /// statements, and in a sum of different numbers of bins.
    ///
    /// # References
    /// M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated
    /// probabilities using Bayesian binning, AAAI 2015.
    #[must_use]
    pub fn expected_error(&self) -> Option<f64> {
        let count = self.count();
        let gaps = self.bins.iter().map(|bin| (bin.right as f64 - bin.probability).abs());
        (count > 0 && self.unbinned == 0).then(|| gaps.sum::<f64>() / count as f64)
    }

    /// The largest such difference of a bin. None without statements, and in a sum of
    /// different numbers of bins.
    #[must_use]
    pub fn largest_error(&self) -> Option<f64> {
        let filled = self.bins.iter().filter(|bin| bin.count > 0);
        filled
            .map(|bin| (bin.right as f64 - bin.probability).abs() / bin.count as f64)
            .max_by(f64::total_cmp)
    }

    /// Brier score: the mean squared difference of probability and truth. None without
    /// statements.
    ///
    /// # References
    /// G. W. Brier, Verification of forecasts expressed in terms of probability, 1950.
    #[must_use]
    pub fn brier(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.squares / count as f64)
    }
}
