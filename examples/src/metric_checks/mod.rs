//! Published scores and those of other tools, computed anew and compared.

mod ai4cma;
mod coco;
mod made;
mod plots;
mod run_lengths;
mod scene;
mod spacenet;
mod sums;
mod table;

pub use ai4cma::check_ai4cma;
pub use coco::{check_sets, time_masks};
pub use made::{Made, score_made};
pub use plots::Plots;
pub use run_lengths::time_run_lengths;
pub use spacenet::check_spacenet;
pub use table::Comparison;
