//! Losses of pixels: classes, overlap of regions, thin structures.

pub(crate) mod binary_cross_entropy;
pub(crate) mod boundary_aware;
pub(crate) mod ce_dice;
pub(crate) mod cl_dice;
pub(crate) mod class_mean;
pub(crate) mod class_target;
pub(crate) mod class_weights;
pub(crate) mod cross_entropy;
pub(crate) mod cross_entropy_pass;
pub(crate) mod dice_cl_dice;
pub(crate) mod jaccard;
pub(crate) mod lovasz_hinge;
pub(crate) mod lovasz_pass;
pub(crate) mod lovasz_softmax;
pub(crate) mod minimum_barrier;
pub(crate) mod multi_level_focal;
pub(crate) mod overlap;
pub(crate) mod overlap_pass;
pub(crate) mod sigmoid_focal;
pub(crate) mod skeleton_dice;
pub(crate) mod soft_dice;
pub(crate) mod soft_skeleton;
pub(crate) mod softmax_focal;
pub(crate) mod softmax_focal_pass;
pub(crate) mod sorted_errors;
pub(crate) mod tversky;
