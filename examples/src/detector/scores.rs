//! Scores of a detector, counted over batches.

use std::iter::zip;

use anyhow::{Context, Result};
use candle_core::{D, DType, Device, Tensor};
use geo_types::{Coord, Line};
use mapvec_losses::{MatchedObjects, Objects, TrueObjects};
use mapvec_metrics::{
    CocoConfig, CocoDetection, CocoRecords, CocoTruth, MatchedClasses, Report, SegmentErrors,
    WeightedMean, box_ious, mean_box_iou, paired_classes, segment_errors,
};
use mapvec_nn::sigmoid;

use super::batch::{CLASSES, LINE};

/// From this probability on a query says that it has an object.
pub const SURE: f32 = 0.5;

/// What has been counted so far: sums, so that a score over many batches is not a mean of means.
#[derive(Debug)]
pub struct Scores {
    side: f64,
    classes: MatchedClasses,
    boxes: WeightedMean,
    lines: SegmentErrors,
    coco: CocoRecords,
    pictures: u64,
}

impl Scores {
    /// No pictures yet, of `side` px.
    ///
    /// # Errors
    /// Never, with the settings of this example.
    pub fn new(side: usize) -> Result<Self> {
        Ok(Self {
            side: side as f64,
            classes: MatchedClasses::default(),
            boxes: WeightedMean::default(),
            lines: SegmentErrors::default(),
            coco: CocoRecords::new(&CocoConfig::default())?,
            pictures: 0,
        })
    }

    /// Adds a batch: all that it needs is what the loss was given and has matched.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn add(
        &mut self,
        prediction: &Objects,
        truth: &[TrueObjects],
        matched: &MatchedObjects,
    ) -> Result<()> {
        let logits = prediction.classes.as_ref().context("a prediction has classes")?;
        let boxes = prediction.boxes.as_ref().context("a prediction has boxes")?;
        let (probabilities, boxes) = (sigmoid(&logits.detach())?.to_vec3::<f32>()?, rows(boxes)?);
        for (picture, truth) in truth.iter().enumerate() {
            let claims: Vec<(usize, f32)> =
                probabilities[picture].iter().map(|p| best(p)).collect();
            let predicted: Vec<Option<usize>> =
                claims.iter().map(|&(class, p)| (p >= SURE).then_some(class)).collect();
            let classes = truth.classes.clone().unwrap_or_default();
            self.classes += paired_classes(&predicted, &classes, &matched.pairs[picture], CLASSES)?;
            let own = truth.boxes.as_ref().map(rows2).transpose()?.unwrap_or_default();
            self.add_to_coco(&claims, &boxes[picture], &classes, &own)?;
        }
        // Queries next to their objects, whatever the query says of its class.
        let pairs = matched.rows(|objects| objects.boxes.as_ref())?;
        let [found, expected]: [Vec<_>; 2] = [
            pairs.iter().map(|(box_, _)| self.corner_size(box_)).collect(),
            pairs.iter().map(|(_, box_)| self.corner_size(box_)).collect(),
        ];
        self.boxes += mean_box_iou(&found, &expected, None)?;
        let classes = matched.rows(|objects| objects.classes.as_ref())?;
        let vectors = matched.rows(|objects| objects.vectors.as_ref())?;
        let lines = zip(vectors, classes).filter(|(_, (_, share))| share[LINE] > 0.5);
        let (found, expected): (Vec<_>, Vec<_>) =
            lines.map(|((found, expected), _)| (self.line(&found), self.line(&expected))).unzip();
        self.lines += segment_errors(&found, &expected)?;
        Ok(())
    }

    fn add_to_coco(
        &mut self,
        claims: &[(usize, f32)],
        boxes: &[Vec<f64>],
        classes: &[usize],
        truth: &[Vec<f64>],
    ) -> Result<()> {
        self.pictures += 1;
        for class in 0..CLASSES {
            let of_class = |all: Vec<(usize, [f64; 4])>| -> Vec<[f64; 4]> {
                all.into_iter().filter(|(own, _)| *own == class).map(|(_, box_)| box_).collect()
            };
            let found: Vec<_> =
                zip(claims, boxes).map(|(claim, box_)| (claim.0, self.corner_size(box_))).collect();
            let expected: Vec<_> =
                zip(classes, truth).map(|(&own, box_)| (own, self.corner_size(box_))).collect();
            let (found, expected) = (of_class(found), of_class(expected));
            let area = |[_, _, width, height]: &[f64; 4]| width * height;
            let scores = claims.iter().filter(|claim| claim.0 == class).map(|claim| claim.1);
            let detections: Vec<CocoDetection> = zip(scores, &found)
                .map(|(score, box_)| CocoDetection { score: f64::from(score), area: area(box_) })
                .collect();
            let truths: Vec<CocoTruth> = expected
                .iter()
                .map(|box_| CocoTruth { area: area(box_), ..CocoTruth::default() })
                .collect();
            let ious = box_ious(&found, &expected, &vec![false; expected.len()])?;
            self.coco.update(self.pictures, class as u32, &truths, &detections, ious.view())?;
        }
        Ok(())
    }

    /// Left, top, width and height, px, of center and size in shares.
    fn corner_size(&self, numbers: &[f64]) -> [f64; 4] {
        let [x, y, width, height] = [0, 1, 2, 3].map(|k| numbers[k] * self.side);
        [x - width / 2.0, y - height / 2.0, width, height]
    }

    fn line(&self, ends: &[f64]) -> Line<f64> {
        let end = |k: usize| Coord { x: ends[k] * self.side, y: ends[k + 1] * self.side };
        Line::new(end(0), end(2))
    }

    /// Names and values.
    #[must_use]
    pub fn report(&self, title: &str) -> Report {
        let mut report = Report::new(title);
        let all = self.classes.counts().score();
        report.push("class precision", all.precision);
        report.push("class recall", all.recall);
        report.push("class F1", all.f1);
        report.push("line F1", self.classes.class_counts(LINE).score().f1);
        report.push("symbol F1", self.classes.class_counts(1 - LINE).score().f1);
        report.push("mean box IoU", self.boxes.mean());
        for (name, value) in self.coco.score().summary().into_iter().take(3) {
            report.push(&name, value);
        }
        report.push_measure("endpoint error of lines", self.lines.endpoint.mean(), "px");
        report
    }
}

/// The value of a score of a report, 0 where it is undefined.
#[must_use]
pub fn value(report: &Report, name: &str) -> f64 {
    let score = report.scores.iter().find(|score| score.name == name);
    score.and_then(|score| score.value).unwrap_or(0.0)
}

/// The class of largest probability.
#[must_use]
pub fn best(probabilities: &[f32]) -> (usize, f32) {
    let better = |a: (usize, f32), (class, &p): (usize, &f32)| if p > a.1 { (class, p) } else { a };
    probabilities.iter().enumerate().fold((0, 0.0), better)
}

/// The numbers of each object of each picture, `[B, N, D]`.
///
/// # Errors
/// The tensor has another rank.
pub fn rows(tensor: &Tensor) -> Result<Vec<Vec<Vec<f64>>>> {
    let tensor = tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    Ok(if tensor.rank() == 4 { tensor.flatten(2, D::Minus1)? } else { tensor }.to_vec3()?)
}

fn rows2(tensor: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2()?)
}
