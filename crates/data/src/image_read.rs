//! Pictures in: PNG, JPEG and TIFF to RGB bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read as _, Seek, SeekFrom};
use std::path::Path;

use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader};
use mapvec_geometry::Window;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::limits::ImageLimits;
use crate::sample::crop_named;

/// Bytes per pixel of the widest layout that is decoded (RGBA, 32-bit float).
const MAX_PIXEL_BYTES: u64 = 16;
/// Bytes of a PNG up to and with the bits of a value.
const PNG_START: usize = 25;
/// Room for a decoder's tables and buffers beside the pixels, bytes.
const DECODER_BYTES: u64 = 64 << 20;

/// Reads a picture as RGB, (rows, columns, 3).
///
/// PNG, JPEG and TIFF are recognized by content, whatever the file is called. 16-bit
/// values are scaled to 8 bits, grey and palettes become RGB, transparent pixels show
/// white paper. Colour profiles and an orientation in the metadata are ignored:
/// coordinates are those of the stored pixels.
///
/// # Errors
///
/// [`Error::Io`] and [`Error::IsFolder`] for a file that cannot be read,
/// [`Error::NotAnImage`], [`Error::EmptyImage`], [`Error::ImageTooLarge`] (found in the
/// header, before pixels are allocated), [`Error::Truncated`] and [`Error::Decode`] for
/// one that cannot be used. All name the file.
pub fn read_image(path: &Path, limits: &ImageLimits) -> Result<Array3<u8>> {
    let (picture, _) = read_stored(path, limits)?;
    rgb(picture, &path.display().to_string())
}

/// Reads a picture as [`read_image`] does, in the layout that the file has, with the bits of a
/// value in the file where those are less than 8: they have been stretched to bytes.
pub(crate) fn read_stored(path: &Path, limits: &ImageLimits) -> Result<(DynamicImage, Option<u8>)> {
    let file = File::open(path).map_err(Error::io(path, "open"))?;
    if file.metadata().map_err(Error::io(path, "inspect"))?.is_dir() {
        return Err(Error::IsFolder { path: path.to_owned() });
    }
    decode(BufReader::new(file), &path.display().to_string(), limits)
}

/// Reads a picture, or the part of it inside a window, as RGB.
///
/// The whole picture is decoded first, then cropped: the limits apply to the whole.
///
/// # Errors
///
/// As [`read_image`], and [`Error::WindowOutside`] naming window and picture.
pub fn read_window(
    path: &Path,
    window: Option<Window>,
    limits: &ImageLimits,
) -> Result<Array3<u8>> {
    let image = read_image(path, limits)?;
    match window {
        Some(window) => crop_named(&image, &window, &path.display().to_string()),
        None => Ok(image),
    }
}

/// Decodes a picture held in memory, as [`read_image`] does a file.
///
/// # Errors
///
/// As [`read_image`], with "picture in memory" for a name.
pub fn decode_image(bytes: &[u8], limits: &ImageLimits) -> Result<Array3<u8>> {
    let name = "picture in memory";
    let (picture, _) = decode(Cursor::new(bytes), name, limits)?;
    rgb(picture, name)
}

/// A picture as (rows, columns, 3).
pub(crate) fn rgb(picture: DynamicImage, name: &str) -> Result<Array3<u8>> {
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    Array3::from_shape_vec((height, width, 3), rgb_over_white(picture))
        .map_err(|error| Error::Decode { name: name.to_owned(), reason: error.to_string() })
}

fn decode(
    mut input: impl BufRead + Seek,
    name: &str,
    limits: &ImageLimits,
) -> Result<(DynamicImage, Option<u8>)> {
    limits.validate()?;
    let start = first_bytes(&mut input).map_err(|error| decode_error(error.into(), name))?;
    let format = recognize(&start).ok_or_else(|| Error::NotAnImage { name: name.to_owned() })?;
    if let Some((width, height)) = png_size(&start) {
        limits.check(width, height, name)?;
    }
    if format == ImageFormat::Jpeg {
        // The decoder fills what is missing with grey and reports success.
        let complete = jpeg_ends(&mut input).map_err(|error| decode_error(error.into(), name))?;
        if !complete {
            return Err(Error::Truncated { name: name.to_owned() });
        }
    }
    let mut decoder = ImageReader::with_format(input, format)
        .into_decoder()
        .map_err(|error| decode_error(error, name))?;
    let (width, height) = decoder.dimensions();
    limits.check(width, height, name)?;

    let mut decoder_limits = image::Limits::no_limits();
    decoder_limits.max_image_width = Some(limits.max_width);
    decoder_limits.max_image_height = Some(limits.max_height);
    let pixels = u64::from(width) * u64::from(height);
    decoder_limits.max_alloc =
        Some(pixels.saturating_mul(MAX_PIXEL_BYTES).saturating_add(DECODER_BYTES));
    decoder.set_limits(decoder_limits).map_err(|error| decode_error(error, name))?;
    // The decoder of PNG does not tell.
    let bits = if decoder.original_color_type() == ExtendedColorType::L1 {
        Some(1)
    } else {
        png_bits(&start).filter(|bits| *bits < 8)
    };
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| decode_error(error, name))?;
    Ok((picture, bits))
}

/// Enough of the input to tell its format and the size and depth of a PNG. The input is wound back.
fn first_bytes(input: &mut (impl BufRead + Seek)) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(PNG_START);
    input.by_ref().take(PNG_START as u64).read_to_end(&mut start)?;
    input.seek(SeekFrom::Start(0))?;
    Ok(start)
}

fn recognize(start: &[u8]) -> Option<ImageFormat> {
    match start {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(ImageFormat::Tiff),
        _ => None,
    }
}

/// Width and height in a PNG's header. The decoder would report a size of 0 as a mere
/// format error.
fn png_size(start: &[u8]) -> Option<(u32, u32)> {
    match *start.get(..24)? {
        [0x89, .., b'I', b'H', b'D', b'R', a, b, c, d, e, f, g, h] => {
            Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
        }
        _ => None,
    }
}

/// Bits of a value in a PNG's header.
fn png_bits(start: &[u8]) -> Option<u8> {
    png_size(start)?;
    start.get(24).copied()
}

/// Whether a JPEG stream reaches its end-of-image marker. The input is wound back.
///
/// Markers with a length are skipped by it, so that a thumbnail inside does not count.
/// In compressed data 0xff is followed by 0 or by a restart marker.
fn jpeg_ends(input: &mut (impl BufRead + Seek)) -> io::Result<bool> {
    const END: u8 = 0xd9;
    let mut complete = false;
    loop {
        if input.skip_until(0xff)? == 0 {
            break;
        }
        let mut marker = [0xff];
        while marker[0] == 0xff && input.read(&mut marker)? == 1 {}
        match marker[0] {
            END => {
                complete = true;
                break;
            }
            // Stuffing, restarts, start of image: no length follows. 0xff: end of file.
            0 | 0x01 | 0xd0..=0xd8 | 0xff => {}
            _ => {
                let mut length = Vec::with_capacity(2);
                input.by_ref().take(2).read_to_end(&mut length)?;
                if let [high, low] = length[..] {
                    let body = u64::from(u16::from_be_bytes([high, low])).saturating_sub(2);
                    io::copy(&mut input.by_ref().take(body), &mut io::sink())?;
                }
            }
        }
    }
    input.seek(SeekFrom::Start(0))?;
    Ok(complete)
}

/// RGB bytes; transparent pixels mixed with white.
fn rgb_over_white(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into_raw();
    }
    let over_white = |value: u8, alpha: u8| {
        let mixed = u16::from(value) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
        // At most 255 * 255, so the rounded quotient fits a byte.
        ((mixed + 127) / 255) as u8
    };
    let pixels = picture.into_rgba8().into_raw();
    let (pixels, _) = pixels.as_chunks::<4>();
    pixels.iter().flat_map(|&[r, g, b, a]| [r, g, b].map(|value| over_white(value, a))).collect()
}

/// The decoder's answer in this crate's terms.
fn decode_error(error: ImageError, name: &str) -> Error {
    let name = name.to_owned();
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::Truncated { name }
        }
        ImageError::IoError(source) => Error::Io { path: name.into(), action: "read", source },
        other => Error::Decode { name, reason: other.to_string() },
    }
}
