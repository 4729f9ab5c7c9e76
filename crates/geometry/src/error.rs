//! The errors of this crate.

use crate::ControlPointFault;
use crate::validate::{CoverageFault, MultiPolygonFault, PolygonFault};

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
    /// There is nothing to measure.
    #[error("{what} has no points; leave it out of the measure")]
    Empty {
        /// The argument that is empty.
        what: &'static str,
    },
    /// All points lie on one line and span no area.
    #[error("the {count} points lie on one line; give at least 3 that do not")]
    Collinear {
        /// Number of points given.
        count: usize,
    },
    /// A computation would take an unreasonable number of steps.
    #[error("{what} would take {count} steps, the limit is {limit}; simplify the shapes first")]
    TooManySteps {
        /// The computation.
        what: &'static str,
        /// Number of steps that the input asks for.
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
    /// Polygons do not make up a coverage.
    #[error("invalid coverage: {0}")]
    Coverage(#[from] CoverageFault),
    /// An item of a list was refused.
    #[error("{list}, item {index}: {source}")]
    Item {
        /// The argument that is a list.
        list: &'static str,
        /// Index of the item.
        index: usize,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// No circle fits the points.
    #[error("no circle fits {count} points; give at least 3 that are not on one line")]
    NoCircle {
        /// Number of points given.
        count: usize,
    },
    /// An affine transform has no inverse.
    #[error(
        "the transform has determinant {determinant} and no inverse; \
         check the pixel size and the rotation"
    )]
    SingularTransform {
        /// Determinant of the linear part.
        determinant: f64,
    },
    /// A transform cannot be fitted to the ground control points.
    #[error("unfit ground control points: {0}")]
    ControlPoints(#[from] ControlPointFault),
    /// A coordinate reference system is not known or not supported.
    #[cfg(feature = "crs")]
    #[error("cannot use the reference system \"{definition}\": {reason}")]
    Crs {
        /// The code or PROJ string.
        definition: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A point lies outside the domain of a projection.
    #[cfg(feature = "crs")]
    #[error("cannot project ({x}, {y}): {reason}; check the order of axes and the units")]
    Projection {
        /// Easting or longitude that came.
        x: f64,
        /// Northing or latitude that came.
        y: f64,
        /// What is wrong with it.
        reason: String,
    },
    /// No pixel was found that a fitted transform maps to this point.
    #[error(
        "no pixel maps to ({x}, {y}); the point lies beyond a fold of the transform: \
         lower its order or add control points there"
    )]
    NoInverse {
        /// The point in the world.
        x: f64,
        /// The point in the world.
        y: f64,
    },
}

impl Error {
    /// This error, of an item of a list.
    pub(crate) fn of_item(self, list: &'static str, index: usize) -> Self {
        Self::Item { list, index, source: Box::new(self) }
    }
}

/// Refuses a list with the first item that `check` refuses.
pub(crate) fn check_each<T>(
    list: &'static str,
    items: impl IntoIterator<Item = T>,
    check: impl Fn(T) -> Result<()>,
) -> Result<()> {
    let mut items = items.into_iter().enumerate();
    items.try_for_each(|(index, item)| check(item).map_err(|error| error.of_item(list, index)))
}

/// Refuses `value` unless it is finite and at least zero.
pub(crate) fn check_non_negative(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::Parameter { field, value, allowed: "finite and at least 0" })
}

/// Refuses `value` unless it is finite and above zero.
pub(crate) fn check_positive(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::Parameter { field, value, allowed: "finite and above 0" })
}

/// Largest coordinate of which products are computed.
pub(crate) const LARGEST_COORDINATE: f64 = 1e100;

/// Refuses a coordinate whose square could overflow.
pub(crate) fn check_coordinate(value: f64) -> Result<()> {
    if value.abs() <= LARGEST_COORDINATE {
        return Ok(());
    }
    Err(Error::Parameter { field: "coordinate", value, allowed: "finite and within 1e100 of 0" })
}

/// Refuses `value` unless it lies between 0 and a quarter turn.
pub(crate) fn check_turn(field: &'static str, value: f64) -> Result<()> {
    if (0.0..=std::f64::consts::FRAC_PI_2).contains(&value) {
        return Ok(());
    }
    Err(Error::Parameter { field, value, allowed: "from 0 to pi / 2 (radians)" })
}
