//! Property tests against naive twins and invariants.

mod contour;
mod coverage;
mod distance;
mod masks;
mod raster;
mod regularize;
mod repair;
mod skeleton;
mod validity;
