//! A small network that tells real borders from false ones.

use serde::{Deserialize, Serialize};

use crate::merge::border_features::border_feature_count;
use crate::merge::evidence::MAX_BORDER_CHANNELS;
use crate::{Error, Result};

/// A network with one hidden layer: `score = v · relu(W z + b) + c`, where z is the numbers of
/// a border, less `center` and divided by `scale`. The score is the logit of a real border.
///
/// Made from labelled borders ([`border_samples`](crate::border_samples)) by any program that
/// fits such a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BorderModel {
    /// Number of maps beside the edge map.
    pub channels: usize,
    /// Mean of each number in the training.
    pub center: Vec<f32>,
    /// Standard deviation of each number in the training, above 0.
    pub scale: Vec<f32>,
    /// W, one row for each hidden unit.
    pub weights: Vec<Vec<f32>>,
    /// b, one for each hidden unit.
    pub bias: Vec<f32>,
    /// v, one for each hidden unit.
    pub output: Vec<f32>,
    /// c.
    pub output_bias: f32,
}

impl BorderModel {
    /// Checks sizes and ranges.
    ///
    /// # Errors
    /// [`Error::InvalidModel`] names the first field of the wrong length or with a number that
    /// is not finite, or a scale that is not above 0.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, problem: String| Err(Error::InvalidModel { field, problem });
        if self.channels > MAX_BORDER_CHANNELS {
            let problem =
                format!("{}, but at most {MAX_BORDER_CHANNELS} are allowed", self.channels);
            return refuse("channels", problem);
        }
        let (inputs, units) = (border_feature_count(self.channels), self.weights.len());
        let lengths = [
            ("center", self.center.len(), inputs),
            ("scale", self.scale.len(), inputs),
            ("bias", self.bias.len(), units),
            ("output", self.output.len(), units),
        ];
        let rows = self.weights.iter().map(|row| ("weights", row.len(), inputs));
        for (field, found, expected) in lengths.into_iter().chain(rows) {
            if found != expected {
                return refuse(
                    field,
                    format!("of length {found}, but must be of length {expected}"),
                );
            }
        }
        let output_bias = [self.output_bias];
        let values: [(&'static str, &[f32]); 5] = [
            ("center", &self.center),
            ("scale", &self.scale),
            ("bias", &self.bias),
            ("output", &self.output),
            ("output_bias", &output_bias),
        ];
        let rows = self.weights.iter().map(|row| ("weights", &row[..]));
        for (field, values) in values.into_iter().chain(rows) {
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return refuse(field, format!("{value}, but must be finite"));
            }
        }
        if let Some(scale) = self.scale.iter().find(|scale| **scale <= 0.0) {
            return refuse("scale", format!("{scale}, but must be above 0"));
        }
        Ok(())
    }

    /// Logit of a real border.
    pub(crate) fn score(&self, features: &[f32]) -> f64 {
        let standard: Vec<f32> = features
            .iter()
            .zip(self.center.iter().zip(&self.scale))
            .map(|(value, (center, scale))| ((value - center) / scale).clamp(-10.0, 10.0))
            .collect();
        let units = self.weights.iter().zip(&self.bias).zip(&self.output);
        let sum: f32 = units
            .map(|((row, bias), output)| {
                let inner: f32 = row.iter().zip(&standard).map(|(w, z)| w * z).sum();
                output * (inner + bias).max(0.0)
            })
            .sum();
        f64::from(sum + self.output_bias)
    }
}
