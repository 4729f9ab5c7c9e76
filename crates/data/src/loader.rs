//! Batches from a source: in order or shuffled, made ahead on threads, resumed anywhere.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rand::Rng;
use rand::seq::SliceRandom;
use rayon::ThreadPool;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{Shapes, collate};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::source::{Source, sample_rng};
use crate::transform::{Step, Transform};

/// Keeps the orders of epochs apart from samples of the same seed.
const ORDER: u64 = 0x4f52_4445_525f_0001;
/// Keeps the random numbers of steps apart from both, and from those of
/// [`Transformed`](crate::Transformed).
const STEPS: u64 = 0x4c4f_4144_4552_0002;
/// Most samples of a batch and most batches made ahead.
const MOST: usize = 1 << 16;

/// What becomes of a batch with a sample that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The error takes the place of the batch.
    #[default]
    Fail,
    /// The batch goes without the sample and says so in [`Batch::skipped`]. Where no sample is
    /// left, the next batch takes its place; only a whole epoch of nothing but such batches is an
    /// error.
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
    /// Steps that each record goes through, none by default. Their random numbers depend on
    /// `seed`, the epoch and the index of the sample: other ones in every epoch, the same ones
    /// whenever a position is asked for again.
    pub steps: Vec<Step>,
    /// Seed of the random numbers of `steps`.
    pub seed: u64,
    /// The fields to keep after the steps; all if not given.
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
            steps: Vec::new(),
            seed: 0,
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
    /// [`Error::Config`] names the first field that is out of range; those of [`Step::validate`].
    pub fn validate(&self) -> Result<()> {
        self.steps.iter().try_for_each(Step::validate)?;
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
    /// Where this batch stands. Under [`OnError::Skip`] this lies behind the position that was
    /// asked for if nothing could be read there; `skipped` then has the samples in between, too.
    pub position: Position,
    /// Where to go on after this batch.
    pub next: Position,
}

/// Makes batches of a source.
///
/// The batch at a position depends on the source, the configuration and the position alone, not
/// on the number of threads: a run that is stopped goes on with [`Batch::next`] of its last
/// batch.
///
/// Shuffled batches read their samples from all over the source. Tars and TFRecord files are
/// made for that; of Parquet a group of rows is read for each sample (see
/// [`ShardReadConfig::cached_groups`](crate::ShardReadConfig)).
///
/// # Examples
///
/// ```
/// use mapvec_data::{Field, Loader, LoaderConfig, Position, Record, Result, Source};
///
/// struct Squares;
///
/// impl Source for Squares {
///     type Sample = Record;
///
///     fn len(&self) -> usize {
///         100
///     }
///
///     fn get(&self, index: usize) -> Result<Record> {
///         let mut record = Record::new();
///         record.insert("square", Field::new(vec![1], vec![(index * index) as f32])?);
///         Ok(record)
///     }
/// }
///
/// let config = LoaderConfig { batch: 16, shuffle: Some(7), ..LoaderConfig::default() };
/// let loader = Loader::new(Squares, config)?;
/// let mut position = Position::default();
/// // Batches never end; seven of them are an epoch here.
/// for batch in loader.batches(position).take(loader.batches_per_epoch() as usize) {
///     let batch = batch?;
///     let squares = batch.record.get("square")?;
///     assert_eq!(squares.shape(), &[batch.indices.len(), 1]);
///     // Kept with the model, it lets a run go on from here.
///     position = batch.next;
/// }
/// assert_eq!(position, Position { epoch: 1, batch: 0 });
/// # Ok::<(), mapvec_data::Error>(())
/// ```
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
    /// Those of the source and of the steps, unless they are skipped; [`Error::Config`] for
    /// records that do not fit together (see [`collate`]) and for a position behind the end of
    /// its epoch; [`Error::Sample`] when as many batches as an epoch has were skipped whole.
    pub fn batch(&self, position: Position) -> Result<Batch> {
        let mut order = self.shared.order(position.epoch);
        self.shared.next_batch(position, &mut order).0
    }

    /// The batches from a position on, without an end; they are made ahead on other threads.
    ///
    /// An error takes the place of its batch, and the next call goes on behind it:
    /// [`Batches::position`] says where. The threads end when the iterator is dropped.
    #[must_use]
    pub fn batches(&self, from: Position) -> Batches {
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = sync_channel(self.shared.config.prefetch);
        let maker = std::thread::spawn(move || {
            let mut position = from;
            let mut order = shared.order(position.epoch);
            loop {
                let (batch, next) = shared.next_batch(position, &mut order);
                // Nobody listens any more.
                if sender.send((batch, next)).is_err() {
                    return;
                }
                position = next;
            }
        });
        Batches { receiver: Some(receiver), maker: Some(maker), position: from }
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

    /// The first batch at or behind a position of which something is left, and where to go on,
    /// also after an error. `order` is that of the epoch of the position, and then that of the
    /// place to go on.
    fn next_batch(
        &self,
        mut position: Position,
        order: &mut Option<Vec<usize>>,
    ) -> (Result<Batch>, Position) {
        let mut skipped = Vec::new();
        for _ in 0..self.batches_per_epoch() {
            let indices = self.indices(position, order);
            let next = self.after(position);
            let made = indices.and_then(|indices| self.make(position.epoch, indices, &mut skipped));
            if next.epoch != position.epoch {
                *order = self.order(next.epoch);
            }
            match made {
                Ok(Some((record, indices))) => {
                    return (Ok(Batch { record, indices, skipped, position, next }), next);
                }
                Ok(None) => position = next,
                Err(error) => return (Err(error), next),
            }
        }
        let (index, reason) = skipped.pop().unwrap_or_default();
        let reason = format!("{reason} (and so every sample before it, over a whole epoch)");
        (Err(Error::Sample { index, reason }), position)
    }

    /// Samples joined and their indices; none if all of them were skipped.
    fn make(
        &self,
        epoch: u64,
        indices: Vec<usize>,
        skipped: &mut Vec<(usize, String)>,
    ) -> Result<Option<(Record, Vec<usize>)>> {
        let config = &self.config;
        // The epoch goes into the key and the index chooses the stream.
        let seed = sample_rng(config.seed ^ STEPS, epoch).random();
        let sample = |index: &usize| {
            let mut record = self.source.get(*index)?;
            let mut rng = sample_rng(seed, *index as u64);
            for step in &config.steps {
                record = step.apply(record, &mut rng)?;
            }
            match &config.fields {
                None => Ok(record),
                Some(names) => record.selected(names),
            }
        };
        let samples: Vec<Result<Record>> =
            self.pool.install(|| indices.par_iter().map(sample).collect());
        let (mut records, mut kept) = (Vec::new(), Vec::new());
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
        if records.is_empty() {
            return Ok(None);
        }
        Ok(Some((collate(&records, &config.padded)?, kept)))
    }
}

/// Batches made ahead; see [`Loader::batches`].
#[derive(Debug)]
pub struct Batches {
    receiver: Option<Receiver<(Result<Batch>, Position)>>,
    maker: Option<JoinHandle<()>>,
    position: Position,
}

impl Batches {
    /// Where to go on after the last item, be it a batch or an error: what
    /// [`Loader::batches`] is given to make the rest later.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if let Ok((batch, next)) = self.receiver.as_ref()?.recv() {
            self.position = next;
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
