//! Average precision and recall from the tables.

use ndarray::{Array2, Array4, Array5, ArrayView1, s};
use serde::{Deserialize, Serialize};

use super::CocoConfig;

/// Precision and recall of every category, size, number of detections and threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoScores {
    config: CocoConfig,
    categories: Vec<u32>,
    /// `[categories, areas, detections, thresholds, recalls]`.
    precision: Array5<f64>,
    /// `[categories, areas, detections, thresholds]`.
    recall: Array4<f64>,
    /// True objects, `[categories, areas]`.
    truths: Array2<u64>,
}

/// What an average is taken over. The default is COCO's main number: all thresholds,
/// categories and sizes, with the most detections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CocoSelection {
    /// One of [`CocoConfig::iou_thresholds`] by its place; none for the mean over all.
    pub threshold: Option<usize>,
    /// A category; none for the mean over all that have true objects.
    pub category: Option<u32>,
    /// One of [`CocoConfig::areas`] by its place.
    pub area: usize,
    /// One of [`CocoConfig::max_detections`] by its place; none for the last.
    pub detections: Option<usize>,
}

impl CocoScores {
    pub(super) fn new(
        config: CocoConfig,
        categories: Vec<u32>,
        precision: Array5<f64>,
        recall: Array4<f64>,
        truths: Array2<u64>,
    ) -> Self {
        Self { config, categories, precision, recall, truths }
    }

    /// What the scores were taken with.
    #[must_use]
    pub fn config(&self) -> &CocoConfig {
        &self.config
    }

    /// The categories, ascending.
    #[must_use]
    pub fn categories(&self) -> &[u32] {
        &self.categories
    }

    /// True objects that count, of a category and a range of areas by its place.
    #[must_use]
    pub fn truths(&self, category: u32, area: usize) -> u64 {
        let k = self.categories.binary_search(&category).ok();
        k.and_then(|k| self.truths.get((k, area))).copied().unwrap_or(0)
    }

    /// Mean precision over the recalls and what is selected; none where no category has a
    /// true object, or the selection does not exist.
    #[must_use]
    pub fn average_precision(&self, selection: &CocoSelection) -> Option<f64> {
        self.average(selection, |k, a, m, t| {
            self.precision.slice(s![k, a, m, t, ..]).mean().unwrap_or(0.0)
        })
    }

    /// Mean of the largest recall that is reached, over what is selected; none as for
    /// [`CocoScores::average_precision`].
    #[must_use]
    pub fn average_recall(&self, selection: &CocoSelection) -> Option<f64> {
        self.average(selection, |k, a, m, t| self.recall[(k, a, m, t)])
    }

    /// The precision at every recall for one category and threshold; none where the category
    /// has no true object, or the selection leaves one of the two open.
    #[must_use]
    pub fn curve(&self, selection: &CocoSelection) -> Option<ArrayView1<'_, f64>> {
        let (area, detections) = self.places(selection)?;
        let k = self.categories.binary_search(&selection.category?).ok()?;
        let threshold = selection.threshold.filter(|t| *t < self.config.iou_thresholds.len())?;
        (self.truths[(k, area)] > 0)
            .then(|| self.precision.slice(s![k, area, detections, threshold, ..]))
    }

    /// The twelve numbers that COCO's own tools print, where the configuration has their
    /// parts: average precision (AP) over all thresholds, at 0.5 and 0.75, and per size;
    /// average recall (AR) per number of detections and per size.
    #[must_use]
    pub fn summary(&self) -> Vec<(String, Option<f64>)> {
        let all = CocoSelection::default();
        let mut rows = vec![("AP".to_owned(), self.average_precision(&all))];
        for (name, value) in [("AP50", 0.5), ("AP75", 0.75)] {
            let near = |t: &f64| (t - value).abs() < 1e-9;
            if let Some(threshold) = self.config.iou_thresholds.iter().position(near) {
                let one = CocoSelection { threshold: Some(threshold), ..all };
                rows.push((name.to_owned(), self.average_precision(&one)));
            }
        }
        for (area, range) in self.config.areas.iter().enumerate().skip(1) {
            let one = CocoSelection { area, ..all };
            rows.push((format!("AP {}", range.name), self.average_precision(&one)));
        }
        for (place, most) in self.config.max_detections.iter().enumerate() {
            let one = CocoSelection { detections: Some(place), ..all };
            rows.push((format!("AR {most}"), self.average_recall(&one)));
        }
        for (area, range) in self.config.areas.iter().enumerate().skip(1) {
            let one = CocoSelection { area, ..all };
            rows.push((format!("AR {}", range.name), self.average_recall(&one)));
        }
        rows
    }

    /// Places of the area and of the number of detections.
    fn places(&self, selection: &CocoSelection) -> Option<(usize, usize)> {
        let most = self.config.max_detections.len();
        let detections = selection.detections.unwrap_or(most.checked_sub(1)?);
        (selection.area < self.config.areas.len() && detections < most)
            .then_some((selection.area, detections))
    }

    fn average(
        &self,
        selection: &CocoSelection,
        value: impl Fn(usize, usize, usize, usize) -> f64,
    ) -> Option<f64> {
        let (area, detections) = self.places(selection)?;
        let thresholds = self.config.iou_thresholds.len();
        let thresholds = match selection.threshold {
            Some(one) if one < thresholds => one..one + 1,
            Some(_) => return None,
            None => 0..thresholds,
        };
        let (mut sum, mut count) = (0.0, 0_u32);
        for (k, &category) in self.categories.iter().enumerate() {
            let chosen = selection.category.is_none_or(|one| one == category);
            if !chosen || self.truths[(k, area)] == 0 {
                continue;
            }
            for threshold in thresholds.clone() {
                sum += value(k, area, detections, threshold);
                count += 1;
            }
        }
        (count > 0).then(|| sum / f64::from(count))
    }
}
