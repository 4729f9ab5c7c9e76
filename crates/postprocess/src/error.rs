//! What can be wrong with the input.

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a raster or a setting was refused.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting is outside its range.
    #[error("`{field}` is {value}, but must be {expected}")]
    InvalidSetting {
        /// Name of the field or argument.
        field: &'static str,
        /// The value that came.
        value: f64,
        /// What is allowed, and what to do instead.
        expected: &'static str,
    },
    /// Two rasters that belong together differ in size.
    #[error(
        "`{field}` has {} rows and {} columns, but the labels have {} and {}; crop or pad it to the same size",
        found.0, found.1, expected.0, expected.1
    )]
    ShapeMismatch {
        /// Name of the argument that differs.
        field: &'static str,
        /// Rows and columns of the labels.
        expected: (usize, usize),
        /// Rows and columns of the argument.
        found: (usize, usize),
    },
    /// The raster has more pixels than the algorithm's counters hold.
    #[error(
        "a raster of {rows} rows and {columns} columns has more than {limit} pixels; work on tiles"
    )]
    TooManyPixels {
        /// Rows of the raster.
        rows: usize,
        /// Columns of the raster.
        columns: usize,
        /// The largest number of pixels, a frame of one pixel included.
        limit: usize,
    },
    /// A box is not finite, or its corners are in the wrong order.
    #[error("box {index} is {corners:?}; it must be finite, x1 <= x2 and y1 <= y2")]
    InvalidBox {
        /// Which box.
        index: usize,
        /// x1, y1, x2, y2.
        corners: [f32; 4],
    },
    /// A strength or a score is not a number.
    #[error(
        "a strength or score is NaN at row {row}, column {column}; infinite values are fine, NaN is not"
    )]
    NotANumber {
        /// Row of the first such pixel.
        row: usize,
        /// Column of the first such pixel.
        column: usize,
    },
    /// A trained rule does not fit.
    #[error("`{field}` of the model is {problem}; train it anew or read the right file")]
    InvalidModel {
        /// Name of the field.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A coordinate of a point to cluster is not finite.
    #[error(
        "point {row} is not finite in dimension {column}; leave such points out or replace the value"
    )]
    InvalidPoint {
        /// Row of the point.
        row: usize,
        /// The dimension.
        column: usize,
    },
    /// There are fewer points than the settings need.
    #[error("{found} points, but at least {needed} are needed; ask for fewer clusters")]
    TooFewPoints {
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A covariance matrix is not positive definite.
    #[error(
        "the covariance of component {component} is not positive definite; raise `regularization`, scale the points or ask for fewer components"
    )]
    DegenerateCovariance {
        /// Which component.
        component: usize,
    },
    /// A score cannot be lowered by a share.
    #[error("score {index} is {value}; it must be finite and at least 0")]
    InvalidScore {
        /// Which score.
        index: usize,
        /// The score.
        value: f32,
    },
    /// A shape among many is not valid.
    #[error("shape {index} must be {expected}")]
    InvalidShape {
        /// Which shape.
        index: usize,
        /// What is allowed.
        expected: &'static str,
    },
    /// What plane geometry refused.
    #[error(transparent)]
    Geometry(#[from] mapvec_geometry::Error),
    /// Two inputs that belong together differ in length.
    #[error("`{field}` has {found} entries, but {expected} are needed")]
    LengthMismatch {
        /// Name of the argument that differs.
        field: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// A feature is NaN or infinite.
    #[error("feature {dimension} of point {point} is {value}; features must be finite")]
    InvalidFeature {
        /// Which dimension.
        dimension: usize,
        /// Which point.
        point: usize,
        /// The value that came.
        value: f32,
    },
    /// Features lie too far apart for the lattice.
    #[error(
        "feature {dimension} reaches {reach} steps of the lattice, more than 32-bit positions tell apart; use a larger standard deviation, or subtract the mean"
    )]
    FeatureRange {
        /// Which dimension.
        dimension: usize,
        /// How far it reaches, in lattice steps.
        reach: f64,
    },
    /// More points than the algorithm holds.
    #[error("{points} points are more than {limit}; work on tiles")]
    TooManyPoints {
        /// How many came.
        points: usize,
        /// The largest number.
        limit: usize,
    },
    /// A unary energy that says nothing, or a point without a possible class.
    #[error(
        "the unary of class {class} at point {point} is {value}; NaN and minus infinity are refused, and at least one class of each point must be finite"
    )]
    InvalidUnary {
        /// Which class.
        class: usize,
        /// Which point, in row-major order.
        point: usize,
        /// The value that came.
        value: f32,
    },
    /// A label without a class.
    #[error("point {point} has label {label}, but there are {classes} classes, from 0")]
    InvalidLabel {
        /// Which point, in row-major order.
        point: usize,
        /// The label that came.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
}
