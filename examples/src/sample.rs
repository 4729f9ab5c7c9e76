//! The sample sheet that the examples carry with them.

use anyhow::{Context, Result};
use geo_types::{Geometry, LineString, Polygon};
use mapvec_data::{ImageLimits, decode_image};
use ndarray::Array3;

/// The sheet as a JPEG picture, 1024 x 1024.
pub const PICTURE: &[u8] = include_bytes!("../../datasets/sample/sheet.jpg");

/// What is on it, as GeoJSON in pixels.
const TRUTH: &str = include_str!("../../datasets/sample/truth.geojson");

/// The sheet's pixels.
///
/// # Errors
/// The embedded picture is damaged.
pub fn picture() -> Result<Array3<u8>> {
    Ok(decode_image(PICTURE, &ImageLimits::default())?)
}

/// What the sheet shows, in pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Truth {
    /// All regions: a partition of the page.
    pub shapes: Vec<Polygon<f64>>,
    /// Roads, railways and paths.
    pub lines: Vec<LineString<f64>>,
}

/// The sheet's shapes and lines.
///
/// # Errors
/// The embedded GeoJSON is damaged.
pub fn truth() -> Result<Truth> {
    let collection: geojson::FeatureCollection = serde_json::from_str(TRUTH)?;
    let mut truth = Truth::default();
    for feature in collection.features {
        let geometry = feature.geometry.context("a feature without geometry")?;
        match Geometry::<f64>::try_from(geometry)? {
            Geometry::Polygon(polygon) => truth.shapes.push(polygon),
            Geometry::LineString(line) => truth.lines.push(line),
            other => anyhow::bail!("unexpected geometry {other:?}"),
        }
    }
    Ok(truth)
}
