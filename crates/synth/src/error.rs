//! The error type of this crate.

/// What can go wrong when sheets are made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration field is out of its range.
    #[error("{field} = {value}: must be {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// A plane algorithm refused its input.
    #[error("a sheet could not be drawn")]
    Geometry(#[from] mapvec_geometry::Error),
    /// The picture could not be sent through the JPEG codec.
    #[error("a sheet could not be compressed: {0}")]
    Codec(#[from] image::ImageError),
    /// Picture and labels could not be joined.
    #[error("a sheet could not be labelled")]
    Sample(#[from] mapvec_data::Error),
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
