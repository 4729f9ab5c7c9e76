//! Losses of boxes, and of networks that find objects by boxes.

mod anchor_score;
mod box_head;
mod coder;
mod convert;
mod loss;
mod mask_head;
mod matcher;
mod overlap;
mod rpn;
mod set_prediction;
mod smooth_l1;

pub use anchor_score::{AnchorScoreConfig, AnchorScoreForm, anchor_score_loss};
pub use box_head::{BoxHeadConfig, box_head_loss};
pub use coder::{BoxCoder, decode_boxes, encode_boxes};
pub use convert::{to_center_size, to_corners};
pub use loss::{BoxLossConfig, OverlapLossConfig, box_loss, overlap_loss};
pub use mask_head::{MaskHeadTargets, mask_head_loss};
pub use matcher::{AnchorMatch, AnchorMatchConfig, match_anchors};
pub use overlap::{Overlap, box_overlap, pairwise_box_overlap};
pub use rpn::{RpnLossConfig, RpnPrediction, rpn_loss};
pub use set_prediction::{SetPredictionConfig, SetTarget, set_prediction_loss};
pub use smooth_l1::{HuberConfig, SmoothL1Config, huber, smooth_l1};
