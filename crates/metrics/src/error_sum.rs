//! Errors as sums and a histogram.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Ratio of the two ends of a class of the histogram.
const GROWTH: f64 = 1.01;
/// Larger errors count as undefined: the squares of such have a finite sum.
const LARGEST: f64 = 1e100;
/// Errors below count as 0.
const SMALLEST: f64 = 1e-12;

/// Many errors of one kind, none negative: their number, sums and distribution. Those of
/// several pictures and workers can be added.
///
/// Quantiles come from a histogram whose classes are 1 % wide, so they are within 0.5 % of
/// the exact value; they are the same for any split. Sums are the same up to rounding.
///
/// # References
/// C. Masson, J. E. Rim and H. K. Lee, `DDSketch`: a fast and fully-mergeable quantile sketch
/// with relative-error guarantees, VLDB 2019.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSum {
    /// Errors that count.
    pub count: u64,
    /// Cases without a defined error, or with one above 1e100, which do not count.
    pub undefined: u64,
    /// Sum of the errors.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
    /// The largest error; 0 without errors.
    pub largest: f64,
    /// Number of errors per class; class k has those in `(1.01^(k-1), 1.01^k]`, the least all
    /// that are about 0.
    pub histogram: BTreeMap<i32, u64>,
}

impl ErrorSum {
    /// Adds an error. None, one that is not a finite number and one of a magnitude above 1e100
    /// count as undefined: the sum of their squares would not be finite.
    pub fn push(&mut self, error: Option<f64>) {
        let Some(error) = error.filter(|error| error.abs() <= LARGEST) else {
            self.undefined += 1;
            return;
        };
        let error = error.abs();
        self.count += 1;
        self.sum += error;
        self.squares += error * error;
        self.largest = self.largest.max(error);
        *self.histogram.entry(class(error)).or_default() += 1;
    }

    /// Mean error; none without errors.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Root of the mean square; none without errors.
    #[must_use]
    pub fn root_mean_square(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
    }

    /// The error that a `share` of the errors does not exceed, within 0.5 %; none without
    /// errors or for a share outside [0, 1].
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 || !(0.0..=1.0).contains(&share) {
            return None;
        }
        // The least number of errors that make up the share, one at least.
        let needed = (share * self.count as f64).ceil().max(1.0);
        let mut reached = 0;
        let class = self.histogram.iter().find(|(_, count)| {
            reached += **count;
            reached as f64 >= needed
        });
        class.map(|(&class, _)| value(class).min(self.largest))
    }
}

impl Extend<Option<f64>> for ErrorSum {
    fn extend<I: IntoIterator<Item = Option<f64>>>(&mut self, errors: I) {
        errors.into_iter().for_each(|error| self.push(error));
    }
}

impl FromIterator<Option<f64>> for ErrorSum {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(errors: I) -> Self {
        let mut sum = Self::default();
        sum.extend(errors);
        sum
    }
}

impl AddAssign for ErrorSum {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.undefined += other.undefined;
        self.sum += other.sum;
        self.squares += other.squares;
        self.largest = self.largest.max(other.largest);
        for (class, count) in other.histogram {
            *self.histogram.entry(class).or_default() += count;
        }
    }
}

impl Sum for ErrorSum {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

fn class(error: f64) -> i32 {
    // The logarithm of a finite number fits by far.
    if error < SMALLEST { i32::MIN } else { (error.ln() / GROWTH.ln()).ceil() as i32 }
}

/// The middle of a class, in the sense of the relative error.
fn value(class: i32) -> f64 {
    if class == i32::MIN { 0.0 } else { GROWTH.powi(class) * 2.0 / (1.0 + GROWTH) }
}
