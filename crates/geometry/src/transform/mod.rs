//! Transforms between pixels and the world.

mod affine;
mod control_points;
#[cfg(feature = "crs")]
mod crs;
mod ground_control;
mod least_squares;
mod polynomial;
mod shape;
mod thin_plate;

pub use affine::{Affine, PixelAnchor};
pub use control_points::{ControlPointFault, GroundControlPoint};
#[cfg(feature = "crs")]
pub use crs::{Crs, CrsTransform};
pub use ground_control::{Warp, WarpModel, fit_ground_control};
pub use shape::Shape;
