//! Records in large files: written by many jobs, read in any order, every byte checked.
//!
//! A dataset is a folder with `plan.json` (what is to be written), the shards
//! `shard-00003-of-00016.tar` with their indices `shard-00003-of-00016.index.json`, and
//! `manifest.json`, which is written last: with it the dataset is complete.
//!
//! A shard is cut into blocks without gaps, and the index holds the size, the number of
//! samples and the BLAKE3 digest of each. The manifest holds the digests of shards and
//! indices and its own.

#![cfg_attr(
    not(any(feature = "webdataset", feature = "tfrecord")),
    allow(dead_code, reason = "what a format needs that is not built")
)]

mod block;
mod format;
mod job;
mod layout;
mod little_endian;
mod manifest;
mod npy;
mod plan;
mod positioned;
mod read;
mod sealed;
mod write;

#[cfg(feature = "parquet")]
mod group_cache;
#[cfg(feature = "tfrecord")]
mod protobuf;
#[cfg(feature = "parquet")]
mod row_groups;
#[cfg(feature = "object-store")]
mod store;
#[cfg(feature = "webdataset")]
mod tar;
#[cfg(feature = "tfrecord")]
mod tensor_example;
#[cfg(feature = "tfrecord")]
mod tfrecord;

pub use format::ShardFormat;
pub use job::{shard_index, shard_index_with};
pub use manifest::{Manifest, ManifestShard};
pub use npy::{decode_npy, encode_npy};
pub use plan::ShardPlan;
pub use read::{ShardReadConfig, Shards};
#[cfg(feature = "object-store")]
pub use store::{DatasetStore, Transfer};
pub use write::{ShardReport, write_shard, write_shards};

/// Largest record that is written or read, bytes: 1 GiB.
pub(crate) const MAX_RECORD_BYTES: u64 = 1 << 30;
/// Largest block that is read, bytes: the largest record with its headers.
pub(crate) const MAX_BLOCK_BYTES: u64 = 2 * MAX_RECORD_BYTES;
