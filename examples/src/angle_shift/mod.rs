//! What straightening, and a channel with the wave, do for the segmentation of its lines.

pub mod batch;
pub mod picture;
pub mod prediction;
pub mod study;
pub mod tables;
pub mod variant;
