//! Property tests against naive twins and invariants.

mod coverage;
mod distance;
mod measure;
mod raster;
mod skeleton;
