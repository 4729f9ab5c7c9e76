//! Instances: masks laid over each other, pixels given to instances.

mod centres;
mod centroids;
mod grow;
mod paste;
mod unite;

pub use centres::{Centre, CentreConfig, assign_to_centres, find_centres};
pub use centroids::{assign_to_centroids, seed_centroids};
pub use grow::{GrowConfig, GrowDistance, grow_labels};
pub use paste::{PasteConfig, PastedMasks, paste_masks};
pub use unite::{UnitedMasks, unite_masks};
