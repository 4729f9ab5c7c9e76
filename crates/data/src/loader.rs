//! Batches from a source: in order or shuffled, made ahead on threads, resumed anywhere.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rand::seq::SliceRandom;
use rayon::ThreadPool;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{Shapes, collate};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::source::{Source, sample_rng};

/// Keeps the orders of epochs apart from samples of the same seed.
const ORDER: u64 = 0x4f52_4445_525f_0001;
/// Most samples of a batch and most batches made ahead.
const MOST: usize = 1 << 16;

/// What becomes of a batch with a sample that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The error takes the place of the batch.
    #[default]
    Fail,
    /// The batch goes without the sample and says so in [`Batch::skipped`].
    Skip,
}

/// How a [`Loader`] makes batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoaderConfig {
    /// Samples of a batch, 1 to 65 536.
    pub batch: usize,
    /// Samples of an epoch; all of the source if not given. A source that has more yields the
    /// next ones in the next epoch and begins again at its end: so a generator never repeats
    /// itself within its length.
    pub epoch: Option<usize>,
    /// Seed of the order, another one every epoch; the order of the source if not given.
    pub shuffle: Option<u64>,
    /// Whether the last batch of an epoch may have fewer samples; otherwise they are left out.
    pub remainder: bool,
    /// The fields to keep; all if not given.
    pub fields: Option<Vec<String>>,
    /// Shapes to which fields are padded; see [`collate`].
    pub padded: Shapes,
    /// Threads that make samples, 0 for as many as there are cores.
    pub threads: usize,
    /// Batches made ahead, 1 to 65 536.
    pub prefetch: usize,
    /// What becomes of samples that cannot be read.
    pub on_error: OnError,
}

impl Default for LoaderConfig {
    /// Batches of 32 in the order of the source, two ahead.
    fn default() -> Self {
        Self {
            batch: 32,
            epoch: None,
            shuffle: None,
            remainder: true,
            fields: None,
            padded: Shapes::new(),
            threads: 0,
            prefetch: 2,
            on_error: OnError::Fail,
        }
    }
}

impl LoaderConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let fields = [("batch", self.batch), ("prefetch", self.prefetch)];
        for (field, value) in fields {
            if !(1..=MOST).contains(&value) {
                let value = value.to_string();
                return Err(Error::Config { field, value, expected: "between 1 and 65536" });
            }
        }
        if self.threads > 1024 {
            let value = self.threads.to_string();
            return Err(Error::Config { field: "threads", value, expected: "at most 1024" });
        }
        if self.epoch == Some(0) {
            let value = "0".to_owned();
            return Err(Error::Config { field: "epoch", value, expected: "at least 1 sample" });
        }
        Ok(())
    }
}

/// A place in the endless row of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch within the epoch, from 0.
    pub batch: u64,
}

/// Samples joined into one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The samples, `B` first.
    pub record: Record,
    /// Indices of the samples in the source.
    pub indices: Vec<usize>,
    /// Samples that could not be read, by index, and why.
    pub skipped: Vec<(usize, String)>,
    /// Where this batch stands.
    pub position: Position,
    /// Where to go on after this batch.
    pub next: Position,
}

/// Makes batches of a source.
///
/// The batch at a position depends on the source, the configuration and the position alone, not
/// on the number of threads: a run that is stopped goes on with [`Batch::next`] of its last
/// batch.
#[derive(Debug)]
pub struct Loader<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    source: S,
    config: LoaderConfig,
    pool: ThreadPool,
}

impl<S: Source<Sample = Record> + 'static> Loader<S> {
    /// A loader of a source.
    ///
    /// # Errors
    ///
    /// Those of [`LoaderConfig::validate`]; [`Error::Config`] for a source without samples, an
    /// epoch longer than the source, or one without a whole batch; [`Error::Threads`] when the
    /// system gives no threads.
    pub fn new(source: S, config: LoaderConfig) -> Result<Self> {
        config.validate()?;
        let (len, epoch) = (source.len(), config.epoch.unwrap_or(source.len()));
        let least = if config.remainder { 1 } else { config.batch };
        if epoch > len || epoch < least {
            return Err(Error::Config {
                field: "epoch",
                value: format!("{epoch} of a source of {len} samples"),
                expected: "at least one batch and at most the samples of the source",
            });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|index| format!("loader-{index}"))
            .build()
            .map_err(|error| Error::Threads { reason: error.to_string() })?;
        Ok(Self { shared: Arc::new(Shared { source, config, pool }) })
    }

    /// Batches of an epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> u64 {
        self.shared.batches_per_epoch()
    }

    /// The batch at a position, made now.
    ///
    /// # Errors
    ///
    /// Those of the source, unless they are skipped; [`Error::Config`] for records that do not
    /// fit together (see [`collate`]), for a position behind the end of its epoch, and when every
    /// sample of the batch was skipped.
    pub fn batch(&self, position: Position) -> Result<Batch> {
        let indices = self.shared.indices(position, &self.shared.order(position.epoch))?;
        self.shared.make(position, indices)
    }

    /// The batches from a position on, without an end; they are made ahead on other threads.
    ///
    /// An error takes the place of its batch, and the next call goes on behind it. The threads
    /// end when the iterator is dropped.
    #[must_use]
    pub fn batches(&self, from: Position) -> Batches {
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = sync_channel(self.shared.config.prefetch);
        let maker = std::thread::spawn(move || {
            let mut position = from;
            let mut order = shared.order(position.epoch);
            loop {
                let indices = shared.indices(position, &order);
                let batch = indices.and_then(|indices| shared.make(position, indices));
                // Nobody listens any more.
                if sender.send(batch).is_err() {
                    return;
                }
                let next = shared.after(position);
                if next.epoch != position.epoch {
                    order = shared.order(next.epoch);
                }
                position = next;
            }
        });
        Batches { receiver: Some(receiver), maker: Some(maker) }
    }
}

impl<S: Source<Sample = Record>> Shared<S> {
    fn epoch(&self) -> usize {
        self.config.epoch.unwrap_or_else(|| self.source.len())
    }

    fn batches_per_epoch(&self) -> u64 {
        let (epoch, batch) = (self.epoch(), self.config.batch);
        (if self.config.remainder { epoch.div_ceil(batch) } else { epoch / batch }) as u64
    }

    fn after(&self, position: Position) -> Position {
        if position.batch + 1 < self.batches_per_epoch() {
            Position { batch: position.batch + 1, ..position }
        } else {
            Position { epoch: position.epoch.wrapping_add(1), batch: 0 }
        }
    }

    /// The order of an epoch, if it is not that of the source.
    fn order(&self, epoch: u64) -> Option<Vec<usize>> {
        let seed = self.config.shuffle?;
        let mut order: Vec<usize> = (0..self.epoch()).collect();
        order.shuffle(&mut sample_rng(seed ^ ORDER, epoch));
        Some(order)
    }

    fn indices(&self, position: Position, order: &Option<Vec<usize>>) -> Result<Vec<usize>> {
        let (epoch, batch, len) = (self.epoch(), self.config.batch, self.source.len());
        if position.batch >= self.batches_per_epoch() {
            return Err(Error::Config {
                field: "batch",
                value: position.batch.to_string(),
                expected: "less than the batches of an epoch",
            });
        }
        #[expect(clippy::cast_possible_truncation, reason = "less than the batches of an epoch")]
        let first = position.batch as usize * batch;
        // Epochs follow each other through the source, and begin again at its end.
        let start = u128::from(position.epoch) * epoch as u128 % len as u128;
        let start = start as usize;
        let of = |at: usize| {
            let at = order.as_ref().map_or(at, |order| order[at]);
            // Both are less than `len`: their sum may pass what a usize holds.
            if at < len - start { start + at } else { at - (len - start) }
        };
        Ok((first..(first + batch).min(epoch)).map(of).collect())
    }

    fn make(&self, position: Position, indices: Vec<usize>) -> Result<Batch> {
        let config = &self.config;
        let sample = |index: &usize| {
            let record = self.source.get(*index)?;
            match &config.fields {
                None => Ok(record),
                Some(names) => record.selected(names),
            }
        };
        let samples: Vec<Result<Record>> =
            self.pool.install(|| indices.par_iter().map(sample).collect());
        let (mut records, mut kept, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for (index, sample) in indices.into_iter().zip(samples) {
            match (sample, config.on_error) {
                (Ok(record), _) => {
                    records.push(record);
                    kept.push(index);
                }
                (Err(error), OnError::Skip) => skipped.push((index, error.to_string())),
                (Err(error), OnError::Fail) => return Err(error),
            }
        }
        let record = match (records.is_empty(), skipped.first()) {
            (true, Some((index, reason))) => {
                return Err(Error::Sample {
                    index: *index,
                    reason: format!("{reason} (and so all samples of the batch)"),
                });
            }
            _ => collate(&records, &config.padded)?,
        };
        Ok(Batch { record, indices: kept, skipped, position, next: self.after(position) })
    }
}

/// Batches made ahead; see [`Loader::batches`].
#[derive(Debug)]
pub struct Batches {
    receiver: Option<Receiver<Result<Batch>>>,
    maker: Option<JoinHandle<()>>,
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if let Ok(batch) = self.receiver.as_ref()?.recv() {
            return Some(batch);
        }
        // The thread never ends by itself: a source panicked.
        self.receiver = None;
        Some(Err(Error::Threads { reason: "the source panicked while making a sample".into() }))
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // The thread notices at its next batch that nobody takes it.
        self.receiver = None;
        if let Some(maker) = self.maker.take() {
            // Its panic was reported as an error by `next`.
            maker.join().unwrap_or_default();
        }
    }
}
