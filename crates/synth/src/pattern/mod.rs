//! Small scenes of line and symbol patterns with occlusion, the training data of models that
//! find vectors.
//!
//! A scene has a few patterns, each of one family: parallel line bundles, interleaved double
//! bundles, polylines, symbols at equal steps on a line, scattered symbols. Patterns lie front to
//! back: what is drawn first hides what comes later, and every label speaks of what is left
//! visible.
//!
//! - [`PatternConfig`] says what is drawn; [`PatternGenerator`] draws [`PatternScene`]s.
//! - [`PatternOutput`] names the labels that [`PatternScene::output`] derives from a scene, each
//!   on its own: what nobody asks for is never computed.
//!
//! # References
//!
//! The families, their parameters and the labels are those of a published generator of map
//! patterns; where its labels were wrong, these are right, and the documentation says so.

mod bundle;
pub(crate) mod color;
mod config;
pub(crate) mod generator;
pub(crate) mod mask;
mod output;
pub(crate) mod plane;
mod polyline;
mod row;
mod scatter;
mod scene;
pub(crate) mod stroke;
mod symbol;

pub use config::{
    BundleConfig, LineConfig, PatternConfig, PatternFamily, PolylineConfig, RowConfig,
    ScatterConfig, SymbolConfig, SymbolKind, VectorMode,
};
pub use generator::{PatternGenerator, PatternRecords};
pub use mask::BitMask;
pub use output::PatternOutput;
pub use scene::{Component, Pattern, PatternScene};
