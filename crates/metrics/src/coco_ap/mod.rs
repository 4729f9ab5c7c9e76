//! Average precision and recall of detections, as COCO defines them.

mod config;
mod overlap;
mod polygon_runs;
mod record;
mod records;
mod run_mask;
mod scores;

pub use config::{AreaRange, CocoConfig};
pub(crate) use overlap::Region;
pub use overlap::{box_ious, mask_ious, polygon_ious};
pub use polygon_runs::polygon_runs;
pub use record::{CocoDetection, CocoTruth};
pub use records::CocoRecords;
pub use run_mask::RunMask;
pub use scores::{CocoScores, CocoSelection};
