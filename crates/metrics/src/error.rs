//! What can be wrong with the input.

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why two rasters cannot be compared.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Rasters that belong together differ in size.
    #[error(
        "`{field}` has {} rows and {} columns, but `predicted` has {} and {}; crop or pad it to the same size",
        found.0, found.1, expected.0, expected.1
    )]
    ShapeMismatch {
        /// Name of the argument that differs.
        field: &'static str,
        /// Rows and columns of the prediction.
        expected: (usize, usize),
        /// Rows and columns of the argument.
        found: (usize, usize),
    },
    /// A setting is outside its range.
    #[error("`{field}` is {value}, but must be {expected}")]
    InvalidSetting {
        /// Name of the argument.
        field: &'static str,
        /// The value that came.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A pixel has a class that does not exist.
    #[error(
        "`{field}` has class {class} at row {row}, column {column}, but there are {classes} classes; raise `classes` or name it in `ignore`"
    )]
    UnknownClass {
        /// Name of the argument.
        field: &'static str,
        /// The class that came.
        class: u8,
        /// Number of classes; they are 0, 1, ..., `classes` - 1.
        classes: usize,
        /// Row of the first such pixel.
        row: usize,
        /// Column of the first such pixel.
        column: usize,
    },
    /// Counts over different numbers of classes cannot be added.
    #[error("cannot add counts over {found} classes to counts over {expected} classes")]
    ClassMismatch {
        /// Number of classes of the sum.
        expected: usize,
        /// Number of classes of what was to be added.
        found: usize,
    },
}

/// Checks the size of one argument against that of the prediction.
pub(crate) fn same_shape(
    field: &'static str,
    found: (usize, usize),
    expected: (usize, usize),
) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::ShapeMismatch { field, expected, found }) }
}
