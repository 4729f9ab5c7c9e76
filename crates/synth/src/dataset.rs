//! A generated data set as a configuration: a generator, and what is done to its records.

use mapvec_data::{MapSample, Record, Source, Step, Transformed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::keys::read_known;
use crate::matching::{MatchingConfig, MatchingGenerator};
use crate::mini_shapes::{MiniShapesConfig, MiniShapesGenerator};
use crate::pattern::{PatternConfig, PatternRecords};
use crate::selection::check_index;
use crate::shifts::{ShiftsConfig, ShiftsGenerator};
use crate::single_line::{SingleLineConfig, SingleLineGenerator};
use crate::source::{SheetSource, SourceConfig};
use crate::waves::{
    StraightWaveConfig, StraightWaveGenerator, WaveConfig, WaveGenerator, WaveProposalConfig,
    WaveProposalGenerator,
};

/// A generator with its settings; in JSON an object whose only key is the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GeneratorConfig {
    /// Scenes of line and symbol patterns.
    Patterns(PatternConfig),
    /// Crops of map sheets. The seed is that of the data set, and the number of sheets follows
    /// from the number of samples; the settings for both are not looked at.
    Sheets(SourceConfig),
    /// Plane waves and their crests.
    Waves(WaveConfig),
    /// Proposals of waves in noisy scenes of them, with their qualities.
    WaveProposals(WaveProposalConfig),
    /// Patterns of waves one by one, made level.
    StraightWaves(StraightWaveConfig),
    /// A line among distractors.
    SingleLine(SingleLineConfig),
    /// Small shapes on noise.
    MiniShapes(MiniShapesConfig),
    /// Patterns that share the shape of a legend.
    Matching(MatchingConfig),
    /// A line repeated by phase shifts.
    Shifts(ShiftsConfig),
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self::Patterns(PatternConfig::default())
    }
}

/// A generated data set: what is drawn, and what is done to it.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{DatasetConfig, Purpose};
///
/// let config = DatasetConfig::from_json(
///     r#"{
///         "generator": { "patterns": { "size": 64 } },
///         "augmentation": [{ "op": "blur" }],
///         "steps": [{ "op": "select", "keep": ["img", "vecs"] }]
///     }"#,
/// )?;
/// let source = config.source(1, 1000, Purpose::Training)?;
/// assert_eq!(source.get(0)?.get("img")?.shape(), &[64, 64, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatasetConfig {
    /// What draws the samples.
    pub generator: GeneratorConfig,
    /// What is done to samples that a model is trained on, in this order and before the steps.
    pub augmentation: Vec<Step>,
    /// What is done to every sample, in this order.
    pub steps: Vec<Step>,
}

/// What samples are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To train a model: with augmentation.
    #[default]
    Training,
    /// To measure one: without.
    Evaluation,
}

impl DatasetConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`DatasetConfig::source`].
    pub fn from_json(text: &str) -> Result<Self> {
        let mut generators = serde_json::Map::new();
        for generator in [
            GeneratorConfig::Patterns(PatternConfig::default()),
            GeneratorConfig::Sheets(SourceConfig::default()),
            GeneratorConfig::Waves(WaveConfig::default()),
            GeneratorConfig::WaveProposals(WaveProposalConfig::default()),
            GeneratorConfig::StraightWaves(StraightWaveConfig::default()),
            GeneratorConfig::SingleLine(SingleLineConfig::default()),
            GeneratorConfig::MiniShapes(MiniShapesConfig::default()),
            GeneratorConfig::Matching(MatchingConfig::default()),
            GeneratorConfig::Shifts(ShiftsConfig::default()),
        ] {
            if let serde_json::Value::Object(object) = serde_json::to_value(generator)? {
                generators.extend(object);
            }
        }
        let known = json!({ "generator": generators, "augmentation": [], "steps": [] });
        let config: Self = read_known(text, &known)?;
        config.source(0, 1, Purpose::Training)?;
        Ok(config)
    }

    /// Its first `len` samples.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) and its kin name a setting of the generator that
    /// is out of range, [`Error::Sample`](crate::Error::Sample) one of a step.
    pub fn source(
        &self,
        seed: u64,
        len: usize,
        purpose: Purpose,
    ) -> Result<Box<dyn Source<Sample = Record>>> {
        let source: Box<dyn Source<Sample = Record>> = match &self.generator {
            GeneratorConfig::Patterns(config) => Box::new(PatternRecords::new(config, seed, len)?),
            GeneratorConfig::Sheets(config) => Box::new(SheetRecords::new(config, seed, len)?),
            GeneratorConfig::Waves(config) => Box::new(WaveGenerator::new(config, seed, len)?),
            GeneratorConfig::WaveProposals(config) => {
                Box::new(WaveProposalGenerator::new(config, seed, len)?)
            }
            GeneratorConfig::StraightWaves(config) => {
                Box::new(StraightWaveGenerator::new(config, seed, len)?)
            }
            GeneratorConfig::SingleLine(config) => {
                Box::new(SingleLineGenerator::new(config, seed, len)?)
            }
            GeneratorConfig::MiniShapes(config) => {
                Box::new(MiniShapesGenerator::new(config, seed, len)?)
            }
            GeneratorConfig::Matching(config) => {
                Box::new(MatchingGenerator::new(config, seed, len)?)
            }
            GeneratorConfig::Shifts(config) => Box::new(ShiftsGenerator::new(config, seed, len)?),
        };
        let augmentation = match purpose {
            Purpose::Training => self.augmentation.as_slice(),
            Purpose::Evaluation => &[],
        };
        let steps = augmentation.iter().chain(&self.steps).cloned().collect();
        Ok(Box::new(Transformed::new(source, steps, seed)?))
    }
}

/// Crops of sheets as records.
#[derive(Debug)]
struct SheetRecords {
    sheets: SheetSource,
    len: usize,
}

impl SheetRecords {
    fn new(config: &SourceConfig, seed: u64, len: usize) -> Result<Self> {
        // Samples go round whole groups of sheets, so that they do not depend on their number;
        // sheets that no sample comes from are never drawn. Zeros are refused by the source.
        let group = config.crops_per_sheet.max(1).saturating_mul(config.interleave.max(1));
        let sheets = len.div_ceil(group).max(1).saturating_mul(config.interleave);
        let sheets = SheetSource::new(SourceConfig { seed, sheets, ..config.clone() })?;
        Ok(Self { sheets, len })
    }
}

impl Source for SheetRecords {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        self.sheets.get(index).and_then(MapSample::into_record)
    }
}
