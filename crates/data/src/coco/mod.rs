//! Data sets in the JSON format of COCO.

mod check;
mod config;
mod draw;
mod format;
mod names;
mod scene;
mod segmentation;
mod source;
mod write;

pub use check::CocoFault;
pub use config::{CocoConfig, CocoOutput};
pub use format::{CocoAnnotation, CocoCategory, CocoDataset, CocoImage};
pub use segmentation::{RleCounts, Segmentation};
pub use source::CocoSource;
pub use write::{CocoPicture, CocoWriteConfig, to_coco};
