//! Pictures out: PNG.

use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use ndarray::ArrayView3;

use crate::atomic::write_atomic;
use crate::error::{Error, Result};

/// Encodes a picture, (rows, columns, 3 for RGB or 1 for grey), as PNG.
///
/// # Errors
///
/// [`Error::Encode`] for a picture without pixels, with another number of channels or
/// wider than the format allows.
pub fn encode_png(image: ArrayView3<'_, u8>) -> Result<Vec<u8>> {
    let failed = |reason: String| Error::Encode { reason };
    let (height, width, channels) = image.dim();
    let colour = match channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => return Err(failed(format!("{channels} channels; 1 (grey) or 3 (RGB) are needed"))),
    };
    let side = |length: usize| {
        u32::try_from(length).ok().filter(|&length| length > 0).ok_or_else(|| {
            failed(format!("{width} x {height} pixels; each side must be 1 or more"))
        })
    };
    let (width, height) = (side(width)?, side(height)?);
    let pixels = image.as_standard_layout();
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels.as_slice().unwrap_or_default(), width, height, colour)
        .map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}

/// Writes a picture as PNG, complete or not at all (see [`write_atomic`]).
///
/// # Errors
///
/// As [`encode_png`] and [`write_atomic`].
pub fn write_png(path: &Path, image: ArrayView3<'_, u8>) -> Result<()> {
    write_atomic(path, &encode_png(image)?)
}
