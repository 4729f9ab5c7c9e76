//! From rasters to shapes and other rasters.

use anyhow::Result;
use mapvec_geometry::{distance_transform, polygonize, thin};

use super::inputs::{check_pixels, raster};
use super::{Case, Source};

/// A label map to polygons, all classes; the result is their number.
pub(super) fn polygons(name: &str, runs: (usize, usize), source: Source<'_>) -> Result<Case> {
    let pixels = raster(name, source.folder, if source.small { 64 } else { 1024 })?;
    let check = check_pixels(&pixels);
    // Here 0 is no class.
    let labels = pixels.mapv(|class| u32::from(class) + 1);
    let work = move |_| {
        let polygons = polygonize(labels.view()).polygons();
        Ok(polygons.len() as f64)
    };
    Ok(Case { check, runs, tolerance: 0.0, work: Box::new(work) })
}

/// Exact distances to the nearest pixel of value 0; the result is their sum.
pub(super) fn distances(name: &str, source: Source<'_>) -> Result<Case> {
    let pixels = raster(name, source.folder, if source.small { 64 } else { 1024 })?;
    let check = check_pixels(&pixels);
    let mask = pixels.mapv(|value| value == 0);
    let work = move |wanted: bool| {
        let distances = distance_transform(mask.view());
        Ok(if wanted { distances.iter().map(|&d| f64::from(d)).sum() } else { 0.0 })
    };
    Ok(Case { check, runs: (3, 30), tolerance: 1e-5, work: Box::new(work) })
}

/// Thinning to lines one pixel wide; the result is the number of their pixels.
///
/// The definitions differ: ours keeps the topology exactly.
pub(super) fn thinning(name: &str, source: Source<'_>) -> Result<Case> {
    let pixels = raster(name, source.folder, if source.small { 64 } else { 256 })?;
    let check = check_pixels(&pixels);
    let mask = pixels.mapv(|value| value > 0);
    let work = move |wanted: bool| {
        let skeleton = thin(mask.view());
        let count = || skeleton.iter().filter(|&&set| set).count() as f64;
        Ok(if wanted { count() } else { 0.0 })
    };
    Ok(Case { check, runs: (3, 30), tolerance: 0.15, work: Box::new(work) })
}
