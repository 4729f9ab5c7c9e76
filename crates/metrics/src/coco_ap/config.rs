//! What is varied in the COCO protocol.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::check_setting;

/// Objects of which size count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaRange {
    /// Name in the tables.
    pub name: String,
    /// Smallest area that counts, px^2.
    pub low: f64,
    /// Largest area that counts, px^2.
    pub high: f64,
}

/// Most cells of the table of one category.
const LARGEST_TABLE: f64 = 16_777_216.0;

/// The settings of COCO's average precision; the default is the published protocol.
///
/// A category has a table of thresholds by recalls by sizes by numbers of detections, of at most
/// 2^24 cells.
///
/// # References
/// T.-Y. Lin et al., Microsoft COCO: common objects in context, ECCV 2014.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CocoConfig {
    /// `IoU` from which on a detection is right, in [0, 1], ascending, 1 to 64 of them.
    pub iou_thresholds: Vec<f64>,
    /// Number of recalls from 0 to 1 at which the precision is read, from 2.
    pub recall_points: usize,
    /// Sizes of objects, px^2; at least one.
    pub areas: Vec<AreaRange>,
    /// Detections per image and category that count, the best first; ascending, at least one.
    pub max_detections: Vec<usize>,
}

impl Default for CocoConfig {
    fn default() -> Self {
        let area = |name: &str, low: f64, high: f64| AreaRange { name: name.to_owned(), low, high };
        // As numpy's `linspace` gives them, to the last bit.
        let step = (0.95 - 0.5) / 9.0;
        let mut iou_thresholds: Vec<f64> = (0..9).map(|i| f64::from(i) * step + 0.5).collect();
        iou_thresholds.push(0.95);
        Self {
            iou_thresholds,
            recall_points: 101,
            areas: vec![
                area("all", 0.0, 1e10),
                area("small", 0.0, 1024.0),
                area("medium", 1024.0, 9216.0),
                area("large", 9216.0, 1e10),
            ],
            max_detections: vec![1, 10, 100],
        }
    }
}

impl CocoConfig {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for one that is not.
    pub fn validate(&self) -> Result<()> {
        let count = self.iou_thresholds.len();
        check_setting(
            "iou_thresholds",
            count as f64,
            (1..=64).contains(&count),
            "1 to 64 thresholds",
        )?;
        for &value in &self.iou_thresholds {
            let right = (0.0..=1.0).contains(&value);
            check_setting("iou_thresholds", value, right, "in [0, 1]")?;
        }
        for pair in self.iou_thresholds.windows(2) {
            let right = pair[0] < pair[1];
            check_setting("iou_thresholds", pair[1], right, "above the threshold before")?;
        }
        let points = self.recall_points;
        let right = (2..=100_001).contains(&points);
        check_setting("recall_points", points as f64, right, "from 2 to 100001")?;
        let areas = self.areas.len();
        check_setting("areas", areas as f64, (1..=64).contains(&areas), "1 to 64 ranges")?;
        for area in &self.areas {
            let right = area.low <= area.high;
            check_setting("areas.low", area.low, right, "a number and not above `high`")?;
        }
        let most = self.max_detections.len();
        check_setting("max_detections", most as f64, (1..=64).contains(&most), "1 to 64 numbers")?;
        for pair in self.max_detections.windows(2) {
            let right = pair[0] < pair[1];
            check_setting("max_detections", pair[1] as f64, right, "above the number before")?;
        }
        let cells = count as f64 * points as f64 * areas as f64 * most as f64;
        let field = "iou_thresholds x recall_points x areas x max_detections";
        check_setting(field, cells, cells <= LARGEST_TABLE, "2^24 (16777216) cells or less")
    }

    /// Detections per image and category that are looked at.
    pub(super) fn most_detections(&self) -> usize {
        self.max_detections.last().copied().unwrap_or(0)
    }

    /// The recalls at which the precision is read.
    pub(super) fn recalls(&self) -> Vec<f64> {
        let last = self.recall_points.max(2) - 1;
        let step = 1.0 / last as f64;
        let mut recalls: Vec<f64> = (0..last).map(|i| i as f64 * step).collect();
        recalls.push(1.0);
        recalls
    }
}
