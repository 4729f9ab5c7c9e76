//! Losses of pixels: classes, overlap of regions, thin structures.

pub(crate) mod binary_cross_entropy;
pub(crate) mod boundary_aware;
pub(crate) mod ce_dice;
pub(crate) mod cl_dice;
pub(crate) mod class_loss;
pub(crate) mod class_target;
pub(crate) mod class_weights;
pub(crate) mod cross_entropy;
pub(crate) mod cross_entropy_pass;
pub(crate) mod focal;
pub(crate) mod jaccard;
pub(crate) mod lovasz;
pub(crate) mod minimum_barrier;
pub(crate) mod overlap;
pub(crate) mod overlap_pass;
pub(crate) mod soft_dice;
pub(crate) mod soft_skeleton;
pub(crate) mod tversky;
