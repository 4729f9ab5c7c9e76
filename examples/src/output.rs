//! Windows on the command line, GeoJSON members, summary tables.

use anyhow::{Context, Result};
use mapvec_data::crop_image;
use mapvec_geometry::Window;
use mapvec_vectorize::Report;
use ndarray::Array3;
use serde_json::{Map, Value, json};

/// Parses `X,Y,WIDTH,HEIGHT`.
///
/// # Errors
/// The text is not four whole numbers.
pub fn parse_window(text: &str) -> Result<Window, String> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height]) => Ok(Window { x, y, width, height }),
        _ => Err("expected X,Y,WIDTH,HEIGHT as whole numbers, for example 0,0,512,512".to_owned()),
    }
}

/// Part of a picture, or all of it.
///
/// # Errors
/// The window is empty or reaches outside the picture.
pub fn crop(image: Array3<u8>, window: Option<Window>) -> Result<Array3<u8>> {
    Ok(match window {
        Some(window) => crop_image(&image, window)?,
        None => image,
    })
}

/// Says on the command line how a limit is raised.
#[must_use]
pub fn name_flag(error: mapvec_data::Error) -> anyhow::Error {
    let large = matches!(error, mapvec_data::Error::ImageTooLarge { .. });
    let error = anyhow::Error::from(error);
    if large { error.context("raise --max-pixels to open it") } else { error }
}

/// Members that say what the coordinates of a GeoJSON file are.
#[must_use]
pub fn members(width: usize, height: usize) -> Map<String, Value> {
    let coordinates = json!({
        "unit": "pixel",
        "axes": "x right, y down, origin at the top left corner of the top left pixel",
        "width": width,
        "height": height,
    });
    Map::from_iter([("coordinates_of".to_owned(), coordinates)])
}

/// A table of what was found and how long it took.
#[must_use]
pub fn summary(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("{}: {} x {} pixels", report.input, report.width, report.height)];
    lines.push(format!("{:<12} {:>8}", "class", "features"));
    for (class, count) in &report.features {
        lines.push(format!("{class:<12} {count:>8}"));
    }
    lines.push(format!("{:<12} {:>8}", "stage", "seconds"));
    for (stage, seconds) in &report.seconds {
        lines.push(format!("{stage:<12} {seconds:>8.2}"));
    }
    lines
}

/// Writes a JSON value as a file, complete or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &std::path::Path, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    mapvec_data::write_atomic(path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A JPEG file of an RGB picture.
///
/// # Errors
/// The picture is not RGB or too large for JPEG.
pub fn encode_jpeg(image: &Array3<u8>, quality: u8) -> Result<Vec<u8>> {
    let (height, width, _) = image.dim();
    let mut bytes = Vec::new();
    let pixels = image.as_standard_layout();
    let pixels = pixels.as_slice().context("a contiguous picture")?;
    let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode(
        pixels,
        width,
        height,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}
