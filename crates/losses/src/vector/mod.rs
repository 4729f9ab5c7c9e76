//! Losses of lines and boxes as vectors; points are (x, y).

mod absolute_error;
mod angle_distance;
mod angle_length;
mod candidates;
mod endpoints;
mod features;
mod proposals;

pub use absolute_error::{AbsoluteErrorConfig, absolute_error};
pub(crate) use angle_distance::check_positive;
pub use angle_distance::{AngleDistanceConfig, AngleForm, angle_distance, direction_distance};
pub use angle_length::{AngleLengthConfig, angle_length};
pub use candidates::{candidate_distance, mixed_distance};
pub use endpoints::{EndpointConfig, diagonal_distance, endpoint_distance};
pub use features::{
    FeatureClassLoss, FeatureLossConfig, FeatureTargets, FeatureWeights, Features, feature_loss,
};
pub use proposals::{Pooling, ProposalConfig, proposal_loss};
