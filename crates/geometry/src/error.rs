//! The errors of this crate.

use crate::validate::{MultiPolygonFault, PolygonFault};

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with an argument.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting lies outside its range.
    #[error("{field} is {value}; it must be {allowed}")]
    Parameter {
        /// Name of the field or argument.
        field: &'static str,
        /// The value that was given.
        value: f64,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// A line has fewer than two distinct points and therefore no length.
    #[error("the line has {distinct} distinct points; give at least 2, or drop the line")]
    LineTooShort {
        /// Number of distinct points found.
        distinct: usize,
    },
    /// A coordinate of a line is infinite or not a number.
    #[error("coordinate {index} of the line is not finite; remove it or repair the transform")]
    NonFiniteLine {
        /// Index of the coordinate in the line.
        index: usize,
    },
    /// A sample of a field is infinite or not a number.
    #[error("the sample in row {row}, column {column} is not finite; fill it before")]
    NonFiniteSample {
        /// Row of the sample.
        row: usize,
        /// Column of the sample.
        column: usize,
    },
    /// A dash pattern would cut a line into an unreasonable number of pieces.
    #[error(
        "the pattern cuts the line into {count} dashes, the limit is {limit}; lengthen on + off"
    )]
    TooManyDashes {
        /// Number of dashes that the pattern asks for.
        count: f64,
        /// Largest number allowed.
        limit: f64,
    },
    /// A polygon breaks a rule of the simple feature model.
    #[error("invalid polygon: {0}")]
    Polygon(#[from] PolygonFault),
    /// A multipolygon breaks a rule of the simple feature model.
    #[error("invalid multipolygon: {0}")]
    MultiPolygon(#[from] MultiPolygonFault),
}

/// Refuses `value` unless it is finite and at least zero.
pub(crate) fn check_non_negative(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::Parameter { field, value, allowed: "finite and at least 0 (pixels)" })
}

/// Refuses `value` unless it is finite and above zero.
pub(crate) fn check_positive(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::Parameter { field, value, allowed: "finite and above 0 (pixels)" })
}
