//! What all algorithms of this crate are told.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The largest magnitude of a cost, so that no sum and no dual variable overflows.
pub const LARGEST_COST: f64 = 1e290;

/// Settings of an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssignmentConfig {
    /// What the pairs are chosen for.
    pub objective: Objective,
    /// What a cost means that is no number.
    pub non_finite: NonFinite,
}

/// What the pairs are chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The least sum.
    #[default]
    Minimum,
    /// The largest sum: costs are gains.
    Maximum,
}

/// What a NaN means, or an infinity on the unwanted side (plus infinity for a minimum, minus
/// infinity for a maximum). The other infinity is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonFinite {
    /// An error that names the first one.
    #[default]
    Refuse,
    /// The pair must not be made.
    Forbid,
    /// The pair has this finite cost instead.
    Cap(f64),
}

impl AssignmentConfig {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Config`] for a cap that is not finite or above [`LARGEST_COST`].
    pub fn validate(&self) -> Result<()> {
        match self.non_finite {
            NonFinite::Cap(cap) if !usable(cap) => Err(Error::Config {
                field: "non_finite.cap",
                value: cap.to_string(),
                expected: "finite, of magnitude 1e290 or less",
            }),
            _ => Ok(()),
        }
    }
}

/// Whether a number can be a cost.
pub(crate) fn usable(cost: f64) -> bool {
    cost.abs() <= LARGEST_COST
}
