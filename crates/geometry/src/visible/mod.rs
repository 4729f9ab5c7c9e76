//! What remains to be seen of shapes that hide each other.

mod hiders;
mod occlusion;
mod polygons;
mod segment;

pub use hiders::{Hiders, visible_runs_behind};
pub use occlusion::{Occlusion, VisiblePart, visible_regions};
pub use polygons::visible_polygons;
pub use segment::{VisibleVector, visible_runs, visible_vector, visible_vertices};
