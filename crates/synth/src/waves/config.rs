//! What scenes of waves look like.

use serde::{Deserialize, Serialize};

use super::output::WaveOutput;
use crate::error::Result;
use crate::keys::read_config;
use crate::limits::{counts, in_range, ranges};
use crate::selection::{check_outputs, check_side};

/// What [`WaveGenerator`](super::WaveGenerator) draws. Ranges exclude their upper end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaveConfig {
    /// Side of the canvas, px, 16 to 1024.
    pub size: usize,
    /// What records hold.
    pub outputs: Vec<WaveOutput>,
    /// Patterns of a scene, 1 to 64.
    pub patterns_num_range: [usize; 2],
    /// Mean of the magnitude of both parts of a frequency, cycles per side of the canvas, 0 to
    /// 512. Each part gets a random sign.
    pub frequency_mean: f64,
    /// Standard deviation of both parts, cycles per side of the canvas, 0 to 512. What exceeds
    /// half the side in px is cut off.
    pub frequency_deviation: f64,
    /// Both parts of a frequency `(u, v)` with `|u| + |v|` below this grow by two thirds of it,
    /// cycles per side; 1 up to `size / (2 min_spacing)`.
    pub min_frequency: f64,
    /// Least distance between lines, px, 1.5 to 16; higher frequencies are lowered to it.
    pub min_spacing: f64,
    /// So many times more frequencies are drawn than there are patterns; of these, one after the
    /// other is used whose direction differs most from those used before. 1 to 100; with 1, no
    /// direction is preferred.
    pub oversampling: usize,
    /// Lines of a pattern at least, where so many cross the canvas, 1 to 1000.
    pub min_lines: usize,
    /// Lines of a pattern at most, `min_lines` to 1000.
    pub max_lines: usize,
    /// Each end of a line keeps a share of its way from the diagonal to the border of the
    /// canvas; the least share, 0 to 1.
    pub min_width: f64,
    /// Length that is visible of a line at least, px, 1 to 256.
    pub min_length: f64,
    /// A line is drawn if more than this share of its pixels is visible, 0 to 0.95.
    pub min_visible: f64,
    /// Whether all colours are grey.
    pub grayscale: bool,
    /// Least difference in some channel between the colours of a pattern and the background, 0
    /// to 0.5.
    pub min_contrast: f64,
}

impl Default for WaveConfig {
    fn default() -> Self {
        Self {
            size: 32,
            outputs: WaveOutput::ALL.to_vec(),
            patterns_num_range: [1, 4],
            frequency_mean: 4.0,
            frequency_deviation: 4.0,
            min_frequency: 3.0,
            min_spacing: 2.0,
            oversampling: 5,
            min_lines: 2,
            max_lines: 32,
            min_width: 0.2,
            min_length: 3.0,
            min_visible: 0.25,
            grayscale: false,
            min_contrast: 0.0,
        }
    }
}

impl WaveConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`WaveConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config), [`Error::Range`](crate::Error::Range) or
    /// [`Error::Count`](crate::Error::Count) names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_side("size", self.size)?;
        check_outputs(&self.outputs)?;
        ranges([("patterns_num_range", &self.patterns_num_range, (1, 64))])?;
        counts([
            ("oversampling", self.oversampling, (1, 100)),
            ("min_lines", self.min_lines, (1, 1000)),
            ("max_lines", self.max_lines, (self.min_lines, 1000)),
        ])?;
        let (unit, share) = ((0.0, 1.0), "from 0 to 1");
        let cycles = "from 0 to 512 cycles per side";
        in_range("frequency_mean", self.frequency_mean, (0.0, 512.0), cycles)?;
        in_range("frequency_deviation", self.frequency_deviation, (0.0, 512.0), cycles)?;
        in_range("min_spacing", self.min_spacing, (1.5, 16.0), "from 1.5 to 16 px")?;
        let most = (self.size as f64 / self.min_spacing / 2.0).max(1.0);
        let expected = "from 1 to size / (2 min_spacing) cycles per side";
        in_range("min_frequency", self.min_frequency, (1.0, most), expected)?;
        in_range("min_width", self.min_width, unit, share)?;
        in_range("min_length", self.min_length, (1.0, 256.0), "from 1 to 256 px")?;
        in_range("min_visible", self.min_visible, (0.0, 0.95), "from 0 to 0.95")?;
        in_range("min_contrast", self.min_contrast, (0.0, 0.5), "from 0 to 0.5")
    }
}
