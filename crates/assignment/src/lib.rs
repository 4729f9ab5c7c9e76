//! Linear assignment: which row goes with which column, at the least sum of costs.
//!
//! [`assign`] is exact for any rectangle of costs.

mod assign;
mod error;

pub use assign::{Assignment, assign};
pub use error::{Error, Result};
