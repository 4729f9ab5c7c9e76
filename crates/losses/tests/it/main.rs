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
mod discriminative;
mod golden;
mod gradients;
mod limits;
mod precisions;
mod refusals;
mod relational;
mod vector;
mod waves;
