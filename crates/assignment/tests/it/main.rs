//! Tests of the public interface.

#![allow(
    clippy::float_cmp,
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking; small sums are exact"
)]

mod assign;
mod auction;
mod batch;
mod certificate;
mod golden;
mod greedy;
mod hostile;
mod matrices;
