//! Areas and segments with the patterns of legends, some of which share a shape: the training
//! data of models that match patterns.
//!
//! A scene has dominant patterns, which all have one shape (a quadrilateral or a segment), amid
//! patterns with shapes of their own, on a background of one or two colours. Patterns lie front
//! to back; where one is seen through, the next one shows.
//!
//! - [`MatchingConfig`] says what is drawn and which outputs are made.
//! - [`MatchingGenerator`] is a source of records; [`MatchingOutput`] names what they hold.

mod config;
mod generator;
mod output;
mod scene;
mod shape;
mod style;

pub use config::{DominantPlacement, MatchingConfig};
pub use generator::MatchingGenerator;
pub use output::MatchingOutput;
