//! Property tests against naive twins and invariants.

mod coverage;
mod distance;
mod raster;
mod skeleton;
