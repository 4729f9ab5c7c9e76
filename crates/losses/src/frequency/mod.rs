//! Losses of waves in a picture.

mod frequency_loss;
mod frequency_scores;
mod soft_f1_loss;

pub use frequency_loss::{FrequencyLossConfig, frequency_loss};
pub use frequency_scores::frequency_scores;
pub use soft_f1_loss::{SoftF1Config, soft_f1_loss};
