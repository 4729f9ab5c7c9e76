//! The list of all shards, written when the last of them is.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::atomic_file::{remove_stale, write_in_turn};
use crate::error::{Error, Result};

use super::block::ShardIndex;
use super::plan::ShardPlan;
use super::sealed::{Sealed, seal, unseal};

/// Name of the manifest in the folder of a dataset.
pub(crate) const FILE_NAME: &str = "manifest.json";

/// The content of a complete dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What was to be written.
    pub plan: ShardPlan,
    /// Number of samples in all shards.
    pub samples: usize,
    /// Size of all shards, bytes.
    pub bytes: u64,
    /// The shards in order.
    pub shards: Vec<ManifestShard>,
    /// BLAKE3 digest of the rest.
    pub digest: String,
}

/// A shard in a [`Manifest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestShard {
    /// File name.
    pub file: String,
    /// The first sample.
    pub first: usize,
    /// Number of samples.
    pub samples: usize,
    /// Size, bytes.
    pub bytes: u64,
    /// BLAKE3 digest of the file.
    pub blake3: String,
    /// BLAKE3 digest of its index.
    pub index_blake3: String,
}

impl Sealed for Manifest {
    const PRETTY: bool = true;

    fn digest(&mut self) -> &mut String {
        &mut self.digest
    }
}

impl Manifest {
    /// The manifest of a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is none, [`Error::Damaged`] when it is not as it was
    /// written or contradicts itself.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE_NAME);
        let bytes = fs::read(&path).map_err(Error::io(&path, "read"))?;
        Self::parse(&bytes).map_err(|reason| Error::Damaged { path, first: 0, samples: 0, reason })
    }

    pub(crate) fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let manifest: Self = unseal(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The shards are those of the plan, by name and by sample: a manifest never leads to
    /// a file outside its folder.
    fn check(&self) -> std::result::Result<(), String> {
        let plan = &self.plan;
        plan.validate().map_err(|error| error.to_string())?;
        if self.shards.len() != plan.shards {
            return Err(format!(
                "{} shards are listed, {} planned",
                self.shards.len(),
                plan.shards
            ));
        }
        let mut bytes = 0_u64;
        for (number, shard) in self.shards.iter().enumerate() {
            let range = plan.samples(number).map_err(|error| error.to_string())?;
            if shard.file != plan.file_name(number)
                || shard.first != range.start
                || shard.samples != range.len()
            {
                return Err(format!("the entry of shard {number} is not as planned"));
            }
            bytes = bytes.checked_add(shard.bytes).ok_or("the shards are too large")?;
        }
        if self.samples != plan.count || self.bytes != bytes {
            return Err("the totals are not those of the shards".to_owned());
        }
        Ok(())
    }

    /// Number of the first shard that a folder lacks or has cut short, and how many these are.
    pub(crate) fn missing(plan: &ShardPlan, dir: &Path) -> Option<(usize, usize)> {
        let lacks = |shard: &usize| {
            if !Self::there(plan, dir, *shard) {
                return true;
            }
            let index = fs::read(dir.join(plan.index_name(*shard)));
            let index = index.map(|bytes| unseal::<ShardIndex>(&bytes));
            !index.is_ok_and(|i| i.is_ok_and(|i| has_size(&dir.join(plan.file_name(*shard)), &i)))
        };
        let mut missing = (0..plan.shards).filter(lacks);
        let first = missing.next()?;
        Some((first, 1 + missing.count()))
    }

    fn there(plan: &ShardPlan, dir: &Path, shard: usize) -> bool {
        dir.join(plan.index_name(shard)).is_file() && dir.join(plan.file_name(shard)).is_file()
    }

    /// The bytes of the manifest of all shards of a plan, to be written to `path`.
    pub(crate) fn text(
        plan: &ShardPlan,
        shards: Vec<ManifestShard>,
        path: &Path,
    ) -> Result<Vec<u8>> {
        let mut manifest = Self {
            plan: plan.clone(),
            samples: shards.iter().map(|shard| shard.samples).sum(),
            bytes: shards.iter().map(|shard| shard.bytes).sum(),
            shards,
            digest: String::new(),
        };
        let bytes = seal(&mut manifest)?;
        manifest.check().map_err(|reason| Error::Refused { path: path.to_owned(), reason })?;
        Ok(bytes)
    }

    /// Writes the manifest if all shards are there and have the sizes that their indices say.
    /// Says whether they are. Their contents are checked where they are read.
    pub(crate) fn finish(plan: &ShardPlan, dir: &Path) -> Result<bool> {
        // Indices are read only when all files are there: most jobs of many find one missing.
        if !(0..plan.shards).all(|shard| Self::there(plan, dir, shard)) {
            return Ok(false);
        }
        let mut shards = Vec::with_capacity(plan.shards);
        for number in 0..plan.shards {
            let path = dir.join(plan.index_name(number));
            let bytes = fs::read(&path).map_err(Error::io(&path, "read"))?;
            let index: ShardIndex = unseal(&bytes).map_err(|reason| Error::Damaged {
                path,
                first: 0,
                samples: 0,
                reason,
            })?;
            if !has_size(&dir.join(plan.file_name(number)), &index) {
                return Ok(false);
            }
            shards.push(ManifestShard::of(plan, number, index, &bytes));
        }
        let path = dir.join(FILE_NAME);
        let bytes = Self::text(plan, shards, &path)?;
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            remove_stale(&path);
            return Ok(true);
        }
        write_in_turn(&path, &bytes)?;
        Ok(true)
    }
}

/// Whether a file is as long as its index says.
impl ManifestShard {
    /// What the manifest says of a shard with this index, of which `bytes` are the file.
    pub(crate) fn of(plan: &ShardPlan, number: usize, index: ShardIndex, bytes: &[u8]) -> Self {
        Self {
            file: plan.file_name(number),
            first: index.first,
            samples: index.samples,
            bytes: index.bytes,
            blake3: index.blake3,
            index_blake3: blake3::hash(bytes).to_string(),
        }
    }
}

fn has_size(path: &Path, index: &ShardIndex) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == index.bytes)
}
