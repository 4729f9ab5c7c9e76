//! What counts as a pattern.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Settings of [`find_patterns`](super::find_patterns()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatternConfig {
    /// Side of the windows that are looked at, px, 8 to 512: about six spacings. Default 32.
    pub window: usize,
    /// Distance between neighbouring windows, px, 1 to half the window. Default 8.
    pub stride: usize,
    /// Least spacing of lines, px, 2 or more. Default 2.5.
    pub min_spacing: f64,
    /// Largest spacing, px, at most half the window. Default 10.
    pub max_spacing: f64,
    /// A window holds a wave if the wave has at least this share of what varies there between
    /// the two spacings, 0 to 1. Default 0.35.
    pub min_share: f64,
    /// Amplitude of a wave at least, in units of the picture, 0 or more. Default 0.04.
    pub min_amplitude: f64,
    /// Waves of a window at most, 1 to 8. Default 2: crossed hatching has two, of which each has
    /// half of the share and of the confidence, so lower `min_share` and `min_confidence` for it.
    pub waves: usize,
    /// The directions of neighbouring windows of one pattern differ by at most this, radians, 0 to
    /// pi / 4. Default 0.3.
    pub max_turn: f64,
    /// Their spacings differ by at most this factor, 1 to 2. Default 1.3.
    pub max_stretch: f64,
    /// Midway between them their phases differ by at most this, radians, 0 to pi. Default 1.
    pub max_slip: f64,
    /// Windows of a pattern at least, 1 or more. Default 4.
    pub min_windows: usize,
    /// A pattern ends where its local amplitude falls below this share of what its windows have,
    /// above 0 to below 1. Default 0.45.
    pub edge: f64,
    /// It ends, too, where it explains less than this share of what varies around, 0 to 1.
    /// Default 0.2.
    pub min_coherence: f64,
    /// Share of what varies along its lines that a pattern explains at least, 0 to 1. Default
    /// 0.45: lettering has less.
    pub min_confidence: f64,
    /// Lines beside each other at least, 1 or more: two roads are no pattern. Default 4.
    pub min_lines: usize,
    /// A pattern ends, too, where fewer lines than this lie side by side without a turn, 0 or
    /// more: strokes may bend into a double road. Default 0, which does not look.
    pub min_breadth: f64,
    /// Length of a line at least, in spacings, 0 or more. Default 1.
    pub min_length: f64,
    /// How far a delivered line may lie from the traced one, px, 0 or more. Default 0.35.
    pub tolerance: f64,
}

impl Default for PatternConfig {
    fn default() -> Self {
        Self {
            window: 32,
            stride: 8,
            min_spacing: 2.5,
            max_spacing: 10.0,
            min_share: 0.35,
            min_amplitude: 0.04,
            waves: 2,
            max_turn: 0.3,
            max_stretch: 1.3,
            max_slip: 1.0,
            min_windows: 4,
            edge: 0.45,
            min_coherence: 0.2,
            min_confidence: 0.45,
            min_lines: 4,
            min_breadth: 0.0,
            min_length: 1.0,
            tolerance: 0.35,
        }
    }
}

impl PatternConfig {
    /// Settings for hachures: strokes that break, bend, vary in distance and have words on them.
    ///
    /// Smaller windows (20 px at distances of 5), a share of 0.2, a confidence of 0.3, and three
    /// lines side by side, which keeps double roads out. Found on four patches of a map of
    /// 1:100 000 (`docs/results.md`). Plans have false patterns by it, in lettering and streets.
    #[must_use]
    pub fn hachures() -> Self {
        Self {
            window: 20,
            stride: 5,
            min_share: 0.2,
            min_confidence: 0.3,
            min_breadth: 3.0,
            ..Self::default()
        }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let within = |field, value: f64, (low, high): (f64, f64), expected| {
            if value >= low && value <= high {
                Ok(())
            } else {
                Err(Error::Setting { field, value, expected })
            }
        };
        let most = f64::MAX;
        within("window", self.window as f64, (8.0, 512.0), "from 8 to 512 px")?;
        let half = self.window as f64 / 2.0;
        within("stride", self.stride as f64, (1.0, half), "from 1 px to half the window")?;
        within("min_spacing", self.min_spacing, (2.0, half), "from 2 px to half the window")?;
        let range = (self.min_spacing, half);
        within("max_spacing", self.max_spacing, range, "from `min_spacing` to half the window")?;
        within("min_share", self.min_share, (0.0, 1.0), "from 0 to 1")?;
        within("min_amplitude", self.min_amplitude, (0.0, most), "0 or more")?;
        within("waves", self.waves as f64, (1.0, 8.0), "from 1 to 8")?;
        let quarter = std::f64::consts::FRAC_PI_4;
        within("max_turn", self.max_turn, (0.0, quarter), "from 0 to pi / 4")?;
        within("max_stretch", self.max_stretch, (1.0, 2.0), "from 1 to 2")?;
        within("max_slip", self.max_slip, (0.0, std::f64::consts::PI), "from 0 to pi")?;
        within("min_windows", self.min_windows as f64, (1.0, most), "1 or more")?;
        within("edge", self.edge, (0.01, 0.99), "from 0.01 to 0.99")?;
        within("min_coherence", self.min_coherence, (0.0, 1.0), "from 0 to 1")?;
        within("min_confidence", self.min_confidence, (0.0, 1.0), "from 0 to 1")?;
        within("min_lines", self.min_lines as f64, (1.0, most), "1 or more")?;
        within("min_breadth", self.min_breadth, (0.0, most), "0 or more")?;
        within("min_length", self.min_length, (0.0, most), "0 or more")?;
        within("tolerance", self.tolerance, (0.0, most), "0 or more")
    }
}
