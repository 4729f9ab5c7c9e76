//! A made map of a feature extraction challenge with its expected scores.

use std::path::Path;

use anyhow::{Context, Result};
use mapvec_data::{ImageLimits, read_image};
use mapvec_metrics::{
    Ai4cmaPixelCounts, Ai4cmaScore, BinaryScore, ai4cma_areas, ai4cma_pixels, legend_pixels,
};
use ndarray::{Array2, Axis};
use serde_json::Value;

use super::table::{Comparison, Csv};

/// Weight of hard pixels, range of the colours, and distance of points in percent of the
/// diagonal, as the expected scores were made.
const SETTINGS: (f64, u8, f64) = (0.7, 20, 10.0);

/// Scores the features of the map in a folder and compares every value.
///
/// # Errors
/// A file is missing or cannot be read.
pub fn check_ai4cma(folder: &Path) -> Result<Comparison> {
    let expected = Csv::read(&folder.join("mock_map_results.csv"))?;
    let (maps, features) = (expected.column("Map")?, expected.column("Feature")?);
    let mut comparison = Comparison::default();
    comparison.head();
    for (row, (map, feature)) in maps.into_iter().zip(features).enumerate() {
        let mut compare = |values: &[(&str, Option<f64>)]| {
            values.iter().try_for_each(|(name, value)| {
                comparison.row(feature, name, *value, expected.column(name)?[row])
            })
        };
        let file = |kind: &str| folder.join(format!("{kind}_segmentations/{feature}.tif"));
        let (predicted, truth) = (mask(&file("pred"))?, mask(&file("true"))?);
        let (weight, range, distance) = SETTINGS;
        if feature.ends_with("_pt") {
            let counts = ai4cma_pixels(predicted.view(), truth.view(), distance)?;
            compare(&points(&counts))?;
        } else {
            let image =
                read_image(&folder.join(format!("map_images/{map}.tif")), &ImageLimits::default())?;
            let entry = legend(&folder.join(format!("legends/{map}.json")), map, feature)?;
            let coloured = legend_pixels(image.view(), entry, range)?;
            let counts = ai4cma_areas(predicted.view(), truth.view(), coloured.view())?;
            compare(&areas(counts.all().score(), counts.score(weight)?))?;
        }
    }
    Ok(comparison)
}

fn areas(plain: BinaryScore, weighed: Ai4cmaScore) -> [(&'static str, Option<f64>); 7] {
    [
        ("F1 Score", plain.f1),
        ("Precision", plain.precision),
        ("Recall", plain.recall),
        ("IoU Score", plain.iou),
        ("USGS F1 Score", weighed.f1),
        ("USGS Precision", weighed.precision),
        ("USGS Recall", weighed.recall),
    ]
}

fn points(counts: &Ai4cmaPixelCounts) -> [(&'static str, Option<f64>); 9] {
    let score = counts.score();
    let whole = |count: u64| Some(count as f64);
    [
        ("F1 Score", score.f1),
        ("Precision", score.precision),
        ("Recall", score.recall),
        ("USGS F1 Score", score.f1),
        ("USGS Precision", score.precision),
        ("USGS Recall", score.recall),
        ("Matched Points", whole(counts.matched)),
        ("Unmatched Points", whole(counts.predicted - counts.matched)),
        ("Missing Points", whole(counts.truth - counts.matched)),
    ]
}

fn mask(path: &Path) -> Result<Array2<bool>> {
    let image = read_image(path, &ImageLimits::default())?;
    Ok(image.index_axis(Axis(2), 0).mapv(|value| value > 0))
}

/// The box of a feature in the legend: left, top, right and bottom.
fn legend(path: &Path, map: &str, feature: &str) -> Result<[usize; 4]> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let legend: Value = serde_json::from_str(&text)?;
    let label = feature.strip_prefix(map).and_then(|rest| rest.strip_prefix('_'));
    let shapes = legend["shapes"].as_array().context("the legend has no `shapes`")?;
    let entry = shapes.iter().find(|shape| shape["label"].as_str() == label);
    let points = &entry.with_context(|| format!("the legend has no {feature}"))?["points"];
    let corner = |point: usize, axis: usize| points[point][axis].as_f64().context("no corner");
    let (x, y) = ([corner(0, 0)?, corner(1, 0)?], [corner(0, 1)?, corner(1, 1)?]);
    // Coordinates are pixels, not negative.
    let whole = |value: f64| usize::try_from(value as i64).context("a corner is negative");
    Ok([
        whole(x[0].min(x[1]))?,
        whole(y[0].min(y[1]))?,
        whole(x[0].max(x[1]))?,
        whole(y[0].max(y[1]))?,
    ])
}
