//! Crops of generated sheets as training samples.

use std::sync::{Arc, Mutex, PoisonError};

use mapvec_data::{MapSample, Source, sample_rng};
use mapvec_geometry::Window;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::cast::{to_byte, to_id};
use crate::config::{SheetConfig, SheetStyle};
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::limits::in_range;
use crate::sheet::generate_sheet;

/// Most sheets that neighbouring indices go through.
const MOST_INTERLEAVED: usize = 4096;

/// Settings of a [`SheetSource`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// Seed of all sheets, crops and changes of colour.
    pub seed: u64,
    /// Number of different sheets, at least 1.
    pub sheets: usize,
    /// Crops taken from each sheet, at least 1.
    pub crops_per_sheet: usize,
    /// Side of a crop, px, 16 up to the side of a sheet.
    pub crop: u32,
    /// Neighbouring indices go through so many sheets in turn, 1 to 4096. As many
    /// sheets (and half as many again) are kept in memory: about 6 MB each at 640 px.
    pub interleave: usize,
    /// Weight of town plans among the sheets, at least 0.
    pub town: f64,
    /// Weight of topographic sheets, at least 0.
    pub topographic: f64,
    /// Weight of rural sheets, at least 0.
    pub rural: f64,
    /// Settings of the sheets; their style is overruled by the weights.
    pub sheet: SheetConfig,
    /// Changes made to crops.
    pub augmentation: Augmentation,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            sheets: 300,
            crops_per_sheet: 64,
            crop: 192,
            interleave: 16,
            town: 0.55,
            topographic: 0.35,
            rural: 0.1,
            sheet: SheetConfig::default(),
            augmentation: Augmentation::default(),
        }
    }
}

/// Random changes of a crop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Turn by a random multiple of 90 degrees and mirror half of the crops.
    pub turns: bool,
    /// Every channel is multiplied by a factor in `1 - gain ..= 1 + gain` (0 to 0.9).
    pub gain: f64,
    /// An offset in `-offset ..= offset` is added to every channel (0 to 128).
    pub offset: f64,
    /// Largest deviation of normal noise added to every channel (0 to 64).
    pub noise: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { turns: true, gain: 0.12, offset: 12.0, noise: 4.0 }
    }
}

impl SourceConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.sheet.validate()?;
        for (field, value) in [
            ("sheets", self.sheets),
            ("crops_per_sheet", self.crops_per_sheet),
            ("interleave", self.interleave),
        ] {
            if value == 0 {
                return Err(Error::Config { field, value: "0".to_owned(), expected: "at least 1" });
            }
        }
        if self.sheets.checked_mul(self.crops_per_sheet).is_none() {
            return Err(Error::Config {
                field: "crops_per_sheet",
                value: self.crops_per_sheet.to_string(),
                expected: "small enough to count all crops",
            });
        }
        if self.interleave > MOST_INTERLEAVED {
            return Err(Error::Config {
                field: "interleave",
                value: self.interleave.to_string(),
                expected: "at most 4096 sheets",
            });
        }
        if self.crop < 16 || self.crop > self.sheet.size {
            return Err(Error::Config {
                field: "crop",
                value: self.crop.to_string(),
                expected: "between 16 px and the side of a sheet",
            });
        }
        let weights =
            [("town", self.town), ("topographic", self.topographic), ("rural", self.rural)];
        for (field, value) in weights {
            in_range(field, value, (0.0, 1e6), "between 0 and 1e6")?;
        }
        in_range(
            "town + topographic + rural",
            self.weights().iter().sum(),
            (1e-9, 3e6),
            "above 0",
        )?;
        in_range("gain", self.augmentation.gain, (0.0, 0.9), "between 0 and 0.9")?;
        in_range("offset", self.augmentation.offset, (0.0, 128.0), "between 0 and 128")?;
        in_range("noise", self.augmentation.noise, (0.0, 64.0), "between 0 and 64")
    }

    fn weights(&self) -> [f64; 3] {
        [self.town, self.topographic, self.rural]
    }
}

/// Crops of generated sheets, made when they are asked for.
///
/// Ask for samples in order of their index: neighbouring indices come from a few
/// sheets, which stay in memory; in random order every sample would cost a sheet.
/// Any order gives the same samples.
#[derive(Debug)]
pub struct SheetSource {
    config: SourceConfig,
    /// Sheets used last, the latest at the end.
    recent: Mutex<Vec<(usize, Arc<MapSample>)>>,
}

impl SheetSource {
    /// A source with the given settings. Nothing is drawn yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when a setting is out of range.
    pub fn new(config: SourceConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config, recent: Mutex::new(Vec::new()) })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &SourceConfig {
        &self.config
    }

    /// The sheet that a sample is cut from: samples go round a group of sheets.
    fn sheet_of(&self, index: usize) -> usize {
        let group_size = self.config.interleave.saturating_mul(self.config.crops_per_sheet);
        let first = (index / group_size) * self.config.interleave;
        let members = self.config.interleave.min(self.config.sheets - first);
        first + (index % group_size) % members
    }

    /// A sheet from memory, or drawn now. Nobody waits for another thread's sheet: a
    /// thread that draws may be given other work meanwhile and must not wait for itself.
    fn sheet(&self, sheet: usize) -> Result<Arc<MapSample>> {
        if let Some(found) = self.recall(sheet) {
            return Ok(found);
        }
        let mut rng = sample_rng(self.config.seed ^ 0x5348_4545_5453_0001, sheet as u64);
        let styles = [SheetStyle::Town, SheetStyle::Topographic, SheetStyle::Rural];
        let style = styles[Draw::from_rng(&mut rng).weighted(&self.config.weights())];
        let config = SheetConfig { style, ..self.config.sheet.clone() };
        let drawn = Arc::new(generate_sheet(&config, &mut rng)?.sample);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if !recent.iter().any(|(known, _)| *known == sheet) {
            let capacity = self.config.interleave + self.config.interleave.div_ceil(2);
            if recent.len() >= capacity {
                recent.remove(0);
            }
            recent.push((sheet, Arc::clone(&drawn)));
        }
        Ok(drawn)
    }

    fn recall(&self, sheet: usize) -> Option<Arc<MapSample>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent.iter().position(|(known, _)| *known == sheet)?;
        let entry = recent.remove(at);
        let found = Arc::clone(&entry.1);
        recent.push(entry);
        Some(found)
    }

    fn sample(&self, index: usize) -> Result<MapSample> {
        let sheet = self.sheet(self.sheet_of(index))?;
        let mut rng = sample_rng(self.config.seed, index as u64);
        let (height, width) = sheet.size();
        let room = |length: usize| to_id(length) - self.config.crop;
        let window = Window {
            x: rng.random_range(0..=room(width)),
            y: rng.random_range(0..=room(height)),
            width: self.config.crop,
            height: self.config.crop,
        };
        let mut sample = sheet.crop(window)?;
        let change = &self.config.augmentation;
        if change.turns {
            sample = sample.rotated(rng.random_range(0..4));
            if rng.random::<bool>() {
                sample = sample.flipped();
            }
        }
        recolour(&mut Draw::from_rng(&mut rng), change, &mut sample);
        Ok(sample)
    }
}

/// Gain, offset and noise per channel.
fn recolour(draw: &mut Draw, change: &Augmentation, sample: &mut MapSample) {
    let channels: [(f32, f32); 3] = std::array::from_fn(|_| {
        let gain = 1.0 + change.gain * draw.range(-1.0, 1.0);
        (gain as f32, (change.offset * draw.range(-1.0, 1.0)) as f32)
    });
    let deviation = (change.noise * draw.range(0.0, 1.0)) as f32;
    let mut noise = vec![0.0_f32; sample.image.len()];
    draw.fill_normal(&mut noise);
    let values = sample.image.iter_mut().zip(noise).enumerate();
    for (index, (value, noise)) in values {
        let (gain, offset) = channels[index % 3];
        *value = to_byte(f32::from(*value) * gain + offset + deviation * noise);
    }
}

impl Source for SheetSource {
    type Sample = MapSample;

    fn len(&self) -> usize {
        self.config.sheets * self.config.crops_per_sheet
    }

    fn get(&self, index: usize) -> mapvec_data::Result<MapSample> {
        if index >= self.len() {
            return Err(mapvec_data::Error::Index { index, len: self.len() });
        }
        self.sample(index).map_err(|error| match error {
            Error::Sample(error) => error,
            other => mapvec_data::Error::Sample { index, reason: other.to_string() },
        })
    }
}
