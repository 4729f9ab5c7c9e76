//! Integration tests of `mapvec-losses`.

#![allow(
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod anchor_score;
mod anchors;
mod batch;
mod boxes;
mod class_losses;
mod cross_entropy;
mod discriminative;
mod every_loss;
mod focal;
mod fused_passes;
mod gradients;
mod heads;
mod limits;
mod lovasz;
mod matching;
mod overlap;
mod precisions;
mod promises;
mod refusals;
mod relational;
mod seeded;
mod sets;
mod support;
mod topology;
mod vector;
mod waves;
