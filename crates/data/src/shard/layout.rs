//! The file of a shard: its blocks, and how one of them is read.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};

use super::MAX_BLOCK_BYTES;
use super::block::{Block, ShardIndex};
use super::format::ShardFormat;
use super::manifest::Manifest;
use super::positioned::read_exact_at;
use super::sealed::unseal;

/// Files that are kept open.
const OPEN_FILES: usize = 64;

/// A shard on the disk.
#[derive(Debug)]
pub(crate) struct ShardFile {
    pub(crate) path: PathBuf,
    /// Path and digest of the index, and the size of the shard; none without a manifest.
    index: Option<(PathBuf, String, u64)>,
    pub(crate) first: usize,
    pub(crate) samples: usize,
    pub(crate) layout: OnceLock<Layout>,
}

/// Where things are in a shard.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) blocks: Vec<Block>,
    /// Size of the whole file.
    bytes: u64,
    /// Names of the samples, where they are not numbers.
    pub(crate) keys: Option<Vec<String>>,
    #[cfg(feature = "parquet")]
    footer: Option<super::row_groups::Footer>,
}

impl Layout {
    pub(crate) fn of_blocks(blocks: Vec<Block>, bytes: u64, keys: Option<Vec<String>>) -> Self {
        Self {
            blocks,
            bytes,
            keys,
            #[cfg(feature = "parquet")]
            footer: None,
        }
    }

    /// Number of the block with a sample of this shard.
    pub(crate) fn block_of(&self, index: usize) -> usize {
        self.blocks.partition_point(|block| block.first + block.samples <= index)
    }

    /// The rows in a block of a Parquet file.
    #[cfg(feature = "parquet")]
    pub(crate) fn group(
        &self,
        number: usize,
        bytes: Vec<u8>,
    ) -> std::result::Result<super::row_groups::Group, String> {
        let footer = self.footer.as_ref().ok_or("there is no Parquet footer")?;
        footer.group(number, &self.blocks[number], bytes)
    }
}

impl ShardFile {
    /// A shard of a dataset.
    pub(crate) fn planned(dir: &Path, manifest: &Manifest, number: usize) -> Self {
        let shard = &manifest.shards[number];
        let index = dir.join(manifest.plan.index_name(number));
        Self {
            path: dir.join(&shard.file),
            index: Some((index, shard.index_blake3.clone(), shard.bytes)),
            first: shard.first,
            samples: shard.samples,
            layout: OnceLock::new(),
        }
    }

    /// A file on its own.
    pub(crate) fn single(path: &Path, layout: Layout, samples: usize) -> Self {
        let layout = OnceLock::from(layout);
        Self { path: path.to_owned(), index: None, first: 0, samples, layout }
    }

    /// The error of a damaged block.
    pub(crate) fn damaged(&self, layout: &Layout, block: usize, reason: String) -> Error {
        let block = &layout.blocks[block];
        // Without the footer of a Parquet file none of its samples can be read.
        let (first, samples) = match block.samples {
            0 => (self.first, self.samples),
            samples => (block.first, samples),
        };
        Error::Damaged { path: self.path.clone(), first, samples, reason }
    }

    /// Reads the index, and the footer of a Parquet file.
    pub(crate) fn load(
        &self,
        handles: &Handles,
        number: usize,
        format: ShardFormat,
        verify: bool,
    ) -> Result<Layout> {
        let Some((path, digest, bytes)) = &self.index else {
            return Ok(Layout::of_blocks(Vec::new(), 0, None));
        };
        let damaged = |reason: String| {
            let (path, first, samples) = (path.clone(), self.first, self.samples);
            Error::Damaged { path, first, samples, reason }
        };
        let size = fs::metadata(path).map_err(Error::io(path, "read"))?.len();
        if size > MAX_BLOCK_BYTES {
            return Err(damaged(format!("an index of {size} bytes")));
        }
        let text = fs::read(path).map_err(Error::io(path, "read"))?;
        if verify && blake3::hash(&text).to_string() != *digest {
            return Err(damaged("the index has not the digest that the manifest states".into()));
        }
        let index: ShardIndex = unseal(&text).map_err(damaged)?;
        let stated = (index.shard, index.first, index.samples, index.bytes);
        if stated != (number, self.first, self.samples, *bytes) {
            return Err(damaged("the index is of another shard than the manifest".into()));
        }
        let blocks = index.blocks().map_err(damaged)?;
        let single = format != ShardFormat::Parquet;
        let groups = if single { &blocks[..] } else { &blocks[..blocks.len().saturating_sub(1)] };
        let valid = |block: &Block| block.samples == 1 || (!single && block.samples > 0);
        if !groups.iter().all(valid) {
            return Err(damaged("the blocks of the index do not fit the format".into()));
        }
        let layout = Layout::of_blocks(blocks, *bytes, None);
        #[cfg(feature = "parquet")]
        if !single {
            return self.with_footer(layout, handles, number, verify);
        }
        #[cfg(not(feature = "parquet"))]
        let _unused = handles;
        Ok(layout)
    }

    #[cfg(feature = "parquet")]
    fn with_footer(
        &self,
        mut layout: Layout,
        handles: &Handles,
        number: usize,
        verify: bool,
    ) -> Result<Layout> {
        let last = layout.blocks.len().saturating_sub(1);
        let whole = |reason: String| {
            let (path, first, samples) = (self.path.clone(), self.first, self.samples);
            Error::Damaged { path, first, samples, reason }
        };
        if layout.blocks.last().is_none_or(|block| block.samples != 0) {
            return Err(whole("the index lists no footer".to_owned()));
        }
        let bytes = self.read(handles, number, &layout, last, verify)?;
        let footer = super::row_groups::Footer::parse(&bytes, &layout.blocks[..last]);
        layout.footer = Some(footer.map_err(whole)?);
        Ok(layout)
    }

    /// The bytes of a block.
    pub(crate) fn read(
        &self,
        handles: &Handles,
        number: usize,
        layout: &Layout,
        at: usize,
        verify: bool,
    ) -> Result<Vec<u8>> {
        let block = &layout.blocks[at];
        let (file, length) = &*handles.open(number, &self.path)?;
        let damaged = |reason| Err(self.damaged(layout, at, reason));
        // Sizes are checked against the file before memory is taken.
        let end = block.offset.checked_add(block.bytes);
        if end.is_none_or(|end| end > *length) {
            return damaged(format!("the file ends early, after {length} bytes"));
        }
        if at + 1 == layout.blocks.len() && *length != layout.bytes {
            return damaged(format!("the file has {length} bytes instead of {}", layout.bytes));
        }
        let size = usize::try_from(block.bytes).ok().filter(|_| block.bytes <= MAX_BLOCK_BYTES);
        let Some(size) = size else {
            let reason = format!("{} bytes in a block, at most {MAX_BLOCK_BYTES}", block.bytes);
            return Err(Error::Refused { path: self.path.clone(), reason });
        };
        let mut bytes = vec![0; size];
        match read_exact_at(file, &mut bytes, block.offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return damaged("the file ends early".to_owned());
            }
            Err(error) => return Err(Error::io(&self.path, "read")(error)),
        }
        if verify && block.hash.is_some_and(|hash| hash != blake3::hash(&bytes)) {
            return damaged("its bytes are not those that were written".to_owned());
        }
        Ok(bytes)
    }
}

/// The files that were read last, with their sizes. A dataset may have more shards than a
/// process may have open files.
#[derive(Debug, Default)]
pub(crate) struct Handles(Mutex<VecDeque<(usize, Handle)>>);

/// An open file and its size.
type Handle = Arc<(File, u64)>;

impl Handles {
    fn open(&self, number: usize, path: &Path) -> Result<Handle> {
        let files = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = files().iter().find(|(n, _)| *n == number).map(|(_, file)| Arc::clone(file));
        if let Some(file) = known {
            return Ok(file);
        }
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        let length = file.metadata().map_err(Error::io(path, "open"))?.len();
        let file = Arc::new((file, length));
        let mut files = files();
        files.push_front((number, Arc::clone(&file)));
        files.truncate(OPEN_FILES);
        Ok(file)
    }
}
