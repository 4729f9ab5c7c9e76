//! Scores of made predictions.

use anyhow::Result;
use mapvec_metrics::{
    BinaryCounts, BootstrapConfig, CocoConfig, CocoSelection, Report, bootstrap, compare_systems,
};

use super::plots::{Plots, plots};
use super::scene::Scene;
use super::sums::{Ranked, Sums};
use crate::progress::say;

/// Weight of the pixels that the `AI4CMA` challenge calls hard.
const HARD: f64 = 0.7;

/// The report of made predictions and the faults that were found in its numbers.
#[derive(Debug)]
pub struct Made {
    /// All scores.
    pub report: Report,
    /// Pictures of what they are made of, as SVG.
    pub plots: Plots,
    /// Numbers that are not as they must be.
    pub faults: u64,
}

/// Makes houses and roads, predicts them with some error, and scores the prediction in every
/// way; then checks what must hold whatever the numbers are.
///
/// # Errors
/// A score cannot be taken.
pub fn score_made(seed: u64, pictures: u64) -> Result<Made> {
    let scenes: Vec<Scene> = (0..pictures).map(|index| Scene::new(seed, index, 1.0)).collect();
    let worse: Vec<Scene> = (0..pictures).map(|index| Scene::new(seed, index, 2.5)).collect();
    let counts: Vec<Sums> = scenes.iter().map(Sums::of).collect::<Result<_>>()?;
    let all: Sums = counts.iter().cloned().sum();
    let coco = CocoConfig::default();
    let ranked = Ranked::of(scenes.iter(), &coco)?;
    let mut report = report(&all, &ranked)?;
    // Three workers in any order must come to the same.
    let workers = (0..3).map(|worker| counts.iter().skip(worker).step_by(3).cloned().sum());
    let split: Sums = workers.collect::<Vec<Sums>>().into_iter().rev().sum();
    let mut merged = Ranked::of(scenes.iter().skip(1).step_by(2), &coco)?;
    merged.merge(Ranked::of(scenes.iter().step_by(2), &coco)?)?;
    let mut faults = differences(&report, &self::report(&split, &merged)?);

    let worse: Vec<BinaryCounts> =
        worse.iter().map(|scene| Ok(scene.matches()?.counts)).collect::<Result<_>>()?;
    let first: Vec<BinaryCounts> = counts.iter().map(|counts| counts.polygons).collect();
    let f1 = |sum: &BinaryCounts| sum.f_beta(1.0);
    let config = BootstrapConfig { seed, ..BootstrapConfig::default() };
    let interval = bootstrap(&first, f1, &config)?;
    let difference = compare_systems(&first, &worse, f1, &config)?;
    report.scores.retain(|score| score.name != "polygons F1");
    report.push_interval("polygons F1", interval);
    report.push_interval("polygons F1, less that of a worse one", difference.map(|d| d.difference));
    report.push("p of that difference", difference.map(|d| d.p_value));
    let holds = |holds: bool| u64::from(!holds);
    faults += holds(difference.is_some_and(|d| d.difference.low > 0.0));
    faults += holds(interval.is_some_and(|i| i.low <= i.estimate && i.estimate <= i.high));
    let (iou, dice) = (all.pixels.iou().unwrap_or(0.0), all.pixels.dice().unwrap_or(0.0));
    faults += holds((iou - dice / (2.0 - dice)).abs() < 1e-12);
    let shares = report.scores.iter().filter(|score| score.unit.is_empty());
    let bounded = shares.filter_map(|score| score.value).all(|value| (0.0..=1.0).contains(&value));
    faults += holds(bounded);
    say(&format!("{pictures} made pictures, {} scores, {faults} faults", report.scores.len()));
    Ok(Made { plots: plots(&scenes, &counts, seed)?, report, faults })
}

fn report(sums: &Sums, ranked: &Ranked) -> Result<Report> {
    let mut report = Report::new("Made houses and roads");
    for (name, value) in ranked.boxes.score().summary() {
        report.push(&format!("boxes {name}"), value);
    }
    let precision = |records: &mapvec_metrics::CocoRecords| {
        records.score().average_precision(&CocoSelection::default())
    };
    report.push("masks AP", precision(&ranked.masks));
    report.push("exact polygons AP", precision(&ranked.polygons));
    let score = sums.polygons.score();
    report.push("polygons precision", score.precision);
    report.push("polygons recall", score.recall);
    report.push("polygons F1", score.f1);
    report.push("boxes, mean IoU", sums.boxes.mean());
    report.push("pixels IoU", sums.pixels.iou());
    report.push("pixels Dice", sums.pixels.dice());
    report.push("pixels F2", sums.pixels.f_beta(2.0));
    report.push("weighted pixels F1", sums.weighted.score().f1);
    report.push("soft pixels IoU", sums.soft.score().iou);
    report.push("boundary F1", sums.borders.score().f1);
    report.push("boundary F1, one to one", sums.border_pairs.score().f1);
    report.push("classes, mean IoU", sums.classes.mean_iou());
    report.push("classes, mean Dice", sums.classes.mean_dice());
    report.push("classes right", sums.classes.accuracy());
    let quality = sums.shapes.score();
    report.push("houses PQ", quality.pq);
    report.push("houses SQ", quality.sq);
    report.push("houses RQ", quality.rq);
    report.push("small and large houses, mean PQ", sums.shape_classes.score().pq);
    report.push("paired houses of the right class", sums.paired.accuracy());
    report.push("paired houses, F1 of classes", sums.paired.counts().score().f1);
    report.push("paired houses, mean F1 of classes", sums.paired.mean_f1());
    report.push("similar pixels F1", sums.similarity.f_beta(1.0));
    report.push("AI4CMA areas F1", sums.areas.score(HARD)?.f1);
    report.push("AI4CMA points F1", sums.points.score().f1);
    report.push("lines 6a", sums.charts.score().task_6a);
    report.push("lines, balanced", sums.charts.score().balanced);
    report.push("roads APLS", sums.roads.score().apls);
    let score = sums.road_pixels.score();
    report.push("road pixels correctness", score.precision);
    report.push("road pixels completeness", score.recall);
    report.push("road pixels F1", score.f1);
    report.push("calibration error", sums.calibration.expected_error());
    report.push("largest calibration error", sums.calibration.largest_error());
    report.push("Brier score", sums.calibration.brier());
    report.push_measure("log loss by area", sums.losses.mean(), "nat");
    report.push_measure("Hausdorff 95", sums.distances.hausdorff_95(), "px");
    report.push_measure("roads Hausdorff 95", sums.road_distances.hausdorff_95(), "px");
    report.push_measure("roads, mean distance", sums.road_distances.mean(), "px");
    report.push_measure("AI4CMA points, mean distance", sums.points.mean_distance(), "px");
    report.push_measure("PoLiS, mean", sums.polis.mean(), "px");
    report.push_measure("PoLiS, median", sums.polis.quantile(0.5), "px");
    report.push_measure("ends of diagonals, mean", sums.diagonals.endpoint.mean(), "px");
    report.push_measure("length of diagonals, mean", sums.diagonals.length.mean(), "px");
    report.push_measure("angle of diagonals, mean", sums.diagonals.angle.mean(), "rad");
    report.push_measure("angle per pixel, mean", sums.angles.mean(), "rad");
    report.push_measure("shorter side per pixel, rms", sums.sides.root_mean_square(), "px");
    Ok(report)
}

/// Scores that differ by more than rounding.
fn differences(own: &Report, others: &Report) -> u64 {
    let pairs = own.scores.iter().zip(&others.scores);
    let differ = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() > 1e-12 * a.abs().max(1.0),
        (a, b) => a.is_some() != b.is_some(),
    };
    pairs.filter(|(a, b)| differ(a.value, b.value)).count() as u64
}
