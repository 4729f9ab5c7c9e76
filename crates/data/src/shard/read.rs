//! Shards as a source of records.

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::record::Record;
use crate::source::Source;

use super::block::Block;
use super::format::ShardFormat;
use super::layout::{Handles, Layout, ShardFile};
use super::manifest::{self, Manifest};

/// How shards are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShardReadConfig {
    /// Whether the digest of every block is checked when it is read. Default true.
    pub verify: bool,
    /// Row groups of Parquet that are kept in memory, at least 1. Default 4; a reader with
    /// several threads wants as many as it has threads.
    pub cached_groups: usize,
    /// What to pass over in files without manifest: extensions of entries in a tar, names
    /// of features in TFRecord. Anything that is not an array is an error otherwise.
    /// Default none.
    pub skip: Vec<String>,
}

impl Default for ShardReadConfig {
    fn default() -> Self {
        Self { verify: true, cached_groups: 4, skip: Vec::new() }
    }
}

impl ShardReadConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field.
    pub fn validate(&self) -> Result<()> {
        if self.cached_groups == 0 {
            return Err(Error::Config {
                field: "cached_groups",
                value: "0".to_owned(),
                expected: "at least 1",
            });
        }
        Ok(())
    }
}

/// A dataset in shards.
///
/// Samples may be read in any order and from any number of threads. Each read checks the
/// digest of its block, so a byte that changed is an [`Error::Damaged`] that names file
/// and samples; other samples can still be read.
#[derive(Debug)]
pub struct Shards {
    format: ShardFormat,
    config: ShardReadConfig,
    manifest: Option<Manifest>,
    shards: Vec<ShardFile>,
    len: usize,
    handles: Handles,
    #[cfg(feature = "parquet")]
    groups: super::group_cache::GroupCache,
}

impl Shards {
    /// Opens the dataset in a folder. Only the manifest is read at once.
    ///
    /// # Errors
    ///
    /// [`Error::Unfinished`] when shards are missing, [`Error::NoManifest`] when they are all
    /// there but their list is not, [`Error::Damaged`] when the manifest
    /// is not as it was written, [`Error::FormatFeature`] when the library was built
    /// without the format, [`Error::Config`], [`Error::Io`].
    pub fn open(dir: &Path, config: &ShardReadConfig) -> Result<Self> {
        let path = dir.join(manifest::FILE_NAME);
        if !path.exists()
            && let Some(plan) = super::plan::ShardPlan::find(dir)?
        {
            let Some((first, missing)) = Manifest::missing(&plan, dir) else {
                return Err(Error::NoManifest { path: dir.to_owned(), shards: plan.shards });
            };
            return Err(Error::Unfinished {
                path: dir.to_owned(),
                missing,
                shards: plan.shards,
                first: plan.file_name(first),
            });
        }
        let manifest = Manifest::read(dir)?;
        let shards = (0..manifest.shards.len()).map(|n| ShardFile::planned(dir, &manifest, n));
        let shards = shards.collect();
        Self::with(manifest.plan.format, manifest.samples, shards, Some(manifest), config)
    }

    /// Opens a single WebDataset tar or TFRecord file, whoever wrote it, by reading its
    /// headers. Without a manifest nothing but the format's own checksums shows damage.
    ///
    /// The samples are in the order of the file. Entries of a tar are named
    /// `KEY.NAME.npy`; the features of an example are serialized tensors.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for a file that is not understood, cut short or hostile (names
    /// that are absolute or leave their folder, links, devices, entries that are there
    /// twice), [`Error::FormatFeature`], [`Error::Config`], [`Error::Io`].
    pub fn open_file(path: &Path, config: &ShardReadConfig) -> Result<Self> {
        let refused = |reason: String| Error::Refused { path: path.to_owned(), reason };
        let format = ShardFormat::of_path(path).filter(|format| *format != ShardFormat::Parquet);
        let Some(format) = format else {
            return Err(refused("a single file must end in .tar, .tfrecord or .tfrecords".into()));
        };
        format.check_available()?;
        let file = fs::File::open(path).map_err(Error::io(path, "open"))?;
        let length = file.metadata().map_err(Error::io(path, "open"))?.len();
        let (blocks, keys) = scan(format, &file, length, &config.skip)?.map_err(refused)?;
        let len = blocks.len();
        let layout = Layout::of_blocks(blocks, length, keys);
        Self::with(format, len, vec![ShardFile::single(path, layout, len)], None, config)
    }

    fn with(
        format: ShardFormat,
        len: usize,
        shards: Vec<ShardFile>,
        manifest: Option<Manifest>,
        config: &ShardReadConfig,
    ) -> Result<Self> {
        config.validate()?;
        format.check_available()?;
        Ok(Self {
            format,
            config: config.clone(),
            manifest,
            shards,
            len,
            handles: Handles::default(),
            #[cfg(feature = "parquet")]
            groups: super::group_cache::GroupCache::new(config.cached_groups),
        })
    }

    /// The format of the shards.
    #[must_use]
    pub fn format(&self) -> ShardFormat {
        self.format
    }

    /// What the dataset says about itself; none for a single file.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The name of a sample: its key in a tar, its number elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when `index >= len()`.
    pub fn key(&self, index: usize) -> Result<String> {
        let (_, shard) = self.shard_of(index)?;
        let keys = shard.layout.get().and_then(|layout| layout.keys.as_ref());
        let key = keys.and_then(|keys| keys.get(index - shard.first));
        Ok(key.map_or_else(|| format!("{index:09}"), Clone::clone))
    }

    /// Reads every byte of every shard and lists what is damaged, in the order of the
    /// samples, whatever the configuration says about checks.
    #[must_use]
    pub fn verify(&self, progress: &dyn Progress) -> Vec<Error> {
        progress.begin("shards", self.shards.len() as u64);
        let found: Vec<Vec<Error>> = (0..self.shards.len())
            .into_par_iter()
            .map(|number| {
                let found = self.verify_shard(number);
                progress.advance(1);
                found
            })
            .collect();
        progress.end();
        found.into_iter().flatten().collect()
    }

    fn verify_shard(&self, number: usize) -> Vec<Error> {
        let shard = &self.shards[number];
        let layout = match self.layout(number, true) {
            Ok(layout) => layout,
            Err(error) => return vec![error],
        };
        let read = |block| shard.read(&self.handles, number, layout, block, true).err();
        (0..layout.blocks.len()).filter_map(read).collect()
    }

    fn shard_of(&self, index: usize) -> Result<(usize, &ShardFile)> {
        if index >= self.len {
            return Err(Error::Index { index, len: self.len });
        }
        let number = self.shards.partition_point(|shard| shard.first <= index).saturating_sub(1);
        Ok((number, &self.shards[number]))
    }

    /// The blocks of a shard, read on first use. A failure is not kept: the file may be
    /// mended meanwhile.
    fn layout(&self, number: usize, verify: bool) -> Result<&Layout> {
        let shard = &self.shards[number];
        if let Some(layout) = shard.layout.get() {
            return Ok(layout);
        }
        let layout = shard.load(&self.handles, number, self.format, verify)?;
        Ok(shard.layout.get_or_init(|| layout))
    }
}

impl Source for Shards {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Record> {
        let (number, shard) = self.shard_of(index)?;
        let verify = self.config.verify;
        let layout = self.layout(number, verify)?;
        let at = layout.block_of(index);
        let read = || shard.read(&self.handles, number, layout, at, verify);
        let decoded = match self.format {
            #[cfg(feature = "parquet")]
            ShardFormat::Parquet => {
                let group = self.groups.find((number, at), || {
                    layout.group(at, read()?).map_err(|reason| shard.damaged(layout, at, reason))
                })?;
                group.record(index - layout.blocks[at].first)
            }
            format => {
                let planned = self.manifest.is_some().then_some(index);
                decode(format, &read()?, planned, &self.config.skip)?
            }
        };
        decoded.map_err(|reason| Error::Damaged {
            path: shard.path.clone(),
            first: index,
            samples: 1,
            reason,
        })
    }
}

/// What is wrong with a file, or what it holds.
type Found<T> = std::result::Result<T, String>;

/// Blocks and names of samples.
type Places = (Vec<Block>, Option<Vec<String>>);

/// The record in a block that is a sample; `planned` is its number in a dataset.
#[cfg_attr(
    not(all(feature = "webdataset", feature = "tfrecord")),
    allow(unused_variables, reason = "what a format needs that is not built")
)]
fn decode(
    format: ShardFormat,
    bytes: &[u8],
    planned: Option<usize>,
    skip: &[String],
) -> Result<Found<Record>> {
    match format {
        #[cfg(feature = "webdataset")]
        ShardFormat::Webdataset => {
            Ok(super::tar::decode(bytes, planned.map(super::tar::key).as_deref(), skip))
        }
        #[cfg(feature = "tfrecord")]
        ShardFormat::Tfrecord => Ok(super::tfrecord::decode(bytes, skip)),
        other => Err(other.unavailable()),
    }
}

/// Places and keys of the samples in a file without index.
#[cfg_attr(
    not(all(feature = "webdataset", feature = "tfrecord")),
    allow(unused_variables, reason = "what a format needs that is not built")
)]
fn scan(
    format: ShardFormat,
    file: &fs::File,
    length: u64,
    skip: &[String],
) -> Result<Found<Places>> {
    match format {
        #[cfg(feature = "webdataset")]
        ShardFormat::Webdataset => {
            let found = super::tar::scan(file, length, skip);
            Ok(found.map(|(blocks, keys)| (blocks, Some(keys))))
        }
        #[cfg(feature = "tfrecord")]
        ShardFormat::Tfrecord => {
            Ok(super::tfrecord::scan(file, length).map(|blocks| (blocks, None)))
        }
        other => Err(other.unavailable()),
    }
}
