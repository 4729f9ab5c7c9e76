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
    /// A strength is not a number.
    #[error(
        "`strength` is NaN at row {row}, column {column}; infinite values are fine, NaN is not"
    )]
    NotANumber {
        /// Row of the first such pixel.
        row: usize,
        /// Column of the first such pixel.
        column: usize,
    },
}
