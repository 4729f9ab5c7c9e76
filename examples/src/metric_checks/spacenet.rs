//! The sample tables of the `SpaceNet` scorer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_metrics::{BinaryCounts, SpacenetConfig, match_polygons};

use super::table::{Comparison, Csv};
use crate::progress::say;

/// Tables of proposals, truth and expected scores; the column that names the group; and the
/// group of a picture.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: [Case; 2] = [
    ("SN2_sample_preds.csv", "SN2_sample_truth.csv", "SN2_test_results", "AOI"),
    ("sample_preds.csv", "sample_truth.csv", "test_results", "nadir-category"),
];

/// Scores the samples in a folder and compares every value, per picture and per group.
///
/// # Errors
/// A table is missing or cannot be read.
pub fn check_spacenet(folder: &Path) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    comparison.head();
    for (proposals, truth, expected, group) in CASES {
        let pictures = score(&folder.join(proposals), &folder.join(truth))?;
        let full = Csv::read(&folder.join(format!("{expected}_full.csv")))?;
        let (names, groups) = (full.column("imageID")?, full.column(group)?);
        let same =
            names.iter().copied().eq(names.iter().copied().filter(|n| pictures.contains_key(*n)));
        ensure!(same && names.len() == pictures.len(), "{expected}: other pictures than scored");
        let mut sums = BTreeMap::<&str, BinaryCounts>::new();
        for (row, (name, group)) in names.iter().zip(groups).enumerate() {
            let counts = pictures[*name];
            *sums.entry(group).or_default() += counts;
            compare(&mut comparison, name, counts, &full, row)?;
        }
        // The summary has a row per group, in their order.
        let summary = Csv::read(&folder.join(format!("{expected}.csv")))?;
        ensure!(summary.len() == sums.len(), "{expected}.csv has other groups");
        for (row, (group, counts)) in sums.into_iter().enumerate() {
            compare(&mut comparison, group, counts, &summary, row)?;
        }
    }
    check_overlaps(folder)?;
    Ok(comparison)
}

/// Largest difference of an `IoU` from the published one: corners of an intersection lie on a
/// fine grid here.
const IOU_TOLERANCE: f64 = 1e-8;

/// Compares the overlap of every building that is matched with the published one.
fn check_overlaps(folder: &Path) -> Result<()> {
    let truth = Csv::read(&folder.join("SN2_sample_iou_by_building.csv"))?;
    let proposals = Csv::read(&folder.join("SN2_sample_preds.csv"))?;
    let (images, found) = (truth.column("ImageId")?, proposals.column("ImageId")?);
    let buildings = polygons(&truth.column("PolygonWKT_Pix")?)?;
    let proposed = polygons(&proposals.column("PolygonWKT_Pix")?)?;
    let (mut matched, mut largest) = (0, 0.0_f64);
    for image in images.iter().copied().collect::<BTreeSet<_>>() {
        let of = |all: &[MultiPolygon<f64>], names: &[&str]| -> Vec<MultiPolygon<f64>> {
            let chosen = all.iter().zip(names).filter(|(_, name)| **name == image);
            chosen.map(|(shape, _)| shape.clone()).collect()
        };
        let (targets, shapes) = (of(&buildings, &images), of(&proposed, &found));
        let confidences = vec![1.0; shapes.len()];
        let config = SpacenetConfig::default();
        let matches = match_polygons(&shapes, &confidences, &targets, &config)?;
        let published = truth.column("iou_score")?;
        let published: Vec<&str> = published
            .into_iter()
            .zip(&images)
            .filter(|(_, name)| **name == image)
            .map(|(value, _)| value)
            .collect();
        for pair in matches.pairs {
            let expected: f64 = published[pair.truth].parse()?;
            matched += 1;
            let difference = (pair.iou - expected).abs();
            ensure!(
                difference <= IOU_TOLERANCE,
                "an IoU of {} in {image}, {expected} published",
                pair.iou
            );
            largest = largest.max(difference);
        }
    }
    ensure!(matched > 0, "no building is matched");
    say(&format!("{matched} matched buildings, largest difference of the IoU {largest:.1e}"));
    Ok(())
}

fn compare(
    comparison: &mut Comparison,
    picture: &str,
    counts: BinaryCounts,
    expected: &Csv,
    row: usize,
) -> Result<()> {
    let score = counts.score();
    // The published scorer writes 0 for a ratio of nothing.
    let values = [
        ("TruePos", counts.true_positives as f64),
        ("FalsePos", counts.false_positives as f64),
        ("FalseNeg", counts.false_negatives as f64),
        ("Precision", score.precision.unwrap_or(0.0)),
        ("Recall", score.recall.unwrap_or(0.0)),
        ("F1Score", score.f1.unwrap_or(0.0)),
    ];
    for (name, value) in values {
        let cell = expected.column(name)?[row];
        comparison.row(picture, name, Some(value), cell)?;
    }
    Ok(())
}

/// The counts of every picture.
fn score(proposals: &Path, truth: &Path) -> Result<BTreeMap<String, BinaryCounts>> {
    let (proposals, truth) = (Csv::read(proposals)?, Csv::read(truth)?);
    let mut pictures =
        BTreeMap::<String, (Vec<MultiPolygon<f64>>, Vec<f64>, Vec<MultiPolygon<f64>>)>::new();
    let shapes = polygons(&proposals.column("PolygonWKT_Pix")?)?;
    let confidences = proposals.column("Confidence")?;
    for ((image, shape), confidence) in
        proposals.column("ImageId")?.into_iter().zip(shapes).zip(confidences)
    {
        let picture = pictures.entry(image.to_owned()).or_default();
        picture.0.push(shape);
        picture.1.push(confidence.parse().with_context(|| format!("confidence {confidence:?}"))?);
    }
    let shapes = polygons(&truth.column("PolygonWKT_Pix")?)?;
    for (image, shape) in truth.column("ImageId")?.into_iter().zip(shapes) {
        pictures.entry(image.to_owned()).or_default().2.push(shape);
    }
    let config = SpacenetConfig::default();
    let counts = pictures.into_iter().map(|(image, (predicted, confidences, truth))| {
        Ok((image, match_polygons(&predicted, &confidences, &truth, &config)?.counts))
    });
    counts.collect()
}

fn polygons(cells: &[&str]) -> Result<Vec<MultiPolygon<f64>>> {
    let read = |cell: &&str| polygon(cell).with_context(|| format!("polygon {cell:.60}"));
    cells.iter().map(read).collect()
}

/// A polygon in well-known text; heights are left out.
fn polygon(text: &str) -> Result<MultiPolygon<f64>> {
    let body = text.trim().strip_prefix("POLYGON").context("no POLYGON")?.trim();
    if body == "EMPTY" {
        return Ok(MultiPolygon(Vec::new()));
    }
    let body = body.strip_prefix('(').and_then(|body| body.strip_suffix(')'));
    let rings = body.context("no brackets")?.split(')').filter(|ring| ring.contains('('));
    let rings = rings.map(|ring| {
        let (_, points) = ring.split_once('(').context("no ring")?;
        let points = points.split(',').map(|point| {
            let mut numbers = point.split_whitespace().map(str::parse::<f64>);
            let mut number =
                || numbers.next().context("a point has two numbers")?.context("no number");
            Ok(Coord { x: number()?, y: number()? })
        });
        Ok(LineString(points.collect::<Result<_>>()?))
    });
    let mut rings: Vec<LineString<f64>> = rings.collect::<Result<_>>()?;
    ensure!(!rings.is_empty(), "no ring");
    let exterior = rings.remove(0);
    Ok(Polygon::new(exterior, rings).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_and_holes_are_read() {
        let shape = polygon("POLYGON ((0 0 0,4 0 0,4 4 0,0 0 0), (1 1,2 1,2 2,1 1))").unwrap();
        assert_eq!(shape.0[0].exterior().0.len(), 4);
        assert_eq!(shape.0[0].interiors().len(), 1);
        assert!(polygon("POLYGON EMPTY").unwrap().0.is_empty());
        assert!(polygon("POLYGON ((0 0, x 1))").is_err());
    }
}
