//! Features that the cores of tiles cut, made whole again.

mod clip;
mod lines;
mod polygons;
mod seam;
mod walk;

pub use clip::{LinePiece, clip_line};
pub use lines::merge_lines;
pub use polygons::{TilePolygons, merge_polygons};
