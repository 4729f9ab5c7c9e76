//! Weights of the losses of several heads.

mod adaptive_sum;
mod uncertainty_sum;

pub use adaptive_sum::{AdaptiveWeightsConfig, adaptive_sum, adaptive_weights};
pub use uncertainty_sum::{Likelihood, uncertainty_sum};
