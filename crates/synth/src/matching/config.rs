//! What scenes of matching patterns look like.

use serde::{Deserialize, Serialize};

use super::output::MatchingOutput;
use crate::error::{Error, Result};
use crate::keys::read_config;
use crate::limits::{in_range, ranges};
use crate::selection::{check_outputs, check_side};

/// Where patterns that share a shape are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DominantPlacement {
    /// All at one place; those with gaps lie over the others, which show through.
    #[default]
    Together,
    /// Each at a place of its own.
    Apart,
}

/// What [`MatchingGenerator`](super::MatchingGenerator) draws. Ranges of whole numbers exclude
/// their upper end, those of real numbers include it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchingConfig {
    /// Height of the canvas, px, 16 to 1024.
    pub height: usize,
    /// Width of the canvas, px, 16 to 1024.
    pub width: usize,
    /// What records hold.
    pub outputs: Vec<MatchingOutput>,
    /// Patterns that share a shape, 1 to 32.
    pub dominants_num_range: [usize; 2],
    /// Other patterns, 0 to 64.
    pub noise_num_range: [usize; 2],
    /// Where patterns that share a shape are.
    pub dominant_placement: DominantPlacement,
    /// Probability that a shape is a quadrilateral and not a segment.
    pub filled_prob: f64,
    /// Probability that a straight line splits the background into two colours.
    pub split_prob: f64,
    /// Probability that rows and columns of everything change places.
    pub transpose_prob: f64,
    /// Distances of corners from the middle of a quadrilateral as shares of the smaller side of
    /// the canvas, 0.05 to 1.
    pub radius_range: [f64; 2],
    /// Lengths of segments as shares of the smaller side of the canvas, 0.05 to 1.
    pub length_range: [f64; 2],
    /// Widths of segments, px, 1 to 64.
    pub line_width_range: [usize; 2],
    /// Widths of the widest stripe, px, 2 to 64.
    pub stripe_width_range: [usize; 2],
    /// Probability that stripes have three colours and not two.
    pub three_colors_prob: f64,
    /// Probability that all stripes are equally wide; otherwise the others are narrower.
    pub same_width_prob: f64,
    /// Widths of lines on areas, px, 1 to 64.
    pub hatch_width_range: [usize; 2],
    /// Gaps between lines on areas as multiples of their width, 0.5 to 16.
    pub hatch_gap_range: [f64; 2],
    /// A pattern is drawn if more than this share of it is visible, 0 to 0.95.
    pub min_visible: f64,
    /// Whether all colours are grey.
    pub grayscale: bool,
    /// Least difference in some channel between colours of patterns and the first colour of the
    /// background, 0 to 0.5.
    pub min_contrast: f64,
}

impl Default for MatchingConfig {
    fn default() -> Self {
        Self {
            height: 64,
            width: 64,
            outputs: MatchingOutput::ALL.to_vec(),
            dominants_num_range: [1, 4],
            noise_num_range: [1, 5],
            dominant_placement: DominantPlacement::Together,
            filled_prob: 0.5,
            split_prob: 0.5,
            transpose_prob: 0.0,
            radius_range: [0.15, 0.5],
            length_range: [0.3, 0.9],
            line_width_range: [2, 9],
            stripe_width_range: [3, 9],
            three_colors_prob: 0.3,
            same_width_prob: 0.5,
            hatch_width_range: [1, 4],
            hatch_gap_range: [1.0, 3.0],
            min_visible: 0.1,
            grayscale: false,
            min_contrast: 0.0,
        }
    }
}

impl MatchingConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`] names a key that does not exist and the nearest one that does;
    /// [`Error::Json`] for text that is no such object; those of [`MatchingConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] or [`Error::Range`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_side("height", self.height)?;
        check_side("width", self.width)?;
        check_outputs(&self.outputs)?;
        ranges([
            ("dominants_num_range", &self.dominants_num_range, (1, 32)),
            ("noise_num_range", &self.noise_num_range, (0, 64)),
            ("line_width_range", &self.line_width_range, (1, 64)),
            ("stripe_width_range", &self.stripe_width_range, (2, 64)),
            ("hatch_width_range", &self.hatch_width_range, (1, 64)),
        ])?;
        for (field, value) in [
            ("filled_prob", self.filled_prob),
            ("split_prob", self.split_prob),
            ("transpose_prob", self.transpose_prob),
            ("three_colors_prob", self.three_colors_prob),
            ("same_width_prob", self.same_width_prob),
        ] {
            in_range(field, value, (0.0, 1.0), "from 0 to 1")?;
        }
        in_range("min_visible", self.min_visible, (0.0, 0.95), "from 0 to 0.95")?;
        let share = ((0.05, 1.0), "[from, to] with 0.05 <= from <= to <= 1");
        real_range("radius_range", self.radius_range, share)?;
        real_range("length_range", self.length_range, share)?;
        let gap = ((0.5, 16.0), "[from, to] with 0.5 <= from <= to <= 16");
        real_range("hatch_gap_range", self.hatch_gap_range, gap)?;
        in_range("min_contrast", self.min_contrast, (0.0, 0.5), "from 0 to 0.5")
    }
}

fn real_range(
    field: &'static str,
    [from, to]: [f64; 2],
    ((low, high), expected): ((f64, f64), &'static str),
) -> Result<()> {
    if low <= from && from <= to && to <= high {
        return Ok(());
    }
    Err(Error::Config { field, value: format!("[{from}, {to}]"), expected })
}
