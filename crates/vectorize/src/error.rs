//! What can go wrong between a picture and its vectors.

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the pipeline.
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
    /// The picture has no pixels.
    #[error("the picture is {width} x {height} pixels; both sides must be at least 1")]
    EmptyImage {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The array is not an RGB picture.
    #[error("the picture has {channels} channels; 3 (RGB) are expected")]
    Channels {
        /// Number of channels of the array.
        channels: usize,
    },
    /// A picture is not the one that the vectors were found in.
    #[error("the picture is {value} pixels, the vectors were found in one of {expected}")]
    OtherPicture {
        /// Width and height of the picture.
        value: String,
        /// Width and height of the picture the vectors were found in.
        expected: String,
    },
    /// The network failed.
    #[error("the network failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// Hatching cannot be looked for.
    #[error("hatching: {0}")]
    Patterns(#[from] mapvec_fourier::Error),
    /// The network cannot be made.
    #[error(transparent)]
    Model(#[from] mapvec_models::Error),
    /// The weights do not fit the network.
    #[error("the weights do not fit the network: {0}")]
    Weights(#[from] mapvec_nn::Error),
    /// A geometry step failed.
    #[error(transparent)]
    Geometry(#[from] mapvec_geometry::Error),
    /// A post-processing step failed.
    #[error(transparent)]
    Postprocess(#[from] mapvec_postprocess::Error),
    /// Reading or writing failed.
    #[error(transparent)]
    Data(#[from] mapvec_data::Error),
    /// The report could not be encoded.
    #[error("the report could not be encoded: {0}")]
    Json(#[from] serde_json::Error),
}
