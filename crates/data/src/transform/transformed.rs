//! A source whose samples went through steps.

use super::{Step, Transform};
use crate::error::Result;
use crate::record::Record;
use crate::source::{Source, sample_rng};

/// Sets the random numbers of steps apart from those of a generator with the same seed.
const STEPS: u64 = 0x7374_6570_735f_6f66;
/// Sets the steps of each stage apart from those of the one before; odd, so that no two are equal.
const STAGE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The samples of a source after some steps.
///
/// A sample depends on the source, the steps, the seed and its index alone. So its noise, its flip
/// and its colours are the same in every epoch, as are those of a stored sample: for other ones in
/// every epoch give the steps to the loader
/// ([`LoaderConfig::steps`](crate::LoaderConfig::steps)).
///
/// One `Transformed` around another draws other numbers, even with the same seed and the same
/// steps: [`Source::stages`] goes into them.
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

    fn stages(&self) -> u64 {
        self.source.stages().wrapping_add(1)
    }

    fn get(&self, index: usize) -> Result<Record> {
        let record = self.source.get(index)?;
        let stage = self.source.stages().wrapping_mul(STAGE);
        let mut rng = sample_rng(self.seed ^ STEPS ^ stage, index as u64);
        self.steps.iter().try_fold(record, |record, step| step.apply(record, &mut rng))
    }
}
