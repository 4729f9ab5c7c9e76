//! Weights of the losses of several heads.

mod adaptive;
mod uncertainty;

pub use adaptive::{AdaptiveWeightsConfig, adaptive_sum, adaptive_weights};
pub use uncertainty::{Likelihood, uncertainty_sum};
