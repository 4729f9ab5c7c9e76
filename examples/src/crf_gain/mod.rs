//! What a dense CRF adds to the predictions of networks, for `docs/results.md`.

pub mod cases;
pub mod edges;
pub mod layer;
pub mod pictures;
pub mod scenes;
pub mod study;
pub mod tables;
pub mod training;
