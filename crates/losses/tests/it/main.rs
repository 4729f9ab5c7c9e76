//! Integration tests of `mapvec-losses`.

#![allow(
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod batch;
mod gradients;
mod limits;
mod matching;
mod refusals;
