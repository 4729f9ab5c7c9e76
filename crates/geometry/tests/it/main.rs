//! Property tests against naive twins and invariants.

mod boolean;
mod centreline;
mod contour;
mod coverage;
#[cfg(feature = "crs")]
mod crs;
mod distance;
mod fields;
mod fit;
mod hull;
mod line_cuts;
mod masks;
mod measure;
mod merge;
mod nested;
mod raster;
mod regularize;
mod repair;
mod skeleton;
mod stroke_labels;
mod topology;
mod transform;
mod validity;
mod visible;
