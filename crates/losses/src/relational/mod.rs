//! Losses of the similarity of every pixel to every other.

mod rows;
mod similarity;

pub use similarity::{
    MaskMapConfig, PixelWeights, SimilarityConfig, SimilarityForm, mask_map_loss,
    similarity_cross_entropy,
};
