//! The score of the AI for Critical Mineral Assessment map feature extraction challenge.

use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::{Array2, ArrayView2, ArrayView3, s};
use serde::{Deserialize, Serialize};

use crate::error::{check_setting, same_shape};
use crate::{BinaryCounts, Error, Result};

/// Pairs of pixels that may be tried.
const MAX_PAIRS: u64 = 1 << 26;

/// Precision, recall and F1 of one feature; none where there is nothing to take it of.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai4cmaScore {
    /// Share of the prediction that is right.
    pub precision: Option<f64>,
    /// Share of the truth that is found.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: Option<f64>,
}

impl Ai4cmaScore {
    fn new(right: f64, predicted: f64, truth: f64) -> Self {
        let share = |whole: f64| (whole > 0.0).then(|| right / whole);
        let (precision, recall) = (share(predicted), share(truth));
        let f1 = match (precision, recall) {
            (Some(p), Some(r)) if p + r > 0.0 => Some((2.0 * p * r) / (p + r)),
            (None, None) => None,
            _ => Some(0.0),
        };
        Self { precision, recall, f1 }
    }
}

/// Pixels of a polygon feature, those that are hard to tell by their colour apart from the
/// others. Counts of several maps can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai4cmaAreaCounts {
    /// Pixels that differ from the legend's colour, and all outside the truth.
    pub hard: BinaryCounts,
    /// Pixels of the truth that have the legend's colour.
    pub easy: BinaryCounts,
}

impl Ai4cmaAreaCounts {
    /// The score in which a hard pixel weighs `hard_weight` and an easy one `1 - hard_weight`.
    /// The challenge takes 0.7.
    ///
    /// ```text
    /// precision = (w TP_hard + (1 - w) TP_easy) / (w P_hard + (1 - w) P_easy)
    /// recall    = (w TP_hard + (1 - w) TP_easy) / (w T_hard + (1 - w) T_easy)
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a weight outside [0, 1].
    pub fn score(&self, hard_weight: f64) -> Result<Ai4cmaScore> {
        let right = (0.0..=1.0).contains(&hard_weight);
        check_setting("hard_weight", hard_weight, right, "in [0, 1]")?;
        let weighed = |count: fn(&BinaryCounts) -> u64| {
            count(&self.hard) as f64 * hard_weight + count(&self.easy) as f64 * (1.0 - hard_weight)
        };
        Ok(Ai4cmaScore::new(
            weighed(|c| c.true_positives),
            weighed(|c| c.true_positives + c.false_positives),
            weighed(|c| c.true_positives + c.false_negatives),
        ))
    }

    /// Hard and easy pixels together.
    #[must_use]
    pub fn all(&self) -> BinaryCounts {
        [self.hard, self.easy].into_iter().sum()
    }
}

/// The pixels of `image` that have the colour of a legend entry: each channel within
/// `colour_range` of the median over the box `legend` (left, top, right and bottom, px; right
/// and bottom are outside). The challenge takes a range of 4.
///
/// # Shapes
/// `image` `[rows, columns, channels]`.
///
/// # Errors
/// [`Error::InvalidSetting`] for a box that is empty or reaches out of the image.
pub fn legend_pixels(
    image: ArrayView3<'_, u8>,
    legend: [usize; 4],
    colour_range: u8,
) -> Result<Array2<bool>> {
    let (rows, columns, channels) = image.dim();
    let [left, top, right, bottom] = legend;
    let inside = left < right && right <= columns;
    check_setting("legend.right", right as f64, inside, "above `left` and within the image")?;
    let inside = top < bottom && bottom <= rows;
    check_setting("legend.bottom", bottom as f64, inside, "above `top` and within the image")?;
    let mut found = Array2::from_elem((rows, columns), true);
    for channel in 0..channels {
        let entry = image.slice(s![top..bottom, left..right, channel]);
        let mut values: Vec<u8> = entry.iter().copied().collect();
        values.sort_unstable();
        // The mean of the two in the middle, rounded down.
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        let median = low.midpoint(high);
        let (low, high) =
            (median.saturating_sub(colour_range), median.saturating_add(colour_range));
        let plane = image.slice(s![.., .., channel]);
        found.zip_mut_with(&plane, |found, value| *found &= (low..=high).contains(value));
    }
    Ok(found)
}

/// Compares the pixels of a polygon feature. `coloured` are those of the legend's colour
/// ([`legend_pixels`]): inside the truth they are easy, all other pixels are hard.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the masks differ in size.
///
/// # References
/// M. A. Goldman et al., the AI for Critical Mineral Assessment Competition, 2023.
pub fn ai4cma_areas(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    coloured: ArrayView2<'_, bool>,
) -> Result<Ai4cmaAreaCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    same_shape("coloured", coloured.dim(), predicted.dim())?;
    let mut counts = Ai4cmaAreaCounts::default();
    for (index, (&p, &t)) in predicted.indexed_iter().map(|(i, p)| (i, (p, &truth[i]))) {
        let side = if t && coloured[index] { &mut counts.easy } else { &mut counts.hard };
        side.true_positives += u64::from(p && t);
        side.false_positives += u64::from(p && !t);
        side.false_negatives += u64::from(!p && t);
    }
    Ok(counts)
}

impl AddAssign for Ai4cmaAreaCounts {
    fn add_assign(&mut self, other: Self) {
        self.hard += other.hard;
        self.easy += other.easy;
    }
}

impl Sum for Ai4cmaAreaCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Pixels of a point or line feature. Counts of several maps can be added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai4cmaPixelCounts {
    /// Predicted pixels.
    pub predicted: u64,
    /// True pixels.
    pub truth: u64,
    /// Predicted pixels that have a true one.
    pub matched: u64,
    /// Sum over the matches of one minus their distance in diagonals of the map.
    pub similarity: f64,
    /// Sum of the distances of the matches, px.
    pub distance: f64,
}

impl Ai4cmaPixelCounts {
    /// Precision and recall: the summed similarity over the predicted and the true pixels.
    #[must_use]
    pub fn score(&self) -> Ai4cmaScore {
        Ai4cmaScore::new(self.similarity, self.predicted as f64, self.truth as f64)
    }

    /// Mean distance of the matches, px; none without matches.
    #[must_use]
    pub fn mean_distance(&self) -> Option<f64> {
        (self.matched > 0).then(|| self.distance / self.matched as f64)
    }
}

impl AddAssign for Ai4cmaPixelCounts {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.truth += other.truth;
        self.matched += other.matched;
        self.similarity += other.similarity;
        self.distance += other.distance;
    }
}

impl Sum for Ai4cmaPixelCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Matches the pixels of a point or line feature one to one: first those that coincide, then
/// the nearest pair that is left, and so on.
///
/// `max_distance` is in percent of the diagonal (the challenge took 0.1), rounded down to
/// whole pixels `r`. As in the published scorer, the window around a true pixel is a square
/// that reaches from `r` before to `r - 1` behind it; the score is therefore not quite
/// symmetric. Of equally near pairs the first in reading order is taken, of the truth first.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the masks differ in size; [`Error::InvalidSetting`] for a
/// distance that is negative or above 100; [`Error::TooMany`] if more than 2^26 pairs are
/// near each other.
///
/// # References
/// M. A. Goldman et al., the AI for Critical Mineral Assessment Competition, 2023.
pub fn ai4cma_pixels(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    max_distance: f64,
) -> Result<Ai4cmaPixelCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    let right = (0.0..=100.0).contains(&max_distance);
    check_setting("max_distance", max_distance, right, "from 0 to 100 (percent)")?;
    let (rows, columns) = truth.dim();
    let diagonal = (rows as f64).hypot(columns as f64);
    let most = max_distance * diagonal / 100.0;
    let reach = (0..=rows.max(columns)).take_while(|&r| r as f64 <= most).last().unwrap_or(0);

    let count = |mask: ArrayView2<'_, bool>| mask.iter().filter(|inside| **inside).count() as u64;
    let mut counts = Ai4cmaPixelCounts {
        predicted: count(predicted),
        truth: count(truth),
        ..Ai4cmaPixelCounts::default()
    };
    let (mut left_truth, mut left_predicted) = (Vec::new(), Vec::new());
    for (at, (&t, &p)) in truth.indexed_iter().map(|(at, t)| (at, (t, &predicted[at]))) {
        match (t, p) {
            (true, true) => counts.matched += 1,
            (true, false) => left_truth.push(at),
            (false, true) => left_predicted.push(at),
            (false, false) => {}
        }
    }
    counts.similarity = counts.matched as f64;
    let mut free = (vec![true; left_truth.len()], vec![true; left_predicted.len()]);
    for (square, from, to) in pairs(&left_truth, &left_predicted, reach, MAX_PAIRS)? {
        let (from, to) = (&mut free.0[from as usize], &mut free.1[to as usize]);
        if *from && *to {
            (*from, *to) = (false, false);
            let distance = (square as f64).sqrt();
            counts.matched += 1;
            counts.similarity += 1.0 - distance / diagonal;
            counts.distance += distance;
        }
    }
    Ok(counts)
}

/// The squared distance of two pixels and their places in the lists of pixels that are left.
type Pair = (u64, u32, u32);

/// A row and the columns of its pixels, ascending.
type Row = (usize, Vec<(usize, u32)>);

/// The pairs within reach, the nearest first. Both lists are in reading order.
///
/// No more are held than the `limit` and those of one row.
fn pairs(
    truth: &[(usize, usize)],
    predicted: &[(usize, usize)],
    reach: usize,
    limit: u64,
) -> Result<Vec<Pair>> {
    if truth.is_empty() || predicted.is_empty() || reach == 0 {
        return Ok(Vec::new());
    }
    let too_many = |what, count: usize, limit| {
        let advice = "lower `max_distance` or cut the map into parts";
        Err(Error::TooMany { what, count: count as u64, limit, advice })
    };
    let most = truth.len().max(predicted.len());
    if u32::try_from(most).is_err() {
        return too_many("pixels without a match", most, u64::from(u32::MAX));
    }
    let mut rows: Vec<Row> = Vec::new();
    for (&(row, column), place) in predicted.iter().zip(0_u32..) {
        match rows.last_mut().filter(|last| last.0 == row) {
            Some(last) => last.1.push((column, place)),
            None => rows.push((row, vec![(column, place)])),
        }
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for (&(row, column), place) in truth.iter().zip(0_u32..) {
        let first = rows.partition_point(|other| other.0 < row.saturating_sub(reach));
        for (other, columns) in rows[first..].iter().take_while(|other| other.0 < row + reach) {
            let left = column.saturating_sub(reach);
            let start = columns.partition_point(|&(at, _)| at < left);
            let near = columns[start..].iter().take_while(|&&(at, _)| at < column + reach);
            let down = row.abs_diff(*other) as u64;
            pairs.extend(near.map(|&(at, to)| {
                let across = column.abs_diff(at) as u64;
                (down * down + across * across, place, to)
            }));
            if pairs.len() as u64 > limit {
                return too_many("pairs of near pixels", pairs.len(), limit);
            }
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pixel in a crowd must not fill the memory before it is refused.
    #[test]
    fn pairs_are_limited_row_by_row() {
        let crowd: Vec<(usize, usize)> =
            (0..100).flat_map(|row| (0..100).map(move |column| (row, column))).collect();
        let found = pairs(&[(50, 50)], &crowd, 40, 150);
        let Err(Error::TooMany { count, limit: 150, .. }) = found else {
            unreachable!("80 rows of 80 pixels are near")
        };
        assert!(count <= 150 + 80, "{count}");
        assert_eq!(pairs(&[(50, 50)], &crowd, 40, 6400).map(|pairs| pairs.len()), Ok(6400));
    }
}
