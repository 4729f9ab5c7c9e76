//! Lines as few straight, circular and cubic pieces.

mod arc;
mod circle;
mod cubic;
mod deviation;
mod primitive;
mod sequence;

pub use arc::CircularArc;
pub use circle::{Circle, fit_circle};
pub use cubic::CubicCurve;
pub use primitive::Primitive;
pub use sequence::{FitConfig, FittedPart, fit_primitives};
