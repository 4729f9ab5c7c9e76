//! Losses for dense prediction on maps, with named terms and checked gradients.
//!
//! - [`dense_map_loss`]: all tasks of a map model ([`MapHeads`]) on one tensor of logits,
//!   with the [`Terms`] for logs.
//! - [`bce_dice`](bce_dice()), [`cross_entropy`](cross_entropy()), [`angle`](angle()) and
//!   [`thickness`](thickness()): each task's loss alone.
//!
//! Every loss is a scalar tensor, is finite for confident logits (at least up to 200) and
//! for targets without a known pixel, and shows NaN where a logit is NaN. Single precision
//! on the CPU computes value and gradient in one parallel pass; everything else is
//! composed of tensor operations.

mod angle;
mod attached;
mod bce_dice;
mod block;
mod boxes;
mod composite;
mod cross_entropy;
mod dense;
mod embedding;
mod error;
mod exp_log;
mod fused;
mod reduction;
mod shape;
mod singular;
mod task;
mod thickness;
mod vector;

pub use angle::angle;
pub use bce_dice::{BceDiceConfig, bce_dice};
pub use boxes::{
    AnchorMatch, AnchorMatchConfig, BoxCoder, BoxHeadConfig, BoxLossConfig, HuberConfig,
    MaskHeadTargets, Overlap, OverlapLossConfig, RpnLossConfig, RpnPrediction, SetPredictionConfig,
    SetTarget, SmoothL1Config, box_head_loss, box_loss, box_overlap, decode_boxes, encode_boxes,
    huber, mask_head_loss, match_anchors, overlap_loss, pairwise_box_overlap, rpn_loss,
    set_prediction_loss, smooth_l1, to_center_size, to_corners,
};
pub use composite::Composite;
pub use cross_entropy::{CrossEntropyConfig, cross_entropy};
pub use dense::{DenseLossConfig, MapHeads, Targets, TermWeights, Terms, dense_map_loss};
pub use embedding::{DiscriminativeConfig, discriminative};
pub use error::{Error, Result};
pub use reduction::Reduction;
pub use thickness::{ThicknessConfig, thickness};
pub use vector::{
    AbsoluteErrorConfig, AngleDistanceConfig, AngleForm, AngleLengthConfig, ClassLoss,
    EndpointConfig, FeatureLossConfig, FeatureTargets, FeatureWeights, Features, Pooling,
    ProposalConfig, absolute_error, angle_distance, angle_length, candidate_distance,
    diagonal_distance, direction_distance, endpoint_distance, feature_loss, mixed_distance,
    proposal_loss,
};
