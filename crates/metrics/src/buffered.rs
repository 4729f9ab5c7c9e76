//! Precision and recall of thin lines within a buffer.

use std::iter::Sum;
use std::ops::AddAssign;

use mapvec_geometry::nearest_true;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::binary::ratio;
use crate::error::same_shape;
use crate::{Error, Result};

/// How well predicted line pixels agree with true ones, all in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BufferedScore {
    /// Share of the predicted pixels near the truth ("correctness"); none where nothing was
    /// predicted.
    pub precision: Option<f64>,
    /// Share of the true pixels near the prediction ("completeness"); none where nothing is
    /// true.
    pub recall: Option<f64>,
    /// Harmonic mean of the two, 0 if only one side has lines; none where neither has.
    pub f1: Option<f64>,
}

/// Pixel counts behind a [`BufferedScore`]; counts of several rasters can be added.
///
/// Added counts weigh a raster by its line pixels, and a raster without lines
/// changes nothing unless lines were predicted on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BufferedCounts {
    /// Predicted pixels.
    pub predicted: u64,
    /// Predicted pixels within the tolerance of a true one.
    pub predicted_near: u64,
    /// True pixels.
    pub truth: u64,
    /// True pixels within the tolerance of a predicted one.
    pub truth_near: u64,
}

impl BufferedCounts {
    /// The score of these counts.
    #[must_use]
    pub fn score(&self) -> BufferedScore {
        let precision = ratio(self.predicted_near, self.predicted);
        let recall = ratio(self.truth_near, self.truth);
        let f1 = match (precision, recall) {
            (Some(p), Some(r)) if p + r > 0.0 => Some(2.0 * p * r / (p + r)),
            (None, None) => None,
            _ => Some(0.0),
        };
        BufferedScore { precision, recall, f1 }
    }
}

impl AddAssign for BufferedCounts {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.predicted_near += other.predicted_near;
        self.truth += other.truth;
        self.truth_near += other.truth_near;
    }
}

impl Sum for BufferedCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Compares two masks of thin lines: a pixel is right if the other mask has a
/// pixel within `tolerance` (distance of the centres in pixels, exact Euclidean).
///
/// Both masks should be about one pixel wide, as the pixels are counted: thin
/// thick lines first. Over a set of rasters add up the counts rather than averaging the
/// scores.
///
/// # Examples
/// ```
/// use mapvec_metrics::buffered_lines;
/// use ndarray::array;
///
/// let truth = array![[true, true, true, true], [false; 4], [false; 4]];
/// let predicted = array![[false; 4], [true, true, false, false], [false, false, false, true]];
/// let counts = buffered_lines(predicted.view(), truth.view(), 1.0)?;
/// assert_eq!((counts.predicted_near, counts.truth_near), (2, 2));
/// assert_eq!(counts.score().precision, Some(2.0 / 3.0));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the masks differ in size;
/// [`Error::InvalidSetting`] if `tolerance` is negative or not finite.
///
/// # References
/// C. Heipke, H. Mayer, C. Wiedemann and O. Jamet, Evaluation of automatic road
/// extraction, International Archives of Photogrammetry and Remote Sensing
/// 32(3-4W2), 1997.
pub fn buffered_lines(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    tolerance: f64,
) -> Result<BufferedCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        let (field, expected) = ("tolerance", "finite and not negative (pixels)");
        return Err(Error::InvalidSetting { field, value: tolerance, expected });
    }
    let (predicted_all, predicted_near) = near(predicted, truth, tolerance);
    let (truth_all, truth_near) = near(truth, predicted, tolerance);
    Ok(BufferedCounts { predicted: predicted_all, predicted_near, truth: truth_all, truth_near })
}

/// Pixels of `mask`, and how many of them lie near `other`.
fn near(mask: ArrayView2<'_, bool>, other: ArrayView2<'_, bool>, tolerance: f64) -> (u64, u64) {
    // The margin takes the error of squaring the tolerance away.
    let limit = tolerance * tolerance * (1.0 + 1e-12);
    let (mut all, mut near) = (0, 0);
    for square in square_distances(mask, other) {
        all += 1;
        near += u64::from(square.is_some_and(|square| square as f64 <= limit));
    }
    (all, near)
}

/// For each pixel of `from`, in reading order, the square of its distance to the nearest of
/// `to`, px^2; none where `to` is empty. Whole numbers: the distance itself would be rounded.
pub(crate) fn square_distances(
    from: ArrayView2<'_, bool>,
    to: ArrayView2<'_, bool>,
) -> impl Iterator<Item = Option<u64>> {
    let nearest = nearest_true(to);
    let inside = from.into_iter().zip(0_usize..).filter(|(inside, _)| **inside);
    let columns = to.ncols().max(1);
    inside.map(move |(_, place)| {
        let (row, column) = (place / columns, place % columns);
        let (to_row, to_column) = *nearest.as_ref()?.get((row, column))?;
        let (down, across) = (row.abs_diff(to_row as usize), column.abs_diff(to_column as usize));
        Some((down * down + across * across) as u64)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn empty_masks() {
        let (none, mut one) = (Array2::default((3, 3)), Array2::default((3, 3)));
        one[(1, 1)] = true;
        let score = |a: &Array2<bool>, b: &Array2<bool>| {
            let BufferedScore { precision, recall, f1 } =
                buffered_lines(a.view(), b.view(), 2.0).unwrap().score();
            (precision, recall, f1)
        };
        assert_eq!(score(&none, &none), (None, None, None));
        assert_eq!(score(&none, &one), (None, Some(0.0), Some(0.0)));
        assert_eq!(score(&one, &none), (Some(0.0), None, Some(0.0)));
        assert_eq!(score(&one, &one), (Some(1.0), Some(1.0), Some(1.0)));
    }

    #[test]
    fn a_distance_equal_to_the_tolerance_is_near() {
        for (row, column) in [(0_usize, 3_usize), (1, 1), (1, 2), (3, 4), (1, 4), (2, 5)] {
            let (mut a, mut b) = (Array2::default((6, 6)), Array2::default((6, 6)));
            a[(0, 0)] = true;
            b[(row, column)] = true;
            let distance = ((row * row + column * column) as f64).sqrt();
            let near = |t| buffered_lines(a.view(), b.view(), t).unwrap().predicted_near;
            assert_eq!(near(distance), 1, "{row} {column}");
            assert_eq!(near(distance - 1e-3), 0, "{row} {column}");
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let (a, b) = (Array2::default((2, 3)), Array2::default((2, 4)));
        assert!(matches!(
            buffered_lines(a.view(), b.view(), 1.0),
            Err(Error::ShapeMismatch { field: "truth", .. })
        ));
        for tolerance in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                buffered_lines(a.view(), a.view(), tolerance),
                Err(Error::InvalidSetting { field: "tolerance", .. })
            ));
        }
    }
}
