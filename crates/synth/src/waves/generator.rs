//! Records of scenes of waves.

use mapvec_data::{Record, Source, sample_rng};

use super::config::WaveConfig;
use super::output::WaveOutput;
use super::scene::Scene;
use crate::error::Result;
use crate::selection::{check_index, record};

/// Scenes of bundles of parallel lines by index: a record depends on the configuration, the seed
/// and the index alone, and holds the outputs that the configuration names.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{WaveConfig, WaveGenerator, WaveOutput};
///
/// let outputs = vec![WaveOutput::Img, WaveOutput::Frequencies];
/// let config = WaveConfig { outputs, ..WaveConfig::default() };
/// let record = WaveGenerator::new(&config, 1, 1000)?.get(17)?;
/// assert_eq!(record.get("img")?.shape(), &[32, 32, 3]);
/// assert_eq!(record.get("frequencies")?.shape()[1], 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct WaveGenerator {
    config: WaveConfig,
    seed: u64,
    len: usize,
}

impl WaveGenerator {
    /// A generator of `len` scenes.
    ///
    /// # Errors
    ///
    /// Those of [`WaveConfig::validate`].
    pub fn new(config: &WaveConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len })
    }
}

impl Source for WaveGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        let mut rng = sample_rng(self.seed, index as u64);
        let scene = Scene::with_lines(&self.config, &mut rng);
        record(&self.config.outputs, WaveOutput::name, |output| scene.output(output))
    }
}
