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
mod bce_dice;
mod block;
mod composite;
mod cross_entropy;
mod dense;
mod error;
mod exp_log;
mod fused;
mod matching;
mod reduction;
mod task;
mod thickness;

pub use angle::angle;
pub use bce_dice::{BceDiceConfig, bce_dice};
pub use composite::Composite;
pub use cross_entropy::{CrossEntropyConfig, cross_entropy};
pub use dense::{DenseLossConfig, MapHeads, Targets, TermWeights, Terms, dense_map_loss};
pub use error::{Error, Result};
pub use matching::hungarian_loss::{HungarianLossConfig, MatchedLoss, hungarian_loss};
pub use matching::match_objects::{
    BoxForm, MatchCostConfig, MatchTerm, match_costs, match_objects,
};
pub use matching::objects::Objects;
pub use reduction::Reduction;
pub use thickness::{ThicknessConfig, thickness};
