//! Integration tests of `mapvec-data`.

#![allow(
    clippy::cast_sign_loss,
    clippy::missing_assert_message,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod coco;
#[cfg(all(feature = "object-store", feature = "webdataset"))]
mod dataset_store;
mod folders;
mod geojson_output;
mod images;
mod loader;
mod points;
mod rle;
mod rle_exchange;
mod samples;
#[cfg(all(feature = "webdataset", feature = "tfrecord", feature = "parquet"))]
mod shards;
mod splits;
mod transform_moves;
mod transforms;
