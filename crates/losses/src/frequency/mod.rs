//! Losses of waves in a picture.

mod frequency_loss;
mod soft_f1;

pub use frequency_loss::{FrequencyLossConfig, frequency_loss, frequency_scores};
pub use soft_f1::{SoftF1Config, soft_f1_loss};
