//! Panoptic quality of one class of instances.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::binary::ratio;
use crate::error::same_shape;

/// Panoptic quality and its parts, all in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanopticQuality {
    /// Panoptic quality, `sq * rq`, 0 without a match; none where there is no instance on
    /// either side.
    pub pq: Option<f64>,
    /// Segmentation quality: mean `IoU` of the matched instances; none without a match.
    pub sq: Option<f64>,
    /// Recognition quality: `tp / (tp + fp / 2 + fn / 2)`; none where there is no instance on
    /// either side.
    pub rq: Option<f64>,
}

/// What panoptic quality is made of; counts of several rasters can be added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PqCounts {
    /// Sum of the `IoU` of the matches.
    pub iou_sum: f64,
    /// Instances of the prediction that match one of the truth.
    pub true_positives: u64,
    /// Instances of the prediction without a match.
    pub false_positives: u64,
    /// Instances of the truth without a match.
    pub false_negatives: u64,
}

impl PqCounts {
    /// The score of these counts.
    #[must_use]
    pub fn score(&self) -> PanopticQuality {
        let Self { iou_sum, true_positives, false_positives, false_negatives } = *self;
        let sq = (true_positives > 0).then(|| iou_sum / true_positives as f64);
        let rq = ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives);
        PanopticQuality { pq: rq.map(|rq| sq.unwrap_or(0.0) * rq), sq, rq }
    }
}

impl AddAssign for PqCounts {
    fn add_assign(&mut self, other: Self) {
        self.iou_sum += other.iou_sum;
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
    }
}

impl Sum for PqCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// What panoptic quality is made of: how many instances are found, and how well they fit.
///
/// `predicted` and `truth` hold the instance of every pixel; ids are free and
/// need not be dense, 0 is no instance. Pixels outside `mask` are no instance
/// on both sides, so an instance that reaches out of the mask counts with what
/// lies inside. Two instances match if their `IoU` is above 1/2; such a match is
/// unique. Pixels of a prediction on truth 0 count for its area, as usual.
///
/// # Examples
/// ```
/// use mapvec_metrics::panoptic_counts;
/// use ndarray::array;
///
/// let truth = array![[1, 1, 1, 0, 2, 2_u32]];
/// let predicted = array![[7, 7, 0, 0, 0, 9_u32]];
/// let counts = panoptic_counts(predicted.view(), truth.view(), None)?;
/// assert_eq!(counts.true_positives, 1); // IoU 2/3; the other has 1/2
/// assert_eq!(counts.score().pq, Some(2.0 / 3.0 * 0.5));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the rasters differ in size.
///
/// # References
/// A. Kirillov, K. He, R. Girshick, C. Rother and P. Dollar, Panoptic
/// segmentation, CVPR 2019. With all shapes of one class and void on both sides
/// it is the measure of the ICDAR 2021 competition on historical map
/// segmentation, task 1.
pub fn panoptic_counts(
    predicted: ArrayView2<'_, u32>,
    truth: ArrayView2<'_, u32>,
    mask: Option<ArrayView2<'_, bool>>,
) -> Result<PqCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    if let Some(mask) = mask {
        same_shape("mask", mask.dim(), predicted.dim())?;
    }
    let pixels = predicted.indexed_iter().map(|(at, &p)| (at, ((0, truth[at]), (0, p))));
    let pixels = pixels.filter(|(at, _)| mask.is_none_or(|mask| mask[*at]));
    Ok(matches(&overlaps(pixels.map(|(_, pair)| pair)), 1).into_iter().sum())
}

/// Class and id; an id of 0 is no instance.
pub(crate) type Instance = (u8, u32);

/// The counts of each class from the pixels per (truth, prediction).
pub(crate) fn matches(
    overlaps: &BTreeMap<(Instance, Instance), u64>,
    classes: usize,
) -> Vec<PqCounts> {
    let mut truth_areas = BTreeMap::<Instance, u64>::new();
    let mut predicted_areas = BTreeMap::<Instance, u64>::new();
    for (&(t, p), &pixels) in overlaps {
        *truth_areas.entry(t).or_default() += pixels;
        *predicted_areas.entry(p).or_default() += pixels;
    }
    let mut counts = vec![PqCounts::default(); classes];
    let exists = |&&(_, id): &&Instance| id > 0;
    for &(class, _) in predicted_areas.keys().filter(exists) {
        counts[usize::from(class)].false_positives += 1;
    }
    for &(class, _) in truth_areas.keys().filter(exists) {
        counts[usize::from(class)].false_negatives += 1;
    }
    for (&(t, p), &pixels) in overlaps.iter().filter(|((t, p), _)| t.1 > 0 && p.1 > 0) {
        let union = truth_areas[&t] + predicted_areas[&p] - pixels;
        if t.0 == p.0 && 2 * pixels > union {
            let counts = &mut counts[usize::from(t.0)];
            counts.true_positives += 1;
            counts.false_positives -= 1;
            counts.false_negatives -= 1;
            counts.iou_sum += pixels as f64 / union as f64;
        }
    }
    counts
}

/// Pixels per (truth, prediction). Equal neighbours are counted at once, as most pixels are far
/// from a border.
pub(crate) fn overlaps(
    pixels: impl Iterator<Item = (Instance, Instance)>,
) -> BTreeMap<(Instance, Instance), u64> {
    let mut overlaps = BTreeMap::new();
    let (mut run, mut length) = (((0, 0), (0, 0)), 0_u64);
    for pixel in pixels {
        if pixel != run {
            *overlaps.entry(run).or_default() += length;
            (run, length) = (pixel, 0);
        }
        length += 1;
    }
    *overlaps.entry(run).or_default() += length;
    overlaps
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_mask_cuts_instances() {
        let truth = array![[1, 1, 1, 1, 2, 2_u32]];
        let predicted = array![[5, 5, 0, 0, 5, 6_u32]];
        let mask = array![[true, true, false, false, false, true]];
        let found = panoptic_counts(predicted.view(), truth.view(), Some(mask.view())).unwrap();
        assert_eq!((found.true_positives, found.false_positives, found.false_negatives), (2, 0, 0));
        assert_eq!(found.score().pq, Some(1.0));
    }

    #[test]
    fn instances_outside_the_mask_do_not_exist() {
        let ids = array![[1, 2, 3_u32]];
        let mask = array![[false, true, false]];
        let counts = panoptic_counts(ids.view(), ids.view(), Some(mask.view())).unwrap();
        let one = PqCounts { iou_sum: 1.0, true_positives: 1, ..PqCounts::default() };
        assert_eq!(counts, one);
    }

    #[test]
    fn nothing_has_no_score() {
        let (nothing, one) = (Array2::zeros((2, 3)), Array2::ones((2, 3)));
        let score = |a: &Array2<u32>, b: &Array2<u32>| {
            panoptic_counts(a.view(), b.view(), None).unwrap().score()
        };
        assert_eq!(score(&nothing, &nothing), PanopticQuality::default());
        let missed = PanopticQuality { pq: Some(0.0), sq: None, rq: Some(0.0) };
        assert_eq!((score(&nothing, &one), score(&one, &nothing)), (missed, missed));
        let none = Array2::zeros((0, 0));
        assert!(panoptic_counts(none.view(), none.view(), None).is_ok());
    }

    #[test]
    fn sizes_must_agree() {
        let (a, b) = (Array2::zeros((2, 3)), Array2::zeros((3, 2)));
        let refused = panoptic_counts(a.view(), b.view(), None).unwrap_err();
        assert!(refused.to_string().contains("`truth` has 3 rows and 2 columns"));
        let mask = Array2::default((1, 1));
        let refused = panoptic_counts(a.view(), a.view(), Some(mask.view())).unwrap_err();
        assert!(refused.to_string().contains("`mask`"));
    }
}
