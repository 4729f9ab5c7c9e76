//! Where samples come from: an index in, a sample out.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;

/// A fixed number of samples, each made or read from its index alone.
///
/// Nothing but the index (and the source's own settings) decides what a sample
/// holds: samples may be asked for in any order, from any number of threads and more
/// than once, with the same answer every time. A generator draws its random numbers
/// from [`sample_rng`].
pub trait Source: Send + Sync {
    /// What a source yields.
    type Sample: Send;

    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many [`Transformed`](crate::Transformed) these samples went through, 0 for a generator
    /// or a reader. A source around another one returns that one's number, so that nested steps
    /// with one seed draw different numbers.
    fn stages(&self) -> u64 {
        0
    }

    /// The sample with this index.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index) when `index >= len()`, and whatever stops
    /// the source from reading or making the sample.
    fn get(&self, index: usize) -> Result<Self::Sample>;
}

impl<S: Source + ?Sized> Source for Box<S> {
    type Sample = S::Sample;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn stages(&self) -> u64 {
        (**self).stages()
    }

    fn get(&self, index: usize) -> Result<Self::Sample> {
        (**self).get(index)
    }
}

/// The random numbers of one sample, which depend on `seed` and `index` only.
///
/// The seed keys the generator and the index chooses one of its 2^64 streams, so the
/// numbers of two samples never overlap.
///
/// # Examples
///
/// ```
/// use rand::Rng;
/// let mut first = mapvec_data::sample_rng(7, 0);
/// let mut again = mapvec_data::sample_rng(7, 0);
/// assert_eq!(first.random::<u64>(), again.random::<u64>());
/// ```
#[must_use]
pub fn sample_rng(seed: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    rng
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::Rng;

    use super::sample_rng;

    #[test]
    fn streams_depend_on_seed_and_index_only() {
        let draw = |seed, index| sample_rng(seed, index).random::<u64>();
        let mut seen = HashSet::new();
        for seed in [0, 1, 2, u64::MAX] {
            for index in [0, 1, 2, u64::MAX] {
                assert_eq!(draw(seed, index), draw(seed, index), "same seed, same numbers");
                assert!(seen.insert(draw(seed, index)), "seed {seed} index {index} repeats");
            }
        }
    }
}
