//! Tables and times of pycocotools, as `xtask/peers/coco_ap.py` writes them.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use geo_types::{Coord, LineString};
use mapvec_data::{ImageLimits, Rle};
use mapvec_metrics::{
    CocoConfig, CocoDetection, CocoRecords, CocoScores, CocoSelection, CocoTruth, RunMask,
    box_ious, mask_ious, polygon_runs,
};
use ndarray::Array2;
use serde_json::Value;

use crate::progress::say;

/// Scores every set in `sets.jsonl` and gives the number of sets and the largest difference
/// of a value of their tables, NaN if one is no number.
///
/// # Errors
/// The file cannot be read, has no sets or other fields than expected, or scoring took longer
/// than pycocotools did.
pub fn check_sets(folder: &Path) -> Result<(u64, f64)> {
    let path = folder.join("sets.jsonl");
    let file =
        std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut sets, mut values, mut largest) = (0, 0, 0.0_f64);
    let (mut ours, mut theirs) = (0.0, 0.0);
    for line in std::io::BufReader::new(file).lines() {
        let set: Value = serde_json::from_str(&line?)?;
        let pictures = Pictures::read(&set)?;
        let start = Instant::now();
        let records = pictures.records()?;
        let scores = records.score();
        ours += start.elapsed().as_secs_f64();
        theirs += number(&set["seconds"])?;
        let differences = differences(&scores, &set).with_context(|| format!("set {sets}"))?;
        values += differences.len();
        largest = differences.into_iter().fold(largest, larger);
        sets += 1;
    }
    say(&format!(
        "{sets} sets, {values} values, largest difference {largest:.1e}; \
         {ours:.3} s here, {theirs:.3} s in pycocotools"
    ));
    ensure!(sets > 0, "{} has no sets", path.display());
    ensure!(ours < theirs, "slower than pycocotools");
    Ok((sets, largest))
}

/// The larger number; NaN if one of the two is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The shapes of one category of one image.
#[derive(Default)]
struct Group {
    truths: Vec<CocoTruth>,
    detections: Vec<CocoDetection>,
    boxes: [Vec<[f64; 4]>; 2],
    masks: [Vec<RunMask>; 2],
}

struct Pictures {
    boxes: bool,
    groups: BTreeMap<(u64, u32), Group>,
}

impl Pictures {
    fn read(set: &Value) -> Result<Self> {
        let boxes = set["kind"] == "boxes";
        let side = |name: &str| Ok::<u32, anyhow::Error>(u32::try_from(whole(&set[name])?)?);
        let (height, width) = (side("height")?, side("width")?);
        let mut groups = BTreeMap::<(u64, u32), Group>::new();
        for (place, name) in ["truths", "detections"].into_iter().enumerate() {
            for entry in set[name].as_array().context("a set has two lists")? {
                let category = u32::try_from(whole(&entry["category"])?)?;
                let group = groups.entry((whole(&entry["image"])?, category)).or_default();
                let mut own_area = 0.0;
                if boxes {
                    let shape = [0, 1, 2, 3].map(|i| number(&entry["box"][i]).unwrap_or(f64::NAN));
                    own_area = shape[2] * shape[3];
                    group.boxes[place].push(shape);
                } else {
                    let mask = RunMask::new(&runs(entry, height, width)?, height, width)?;
                    own_area += mask.area() as f64;
                    group.masks[place].push(mask);
                }
                if place == 0 {
                    let crowd = entry["crowd"] == true;
                    let area = number(&entry["area"])?;
                    group.truths.push(CocoTruth { area, crowd, ignored: false });
                } else {
                    let score = number(&entry["score"])?;
                    group.detections.push(CocoDetection { score, area: own_area });
                }
            }
        }
        Ok(Self { boxes, groups })
    }

    fn records(&self) -> Result<CocoRecords> {
        let config = CocoConfig::default();
        // Two workers with every other group each.
        let mut workers = [CocoRecords::new(&config)?, CocoRecords::new(&config)?];
        for (index, ((image, category), group)) in self.groups.iter().enumerate() {
            let crowd: Vec<bool> = group.truths.iter().map(|truth| truth.crowd).collect();
            let ious = if self.boxes {
                box_ious(&group.boxes[1], &group.boxes[0], &crowd)?
            } else {
                mask_ious(&group.masks[1], &group.masks[0], &crowd)?
            };
            let worker = &mut workers[index % 2];
            worker.update(*image, *category, &group.truths, &group.detections, ious.view())?;
        }
        let [mut all, rest] = workers;
        all.merge(rest)?;
        Ok(all)
    }
}

fn runs(entry: &Value, height: u32, width: u32) -> Result<Vec<u32>> {
    if let Some(counts) = entry["counts"].as_array() {
        let count = |value: &Value| Ok(u32::try_from(whole(value)?)?);
        return counts.iter().map(count).collect();
    }
    let rings = entry["rings"].as_array().context("a shape has `counts` or `rings`")?;
    let ring = |ring: &Value| {
        let numbers: Vec<f64> =
            ring.as_array().context("no ring")?.iter().map(number).collect::<Result<_>>()?;
        let points = numbers.chunks_exact(2).map(|pair| Coord { x: pair[0], y: pair[1] });
        Ok(LineString(points.collect()))
    };
    let rings: Vec<LineString<f64>> = rings.iter().map(ring).collect::<Result<_>>()?;
    Ok(polygon_runs(&rings, height, width)?)
}

/// The differences of all values of the tables.
fn differences(scores: &CocoScores, set: &Value) -> Result<Vec<f64>> {
    let config = scores.config();
    let list = |name: &str| {
        let list = set[name].as_array().with_context(|| format!("no list `{name}`"))?;
        list.iter().map(number).collect::<Result<Vec<f64>>>()
    };
    let (precision, weighted, recall) = (list("precision")?, list("weighted")?, list("recall")?);
    let categories: Vec<u64> = set["categories"]
        .as_array()
        .context("no categories")?
        .iter()
        .map(whole)
        .collect::<Result<_>>()?;
    let sizes = [config.areas.len(), config.max_detections.len(), config.iou_thresholds.len()];
    let cells = categories.len() * sizes.iter().product::<usize>();
    let lengths = [precision.len(), weighted.len(), recall.len()];
    ensure!(lengths == [cells; 3], "lists of {lengths:?} values, not of {cells}");
    let weights: Vec<f64> = (1..=config.recall_points).map(|i| i as f64 / 1000.0).collect();
    let mut found = Vec::new();
    let mut next = 0;
    for &category in &categories {
        for area in 0..sizes[0] {
            for detections in 0..sizes[1] {
                for threshold in 0..sizes[2] {
                    let one = CocoSelection {
                        threshold: Some(threshold),
                        category: Some(u32::try_from(category)?),
                        area,
                        detections: Some(detections),
                    };
                    let curve = scores.curve(&one);
                    let points = curve.map_or(weights.len(), |curve| curve.len());
                    ensure!(points == weights.len(), "a curve of {points} points");
                    let sum = curve
                        .map(|curve| curve.iter().zip(&weights).map(|(p, w)| p * w).sum::<f64>());
                    let nothing = -weights.iter().sum::<f64>();
                    found.push(
                        (scores.average_precision(&one).unwrap_or(-1.0) - precision[next]).abs(),
                    );
                    found.push((sum.unwrap_or(nothing) - weighted[next]).abs());
                    found.push((scores.average_recall(&one).unwrap_or(-1.0) - recall[next]).abs());
                    next += 1;
                }
            }
        }
    }
    let (summary, expected) = (scores.summary(), list("summary")?);
    ensure!(summary.len() == expected.len(), "a summary of {} values", expected.len());
    for ((_, value), expected) in summary.into_iter().zip(expected) {
        found.push((value.unwrap_or(-1.0) - expected).abs());
    }
    Ok(found)
}

/// Overlaps of the masks in `masks.json`: gives the largest difference of an `IoU`, and prints
/// the fastest of 30 runs beside that of pycocotools; NaN if one is no number.
///
/// # Errors
/// The file cannot be read, has no masks or other fields than expected, or pycocotools is
/// faster.
pub fn time_masks(folder: &Path) -> Result<f64> {
    let path = folder.join("masks.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let groups: Vec<Value> = serde_json::from_str(&text)?;
    ensure!(!groups.is_empty(), "{} has no masks", path.display());
    let mut largest = 0.0_f64;
    for group in &groups {
        let side = |name: &str| Ok::<u32, anyhow::Error>(u32::try_from(whole(&group[name])?)?);
        let (height, width) = (side("height")?, side("width")?);
        let counts = |name: &str| {
            let masks = group[name].as_array().context("no masks")?;
            let one = |mask: &Value| {
                let runs = mask.as_array().context("no runs")?;
                runs.iter().map(|run| Ok(u32::try_from(whole(run)?)?)).collect()
            };
            masks.iter().map(one).collect::<Result<Vec<Vec<u32>>>>()
        };
        let (detections, truths) = (counts("detections")?, counts("truths")?);
        let texts = group["texts"].as_array().context("no texts")?;
        let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
        let crowd = vec![false; truths.len()];
        let ready = |masks: &[Vec<u32>]| -> Result<Vec<RunMask>> {
            masks.iter().map(|runs| Ok(RunMask::new(runs, height, width)?)).collect()
        };
        let from_runs = || overlaps(&ready(&detections)?, &ready(&truths)?, &crowd);
        let limits = ImageLimits::default();
        let from_texts = || {
            let masks: Vec<RunMask> = texts
                .iter()
                .map(|text| {
                    let rle = Rle::from_compressed(height, width, text, &limits)?;
                    Ok(RunMask::new(rle.counts(), height, width)?)
                })
                .collect::<Result<_>>()?;
            let (detections, truths) = masks.split_at(detections.len());
            overlaps(detections, truths, &crowd)
        };
        let (with_runs, ious) = fastest(from_runs)?;
        let (with_texts, again) = fastest(from_texts)?;
        ensure!(ious == again, "runs and texts differ");
        let theirs = number(&group["seconds"])?;
        let expected = group["ious"].as_array().context("no ious")?;
        ensure!(ious.len() == expected.len(), "{} overlaps expected", expected.len());
        for (iou, expected) in ious.iter().zip(expected) {
            largest = larger(largest, (iou - number(expected)?).abs());
        }
        say(&format!(
            "{} x {} masks of {height} x {width}: {:.3} ms from runs, {:.3} ms from text, \
             {:.3} ms in pycocotools ({:.1} and {:.1} times as fast)",
            detections.len(),
            truths.len(),
            with_runs * 1e3,
            with_texts * 1e3,
            theirs * 1e3,
            theirs / with_runs,
            theirs / with_texts
        ));
        ensure!(with_runs.max(with_texts) < theirs, "slower than pycocotools");
    }
    say(&format!("largest difference of an IoU {largest:.1e}"));
    Ok(largest)
}

fn overlaps(detections: &[RunMask], truths: &[RunMask], crowd: &[bool]) -> Result<Array2<f64>> {
    Ok(mask_ious(detections, truths, crowd)?)
}

fn fastest<T>(work: impl Fn() -> Result<T>) -> Result<(f64, T)> {
    let mut result = work()?;
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = Instant::now();
        result = work()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok((best, result))
}

fn number(value: &Value) -> Result<f64> {
    value.as_f64().with_context(|| format!("{value} is no number"))
}

fn whole(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("{value} is no whole number"))
}
