//! Borders of masks, and the distances between sets of pixels.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::buffered::square_distances;
use crate::error::same_shape;
use crate::{BufferedCounts, Result, buffered_lines};

/// The pixels of a mask that have one of their four neighbours outside it. The edge of the
/// raster is no border.
#[must_use]
pub fn boundary(mask: ArrayView2<'_, bool>) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let up = row > 0 && !mask[(row - 1, column)];
        let left = column > 0 && !mask[(row, column - 1)];
        let down = row + 1 < rows && !mask[(row + 1, column)];
        let right = column + 1 < columns && !mask[(row, column + 1)];
        mask[(row, column)] && (up || left || down || right)
    })
}

/// Border pixels of two masks and how many of them lie within `tolerance` (px, between the
/// centres) of the other's; the F1 of the counts is the boundary F score.
///
/// Each side is judged by itself: a pixel may be near to several of the other border, so that
/// a border that is drawn twice within the tolerance costs no precision.
/// [`matched_boundary_counts`](crate::matched_boundary_counts) takes the pixels one to one.
///
/// # Errors
/// Those of [`buffered_lines`].
///
/// # References
/// G. Csurka, D. Larlus and F. Perronnin, What is a good evaluation measure for semantic
/// segmentation?, BMVC 2013; F. Perazzi et al., A benchmark dataset and evaluation
/// methodology for video object segmentation (DAVIS), CVPR 2016, which widens the borders by
/// the tolerance instead of taking distances.
pub fn boundary_counts(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    tolerance: f64,
) -> Result<BufferedCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    let (predicted, truth) = (boundary(predicted), boundary(truth));
    buffered_lines(predicted.view(), truth.view(), tolerance)
}

/// How far the pixels of one mask are from the nearest of another, both ways. Counts of
/// several pictures can be added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistanceCounts {
    /// Predicted pixels by the square of their distance to the truth, px^2.
    pub predicted: BTreeMap<u64, u64>,
    /// True pixels by the square of their distance to the prediction, px^2.
    pub truth: BTreeMap<u64, u64>,
    /// Pictures that have pixels on one side only. They have no distances and do not count.
    pub undefined: u64,
}

impl DistanceCounts {
    /// The Hausdorff distance, px: the largest of all distances. None without pixels.
    #[must_use]
    pub fn hausdorff(&self) -> Option<f64> {
        self.quantile(1.0)
    }

    /// The Hausdorff distance without the largest 5 % of either side, px. None without
    /// pixels.
    ///
    /// # References
    /// D. P. Huttenlocher, G. A. Klanderman and W. J. Rucklidge, Comparing images using the
    /// Hausdorff distance, PAMI 1993.
    #[must_use]
    pub fn hausdorff_95(&self) -> Option<f64> {
        self.quantile(0.95)
    }

    /// The distance, px, that a `share` of the pixels of either side does not exceed, the
    /// larger of the two. None without pixels, or for a share outside [0, 1].
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        Some(quantile(&self.predicted, share)?.max(quantile(&self.truth, share)?))
    }

    /// Mean of the two mean distances, px. None without pixels.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let mean = |side: &BTreeMap<u64, u64>| {
            let sum: f64 = side.iter().map(|(&d, &n)| (d as f64).sqrt() * n as f64).sum();
            let count: u64 = side.values().sum();
            (count > 0).then(|| sum / count as f64)
        };
        Some((mean(&self.predicted)? + mean(&self.truth)?) / 2.0)
    }
}

impl AddAssign for DistanceCounts {
    fn add_assign(&mut self, other: Self) {
        for (own, others) in
            [(&mut self.predicted, other.predicted), (&mut self.truth, other.truth)]
        {
            for (square, count) in others {
                *own.entry(square).or_default() += count;
            }
        }
        self.undefined += other.undefined;
    }
}

impl Sum for DistanceCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Distances between the pixels of two masks, exact between their centres.
///
/// For regions take the borders first ([`boundary`]). A picture with pixels on one side only
/// is undefined and counted as such; one without any adds nothing.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the masks differ in size.
pub fn pixel_distances(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
) -> Result<DistanceCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    let some = |mask: ArrayView2<'_, bool>| mask.iter().any(|&inside| inside);
    let mut counts = DistanceCounts::default();
    match (some(predicted), some(truth)) {
        (true, true) => {
            counts.predicted = squares(predicted, truth);
            counts.truth = squares(truth, predicted);
        }
        (false, false) => {}
        _ => counts.undefined = 1,
    }
    Ok(counts)
}

/// Pixels of `from` by the square of their distance to `to`.
fn squares(from: ArrayView2<'_, bool>, to: ArrayView2<'_, bool>) -> BTreeMap<u64, u64> {
    let mut squares = BTreeMap::new();
    for square in square_distances(from, to).flatten() {
        *squares.entry(square).or_default() += 1;
    }
    squares
}

fn quantile(side: &BTreeMap<u64, u64>, share: f64) -> Option<f64> {
    let count: u64 = side.values().sum();
    if count == 0 || !(0.0..=1.0).contains(&share) {
        return None;
    }
    let needed = (share * count as f64).ceil().max(1.0);
    let mut reached = 0;
    let found = side.iter().find(|(_, count)| {
        reached += **count;
        reached as f64 >= needed
    });
    found.map(|(&square, _)| (square as f64).sqrt())
}
