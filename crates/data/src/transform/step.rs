//! Steps by their names in configurations.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    AngleConditioned, Blur, BoundaryWeights, ColorShift, ComponentPoints, FrequencyAngleMask,
    ImageAutoencoder, InstanceWeights, LineFeatures, Pad, PixelSimilarity, PixelSimilarityShapes,
    RandomFlip, RandomTurn, RotatedEnc, Select, Transform,
};
use crate::error::Result;
use crate::record::Record;

/// A [`Transform`] with its settings. In a configuration `op` is its name and the other keys are
/// the fields of its settings; those left out have their defaults.
///
/// # Examples
///
/// ```
/// use mapvec_data::{Blur, Step};
///
/// let step: Step = serde_json::from_str(r#"{ "op": "blur", "kernel": 5 }"#)?;
/// assert_eq!(step, Step::Blur(Blur { kernel: 5, ..Blur::default() }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Other colours.
    ColorShift(ColorShift),
    /// Noise and blur.
    Blur(Blur),
    /// Flips of everything.
    RandomFlip(RandomFlip),
    /// Quarter turns of everything.
    RandomTurn(RandomTurn),
    /// Labels of pixels.
    LineFeatures(LineFeatures),
    /// Weights of pixels where classes meet.
    BoundaryWeights(BoundaryWeights),
    /// Weights of pixels between instances.
    InstanceWeights(InstanceWeights),
    /// Patterns of pixels.
    PixelSimilarity(PixelSimilarity),
    /// Components of pixels.
    PixelSimilarityShapes(PixelSimilarityShapes),
    /// Components by points on them.
    ComponentPoints(ComponentPoints),
    /// Labels of pixels for given directions.
    AngleConditioned(AngleConditioned),
    /// Components for given directions.
    RotatedEnc(RotatedEnc),
    /// Where lines are in the frequency domain.
    FrequencyAngleMask(FrequencyAngleMask),
    /// A channel of the picture as its own label.
    ImageAutoencoder(ImageAutoencoder),
    /// Choice of arrays.
    Select(Select),
    /// Zeros up to common shapes.
    Pad(Pad),
}

impl Step {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names a field out of its range,
    /// [`Error::FieldTooLarge`](crate::Error::FieldTooLarge) an array that would be too large.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::ColorShift(_)
            | Self::LineFeatures(_)
            | Self::PixelSimilarity(_)
            | Self::PixelSimilarityShapes(_)
            | Self::Select(_) => Ok(()),
            Self::Blur(step) => step.validate(),
            Self::BoundaryWeights(step) => step.validate(),
            Self::InstanceWeights(step) => step.validate(),
            Self::RandomFlip(step) => step.validate(),
            Self::RandomTurn(step) => step.validate(),
            Self::ComponentPoints(step) => step.validate(),
            Self::AngleConditioned(step) => step.validate(),
            Self::RotatedEnc(step) => step.validate(),
            Self::FrequencyAngleMask(step) => step.validate(),
            Self::ImageAutoencoder(step) => step.validate(),
            Self::Pad(step) => step.validate(),
        }
    }

    /// Names of the weights that this step makes for
    /// [`balance_weights`](crate::balance_weights) to finish in a batch.
    #[must_use]
    pub fn balanced(&self) -> Vec<&'static str> {
        match self {
            Self::LineFeatures(_) => vec!["weights.angle"],
            Self::ComponentPoints(step) => step.balanced(),
            Self::AngleConditioned(_) => vec!["weights.thickness"],
            Self::RotatedEnc(_) => vec!["weights.vecs"],
            _ => Vec::new(),
        }
    }

    fn transform(&self) -> &dyn Transform {
        match self {
            Self::ColorShift(step) => step,
            Self::Blur(step) => step,
            Self::RandomFlip(step) => step,
            Self::RandomTurn(step) => step,
            Self::LineFeatures(step) => step,
            Self::BoundaryWeights(step) => step,
            Self::InstanceWeights(step) => step,
            Self::PixelSimilarity(step) => step,
            Self::PixelSimilarityShapes(step) => step,
            Self::ComponentPoints(step) => step,
            Self::AngleConditioned(step) => step,
            Self::RotatedEnc(step) => step,
            Self::FrequencyAngleMask(step) => step,
            Self::ImageAutoencoder(step) => step,
            Self::Select(step) => step,
            Self::Pad(step) => step,
        }
    }
}

impl Transform for Step {
    fn apply(&self, record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.transform().apply(record, rng)
    }
}
