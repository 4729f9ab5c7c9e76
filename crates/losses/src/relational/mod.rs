//! Losses of the similarity of every pixel to every other.

mod mask_map_loss;
mod pixel_pairs;
mod rows;
mod similarity_cross_entropy;

pub use mask_map_loss::{MaskMapConfig, mask_map_loss};
pub use similarity_cross_entropy::{
    PixelWeights, SimilarityConfig, SimilarityForm, similarity_cross_entropy,
};
