//! Linear assignment: which row goes with which column, at the least sum of costs.
//!
//! [`assign`] is exact for any rectangle of costs.

mod assign;
mod assignment;
mod config;
mod costs;
mod error;
mod kernel;
mod solver;

pub use assign::{assign, assign_with};
pub use assignment::Assignment;
pub use config::{AssignmentConfig, LARGEST_COST, NonFinite, Objective};
pub use error::{Error, Result};
