//! Linear assignment: which row goes with which column, at the least sum of costs.
//!
//! - [`assign`] and [`assign_with`] are exact for any rectangle of costs, and prove it:
//!   [`Assignment::certify`].
//! - [`assign_batch`] does the same for many matrices in parallel.
//! - [`greedy`] takes the cheapest pair first; [`auction`] bids, to within a chosen sum.
//!
//! [`AssignmentConfig`] says whether the sum is to be least or largest, and what NaN and
//! infinity mean.

mod assign;
mod assignment;
mod auction;
mod batch;
mod candidates;
mod config;
mod costs;
mod error;
mod greedy;
mod kernel;
mod solver;

pub use assign::{assign, assign_with};
pub use assignment::Assignment;
pub use auction::auction;
pub use batch::assign_batch;
pub use config::{AssignmentConfig, LARGEST_COST, NonFinite, Objective};
pub use error::{Error, Result};
pub use greedy::greedy;
