//! A source whose samples went through steps.

use super::{Step, Transform};
use crate::error::Result;
use crate::record::Record;
use crate::source::{Source, sample_rng};

/// Sets the random numbers of steps apart from those of a generator with the same seed.
const STEPS: u64 = 0x7374_6570_735f_6f66;

/// The samples of a source after some steps.
///
/// A sample depends on the source, the steps, the seed and its index alone.
#[derive(Debug, Clone)]
pub struct Transformed<S> {
    source: S,
    steps: Vec<Step>,
    seed: u64,
}

impl<S: Source<Sample = Record>> Transformed<S> {
    /// These steps, one after another, on the samples of a source.
    ///
    /// # Errors
    ///
    /// What [`Step::validate`] finds.
    pub fn new(source: S, steps: Vec<Step>, seed: u64) -> Result<Self> {
        steps.iter().try_for_each(Step::validate)?;
        Ok(Self { source, steps, seed })
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl<S: Source<Sample = Record>> Source for Transformed<S> {
    type Sample = Record;

    fn len(&self) -> usize {
        self.source.len()
    }

    fn get(&self, index: usize) -> Result<Record> {
        let record = self.source.get(index)?;
        let mut rng = sample_rng(self.seed ^ STEPS, index as u64);
        self.steps.iter().try_fold(record, |record, step| step.apply(record, &mut rng))
    }
}
