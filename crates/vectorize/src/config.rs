//! Settings of the pipeline.

use mapvec_geometry::{CentrelineConfig, TileConfig};
use mapvec_postprocess::{MergeConfig, WatershedConfig};
use serde::{Deserialize, Serialize};

use crate::{Error, HatchingConfig, Result};

/// Settings of [`Vectorizer::run`](crate::Vectorizer::run).
///
/// The defaults of shapes and merging are the best ones found on a scanned city
/// sheet (`docs/results.md`); those of lines on patches of a topographic map.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VectorizeConfig {
    /// What is looked for.
    pub find: Find,
    /// How the picture is cut for the network.
    pub predict: PredictConfig,
    /// From border probability to closed shapes.
    pub shapes: ShapeConfig,
    /// From centreline probability to line strings.
    pub lines: LineConfig,
    /// Whether and how hatching is looked for: shapes say whether they are hatched, and lines that
    /// are strokes of hatching are left out.
    pub hatching: Option<HatchingConfig>,
}

/// What is looked for in a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Find {
    /// Closed shapes and lines.
    #[default]
    All,
    /// Closed shapes only.
    Shapes,
    /// Lines only.
    Lines,
}

/// How the picture is cut for the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictConfig {
    /// Side of a tile in pixels, margin included; a multiple of 16, 64 to 4096.
    pub tile: u32,
    /// Margin of a tile in pixels: predicted, then thrown away; below half a tile.
    pub margin: u32,
    /// Average the predictions of four quarter turns: four times the time.
    pub rotations: bool,
    /// Re-estimate the batch-norm statistics on this many tiles of the picture
    /// itself before predicting; 0 keeps the trained statistics.
    pub adapt_tiles: u32,
    /// Seed of the choice of those tiles.
    pub seed: u64,
}

/// From border probability to closed shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShapeConfig {
    /// Over-segmentation of the border probability (0..=255).
    pub watershed: WatershedConfig,
    /// Merging of the over-segments by border strength (logits).
    pub merge: MergeConfig,
    /// Largest deviation of a simplified outline from the pixel outline, in pixels.
    /// Below 1 the staircases of slanted edges stay.
    pub tolerance: f64,
}

/// From centreline probability to line strings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineConfig {
    /// Pixels above this probability belong to a line if they touch a seed.
    pub low: f32,
    /// Pixels above this probability are seeds.
    pub high: f32,
    /// The centreline graph: spurs, shortest line, simplification.
    pub centreline: CentrelineConfig,
}

impl Default for PredictConfig {
    fn default() -> Self {
        Self { tile: 512, margin: 32, rotations: false, adapt_tiles: 0, seed: 0 }
    }
}

impl Default for ShapeConfig {
    fn default() -> Self {
        Self {
            watershed: WatershedConfig::default(),
            merge: MergeConfig { threshold: 2.0, ..MergeConfig::default() },
            tolerance: 1.1,
        }
    }
}

impl Default for LineConfig {
    fn default() -> Self {
        Self {
            low: 0.2,
            high: 0.5,
            centreline: CentrelineConfig { min_length: 30.0, ..CentrelineConfig::default() },
        }
    }
}

impl VectorizeConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        let PredictConfig { tile, margin, .. } = self.predict;
        check(
            tile.is_multiple_of(16) && (64..=4096).contains(&tile),
            "predict.tile",
            tile,
            "a multiple of 16 from 64 to 4096",
        )?;
        check(margin < tile / 2, "predict.margin", margin, "less than half of predict.tile")?;
        let tolerance = self.shapes.tolerance;
        check(
            tolerance.is_finite() && tolerance >= 0.0,
            "shapes.tolerance",
            tolerance,
            "0 or more pixels",
        )?;
        self.shapes.watershed.validate()?;
        self.shapes.merge.validate()?;
        self.lines.centreline.validate()?;
        let LineConfig { low, high, .. } = self.lines;
        check((0.0..=1.0).contains(&low), "lines.low", low, "a probability from 0 to 1")?;
        check(
            (low..=1.0).contains(&high),
            "lines.high",
            high,
            "a probability from lines.low to 1",
        )?;
        self.hatching.as_ref().map_or(Ok(()), HatchingConfig::validate)
    }

    /// The tiles' geometry.
    #[must_use]
    pub fn tiles(&self) -> TileConfig {
        TileConfig { size: self.predict.tile, margin: self.predict.margin }
    }
}

fn check(
    ok: bool,
    field: &'static str,
    value: impl Copy + ToString,
    allowed: &'static str,
) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Config { field, value: value.to_string(), allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_valid_and_survives_json() {
        let config = VectorizeConfig::default();
        assert!(config.validate().is_ok(), "the default must be valid");
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<VectorizeConfig>(&text).unwrap(), config);
    }

    #[test]
    fn bad_fields_are_named() {
        let mut config = VectorizeConfig::default();
        config.predict.tile = 100;
        let message = config.validate().unwrap_err().to_string();
        assert!(message.contains("predict.tile = 100"), "{message}");
        let mut config = VectorizeConfig::default();
        config.lines.high = 0.1;
        assert!(
            config.validate().unwrap_err().to_string().contains("lines.high"),
            "high below low"
        );
        assert!(serde_json::from_str::<VectorizeConfig>(r#"{"tiles": 1}"#).is_err(), "unknown key");
    }
}
