//! Rasterizing: polygons and lines to labels or coverage, fields around them.
//!
//! One rule for all: coordinates are finite and within `1e100`, beyond which products
//! overflow. Functions that return a result refuse others and draw nothing; the fills of
//! a single polygon draw nothing of it.

mod accumulator;
mod canvas;
mod centre_vectors;
mod coverage;
mod crossings;
mod dash;
mod draw_labels;
mod drawable;
mod edge;
mod labels;
mod orientation;
mod straight;
mod stroke;
mod stroke_labels;

pub use centre_vectors::centre_vectors;
pub use coverage::fill_coverage;
pub use dash::{Dash, dash_line};
pub use draw_labels::{Drawing, draw_labels};
pub(crate) use drawable::check_line;
pub use labels::fill_labels;
pub use orientation::{OrientationField, orientation_field};
pub(crate) use stroke::MITER_LIMIT;
pub use stroke::{Cap, Join, Stroke, stroke_coverage};
pub use stroke_labels::stroke_labels;
