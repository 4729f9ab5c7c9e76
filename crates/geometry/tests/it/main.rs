//! Property tests against naive twins and invariants.

mod coverage;
mod distance;
mod masks;
mod raster;
mod skeleton;
mod validity;
