//! Losses for dense prediction on maps, with named terms and checked gradients.
//!
//! - [`dense_map_loss`]: all tasks of a map model ([`MapHeads`]) on one tensor of logits.
//! - [`bce_dice`](bce_dice()), [`cross_entropy`](cross_entropy()), [`angle`](angle()) and
//!   [`thickness`](thickness()): each task's loss alone.
//! - Classes of pixels: [`cross_entropy`](cross_entropy()) with weights of rare classes from
//!   [`class_counts`] and [`class_weights`](class_weights()), and [`class_values`](class_values());
//!   [`binary_cross_entropy`](binary_cross_entropy()), [`sigmoid_focal`], [`softmax_focal`],
//!   [`multi_level_focal`].
//! - Overlap of regions: [`soft_dice`](soft_dice()), [`jaccard`](jaccard()),
//!   [`tversky`](tversky()), [`lovasz_softmax`], [`lovasz_hinge`], and [`ce_dice`](ce_dice()).
//! - Thin structures and closed boundaries: [`cl_dice`](cl_dice()), [`dice_cl_dice`],
//!   [`soft_skeleton`](soft_skeleton()), [`boundary_aware`](boundary_aware()).
//! - Lines and boxes as vectors: [`angle_distance`], [`direction_distance`],
//!   [`angle_length`], [`endpoint_distance`], [`diagonal_distance`], [`mixed_distance`],
//!   [`candidate_distance`], [`proposal_loss`], [`absolute_error`]; all features of pixels in
//!   [`feature_loss`].
//! - Pixels that belong together: [`discriminative`], [`similarity_cross_entropy`],
//!   [`mask_map_loss`].
//! - Boxes: [`box_overlap`], [`pairwise_box_overlap`], [`overlap_loss`], [`box_loss`],
//!   [`smooth_l1`], [`huber`]; heads of detectors: [`rpn_loss`] with anchors from
//!   [`match_anchors`], [`box_head_loss`], [`mask_head_loss`], [`anchor_score_loss`], and
//!   [`encode_boxes`], [`decode_boxes`] between boxes and what heads predict.
//! - Waves: [`frequency_loss`], [`frequency_scores`], [`soft_f1_loss`]. Weights of several heads:
//!   [`adaptive_sum`], [`uncertainty_sum`].
//! - Predictions and objects that nobody has paired: [`match_objects`] pairs [`Objects`] with
//!   [`TrueObjects`], [`matched_loss`] and [`set_prediction_loss`] compare the pairs,
//!   [`hungarian_loss`] does both, [`matched_objects`] lays them side by side for metrics.
//!
//! # What every loss does
//!
//! - A loss of one term is a scalar `Tensor`, or has a value for each element where the settings
//!   ask for no [`Reduction`]. A loss with terms, or with values of classes, is a [`Composite`].
//! - Targets and weights are data: no gradient reaches them, whatever they were made of. Measures
//!   without a target ([`box_overlap`], [`encode_boxes`], [`decode_boxes`]) and the variances of
//!   [`uncertainty_sum`] have gradients in all their arguments.
//! - A loss may be differentiated any number of times; every backward pass gives the same
//!   gradient. Where a function has no derivative its gradient is 0.
//! - An argument of another shape than the documented one is refused by name ([`Error::Shape`],
//!   or [`Error::Length`] for slices).
//! - It is finite for confident logits (at least up to 200) and for targets without a known
//!   pixel, and shows NaN where a value that counts is NaN.
//! - Weights are finite and 0 or more, and an element of weight 0 or without a known target adds
//!   nothing to value and gradient as long as its own values are finite. Whether NaN in such an
//!   element shows is not promised: losses of elements pass over it, sums over pixels (overlaps,
//!   cross-entropy, Lovasz) show it.
//!
//! Points are (x, y). Numbers in settings are `f64`; the arithmetic is that of the prediction, and
//! half precision computes in single.
//!
//! In single precision on the CPU [`dense_map_loss`] and its parts, cross-entropy, overlaps,
//! [`softmax_focal`], [`lovasz_softmax`], [`lovasz_hinge`], [`discriminative`] and the losses of
//! similarity compute value and gradient in parallel code of their own; everything else is
//! composed of tensor operations.

mod allowed;
mod angle;
mod attached;
mod bce_dice;
mod block;
mod boxes;
mod composite;
mod dense_map_loss;
mod embedding;
mod error;
mod exp_log;
mod frequency;
mod fused;
mod matching;
mod precision;
mod reduction;
mod relational;
mod segmentation;
mod shape;
mod sin_cos;
mod singular;
mod task;
mod thickness;
mod vector;
mod weighting;

pub use angle::angle;
pub use bce_dice::{BceDiceConfig, bce_dice};
pub use boxes::{
    AnchorMatch, AnchorMatchConfig, AnchorScoreConfig, AnchorScoreForm, BoxCoder, BoxHeadConfig,
    BoxLossConfig, HuberConfig, MaskHeadTargets, Overlap, OverlapLossConfig, RpnLossConfig,
    RpnPrediction, SetPredictionConfig, SmoothL1Config, anchor_score_loss, box_head_loss, box_loss,
    box_overlap, decode_boxes, encode_boxes, huber, mask_head_loss, match_anchors, overlap_loss,
    pairwise_box_overlap, rpn_loss, set_prediction_loss, smooth_l1, to_center_size, to_corners,
};
pub use composite::Composite;
pub use dense_map_loss::{DenseLossConfig, MapHeads, Targets, TermWeights, dense_map_loss};
pub use embedding::{DiscriminativeConfig, discriminative};
pub use error::{Error, Result};
pub use frequency::{
    FrequencyLossConfig, SoftF1Config, frequency_loss, frequency_scores, soft_f1_loss,
};
pub use matching::hungarian_loss::{
    HungarianLossConfig, MatchedLoss, hungarian_loss, matched_loss,
};
pub use matching::match_config::{BoxForm, MatchCostConfig, MatchSettings, MatchSolver, MatchTerm};
pub use matching::match_objects::{match_costs, match_objects};
pub use matching::matched_objects::{MatchedObjects, matched_objects};
pub use matching::objects::Objects;
pub use matching::true_objects::TrueObjects;
pub use reduction::Reduction;
pub use relational::{
    MaskMapConfig, PixelWeights, SimilarityConfig, SimilarityForm, mask_map_loss,
    similarity_cross_entropy,
};
pub use segmentation::binary_cross_entropy::{
    BinaryCrossEntropyConfig, BinaryTarget, binary_cross_entropy,
};
pub use segmentation::boundary_aware::{BoundaryAwareConfig, boundary_aware};
pub use segmentation::ce_dice::{CeDiceConfig, ce_dice};
pub use segmentation::cl_dice::{ClDiceConfig, cl_dice};
pub use segmentation::class_mean::{AbsentClasses, SumOver};
pub use segmentation::class_target::{ClassTarget, Classes};
pub use segmentation::class_values::class_values;
pub use segmentation::class_weights::{ClassWeighting, class_counts, class_weights};
pub use segmentation::cross_entropy::{CrossEntropyConfig, cross_entropy};
pub use segmentation::dice_cl_dice::dice_cl_dice;
pub use segmentation::jaccard::jaccard;
pub use segmentation::lovasz_hinge::{LovaszHingeConfig, lovasz_hinge};
pub use segmentation::lovasz_softmax::{LovaszConfig, lovasz_softmax};
pub use segmentation::multi_level_focal::{MultiLevelFocalConfig, multi_level_focal};
pub use segmentation::overlap::{Activation, OverlapConfig};
pub use segmentation::sigmoid_focal::{SigmoidFocalConfig, sigmoid_focal};
pub use segmentation::soft_dice::{SoftDiceConfig, soft_dice};
pub use segmentation::soft_skeleton::soft_skeleton;
pub use segmentation::softmax_focal::{SoftmaxFocalConfig, softmax_focal};
pub use segmentation::tversky::{TverskyConfig, tversky};
pub use thickness::{ThicknessConfig, thickness};
pub use vector::{
    AbsoluteErrorConfig, AngleDistanceConfig, AngleForm, AngleLengthConfig, EndpointConfig,
    FeatureClassLoss, FeatureLossConfig, FeatureTargets, FeatureWeights, Features, Pooling,
    ProposalConfig, absolute_error, angle_distance, angle_length, candidate_distance,
    diagonal_distance, direction_distance, endpoint_distance, feature_loss, mixed_distance,
    proposal_loss,
};
pub use weighting::{
    AdaptiveWeightsConfig, Likelihood, adaptive_sum, adaptive_weights, uncertainty_sum,
};
