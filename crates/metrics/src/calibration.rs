//! Whether probabilities are as often right as they say.

use serde::{Deserialize, Serialize};

use crate::error::{check_setting, same_length};
use crate::{Error, Result};

/// What was said with about one probability.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Number of statements.
    pub count: u64,
    /// How many of them were right.
    pub right: u64,
    /// Sum of their probabilities.
    pub probability: f64,
}

/// Statements by their probability, in bins of equal width. Those of several pictures can be
/// added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct CalibrationCounts {
    bins: Vec<CalibrationBin>,
    /// Sum of the squared differences of probability and truth.
    squares: f64,
}

/// Counts as they are read, not yet checked.
#[derive(Deserialize)]
struct Written {
    bins: Vec<CalibrationBin>,
    squares: f64,
}

impl TryFrom<Written> for CalibrationCounts {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written { bins, squares } = written;
        Self::new(bins.len()).map(|_| Self { bins, squares })
    }
}

impl CalibrationCounts {
    /// No statements yet, in 1 to 10 000 bins; 15 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for another number.
    pub fn new(bins: usize) -> Result<Self> {
        check_setting("bins", bins as f64, (1..=10_000).contains(&bins), "from 1 to 10000")?;
        Ok(Self { bins: vec![CalibrationBin::default(); bins], squares: 0.0 })
    }

    /// Adds statements: the probability of each and whether it is true.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if there are not as many of both; [`Error::InvalidEntry`] for
    /// a probability outside [0, 1]. Nothing is added then.
    pub fn extend(&mut self, probabilities: &[f64], right: &[bool]) -> Result<()> {
        same_length("right", right.len(), probabilities.len(), "`probabilities`")?;
        if let Some(index) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            let (field, value) = ("probabilities", probabilities[index]);
            return Err(Error::InvalidEntry { field, index, value, expected: "in [0, 1]" });
        }
        let edges: Vec<f64> =
            (1..self.bins.len()).map(|edge| edge as f64 / self.bins.len() as f64).collect();
        for (&probability, &right) in probabilities.iter().zip(right) {
            let bin = &mut self.bins[edges.partition_point(|&edge| edge <= probability)];
            bin.count += 1;
            bin.right += u64::from(right);
            bin.probability += probability;
            let truth = f64::from(u8::from(right));
            self.squares += (probability - truth) * (probability - truth);
        }
        Ok(())
    }

    /// Adds the statements of another worker.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] if it has another number of bins.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        if self.bins.len() != other.bins.len() {
            return Err(Error::OtherSettings { field: "bins" });
        }
        for (own, other) in self.bins.iter_mut().zip(&other.bins) {
            own.count += other.count;
            own.right += other.right;
            own.probability += other.probability;
        }
        self.squares += other.squares;
        Ok(())
    }

    /// The bins, for a reliability diagram: bin k has the probabilities from `k / bins` to
    /// below `(k + 1) / bins`, the last one 1 too.
    #[must_use]
    pub fn bins(&self) -> &[CalibrationBin] {
        &self.bins
    }

    /// Number of statements.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.iter().map(|bin| bin.count).sum()
    }

    /// Expected calibration error: the mean over the statements of the difference, in their
    /// bin, between the mean probability and the share that is right. None without
    /// statements.
    ///
    /// # References
    /// M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated
    /// probabilities using Bayesian binning, AAAI 2015.
    #[must_use]
    pub fn expected_error(&self) -> Option<f64> {
        let count = self.count();
        let gaps = self.bins.iter().map(|bin| (bin.right as f64 - bin.probability).abs());
        (count > 0).then(|| gaps.sum::<f64>() / count as f64)
    }

    /// The largest such difference of a bin. None without statements.
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
