//! A learned score of wave proposals against their spectral energy, for `docs/results.md`.

pub mod batch;
pub mod judged;
pub mod pictures;
pub mod study;
pub mod tables;
pub mod training;
