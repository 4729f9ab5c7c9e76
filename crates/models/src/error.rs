//! What can go wrong when a model is made.

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration field is outside its range.
    #[error("{field} = {value} is not allowed: {allowed}")]
    Config {
        /// Name of the field.
        field: &'static str,
        /// The value it had.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A random field refused its settings or a picture.
    #[error(transparent)]
    Postprocess(#[from] mapvec_postprocess::Error),
}
