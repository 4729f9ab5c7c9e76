//! Pictures of what the scores of made predictions are made of.

use anyhow::Result;
use mapvec_metrics::{
    BootstrapConfig, CalibrationCounts, CocoConfig, CocoSelection, Confusion, Interval,
    IntervalMethod, PrecisionRecall, bootstrap, bootstrap_by, plot_confusion,
    plot_precision_recall, plot_reliability,
};

use super::scene::Scene;
use super::sums::{Ranked, Sums};

/// Pictures as SVG with the names of their files.
pub type Plots = Vec<(&'static str, String)>;

/// Draws calibration, precision over recall and the confusion of classes, with intervals.
pub(super) fn plots(scenes: &[Scene], counts: &[Sums], seed: u64) -> Result<Plots> {
    let config = BootstrapConfig {
        resamples: 200,
        method: IntervalMethod::Percentile,
        seed,
        ..BootstrapConfig::default()
    };
    let confusion: Confusion = counts.iter().map(|counts| counts.classes.clone()).sum();
    let names = ["ground", "small house", "large house", "road"];
    Ok(vec![
        ("reliability.svg", reliability(counts, &config)?),
        ("precision_recall.svg", precision_recall(scenes, counts, &config)?),
        ("confusion.svg", plot_confusion("Classes of pixels", &confusion, &names)),
    ])
}

fn reliability(counts: &[Sums], config: &BootstrapConfig) -> Result<String> {
    let pictures: Vec<CalibrationCounts> =
        counts.iter().map(|counts| counts.calibration.clone()).collect();
    let all: CalibrationCounts = pictures.iter().cloned().sum();
    let share = |sum: &CalibrationCounts, bin: usize| {
        let bin = sum.bins().get(bin)?;
        (bin.count > 0).then(|| bin.right as f64 / bin.count as f64)
    };
    let intervals = (0..all.bins().len()).map(|bin| {
        Ok(bootstrap(&pictures, |sum: &CalibrationCounts| share(sum, bin), config)?.map(ends))
    });
    let intervals: Vec<Option<[f64; 2]>> = intervals.collect::<Result<_>>()?;
    Ok(plot_reliability("Houses that are right", &all, &intervals))
}

fn precision_recall(scenes: &[Scene], counts: &[Sums], config: &BootstrapConfig) -> Result<String> {
    let coco = CocoConfig {
        iou_thresholds: vec![0.5, 0.75],
        areas: CocoConfig::default().areas.into_iter().take(1).collect(),
        max_detections: vec![100],
        ..CocoConfig::default()
    };
    let records = Ranked::of(scenes.iter(), &coco)?.boxes;
    let images = records.images();
    let mut curves = Vec::new();
    for (threshold, name) in [(0, "boxes, IoU from 0.5 on"), (1, "boxes, IoU from 0.75 on")] {
        let one = CocoSelection {
            threshold: Some(threshold),
            category: Some(1),
            ..CocoSelection::default()
        };
        let scores = records.score();
        let precisions = scores.curve(&one).map(|curve| curve.to_vec()).unwrap_or_default();
        let mut curve = PrecisionRecall::at_equal_recalls(name, &precisions);
        // At 0.1, 0.3, ...
        for place in (10..precisions.len()).step_by(20) {
            let precision = |places: &[usize]| {
                let drawn: Vec<u64> = places.iter().map(|&place| images[place]).collect();
                records.score_images(&drawn).curve(&one)?.get(place).copied()
            };
            let interval = bootstrap_by(images.len(), precision, config)?;
            curve.points[place].interval = interval.map(ends);
        }
        curves.push(curve);
    }
    let pixels: CalibrationCounts =
        counts.iter().map(|counts| counts.pixel_calibration.clone()).sum();
    curves.push(PrecisionRecall::of_counts("pixels of houses", &pixels.thresholded()));
    Ok(plot_precision_recall("Precision over recall", &curves))
}

fn ends(interval: Interval) -> [f64; 2] {
    [interval.low, interval.high]
}
