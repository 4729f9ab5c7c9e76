//! Which detections of one image and category are right.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::CocoConfig;
use crate::error::{check_shape, same_length};
use crate::{Error, Result};

/// A true object.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CocoTruth {
    /// Its size, px^2, as the annotation has it.
    pub area: f64,
    /// Whether it is a crowd of objects: any number of detections may match it, and none of
    /// them counts.
    pub crowd: bool,
    /// Whether it does not count, and neither does a detection that matches it. A crowd
    /// never counts.
    pub ignored: bool,
}

/// A detected object.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CocoDetection {
    /// How sure it is, any number; larger is surer.
    pub score: f64,
    /// Its size, px^2.
    pub area: f64,
}

/// What one image and category add to the scores.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CocoRecord {
    /// Scores of the detections, descending.
    pub(super) scores: Vec<f64>,
    /// Per range of areas and detection: bit t is set if the detection has a true object at
    /// threshold t.
    pub(super) matched: Vec<Vec<u64>>,
    /// The same, for detections that do not count.
    pub(super) ignored: Vec<Vec<u64>>,
    /// Per range of areas: true objects that count.
    pub(super) truths: Vec<u64>,
}

/// Matches detections with true objects. The `ious` are `[detections, truths]`.
pub(super) fn record(
    truths: &[CocoTruth],
    detections: &[CocoDetection],
    ious: ArrayView2<'_, f64>,
    config: &CocoConfig,
) -> Result<CocoRecord> {
    same_length("ious", ious.nrows(), detections.len(), "`detections`")?;
    let of = "a row per detection and a column per true object";
    check_shape("ious", ious.dim(), (detections.len(), truths.len()), of)?;
    let areas = truths.iter().map(|truth| truth.area);
    check("truths.area", areas, |area| !area.is_nan(), "a number")?;
    let numbers = detections.iter().map(|detection| detection.score);
    check("detections.score", numbers, f64::is_finite, "finite")?;
    let areas = detections.iter().map(|detection| detection.area);
    check("detections.area", areas, |area| !area.is_nan(), "a number")?;
    check("ious", ious.iter().copied(), |iou| !iou.is_nan(), "a number")?;

    let mut order: Vec<usize> = (0..detections.len()).collect();
    // Equal scores keep the order in which they came; adding 0 makes one of the two zeros.
    let score = |index: usize| detections[index].score + 0.0;
    order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    order.truncate(config.most_detections());
    let mut record = CocoRecord {
        scores: order.iter().map(|&index| score(index)).collect(),
        ..CocoRecord::default()
    };
    for range in &config.areas {
        let outside = |area: f64| area < range.low || area > range.high;
        let ignored: Vec<bool> = truths
            .iter()
            .map(|truth| truth.crowd || truth.ignored || outside(truth.area))
            .collect();
        let mut columns: Vec<usize> = (0..truths.len()).collect();
        columns.sort_by_key(|&column| ignored[column]);
        let sides = Sides { truths, ignored: &ignored, columns: &columns, rows: &order };
        let (mut matched, mut without) = (vec![0; order.len()], vec![0; order.len()]);
        for (bit, &threshold) in config.iou_thresholds.iter().enumerate() {
            for (place, found) in sides.matches(ious, threshold).into_iter().enumerate() {
                let flag = 1_u64 << bit;
                let ignore = match found {
                    Some(column) => {
                        matched[place] |= flag;
                        ignored[column]
                    }
                    None => outside(detections[order[place]].area),
                };
                without[place] |= if ignore { flag } else { 0 };
            }
        }
        record.matched.push(matched);
        record.ignored.push(without);
        record.truths.push(ignored.iter().filter(|ignored| !**ignored).count() as u64);
    }
    Ok(record)
}

/// The true objects, those that count first, and the detections, the surest first.
struct Sides<'a> {
    truths: &'a [CocoTruth],
    ignored: &'a [bool],
    columns: &'a [usize],
    rows: &'a [usize],
}

impl Sides<'_> {
    /// The true object of each detection: the one of largest `IoU` that is left, those that
    /// do not count only where no other is left.
    fn matches(&self, ious: ArrayView2<'_, f64>, threshold: f64) -> Vec<Option<usize>> {
        let mut taken = vec![false; self.truths.len()];
        let choose = |&row: &usize| {
            let (mut best, mut found) = (threshold.min(1.0 - 1e-10), None);
            for &column in self.columns {
                if taken[column] && !self.truths[column].crowd {
                    continue;
                }
                let counts = found.is_some_and(|found: usize| !self.ignored[found]);
                if counts && self.ignored[column] {
                    break;
                }
                // Of equal ones the last is taken.
                if ious[(row, column)] >= best {
                    (best, found) = (ious[(row, column)], Some(column));
                }
            }
            if let Some(column) = found {
                taken[column] = true;
            }
            found
        };
        self.rows.iter().map(choose).collect()
    }
}

/// Refuses numbers that cannot be used.
fn check(
    field: &'static str,
    values: impl Iterator<Item = f64>,
    right: impl Fn(f64) -> bool,
    expected: &'static str,
) -> Result<()> {
    for (index, value) in values.enumerate() {
        if !right(value) {
            return Err(Error::InvalidEntry { field, index, value, expected });
        }
    }
    Ok(())
}
