//! Losses of embeddings of pixels.

mod discriminative;
mod fused;
mod instances;

pub use discriminative::{DiscriminativeConfig, discriminative};
