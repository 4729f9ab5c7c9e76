//! Features that the cores of tiles cut, made whole again.

mod clip;
mod labels;
mod lines;
mod polygons;
mod seam;
mod walk;

pub use clip::{LinePiece, clip_line};
pub use labels::{TileLabels, match_labels};
pub use lines::merge_lines;
pub use polygons::{TilePolygons, merge_polygons};
