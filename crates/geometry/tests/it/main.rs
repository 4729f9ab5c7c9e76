//! Property tests against naive twins and invariants.

mod centreline;
mod coverage;
#[cfg(feature = "crs")]
mod crs;
mod distance;
mod fit;
mod raster;
mod skeleton;
mod transform;
mod visible;
