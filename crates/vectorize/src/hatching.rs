//! What counts as hatching.

use std::f64::consts::FRAC_PI_2;

use mapvec_fourier::PatternConfig;
use ndarray::{Array2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How hatching is told from shapes and lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HatchingConfig {
    /// What counts as a pattern of lines; the picture is darkness from 0 to 1. Shapes are looked
    /// at for strokes of its spacings.
    pub patterns: PatternConfig,
    /// Side of the windows through which shapes are looked at, px, 8 to 512. Default 32.
    pub window: usize,
    /// Distance between neighbouring windows, px, 1 to half the window. Default 8.
    pub stride: usize,
    /// A shape is hatched if windows that see strokes have at least this share of it, above 0 to
    /// 1. Default 0.4.
    pub min_share: f64,
    /// A window sees strokes if one wave explains at least this share of what varies in the shape
    /// there, above 0 to 1. Default 0.25: names on hatching vary, too.
    pub min_explained: f64,
    /// Amplitude of that wave at least, darkness, above 0. Default 0.06.
    pub min_amplitude: f64,
    /// Strokes side by side at least, 0 or more, by the spread of the window's weights: a shape
    /// between two outlines is no hatching. Default 2.5.
    pub min_strokes: f64,
    /// A line is left out if at least this share of it runs along strokes, above 0 to 1. Default
    /// 0.6.
    pub stroke_share: f64,
    /// A line runs along a stroke if their directions differ by at most this, radians, 0 to
    /// pi / 2. Default 0.35.
    pub max_turn: f64,
    /// And if the ink on it, per distance of strokes, and that on the strokes beside it differ by
    /// at most this factor, 1 or more. Default 1.5: thick lines have more, roads less.
    pub max_ratio: f64,
    /// Strokes that bend more than this are lines, radians, 0 to pi / 2, as mean of the angles
    /// between the directions on a pattern and their mean. Default 0.1: contour lines bend.
    pub max_bend: f64,
}

impl Default for HatchingConfig {
    fn default() -> Self {
        Self {
            patterns: PatternConfig::default(),
            window: 32,
            stride: 8,
            min_share: 0.4,
            min_explained: 0.25,
            min_amplitude: 0.06,
            min_strokes: 2.5,
            stroke_share: 0.6,
            max_turn: 0.35,
            max_ratio: 1.5,
            max_bend: 0.1,
        }
    }
}

impl HatchingConfig {
    /// Settings for maps with hachures.
    ///
    /// Patterns are found by [`PatternConfig::hachures`]. Between their strokes networks draw
    /// lines in all directions, so a line goes whichever way it runs, and so do strokes that bend.
    /// Contour lines that lie as close as strokes go with them.
    #[must_use]
    pub fn hachures() -> Self {
        Self {
            patterns: PatternConfig::hachures(),
            stroke_share: 0.5,
            max_turn: FRAC_PI_2,
            max_bend: FRAC_PI_2,
            ..Self::default()
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range, [`Error::Patterns`] one of
    /// `patterns`.
    pub fn validate(&self) -> Result<()> {
        self.patterns.validate()?;
        let shares = [
            ("hatching.min_share", self.min_share),
            ("hatching.min_explained", self.min_explained),
            ("hatching.stroke_share", self.stroke_share),
        ];
        for (field, value) in shares {
            if !(value > 0.0 && value <= 1.0) {
                let value = value.to_string();
                return Err(Error::Config { field, value, allowed: "above 0 to 1" });
            }
        }
        if !(self.min_amplitude > 0.0 && self.min_amplitude.is_finite()) {
            let (field, value) = ("hatching.min_amplitude", self.min_amplitude.to_string());
            return Err(Error::Config { field, value, allowed: "above 0" });
        }
        if !(self.min_strokes >= 0.0 && self.min_strokes.is_finite()) {
            let (field, value) = ("hatching.min_strokes", self.min_strokes.to_string());
            return Err(Error::Config { field, value, allowed: "0 or more" });
        }
        let angles = [("hatching.max_turn", self.max_turn), ("hatching.max_bend", self.max_bend)];
        for (field, value) in angles {
            if !(0.0..=FRAC_PI_2).contains(&value) {
                let value = value.to_string();
                return Err(Error::Config { field, value, allowed: "0 to pi / 2 radians" });
            }
        }
        if !(self.max_ratio >= 1.0 && self.max_ratio.is_finite()) {
            let (field, value) = ("hatching.max_ratio", self.max_ratio.to_string());
            return Err(Error::Config { field, value, allowed: "1 or more" });
        }
        let sizes = [
            ("hatching.window", self.window, 8, 512, "8 to 512 px"),
            ("hatching.stride", self.stride, 1, self.window / 2, "1 px to half the window"),
        ];
        for (field, value, low, high, allowed) in sizes {
            if !(low..=high).contains(&value) {
                return Err(Error::Config { field, value: value.to_string(), allowed });
            }
        }
        if 2.0 * self.patterns.max_spacing > self.window as f64 {
            let (field, value) = ("hatching.window", self.window.to_string());
            return Err(Error::Config {
                field,
                value,
                allowed: "twice patterns.max_spacing or more",
            });
        }
        Ok(())
    }
}

/// The hatching of a shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hatching {
    /// Direction of its strokes, undirected, radians in `[0, pi)`.
    pub angle: f64,
    /// Distance between them, px.
    pub spacing: f64,
    /// Share of the shape that is hatched, 0 to 1.
    pub share: f64,
    /// Mean angle between the direction and those that windows see, radians: near 0 for straight
    /// strokes.
    pub bend: f64,
}

/// Darkness from 0 to 1 of an RGB picture `[H, W, 3]`.
pub(crate) fn darkness(image: ArrayView3<'_, u8>) -> Array2<f64> {
    let scale = 255.0 * image.len_of(Axis(2)) as f64;
    image.map_axis(Axis(2), |pixel| {
        1.0 - pixel.iter().map(|&tone| f64::from(tone)).sum::<f64>() / scale
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        type Change = fn(&mut HatchingConfig);
        assert!(HatchingConfig::default().validate().is_ok(), "the default must be valid");
        assert!(HatchingConfig::hachures().validate().is_ok(), "the preset must be valid");
        let cases: [(&str, Change); 12] = [
            ("hatching.min_share = 0", |config| config.min_share = 0.0),
            ("hatching.min_explained = 2", |config| config.min_explained = 2.0),
            ("hatching.min_amplitude = NaN", |config| config.min_amplitude = f64::NAN),
            ("hatching.min_strokes = -1", |config| config.min_strokes = -1.0),
            ("hatching.stroke_share = 0", |config| config.stroke_share = 0.0),
            ("hatching.max_turn = 2", |config| config.max_turn = 2.0),
            ("hatching.max_bend = -1", |config| config.max_bend = -1.0),
            ("hatching.max_ratio = 0.5", |config| config.max_ratio = 0.5),
            ("hatching.window = 1000", |config| config.window = 1000),
            ("hatching.stride = 17", |config| config.stride = 17),
            ("hatching.window = 16", |config| config.window = 16),
            ("window", |config| config.patterns.window = 1),
        ];
        for (name, change) in cases {
            let mut config = HatchingConfig::default();
            change(&mut config);
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
