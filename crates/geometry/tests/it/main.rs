//! Property tests against naive twins and invariants.

mod boolean;
mod coverage;
mod distance;
mod hull;
mod measure;
mod raster;
mod skeleton;
