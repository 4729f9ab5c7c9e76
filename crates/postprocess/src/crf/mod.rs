//! Conditional random fields: labels that agree with their neighbourhood.

mod axis;
mod belief_propagation;
mod coarse;
mod config;
mod convolution;
mod coupling;
mod dense;
mod exact;
mod expansion;
mod features;
mod gate;
mod grid;
mod icm;
mod kernel;
mod lattice;
mod layout;
mod max_flow;
mod mean_field;
mod multi_scale;
mod report;
mod search;
mod softmax;
mod tiles;
mod unary;
mod update;
mod upsampling;
mod validation;
mod wide;

pub use belief_propagation::BeliefPropagationConfig;
pub use config::{
    Compatibility, DenseCrfConfig, FilterMethod, InferenceConfig, KernelShape, Normalization,
    PairwiseTerm,
};
pub use dense::{DenseCrf, FeatureTerm};
pub use exact::{ExactCrf, ExactTerm};
pub use features::Features;
pub use gate::{GateConfig, infer_where_uncertain};
pub use grid::{GridCrf, GridCrfConfig, GridLabels};
pub use lattice::PermutohedralLattice;
pub use multi_scale::infer_coarse_to_fine;
pub use report::{ConvergenceReport, IterationReport, PictureInference, PointInference};
pub use search::{SearchConfig, SearchResult, search_parameters};
pub use tiles::{Tile, TileConfig, infer_tiles};
pub use unary::{unary_from_labels, unary_from_probabilities, unary_from_scribbles};
pub use validation::{ValidationPicture, mean_iou, search_on_pictures};
