//! What is to be written.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::atomic_file::{remove_stale, write_in_turn};
use crate::error::{Error, Result};

use super::format::ShardFormat;
use super::sealed::{canonical, first_difference};

/// Layout of plans, indices and manifests.
pub(crate) const VERSION: u32 = 1;
/// Name of the plan in the folder of a dataset.
pub(crate) const FILE_NAME: &str = "plan.json";
const MAX_COUNT: usize = 1_000_000_000;
const MAX_SHARDS: usize = 99_999;

/// What a dataset is made of: the same plan gives the same bytes, whoever writes which
/// shard and whenever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardPlan {
    /// Layout of the files of a dataset: 1.
    pub version: u32,
    /// Version of this library, because another one may make other samples.
    pub library: String,
    /// Format of the shards.
    pub format: ShardFormat,
    /// Number of samples, 1 to 1 000 000 000.
    pub count: usize,
    /// Number of shards, 1 to 99 999 and at most `count`.
    pub shards: usize,
    /// Seed of the samples.
    pub seed: u64,
    /// Whatever else decides what the samples hold.
    pub config: Value,
    /// BLAKE3 digest of `config`, written without spaces and with sorted members.
    pub config_hash: String,
}

impl ShardPlan {
    /// A plan of this library's version.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a number out of its range.
    pub fn new(
        format: ShardFormat,
        count: usize,
        shards: usize,
        seed: u64,
        config: &Value,
    ) -> Result<Self> {
        let config = canonical(config);
        let config_hash = blake3::hash(config.to_string().as_bytes()).to_string();
        let library = env!("CARGO_PKG_VERSION").to_owned();
        let plan =
            Self { version: VERSION, library, format, count, shards, seed, config, config_hash };
        plan.validate()?;
        Ok(plan)
    }

    /// Checks the ranges of the fields and the digest of the configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field.
    pub fn validate(&self) -> Result<()> {
        let config = |field, value: String, expected| Err(Error::Config { field, value, expected });
        if self.version != VERSION {
            return config("version", self.version.to_string(), "1");
        }
        if self.count == 0 || self.count > MAX_COUNT {
            return config("count", self.count.to_string(), "1 to 1 000 000 000 samples");
        }
        if self.shards == 0 || self.shards > MAX_SHARDS.min(self.count) {
            return config(
                "shards",
                format!("{} for {} samples", self.shards, self.count),
                "1 to 99 999 and at most the number of samples",
            );
        }
        let hash = blake3::hash(canonical(&self.config).to_string().as_bytes()).to_string();
        if hash != self.config_hash {
            return config("config_hash", self.config_hash.clone(), "the digest of `config`");
        }
        Ok(())
    }

    /// The samples of a shard.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when there is no such shard.
    pub fn samples(&self, shard: usize) -> Result<Range<usize>> {
        if shard >= self.shards {
            return Err(Error::Config {
                field: "shard",
                value: format!("{shard} of {}", self.shards),
                expected: "below the number of shards",
            });
        }
        let start = |shard: usize| {
            let start = shard as u128 * self.count as u128 / self.shards.max(1) as u128;
            usize::try_from(start).unwrap_or(self.count)
        };
        Ok(start(shard)..start(shard + 1))
    }

    /// File name of a shard.
    #[must_use]
    pub fn file_name(&self, shard: usize) -> String {
        format!("{}.{}", self.stem(shard), self.format.extension())
    }

    /// File name of the index of a shard.
    #[must_use]
    pub fn index_name(&self, shard: usize) -> String {
        format!("{}.index.json", self.stem(shard))
    }

    fn stem(&self, shard: usize) -> String {
        format!("shard-{shard:05}-of-{:05}", self.shards)
    }

    /// The plan in a folder, none if there is no such file.
    pub(crate) fn find(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE_NAME);
        let Ok(text) = fs::read(&path) else { return Ok(None) };
        let plan: Self = serde_json::from_slice(&text).map_err(|error| Error::Refused {
            path,
            reason: format!("it is not a plan of shards: {error}"),
        })?;
        plan.validate()?;
        Ok(Some(plan))
    }

    /// The bytes of its file.
    pub(crate) fn text(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::Serialize { reason: error.to_string() })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Writes the plan into a folder, or finds it there.
    pub(crate) fn settle(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).map_err(Error::io(dir, "make the folder"))?;
        let path = dir.join(FILE_NAME);
        let bytes = self.text()?;
        if !path.exists() {
            write_in_turn(&path, &bytes)?;
        } else {
            remove_stale(&path);
        }
        // Read even what was just written: another process may have been faster.
        let found = fs::read(&path).map_err(Error::io(&path, "read"))?;
        if found == bytes {
            return Ok(());
        }
        let refused = |reason: String| Error::Refused { path: path.clone(), reason };
        let there: Value = serde_json::from_slice(&found)
            .map_err(|error| refused(format!("it is not a plan of shards: {error}")))?;
        let here = serde_json::to_value(self)
            .map_err(|error| Error::Serialize { reason: error.to_string() })?;
        match first_difference("", &there, &here) {
            // The digest only repeats what `config` says more clearly.
            Some((field, found, expected)) => Err(Error::OtherPlan {
                path,
                field,
                found: found.to_string(),
                expected: expected.to_string(),
            }),
            None => Ok(()),
        }
    }
}
