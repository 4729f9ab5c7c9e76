//! Scores for map vectorization.
//!
//! | function | compares | score |
//! |---|---|---|
//! | [`panoptic_quality`] | two instance maps | PQ = SQ x RQ over matched instances |
//! | [`buffered_lines`] | two masks of thin lines | precision and recall within a buffer |
//! | [`confusion`] | two class maps | confusion matrix, `IoU` per class |
//!
//! Every score can be taken over several rasters as if they were one: keep the
//! counts ([`panoptic_counts`], [`BufferedScore::counts`], [`Confusion`]), add
//! them up, and take the score of the sum.

mod buffered;
mod confusion;
mod error;
mod panoptic;

pub use buffered::{BufferedCounts, BufferedScore, buffered_lines};
pub use confusion::{Confusion, confusion};
pub use error::{Error, Result};
pub use panoptic::{PanopticQuality, PqCounts, panoptic_counts, panoptic_quality};

/// `part / whole`, 0 if there is nothing to count.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
