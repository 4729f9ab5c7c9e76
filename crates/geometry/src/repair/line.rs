//! Lines without repeated points.

use crate::{Result, validate_line};
use geo_types::LineString;

/// Drops points of a line that repeat the one before, so that every segment has a length.
///
/// The result is valid in the sense of [`validate_line`], and so is a line that comes back
/// unchanged. Points are not moved, and a closed line stays closed.
///
/// # Errors
/// [`Error::NonFiniteLine`](crate::Error::NonFiniteLine) for a coordinate that is infinite
/// or not a number: what it should be is not known.
/// [`Error::LineTooShort`](crate::Error::LineTooShort) for fewer than two distinct points.
pub fn repair_line(line: &LineString<f64>) -> Result<LineString<f64>> {
    validate_line(line)?;
    let mut points = line.0.clone();
    points.dedup();
    Ok(LineString(points))
}
