//! Scores of the pipeline on a sheet with known truth.
//!
//! Closed shapes are scored by panoptic quality at IoU > 0.5 (Kirillov et al. 2019),
//! lines by the share of pixels within a buffer of 3 px, counts pooled over patches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use geo_types::{LineString, Polygon};
use mapvec_data::{ImageLimits, Progress, read_image};
use mapvec_geometry::{fill_labels, thin};
use mapvec_metrics::{BufferedCounts, PqCounts, buffered_lines, panoptic_counts};
use mapvec_postprocess::{Connectivity, components, otsu_threshold};
use mapvec_vectorize::{ShapeMap, VectorizeConfig, Vectorizer};
use ndarray::{Array2, Array3, Axis};

use crate::sample::{self, Truth};

/// Distance in pixels within which a line pixel counts as found.
pub const BUFFER: f64 = 3.0;

/// Named scores.
pub type Scores = BTreeMap<String, f64>;

/// Scores on the embedded sample sheet.
///
/// # Errors
/// The pipeline fails.
pub fn on_sample(
    vectorizer: &Vectorizer,
    config: &VectorizeConfig,
    progress: &dyn Progress,
) -> Result<Scores> {
    let image = sample::picture()?;
    let Truth { shapes, lines } = sample::truth()?;
    let found = vectorizer.run(image.view(), config, progress)?;
    let size = (image.dim().0, image.dim().1);
    let truth = rasterized(&shapes, size);
    let predicted = rasterized(found.shapes.shapes.iter().map(|s| &s.polygon), size);
    let found_shapes = panoptic_counts(predicted.view(), truth.view(), None)?;
    let drawn = draw(lines.iter(), size);
    let predicted = draw(found.lines.iter().map(|l| &l.line), size);
    let found_lines = buffered_lines(predicted.view(), drawn.view(), BUFFER)?;
    let mut scores = Scores::new();
    add_shapes(&mut scores, &found_shapes);
    add_lines(&mut scores, &found_lines);
    Ok(scores)
}

/// Scores on the scanned city sheet of the Paris municipal atlas (Chen et al. 2021).
///
/// `folder` holds `val_scan.jpg`, `val_edge_target.png` and `val_mask_content.png`.
/// `predict` makes region ids of the picture, 0 for none and on the lines between regions,
/// as the truth has it, and those of the delivered polygons, which have no lines between
/// them, if there are any.
///
/// # Errors
/// A file is missing or the pipeline fails.
pub fn on_city_sheet(
    folder: &Path,
    predict: impl FnOnce(&Array3<u8>) -> Result<(Array2<u32>, Option<Array2<u32>>)>,
) -> Result<Scores> {
    let image = read_image(&folder.join("val_scan.jpg"), &ImageLimits::default())?;
    let (regions, delivered) = predict(&image)?;
    let (truth, mask) = city_truth(folder)?;
    let counts = panoptic_counts(regions.view(), truth.view(), Some(mask.view()))?;
    let mut scores = Scores::new();
    add_shapes(&mut scores, &counts);
    if let Some(delivered) = delivered {
        let counts = panoptic_counts(delivered.view(), truth.view(), Some(mask.view()))?;
        insert(&mut scores, "polygons_pq", counts.score().pq);
    }
    Ok(scores)
}

/// True shapes of the city sheet, and where scores count.
///
/// # Errors
/// A file is missing.
pub fn city_truth(folder: &Path) -> Result<(Array2<u32>, Array2<bool>)> {
    let read = |name: &str| read_image(&folder.join(name), &ImageLimits::default());
    let edges = grey(&read("val_edge_target.png")?);
    let truth = components(edges.mapv(|v| v == 0).view(), Connectivity::Four).labels;
    Ok((truth, grey(&read("val_mask_content.png")?).mapv(|v| v > 127)))
}

/// What the pipeline finds on the city sheet, for [`on_city_sheet`].
///
/// # Errors
/// The pipeline fails.
pub fn city_shapes(
    image: &Array3<u8>,
    vectorizer: &Vectorizer,
    config: &VectorizeConfig,
    progress: &dyn Progress,
) -> Result<(Array2<u32>, Option<Array2<u32>>)> {
    let ShapeMap { regions, shapes } = vectorizer.run(image.view(), config, progress)?.shapes;
    let polygons = rasterized(shapes.iter().map(|s| &s.polygon), regions.dim());
    Ok((regions, Some(polygons)))
}

/// What the pipeline finds on a road patch, for [`on_road_patches`].
///
/// # Errors
/// The pipeline fails.
pub fn patch_lines(
    image: &Array3<u8>,
    vectorizer: &Vectorizer,
    config: &VectorizeConfig,
    progress: &dyn Progress,
) -> Result<Array2<bool>> {
    let found = vectorizer.run(image.view(), config, progress)?;
    Ok(draw(found.lines.iter().map(|l| &l.line), found.shapes.regions.dim()))
}

/// Otsu's threshold and 4-connected components of at least 300 px.
#[must_use]
pub fn otsu_shapes(image: &Array3<u8>) -> Array2<u32> {
    let grey = luma(image);
    let threshold = otsu_threshold(grey.view()).unwrap_or(127);
    let found = components(grey.mapv(|v| v > threshold).view(), Connectivity::Four);
    found.labels.mapv(|id| if found.areas[id as usize] >= 300 { id } else { 0 })
}

/// Skeleton of everything darker than Otsu's threshold.
#[must_use]
pub fn otsu_ink(image: &Array3<u8>) -> Array2<bool> {
    let grey = luma(image);
    let threshold = otsu_threshold(grey.view()).unwrap_or(127);
    thin(grey.mapv(|v| v <= threshold).view())
}

/// Scores on patches of a topographic map: `folder/image/*.tif`, `folder/truth/*.tif`.
///
/// `predict` makes the pixels of a patch that lines pass through.
///
/// # Errors
/// A file is missing or the pipeline fails.
pub fn on_road_patches(
    folder: &Path,
    mut predict: impl FnMut(&Array3<u8>) -> Result<Array2<bool>>,
) -> Result<Scores> {
    let limits = ImageLimits::default();
    let mut counts = BufferedCounts::default();
    for path in patches(&folder.join("image"), "tif")? {
        let name = path.file_name().context("a patch without a name")?;
        let image = read_image(&path, &limits)?;
        let truth = read_image(&folder.join("truth").join(name), &limits)?;
        let truth = truth.map_axis(Axis(2), |pixel| pixel.iter().any(|v| *v > 0));
        counts += buffered_lines(predict(&image)?.view(), truth.view(), BUFFER)?;
    }
    let mut scores = Scores::new();
    add_lines(&mut scores, &counts);
    Ok(scores)
}

/// The files of a folder with an extension, sorted.
pub(crate) fn patches(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension) {
            paths.push(path);
        }
    }
    ensure!(!paths.is_empty(), "no .{extension} file in {}", folder.display());
    paths.sort();
    Ok(paths)
}

/// Shapes as region ids, 1 for the first.
fn rasterized<'a>(
    shapes: impl IntoIterator<Item = &'a Polygon<f64>>,
    size: (usize, usize),
) -> Array2<u32> {
    let mut regions = Array2::zeros(size);
    for (id, polygon) in (1..).zip(shapes) {
        fill_labels(polygon, id, &mut regions);
    }
    regions
}

/// Pixels that lines pass through.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "negative coordinates are left out"
)]
#[must_use]
pub fn draw<'a>(
    lines: impl Iterator<Item = &'a LineString<f64>>,
    (height, width): (usize, usize),
) -> Array2<bool> {
    let mut mask = Array2::from_elem((height, width), false);
    for segment in lines.flat_map(LineString::lines) {
        let (dx, dy) = (segment.end.x - segment.start.x, segment.end.y - segment.start.y);
        let steps = (dx.hypot(dy) * 4.0).ceil().max(1.0);
        for step in 0..=steps as u32 {
            let t = f64::from(step) / steps;
            let (x, y) = (segment.start.x + t * dx, segment.start.y + t * dy);
            if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
                mask[[y as usize, x as usize]] = true;
            }
        }
    }
    mask
}

fn grey(image: &Array3<u8>) -> Array2<u8> {
    image.index_axis(Axis(2), 0).to_owned()
}

#[expect(clippy::cast_possible_truncation, reason = "a weighted mean of bytes is a byte")]
fn luma(image: &Array3<u8>) -> Array2<u8> {
    image.map_axis(Axis(2), |p| {
        let sum = 299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]);
        (sum / 1000) as u8
    })
}

fn add_shapes(scores: &mut Scores, counts: &PqCounts) {
    let quality = counts.score();
    insert(scores, "shapes_pq", quality.pq);
    insert(scores, "shapes_sq", quality.sq);
    insert(scores, "shapes_rq", quality.rq);
    insert(scores, "shapes_true_positives", Some(counts.true_positives as f64));
    insert(scores, "shapes_false_positives", Some(counts.false_positives as f64));
    insert(scores, "shapes_false_negatives", Some(counts.false_negatives as f64));
}

fn add_lines(scores: &mut Scores, counts: &BufferedCounts) {
    let score = counts.score();
    insert(scores, "lines_precision", score.precision);
    insert(scores, "lines_recall", score.recall);
    insert(scores, "lines_f1", score.f1);
}

/// A score that is undefined is left out.
fn insert(scores: &mut Scores, name: &str, value: Option<f64>) {
    scores.extend(value.map(|value| (name.to_owned(), value)));
}
