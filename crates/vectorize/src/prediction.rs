//! Per-pixel predictions of a whole picture, one byte per pixel and map.

use ndarray::Array2;

/// Prediction for every pixel of a picture.
///
/// One byte per pixel and map, so that a sheet of 27 million pixels needs 160 MB
/// for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapPrediction {
    /// Probability of a region border, 0..=255.
    pub boundary: Array2<u8>,
    /// Probability of the axis of a line feature, 0..=255.
    pub centreline: Array2<u8>,
    /// Most likely class: 0 background, 1 line, 2 shape.
    pub class: Array2<u8>,
    /// Undirected line angle in steps of pi / 256.
    pub angle: Array2<u8>,
    /// Width of the stroke or line feature in steps of 1/4 pixel, at most 63.75 px.
    pub thickness: Array2<u8>,
    /// Most likely distractor: 0 none, 1 text, 2 hatch, 3 dash.
    pub distractor: Array2<u8>,
}

impl MapPrediction {
    /// Maps of zeros for a picture of `height` x `width` pixels.
    #[must_use]
    pub fn zeros(height: usize, width: usize) -> Self {
        let zeros = || Array2::zeros((height, width));
        Self {
            boundary: zeros(),
            centreline: zeros(),
            class: zeros(),
            angle: zeros(),
            thickness: zeros(),
            distractor: zeros(),
        }
    }
}

/// Thickness map entry for a width in pixels.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
pub fn encode_width(width: f32) -> u8 {
    (width * 4.0).round().clamp(0.0, 255.0) as u8
}

/// Width in pixels of a thickness map entry.
#[must_use]
pub fn decode_width(code: u8) -> f32 {
    f32::from(code) / 4.0
}
