//! Non-maximum suppression: which of the detections that overlap are kept.

mod boxes;
mod detections;
mod gaussian;
mod hard;
mod matrix;
mod order;
mod quadrilateral;
mod soft;

pub use boxes::{batched_nms, nms};
pub use detections::{Detections, GaussianOverlap, Shapes};
pub use hard::hard_nms;
pub use matrix::{MatrixDecay, MatrixNmsConfig, matrix_nms};
pub use soft::{Rescored, SoftDecay, SoftNmsConfig, soft_nms};
