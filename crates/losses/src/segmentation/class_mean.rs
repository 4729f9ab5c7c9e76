//! How a mean over classes is made.

use serde::{Deserialize, Serialize};

/// What becomes of a class without a pixel in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentClasses {
    /// It does not count: the mean is over the classes that occur, 0 where none does.
    #[default]
    Exclude,
    /// It counts; predicted nowhere it is a perfect match.
    Include,
}

/// Which pixels are summed before classes are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SumOver {
    /// All pixels of the batch: one score per class. Steady where classes are rare.
    #[default]
    Batch,
    /// The pixels of a sample: a score per sample and class, all of which count the same.
    Sample,
}
