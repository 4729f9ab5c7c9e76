//! Parts of a data set for training, validation and test.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::record::Record;
use crate::source::Source;

/// Samples to train on and samples to check with, each in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fold {
    /// Indices of training samples.
    pub train: Vec<usize>,
    /// Indices of validation samples.
    pub validation: Vec<usize>,
}

/// Fold number `fold` of `k`: every sample of `len` validates in exactly one of them.
///
/// Samples are shuffled by `seed`; the sizes of the folds differ by one at most.
///
/// # Errors
///
/// [`Error::Config`] unless `2 <= k <= len` and `fold < k`.
pub fn k_fold(len: usize, k: usize, fold: usize, seed: u64) -> Result<Fold> {
    check_folds(len, k, fold)?;
    let mut order: Vec<usize> = (0..len).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    Ok(fold_of(order.into_iter().enumerate().map(|(place, index)| (index, place % k == fold))))
}

/// Fold number `fold` of `k`, where each class has its share in every fold.
///
/// `classes` has the class of every sample. Within a class the numbers of samples in the
/// folds differ by one at most, and so do the sizes of the folds. A class of fewer than `k`
/// samples is missing from some of them.
///
/// # Errors
///
/// As [`k_fold`].
pub fn stratified_k_fold(classes: &[i32], k: usize, fold: usize, seed: u64) -> Result<Fold> {
    check_folds(classes.len(), k, fold)?;
    let mut strata: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (index, &class) in classes.iter().enumerate() {
        strata.entry(class).or_default().push(index);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Dealing out class after class without going back to the first fold keeps the folds
    // equal in size.
    let mut order = Vec::with_capacity(classes.len());
    for mut stratum in strata.into_values() {
        stratum.shuffle(&mut rng);
        order.append(&mut stratum);
    }
    Ok(fold_of(order.into_iter().enumerate().map(|(place, index)| (index, place % k == fold))))
}

fn check_folds(len: usize, k: usize, fold: usize) -> Result<()> {
    if k < 2 || k > len {
        return Err(Error::Config {
            field: "k",
            value: format!("{k} for {len} samples"),
            expected: "2 or more, and not above the number of samples",
        });
    }
    if fold >= k {
        let (value, expected) = (format!("{fold} of {k}"), "below the number of folds");
        return Err(Error::Config { field: "fold", value, expected });
    }
    Ok(())
}

fn fold_of(samples: impl Iterator<Item = (usize, bool)>) -> Fold {
    let mut fold = Fold::default();
    for (index, validates) in samples {
        if validates { &mut fold.validation } else { &mut fold.train }.push(index);
    }
    fold.train.sort_unstable();
    fold.validation.sort_unstable();
    fold
}

/// What a sample is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose settings and the moment to stop.
    Validation,
    /// To measure with, once.
    Test,
}

/// A split by the hash of a key: the same key is always in the same part, whatever else the
/// data set holds and in which order.
///
/// The shares are expected values: with `n` keys a part of share `p` is off by about
/// `sqrt(n p (1 - p))` of them. More training data later leaves the rest where it is: raising
/// `validation` at the cost of `train` moves samples from training to validation only, and `test`
/// keeps its samples while its share stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HashSplit {
    /// Share for training, 0 to 1. Default 0.8.
    pub train: f64,
    /// Share for validation, 0 to 1. Default 0.1.
    pub validation: f64,
    /// Share for the test, 0 to 1; the three add up to 1. Default 0.1.
    pub test: f64,
    /// Another number gives another split. Default 0.
    pub seed: u64,
}

impl Default for HashSplit {
    fn default() -> Self {
        Self { train: 0.8, validation: 0.1, test: 0.1, seed: 0 }
    }
}

impl HashSplit {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a share outside 0 to 1 and for shares that do not add up to 1
    /// (within 1e-6).
    pub fn validate(&self) -> Result<()> {
        let shares = [("train", self.train), ("validation", self.validation), ("test", self.test)];
        for (field, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                let (value, expected) = (share.to_string(), "0 to 1");
                return Err(Error::Config { field, value, expected });
            }
        }
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        if (sum - 1.0).abs() > 1e-6 {
            return Err(Error::Config {
                field: "train + validation + test",
                value: sum.to_string(),
                expected: "1",
            });
        }
        Ok(())
    }

    /// The part of a key, for example the name of the sheet that a sample was cut from.
    ///
    /// # Errors
    ///
    /// Those of [`HashSplit::validate`].
    pub fn part(&self, key: &[u8]) -> Result<Part> {
        self.validate()?;
        Ok(self.part_of(key))
    }

    /// The part of a key under shares that were checked. Test and validation come first in
    /// [0, 1), so that neither depends on the rounding of a sum.
    fn part_of(&self, key: &[u8]) -> Part {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"mapvec split 1\0");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(key);
        let [a, b, c, d, e, f, g, ..] = *hasher.finalize().as_bytes();
        // 53 bits, as many as a number in [0, 1) holds.
        let bits = u64::from_le_bytes([a, b, c, d, e, f, g, 0]) >> 3;
        let place = bits as f64 / (1_u64 << 53) as f64;
        if place < self.test {
            Part::Test
        } else if place < self.test + self.validation {
            Part::Validation
        } else if self.train > 0.0 {
            Part::Train
        } else if self.validation > 0.0 {
            // The shares may fall short of 1 by a rounding error.
            Part::Validation
        } else {
            Part::Test
        }
    }
}

/// Indices of the samples of each part, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// Training samples.
    pub train: Vec<usize>,
    /// Validation samples.
    pub validation: Vec<usize>,
    /// Test samples.
    pub test: Vec<usize>,
}

impl Parts {
    /// The indices of a part.
    #[must_use]
    pub fn indices(&self, part: Part) -> &[usize] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }
}

/// Splits samples by a key each: those that share a key stay together.
///
/// The key of a sample may be its name, or that of a group (a sheet, a town) which must not be
/// in two parts.
///
/// # Errors
///
/// Those of [`HashSplit::validate`].
pub fn split_by_key(
    keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
    split: &HashSplit,
) -> Result<Parts> {
    split.validate()?;
    let mut parts = Parts::default();
    for (index, key) in keys.into_iter().enumerate() {
        let part = match split.part_of(key.as_ref()) {
            Part::Train => &mut parts.train,
            Part::Validation => &mut parts.validation,
            Part::Test => &mut parts.test,
        };
        part.push(index);
    }
    Ok(parts)
}

/// Splits samples by what they hold ([`Record::content_hash`]): duplicates stay together.
///
/// Every sample is read or made once.
///
/// # Errors
///
/// Those of [`HashSplit::validate`] and of the source.
pub fn split_by_content(
    source: &(impl Source<Sample = Record> + ?Sized),
    split: &HashSplit,
) -> Result<Parts> {
    split.validate()?;
    let hashes = (0..source.len()).map(|index| Ok(source.get(index)?.content_hash()));
    split_by_key(hashes.collect::<Result<Vec<_>>>()?, split)
}

/// Some samples of a source, in a given order.
#[derive(Debug, Clone)]
pub struct Subset<S> {
    source: S,
    indices: Vec<usize>,
}

impl<S: Source> Subset<S> {
    /// The samples of `source` with these indices; one may occur more than once.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] for an index past the end.
    pub fn new(source: S, indices: Vec<usize>) -> Result<Self> {
        let len = source.len();
        match indices.iter().find(|&&index| index >= len) {
            Some(&index) => Err(Error::Index { index, len }),
            None => Ok(Self { source, indices }),
        }
    }

    /// Indices into the source.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl<S: Source> Source for Subset<S> {
    type Sample = S::Sample;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn stages(&self) -> u64 {
        self.source.stages()
    }

    fn get(&self, index: usize) -> Result<Self::Sample> {
        let len = self.indices.len();
        self.source.get(*self.indices.get(index).ok_or(Error::Index { index, len })?)
    }
}
