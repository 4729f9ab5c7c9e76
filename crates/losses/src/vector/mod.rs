//! Losses of lines and boxes as vectors; points are (x, y).

mod absolute_error;
mod angle_distance;
mod angle_length;
mod candidate_distance;
mod diagonal_distance;
mod direction_distance;
mod directions;
mod endpoint_distance;
mod endpoints;
mod feature_loss;
mod mixed_distance;
mod proposal_loss;

pub use absolute_error::{AbsoluteErrorConfig, absolute_error};
pub use angle_distance::{AngleDistanceConfig, AngleForm, angle_distance};
pub use angle_length::{AngleLengthConfig, angle_length};
pub use candidate_distance::candidate_distance;
pub use diagonal_distance::diagonal_distance;
pub use direction_distance::direction_distance;
pub use endpoint_distance::endpoint_distance;
pub use endpoints::EndpointConfig;
pub use feature_loss::{
    FeatureClassLoss, FeatureLossConfig, FeatureTargets, FeatureWeights, Features, feature_loss,
};
pub use mixed_distance::mixed_distance;
pub use proposal_loss::{Pooling, ProposalConfig, proposal_loss};
