//! Integration tests of `mapvec-losses`.

#![allow(
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod batch;
mod cross_entropy;
mod focal;
mod gradients;
mod limits;
mod lovasz;
mod overlap;
mod refusals;
mod seeded;
mod topology;
