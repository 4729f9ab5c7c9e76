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
    /// A range of a configuration is empty or reaches too far.
    #[error("{field} = {value}: must be [from, to) with {least} <= from < to <= {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The least start.
        least: usize,
        /// The largest end, itself excluded.
        most: usize,
    },
    /// A number of a configuration is out of its range.
    #[error("{field} = {value}: must be from {least} to {most}")]
    Count {
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The least value.
        least: usize,
        /// The largest value.
        most: usize,
    },
    /// A configuration has a key that does not exist.
    #[error("{key}: there is no such key; did you mean `{nearest}`?")]
    UnknownKey {
        /// The key with those around it.
        key: String,
        /// The one with the most similar name.
        nearest: String,
    },
    /// A configuration is no valid JSON, or a value has another type.
    #[error("the configuration cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A plane algorithm refused its input.
    #[error("a sheet could not be drawn")]
    Geometry(#[from] mapvec_geometry::Error),
    /// Waves could not be looked for, or a picture not be made level by one.
    #[error(transparent)]
    Fourier(#[from] mapvec_fourier::Error),
    /// The picture could not be sent through the JPEG codec.
    #[error("a sheet could not be compressed: {0}")]
    Codec(#[from] image::ImageError),
    /// Picture and labels could not be joined.
    #[error("a sheet could not be labelled")]
    Sample(#[from] mapvec_data::Error),
    /// Hardly any scene of waves shows a line.
    #[error(
        "sample {index}: no scene shows a line; lower min_visible or min_length, or draw longer lines"
    )]
    NoPattern {
        /// The sample.
        index: usize,
    },
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
