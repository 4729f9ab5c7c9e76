//! Losses for dense prediction on maps, with named terms and checked gradients.
//!
//! - [`dense_map_loss`]: all tasks of a map model ([`MapHeads`]) on one tensor of logits,
//!   with the [`Terms`] for logs.
//! - [`bce_dice`](bce_dice()), [`cross_entropy`](cross_entropy()), [`angle`](angle()) and
//!   [`thickness`](thickness()): each task's loss alone.
//! - Classes of pixels: [`cross_entropy`](cross_entropy()) with [`class_weights`](class_weights()),
//!   [`binary_cross_entropy`](binary_cross_entropy()), [`sigmoid_focal`], [`softmax_focal`],
//!   [`multi_level_focal`].
//! - Overlap of regions: [`soft_dice`](soft_dice()), [`jaccard`](jaccard()),
//!   [`tversky`](tversky()), [`lovasz_softmax`], [`lovasz_hinge`], and [`ce_dice`](ce_dice()).
//! - Thin structures and closed boundaries: [`cl_dice`](cl_dice()), [`dice_cl_dice`],
//!   [`soft_skeleton`](soft_skeleton()), [`boundary_aware`](boundary_aware()).
//!
//! Every loss is a scalar tensor, is finite for confident logits (at least up to 200) and
//! for targets without a known pixel, and shows NaN where a logit is NaN. In single precision
//! on the CPU, the losses of a map model, cross-entropy and overlap take fused parallel passes;
//! everything else is composed of tensor operations.

mod angle;
mod bce_dice;
mod block;
mod composite;
mod dense;
mod error;
mod exp_log;
mod fused;
mod reduction;
mod segmentation;
mod task;
mod thickness;

pub use angle::angle;
pub use bce_dice::{BceDiceConfig, bce_dice};
pub use composite::Composite;
pub use dense::{DenseLossConfig, MapHeads, Targets, TermWeights, Terms, dense_map_loss};
pub use error::{Error, Result};
pub use reduction::Reduction;
pub use segmentation::binary_cross_entropy::{
    BinaryCrossEntropyConfig, BinaryTarget, binary_cross_entropy,
};
pub use segmentation::boundary_aware::{BoundaryAwareConfig, boundary_aware};
pub use segmentation::ce_dice::{CeDiceConfig, ce_dice};
pub use segmentation::cl_dice::{ClDiceConfig, cl_dice, dice_cl_dice};
pub use segmentation::class_loss::{AbsentClasses, ClassLoss, SumOver};
pub use segmentation::class_target::{ClassTarget, Classes};
pub use segmentation::class_weights::{ClassWeighting, class_counts, class_weights};
pub use segmentation::cross_entropy::{CrossEntropyConfig, cross_entropy};
pub use segmentation::focal::{
    MultiLevelFocalConfig, SigmoidFocalConfig, SoftmaxFocalConfig, multi_level_focal,
    sigmoid_focal, softmax_focal,
};
pub use segmentation::jaccard::jaccard;
pub use segmentation::lovasz::{LovaszConfig, lovasz_hinge, lovasz_softmax};
pub use segmentation::overlap::{Activation, OverlapConfig};
pub use segmentation::soft_dice::{SoftDiceConfig, soft_dice};
pub use segmentation::soft_skeleton::soft_skeleton;
pub use segmentation::tversky::{TverskyConfig, tversky};
pub use thickness::{ThicknessConfig, thickness};
