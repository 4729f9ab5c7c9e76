//! What samples of level patterns look like.

use serde::{Deserialize, Serialize};

use super::config::WaveConfig;
use crate::error::Result;
use crate::keys::read_config;
use crate::limits::in_range;
use crate::selection::{check_outputs, outputs};

outputs! {
    /// A label of a level pattern, or its picture. `S` is the side of the scene.
    StraightOutput {
        /// The level picture with its noise, red, green and blue, 0 to 1 without noise: `f32`,
        /// `[S, S, 3]`.
        Img = "img",
        /// The wave at the places from which the pixels came, 1 on crests, -1 between them:
        /// `f32`, `[S, S, 1]`.
        Frequency = "frequency",
        /// How much a pixel is of the pattern's lines, smoothed, 0 to 1: `f32`, `[S, S, 1]`.
        Mask = "mask",
        /// 1 on the visible pixels of the pattern in the scene as it was drawn: `u8`, `[S, S, 1]`.
        Truth = "truth",
        /// How the scene was made level: 1 if it was turned by a quarter, else 0, and the slope
        /// that was taken out then, the two fields of [`mapvec_fourier::Pose`]: `f32`, `[2]`.
        Pose = "pose",
    }
}

/// What [`StraightWaveGenerator`](super::StraightWaveGenerator) makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StraightWaveConfig {
    /// The scenes from which the patterns are; their `outputs` are not looked at.
    pub scenes: WaveConfig,
    /// What records hold.
    pub outputs: Vec<StraightOutput>,
    /// Power of the scene around its mean over that of white noise, decibels: drawn evenly from
    /// the first to the second number, both from -40 to 80. None: no noise.
    pub snr_range: Option<[f64; 2]>,
    /// Whether lines are made level; otherwise the scene stays as it was drawn.
    pub straighten: bool,
    /// The slope of the wave that pictures are made level by, and that `frequency` shows, is wrong
    /// by up to this either way, 0 to 0.5.
    pub slope_jitter: f64,
    /// Its frequency is wrong by up to this either way, 0 to 0.5 cycles per side.
    pub frequency_jitter: f64,
    /// Its phase in the middle is wrong by up to this either way, 0 to 3.2 radians.
    pub phase_jitter: f64,
    /// Deviation of the Gaussian that smooths masks, px, 0 (none) to 4. A line of one pixel keeps
    /// less than a half of itself from about 0.75 on.
    pub mask_sigma: f64,
}

impl Default for StraightWaveConfig {
    fn default() -> Self {
        Self {
            scenes: WaveConfig::default(),
            outputs: StraightOutput::ALL.to_vec(),
            snr_range: Some([-9.0, 15.0]),
            straighten: true,
            slope_jitter: 0.03,
            frequency_jitter: 0.0,
            phase_jitter: 0.0,
            mask_sigma: 0.5,
        }
    }
}

impl StraightWaveConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`StraightWaveConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the first field that is out of range; those
    /// of [`WaveConfig::validate`].
    pub fn validate(&self) -> Result<()> {
        self.scenes.validate()?;
        check_outputs(&self.outputs)?;
        if let Some([low, high]) = self.snr_range {
            let expected = "from -40 to 80 dB, the first number not above the second";
            in_range("snr_range", low, (-40.0, 80.0), expected)?;
            in_range("snr_range", high, (low, 80.0), expected)?;
        }
        in_range("slope_jitter", self.slope_jitter, (0.0, 0.5), "from 0 to 0.5")?;
        let cycles = "from 0 to 0.5 cycles per side";
        in_range("frequency_jitter", self.frequency_jitter, (0.0, 0.5), cycles)?;
        in_range("phase_jitter", self.phase_jitter, (0.0, 3.2), "from 0 to 3.2 radians")?;
        in_range("mask_sigma", self.mask_sigma, (0.0, 4.0), "from 0 to 4 px")
    }

    /// The shape of an output.
    #[must_use]
    pub fn shape(&self, output: StraightOutput) -> Vec<usize> {
        let side = self.scenes.size;
        match output {
            StraightOutput::Img => vec![side, side, 3],
            StraightOutput::Pose => vec![2],
            _ => vec![side, side, 1],
        }
    }
}
