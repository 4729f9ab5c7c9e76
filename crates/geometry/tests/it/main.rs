//! Property tests against naive twins and invariants.

mod boolean;
mod centreline;
mod coverage;
#[cfg(feature = "crs")]
mod crs;
mod distance;
mod fit;
mod hull;
mod measure;
mod raster;
mod skeleton;
mod transform;
mod visible;
