//! Merging of over-segmented regions over their weakest borders.

mod border_features;
mod border_model;
mod evidence;
mod graph;
mod learned_rule;
mod line_pixels;
mod mean_rule;

pub use border_features::border_feature_count;
pub use border_model::BorderModel;
pub use evidence::{BorderMaps, MAX_BORDER_CHANNELS};
pub use learned_rule::{BorderSample, LearnedMergeConfig, border_samples, merge_learned};
pub use mean_rule::{MergeConfig, RegionBorder, edge_logit, merge_regions, region_borders};
