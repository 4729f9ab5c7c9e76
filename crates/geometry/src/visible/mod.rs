//! What remains to be seen of shapes that hide each other.

mod occlusion;
mod polygons;
mod segment;

pub use occlusion::{Occlusion, VisiblePart, visible_regions};
pub use polygons::visible_polygons;
pub use segment::{
    VisibleVector, visible_runs, visible_runs_behind, visible_vector, visible_vertices,
};
