//! Panoptic quality of several classes of instances.

use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::confusion::check_classes;
use crate::error::same_shape;
use crate::panoptic::{Instance, matches, overlaps};
use crate::{Error, PanopticQuality, PqCounts, Result};

/// Instances of a picture and their classes.
#[derive(Debug, Clone, Copy)]
pub struct InstanceMap<'a> {
    /// The instance of every pixel; ids are free, 0 is no instance.
    pub ids: ArrayView2<'a, u32>,
    /// The class of every pixel that has an instance. The pixels of one id that differ in class
    /// are one instance of each.
    pub classes: ArrayView2<'a, u8>,
}

/// What panoptic quality is made of, per class; counts of several rasters can be added.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PqClasses {
    /// One entry per class.
    counts: Vec<PqCounts>,
}

impl PqClasses {
    /// The counts of the classes 0, 1, ...
    #[must_use]
    pub fn counts(&self) -> &[PqCounts] {
        &self.counts
    }

    /// The score of a class; none of anything if neither side has an instance of it.
    #[must_use]
    pub fn class_score(&self, class: usize) -> PanopticQuality {
        self.counts.get(class).map(PqCounts::score).unwrap_or_default()
    }

    /// Means of PQ, SQ and RQ over the classes that occur; none if no class does. A class
    /// without a match has 0 of each, as in the published numbers.
    #[must_use]
    pub fn score(&self) -> PanopticQuality {
        let all = self.counts.iter().map(PqCounts::score).filter(|score| score.pq.is_some());
        let all: Vec<PanopticQuality> = all.collect();
        let mean = |part: fn(&PanopticQuality) -> Option<f64>| {
            let sum: f64 = all.iter().filter_map(part).sum();
            (!all.is_empty()).then(|| sum / all.len() as f64)
        };
        PanopticQuality { pq: mean(|one| one.pq), sq: mean(|one| one.sq), rq: mean(|one| one.rq) }
    }
}

/// Adds class by class. The sum has the classes of whoever has more.
impl AddAssign for PqClasses {
    fn add_assign(&mut self, other: Self) {
        let classes = self.counts.len().max(other.counts.len());
        self.counts.resize(classes, PqCounts::default());
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, counts)| *sum += counts);
    }
}

impl Sum for PqClasses {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Panoptic quality per class: as [`panoptic_counts`](crate::panoptic_counts), but only
/// instances of one class match. Classes are 0, 1, ..., `classes` - 1; pixels outside `mask` are
/// no instance on both sides.
///
/// # Examples
/// ```
/// use mapvec_metrics::{InstanceMap, panoptic_classes};
/// use ndarray::array;
///
/// let ids = array![[1, 1, 2, 2, 0_u32]];
/// let (right, wrong) = (array![[0, 0, 1, 1, 9_u8]], array![[0, 0, 2, 2, 9_u8]]);
/// let truth = InstanceMap { ids: ids.view(), classes: right.view() };
/// let predicted = InstanceMap { ids: ids.view(), classes: wrong.view() };
/// let counts = panoptic_classes(&predicted, &truth, 4, None)?;
/// let pq = [0, 1, 2, 3].map(|class| counts.class_score(class).pq);
/// assert_eq!(pq, [Some(1.0), Some(0.0), Some(0.0), None]);
/// assert_eq!(counts.score().pq, Some(1.0 / 3.0));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the rasters differ in size; [`Error::InvalidSetting`] if `classes`
/// is 0 or above 256; [`Error::UnknownClass`] if a pixel of an instance has a class of `classes`
/// or more.
///
/// # References
/// A. Kirillov, K. He, R. Girshick, C. Rother and P. Dollar, Panoptic segmentation, CVPR 2019.
pub fn panoptic_classes(
    predicted: &InstanceMap<'_>,
    truth: &InstanceMap<'_>,
    classes: usize,
    mask: Option<ArrayView2<'_, bool>>,
) -> Result<PqClasses> {
    check_classes(classes)?;
    let size = predicted.ids.dim();
    same_shape("predicted.classes", predicted.classes.dim(), size)?;
    same_shape("truth", truth.ids.dim(), size)?;
    same_shape("truth.classes", truth.classes.dim(), size)?;
    if let Some(mask) = mask {
        same_shape("mask", mask.dim(), size)?;
    }
    let inside = |at: &(usize, usize)| mask.is_none_or(|mask| mask[*at]);
    let check = |field, map: &InstanceMap<'_>| {
        let instances = map.ids.indexed_iter().filter(|&(at, &id)| id > 0 && inside(&at));
        for ((row, column), _) in instances {
            let class = map.classes[(row, column)];
            if usize::from(class) >= classes {
                return Err(Error::UnknownClass { field, class, classes, row, column });
            }
        }
        Ok(())
    };
    check("predicted", predicted)?;
    check("truth", truth)?;
    let instance = |map: &InstanceMap<'_>, at: (usize, usize)| -> Instance {
        if map.ids[at] > 0 { (map.classes[at], map.ids[at]) } else { (0, 0) }
    };
    let pixels = predicted.ids.indexed_iter().map(|(at, _)| at).filter(inside);
    let overlaps = overlaps(pixels.map(|at| (instance(truth, at), instance(predicted, at))));
    Ok(PqClasses { counts: matches(&overlaps, classes) })
}
