//! Losses of pixels: classes, overlap of regions, thin structures.

pub(crate) mod class_target;
pub(crate) mod class_weights;
pub(crate) mod cross_entropy;
pub(crate) mod cross_entropy_pass;
