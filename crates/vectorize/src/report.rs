//! What a run found and how long it took.

use std::collections::BTreeMap;

use mapvec_geometry::line_length;
use serde::{Deserialize, Serialize};

use crate::{VectorizeConfig, Vectorized};

/// Summary of one run, written as `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the input.
    pub input: String,
    /// Width of the picture in pixels.
    pub width: usize,
    /// Height of the picture in pixels.
    pub height: usize,
    /// Number of features by class.
    pub features: BTreeMap<String, usize>,
    /// Total length of the line features in pixels.
    pub line_length: f64,
    /// Seconds by stage, in the order of the stages' names.
    pub seconds: BTreeMap<String, f64>,
    /// Seed of everything that is drawn at random.
    pub seed: u64,
    /// BLAKE3 of the weights by purpose, hexadecimal.
    pub weights: BTreeMap<String, String>,
    /// The settings.
    pub config: VectorizeConfig,
}

impl Report {
    /// Summary of `found`.
    #[must_use]
    pub fn new(
        input: &str,
        found: &Vectorized,
        config: &VectorizeConfig,
        weights: BTreeMap<String, String>,
    ) -> Self {
        let mut features = BTreeMap::from([("line".to_owned(), found.lines.len())]);
        for shape in &found.shapes.shapes {
            *features.entry(shape.class.name().to_owned()).or_insert(0) += 1;
        }
        let (height, width) = found.shapes.regions.dim();
        Self {
            input: input.to_owned(),
            width,
            height,
            features,
            line_length: found.lines.iter().map(|l| line_length(&l.line)).sum(),
            seconds: found.seconds.clone(),
            seed: config.predict.seed,
            weights,
            config: config.clone(),
        }
    }
}
