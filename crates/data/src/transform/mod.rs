//! What is done to a record between its source and a batch: noise, moves, labels, choice of
//! arrays.
//!
//! A [`Transform`] takes one sample, without a batch axis, and the random numbers of that sample.
//! [`Step`] names all of them in configurations, [`Transformed`] applies steps to a source.
//!
//! Steps read the arrays of generators by their bare names (`img`, `vecs`, `vecs_masks`...) and add
//! `inputs.NAME` (what a model is given), `labels.NAME` (what it is taught) and `weights.NAME` (how
//! much a label counts). They leave the arrays that they read in place: [`Select`] drops what is
//! no longer needed. Classes always come in the order background, line, shape; positions are
//! `(x, y)` in px, pixel `(row i, column j)` covering `[j, j + 1) x [i, i + 1)`.

mod angle_choice;
mod angle_conditioned;
mod arrays;
mod autoencoder;
mod balance;
mod blur;
mod boundary_weights;
mod class;
mod color_shift;
mod component_points;
mod components;
mod direction;
mod field_kind;
mod frequency_mask;
mod instance_weights;
mod line_features;
mod pad;
mod random_move;
mod rotated_enc;
mod select;
mod similarity;
mod step;
mod symmetry;
mod transformed;

use std::fmt::Debug;

use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::record::Record;

pub use angle_choice::AngleChoice;
pub use angle_conditioned::AngleConditioned;
pub use autoencoder::ImageAutoencoder;
pub use balance::balance_weights;
pub use blur::Blur;
pub use boundary_weights::{BoundaryWeightConfig, BoundaryWeights, boundary_weights};
pub use color_shift::ColorShift;
pub use component_points::{ComponentOrder, ComponentPoints, VectorForm};
pub use field_kind::{FieldGeometry, FieldKind};
pub use frequency_mask::FrequencyAngleMask;
pub use instance_weights::{InstanceWeightConfig, InstanceWeights, instance_weights};
pub use line_features::LineFeatures;
pub use pad::Pad;
pub use random_move::{RandomFlip, RandomTurn};
pub use rotated_enc::RotatedEnc;
pub use select::Select;
pub use similarity::{PixelSimilarity, PixelSimilarityShapes};
pub use step::Step;
pub use symmetry::Symmetry;
pub use transformed::Transformed;

/// Something that is done to one sample.
pub trait Transform: Send + Sync + Debug {
    /// The sample afterwards. Every random number comes from `rng`: the same record and the same
    /// numbers give the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) for an array that is missing,
    /// [`Error::FieldShape`](crate::Error::FieldShape),
    /// [`Error::FieldType`](crate::Error::FieldType) and
    /// [`Error::FieldValue`](crate::Error::FieldValue) for one that does not fit,
    /// [`Error::FieldExists`](crate::Error::FieldExists) for one that would be made twice,
    /// [`Error::FieldTooLarge`](crate::Error::FieldTooLarge) for one that would be too large, and
    /// [`Error::Config`](crate::Error::Config) for settings that are not valid.
    fn apply(&self, record: Record, rng: &mut ChaCha8Rng) -> Result<Record>;
}
