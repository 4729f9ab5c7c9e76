//! Losses of boxes, and of networks that find objects by boxes.

mod anchor_score_loss;
mod box_head_loss;
mod box_loss;
mod coder;
mod convert;
mod huber;
mod mask_head_loss;
mod matcher;
mod overlap;
mod overlap_loss;
mod rounded_error;
mod rpn_loss;
mod set_prediction;
mod smooth_l1;

pub use anchor_score_loss::{AnchorScoreConfig, AnchorScoreForm, anchor_score_loss};
pub use box_head_loss::{BoxHeadConfig, box_head_loss};
pub use box_loss::{BoxLossConfig, box_loss};
pub use coder::{BoxCoder, decode_boxes, encode_boxes};
pub use convert::{to_center_size, to_corners};
pub use huber::{HuberConfig, huber};
pub use mask_head_loss::{MaskHeadTargets, mask_head_loss};
pub use matcher::{AnchorMatch, AnchorMatchConfig, match_anchors};
pub use overlap::{Overlap, box_overlap, pairwise_box_overlap};
pub use overlap_loss::{OverlapLossConfig, overlap_loss};
pub use rpn_loss::{RpnLossConfig, RpnPrediction, rpn_loss};
pub use set_prediction::{SetPredictionConfig, set_prediction_loss};
pub use smooth_l1::{SmoothL1Config, smooth_l1};
