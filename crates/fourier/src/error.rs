//! What can be wrong with the input.

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an array or a setting was refused.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting or an argument is out of its range.
    #[error("`{field}` is {value}, but must be {expected}")]
    Setting {
        /// Name of the field or argument.
        field: &'static str,
        /// The value that came.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// An array has another shape than it must have.
    #[error("`{field}` has the shape {found:?}, but must have {expected}")]
    Shape {
        /// Name of the argument.
        field: &'static str,
        /// The shape that came.
        found: Vec<usize>,
        /// The shape it must have.
        expected: String,
    },
    /// A value is not finite.
    #[error(
        "`{field}` holds {value} at {at:?}; replace what is unknown by the mean of what is known"
    )]
    NotFinite {
        /// Name of the argument.
        field: &'static str,
        /// The value that came.
        value: f64,
        /// Where the first such value is.
        at: Vec<usize>,
    },
    /// Lines or polygons could not be traced.
    #[error("patterns could not be traced: {0}")]
    Geometry(#[from] mapvec_geometry::Error),
}
