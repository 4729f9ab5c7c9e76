//! Merging of over-segmented regions over their weakest borders.

mod graph;
mod line_pixels;
mod mean_rule;

pub use mean_rule::{MergeConfig, edge_logit, merge_regions};
