//! Records of scenes of matching patterns.

use mapvec_data::{Record, Source, sample_rng};

use super::config::MatchingConfig;
use super::output::MatchingOutput;
use super::scene::Scene;
use crate::error::Result;
use crate::selection::{check_index, record};

/// Scenes that are drawn for one with a dominant pattern that is visible.
const ATTEMPTS: usize = 10;

/// Scenes of matching patterns by index: a record depends on the configuration, the seed and the
/// index alone, and holds the outputs that the configuration names.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{MatchingConfig, MatchingGenerator};
///
/// let record = MatchingGenerator::new(&MatchingConfig::default(), 1, 1000)?.get(17)?;
/// assert_eq!(record.get("dominant_mask")?.shape(), &[64, 64, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MatchingGenerator {
    config: MatchingConfig,
    seed: u64,
    len: usize,
}

impl MatchingGenerator {
    /// A generator of `len` scenes.
    ///
    /// # Errors
    ///
    /// Those of [`MatchingConfig::validate`].
    pub fn new(config: &MatchingConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len })
    }
}

impl Source for MatchingGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        let mut rng = sample_rng(self.seed, index as u64);
        let mut scene = Scene::draw(&self.config, &mut rng);
        for _ in 1..ATTEMPTS {
            if scene.has_dominant() {
                break;
            }
            scene = Scene::draw(&self.config, &mut rng);
        }
        record(&self.config.outputs, MatchingOutput::name, |output| scene.output(output))
    }
}
