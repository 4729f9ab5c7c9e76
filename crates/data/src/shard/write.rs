//! Writing shards, each complete or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use blake3::{Hash, Hasher};
use rayon::prelude::*;

use crate::atomic_file::{AtomicFile, write_in_turn};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::record::Record;
use crate::source::Source;

use super::MAX_RECORD_BYTES;
use super::block::ShardIndex;
use super::format::ShardFormat;
use super::little_endian::Kind;
use super::manifest::Manifest;
use super::plan::ShardPlan;
use super::sealed::{seal, unseal};

/// Longest name of an array: with the key it must fit the name field of a tar header.
const MAX_NAME: usize = 80;
/// Bytes of the samples that are made at once, about; twice as many are in memory, because
/// one chunk is written while the next is made.
const CHUNK_BYTES: usize = 64 << 20;
/// Samples made at once, at most, for each thread.
const CHUNK_SAMPLES: usize = 64;

/// What became of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardReport {
    /// Number of the shard.
    pub shard: usize,
    /// The file.
    pub path: PathBuf,
    /// Samples in it.
    pub samples: usize,
    /// Its size, bytes.
    pub bytes: u64,
    /// BLAKE3 digest of the file.
    pub blake3: String,
    /// Whether it was written now; otherwise it was there already, checked byte by byte.
    pub written: bool,
    /// Whether all shards of the plan and the manifest are there now.
    pub finished: bool,
}

/// Writes one shard of a plan into a folder, and the manifest if it was the last.
///
/// Samples are made in parallel on the threads of the current rayon pool and written in
/// order; the bytes do not depend on the number of threads. A shard that is there already,
/// with the size and digest of its index, is left alone. Whatever stops the process, a
/// shard has its name only when it is complete, and a later run finishes the work.
///
/// # Errors
///
/// [`Error::FormatFeature`] when the library was built without the format,
/// [`Error::Config`] for a shard that the plan has not or a source that is too short,
/// [`Error::OtherPlan`] when the folder has the shards of another plan, [`Error::Locked`]
/// when another process writes the same shard, [`Error::Sample`] for a record that the
/// format cannot hold, [`Error::Io`], and what the source returns.
pub fn write_shard(
    plan: &ShardPlan,
    dir: &Path,
    shard: usize,
    source: &dyn Source<Sample = Record>,
    progress: &dyn Progress,
) -> Result<ShardReport> {
    let samples = plan.samples(shard)?;
    begin(plan, dir, source)?;
    progress.begin(&format!("shard {shard} of {}", plan.shards), samples.len() as u64);
    let report = write_one(plan, dir, shard, source, progress);
    progress.end();
    let mut report = report?;
    report.finished = Manifest::finish(plan, dir)?;
    Ok(report)
}

/// Writes all shards of a plan that are missing, and the manifest.
///
/// # Errors
///
/// As [`write_shard`].
pub fn write_shards(
    plan: &ShardPlan,
    dir: &Path,
    source: &dyn Source<Sample = Record>,
    progress: &dyn Progress,
) -> Result<Vec<ShardReport>> {
    begin(plan, dir, source)?;
    progress.begin("samples", plan.count as u64);
    let reports: Result<Vec<_>> =
        (0..plan.shards).map(|shard| write_one(plan, dir, shard, source, progress)).collect();
    progress.end();
    let mut reports = reports?;
    let finished = Manifest::finish(plan, dir)?;
    for report in &mut reports {
        report.finished = finished;
    }
    Ok(reports)
}

/// What must hold before the first sample is made.
fn begin(plan: &ShardPlan, dir: &Path, source: &dyn Source<Sample = Record>) -> Result<()> {
    plan.validate()?;
    plan.format.check_available()?;
    if source.len() < plan.count {
        return Err(Error::Config {
            field: "count",
            value: format!("{} of a source with {} samples", plan.count, source.len()),
            expected: "at most the number of samples of the source",
        });
    }
    plan.settle(dir)
}

fn write_one(
    plan: &ShardPlan,
    dir: &Path,
    shard: usize,
    source: &dyn Source<Sample = Record>,
    progress: &dyn Progress,
) -> Result<ShardReport> {
    let samples = plan.samples(shard)?;
    let path = dir.join(plan.file_name(shard));
    if let Some(index) = finished_index(plan, dir, shard)? {
        progress.advance(samples.len() as u64);
        return Ok(report(&index, path, false));
    }
    let mut writer = ShardWriter::create(plan.format, &path)?;
    let threads = rayon::current_num_threads();
    let mut chunk = 2 * threads;
    let mut made = Vec::new();
    let mut at = samples.start;
    while at < samples.end || !made.is_empty() {
        let next = at..samples.end.min(at + chunk);
        at = next.end;
        // One chunk is written while the next is made.
        let (written, following) = rayon::join(
            || writer.write(std::mem::take(&mut made), progress),
            || prepare(plan.format, source, next, samples.end - 1),
        );
        written?;
        made = following;
        let bytes: usize = made.iter().flatten().map(Prepared::bytes).sum();
        if let Some(mean) = bytes.checked_div(made.len()) {
            chunk = (CHUNK_BYTES / mean.max(1)).clamp(threads, CHUNK_SAMPLES * threads);
        }
    }
    let mut index = writer.finish(shard, samples.start)?;
    write_in_turn(&dir.join(plan.index_name(shard)), &seal(&mut index)?)?;
    Ok(report(&index, path, true))
}

fn report(index: &ShardIndex, path: PathBuf, written: bool) -> ShardReport {
    ShardReport {
        shard: index.shard,
        path,
        samples: index.samples,
        bytes: index.bytes,
        blake3: index.blake3.clone(),
        written,
        finished: false,
    }
}

/// The index of a shard that is complete and as it was written.
pub(crate) fn finished_index(
    plan: &ShardPlan,
    dir: &Path,
    shard: usize,
) -> Result<Option<ShardIndex>> {
    let path = dir.join(plan.file_name(shard));
    let Ok(text) = fs::read(dir.join(plan.index_name(shard))) else { return Ok(None) };
    let Ok(index) = unseal::<ShardIndex>(&text) else { return Ok(None) };
    let samples = plan.samples(shard)?;
    let planned = index.shard == shard
        && (index.first, index.samples) == (samples.start, samples.len())
        && index.blocks().is_ok();
    let Ok(mut file) = File::open(&path) else { return Ok(None) };
    if !planned || file.metadata().map_err(Error::io(&path, "read"))?.len() != index.bytes {
        return Ok(None);
    }
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(&path, "read")(error)),
        }
    }
    Ok((hasher.finalize().to_string() == index.blake3).then_some(index))
}

/// A sample as its format has it.
enum Prepared {
    /// A block of its own, with its digest.
    Block(Vec<u8>, Hash),
    /// The cells of a row, to be gathered with others.
    #[cfg(feature = "parquet")]
    Row(usize, Vec<(String, Vec<u8>)>),
}

impl Prepared {
    fn block(bytes: Vec<u8>) -> Self {
        let hash = blake3::hash(&bytes);
        Self::Block(bytes, hash)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Block(bytes, _) => bytes.len(),
            #[cfg(feature = "parquet")]
            Self::Row(_, cells) => cells.iter().map(|(_, cell)| cell.len()).sum(),
        }
    }
}

/// Makes samples in parallel. Every one has its own result, so that the first error by
/// index is reported, whatever thread meets one first.
fn prepare(
    format: ShardFormat,
    source: &dyn Source<Sample = Record>,
    samples: Range<usize>,
    last: usize,
) -> Vec<Result<Prepared>> {
    let one = |index| {
        let record = source.get(index)?;
        check_record(&record).map_err(|reason| Error::Sample { index, reason })?;
        prepare_one(format, index, &record, index == last)
    };
    samples.into_par_iter().map(one).collect()
}

#[cfg_attr(
    not(all(feature = "webdataset", feature = "tfrecord", feature = "parquet")),
    allow(unused_variables, reason = "what a format needs that is not built")
)]
fn prepare_one(format: ShardFormat, index: usize, record: &Record, last: bool) -> Result<Prepared> {
    match format {
        #[cfg(feature = "webdataset")]
        ShardFormat::Webdataset => Ok(Prepared::block(super::tar::encode(index, record, last))),
        #[cfg(feature = "tfrecord")]
        ShardFormat::Tfrecord => Ok(Prepared::block(super::tfrecord::encode(record))),
        #[cfg(feature = "parquet")]
        ShardFormat::Parquet => {
            let cell = |(name, field): (&str, &_)| (name.to_owned(), super::npy::encode_npy(field));
            Ok(Prepared::Row(index, record.fields().map(cell).collect()))
        }
        #[cfg(not(all(feature = "webdataset", feature = "tfrecord", feature = "parquet")))]
        other => Err(other.unavailable()),
    }
}

/// Names that all formats can hold, and a size that all can read.
fn check_record(record: &Record) -> std::result::Result<(), String> {
    let mut bytes = 0_u64;
    for (name, field) in record.fields() {
        let word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if name.len() > MAX_NAME || !name.split('.').all(word) {
            return Err(format!(
                "an array is named {name:?}; a name in a shard is words of a-z, 0-9 and _ with \
                 dots between, at most {MAX_NAME} bytes"
            ));
        }
        let width = Kind::of(field.values()).width() as u64;
        bytes = bytes.saturating_add(width * field.values().len() as u64);
    }
    if bytes > MAX_RECORD_BYTES {
        return Err(format!(
            "its arrays take {bytes} bytes; at most {MAX_RECORD_BYTES} fit a shard"
        ));
    }
    if record.fields().next().is_none() {
        return Err("it has no arrays, so a shard cannot hold it".to_owned());
    }
    Ok(())
}

/// The file of a shard and what is known of it so far.
struct ShardWriter {
    path: PathBuf,
    file: AtomicFile,
    whole: Hasher,
    blocks: Vec<(u64, usize, Hash)>,
    #[cfg(feature = "parquet")]
    rows: Option<super::row_groups::RowGroupWriter>,
}

impl ShardWriter {
    #[cfg_attr(
        not(feature = "parquet"),
        expect(unused_variables, reason = "only Parquet has state")
    )]
    fn create(format: ShardFormat, path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: AtomicFile::create(path)?,
            whole: Hasher::new(),
            blocks: Vec::new(),
            #[cfg(feature = "parquet")]
            rows: (format == ShardFormat::Parquet).then(Default::default),
        })
    }

    fn write(&mut self, samples: Vec<Result<Prepared>>, progress: &dyn Progress) -> Result<()> {
        let count = samples.len() as u64;
        for sample in samples {
            match sample? {
                Prepared::Block(bytes, hash) => self.block(&bytes, 1, hash)?,
                #[cfg(feature = "parquet")]
                Prepared::Row(index, cells) => {
                    let Some(rows) = &mut self.rows else { continue };
                    let full = rows.push(index, cells);
                    let full = full.map_err(|reason| Error::Sample { index, reason })?;
                    if let Some((bytes, samples)) = full {
                        self.block(&bytes, samples, blake3::hash(&bytes))?;
                    }
                }
            }
        }
        if count > 0 {
            progress.advance(count);
        }
        Ok(())
    }

    fn block(&mut self, bytes: &[u8], samples: usize, hash: Hash) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io(&self.path, "write"))?;
        self.whole.update(bytes);
        self.blocks.push((bytes.len() as u64, samples, hash));
        Ok(())
    }

    #[cfg_attr(not(feature = "parquet"), allow(unused_mut, reason = "only Parquet has a rest"))]
    fn finish(mut self, shard: usize, first: usize) -> Result<ShardIndex> {
        #[cfg(feature = "parquet")]
        if let Some(rows) = self.rows.take() {
            let rest = rows.finish().map_err(|reason| Error::Serialize { reason })?;
            for (bytes, samples) in rest {
                self.block(&bytes, samples, blake3::hash(&bytes))?;
            }
        }
        self.file.commit()?;
        Ok(ShardIndex::new(shard, first, &self.blocks, &self.whole.finalize()))
    }
}
