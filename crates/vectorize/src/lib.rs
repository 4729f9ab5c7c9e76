//! From a raster map to valid vector features.
//!
//! A picture is cut into overlapping tiles, a network labels every pixel
//! ([`predict`]), border probabilities become closed shapes that share their edges
//! ([`extract_shapes`]), centreline probabilities become line strings that meet at
//! junctions ([`extract_lines`]). Hatching, if asked for ([`HatchingConfig`]), becomes a
//! property of the shapes that it fills. [`Vectorizer`] does all of it.
//!
//! Coordinates are pixels: x right, y down, pixel (row i, column j) covers
//! `[j, j + 1) x [i, i + 1)`.

mod border_channels;
mod config;
mod error;
mod hatched_shapes;
mod hatching;
mod lines;
mod network;
mod overlay;
mod pipeline;
mod predict;
mod prediction;
mod report;
mod shapes;
mod strokes;

pub use border_channels::{BORDER_CHANNELS, border_channels};
pub use config::{Find, LineConfig, PredictConfig, ShapeConfig, VectorizeConfig};
pub use error::{Error, Result};
pub use hatching::{Hatching, HatchingConfig};
pub use lines::{Line, extract_lines};
pub use overlay::{OverlayStyle, draw_overlay};
pub use pipeline::{LINE_WEIGHTS, SHAPE_WEIGHTS, Vectorized, Vectorizer};
pub use predict::predict;
pub use prediction::{MapPrediction, decode_width, encode_width};
pub use report::Report;
pub use shapes::{Shape, ShapeClass, ShapeMap, extract_shapes};
