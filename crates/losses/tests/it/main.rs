//! Integration tests of `mapvec-losses`.

#![allow(
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod anchor_score;
mod batch;
mod boxes;
mod class_losses;
mod cross_entropy;
mod discriminative;
mod focal;
mod gradients;
mod limits;
mod lovasz;
mod matching;
mod overlap;
mod precisions;
mod refusals;
mod relational;
mod seeded;
mod support;
mod topology;
mod vector;
mod waves;
