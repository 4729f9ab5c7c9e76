//! Integration tests of `mapvec-data`.

#![allow(
    clippy::cast_sign_loss,
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod geojson_output;
mod images;
mod samples;
mod transform_moves;
mod transforms;
