//! The line score of the CHART-Info challenges.

use std::iter::Sum;
use std::ops::AddAssign;

use geo_types::LineString;
use mapvec_assignment::assign;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Largest magnitude of a coordinate: sums and products of such do not overflow.
const LARGEST: f64 = 1e100;

/// How well the lines of some charts are found. Counts of several charts can be added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartLineCounts {
    /// Predicted lines.
    pub predicted: u64,
    /// True lines.
    pub truth: u64,
    /// Sum of the similarities of the assigned pairs.
    pub similarity: f64,
    /// Charts that have true lines.
    pub charts: u64,
    /// Sum over the charts of the similarity over the number of true lines.
    pub recalls: f64,
    /// Sum over the charts of the similarity over the larger number of lines.
    pub balanced: f64,
}

/// The scores of [`ChartLineCounts`], in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartLineScore {
    /// Similarity per predicted line; none where nothing was predicted.
    pub precision: Option<f64>,
    /// Similarity per true line; none where there is none.
    pub recall: Option<f64>,
    /// Harmonic mean of the two; none where there is no line on either side.
    pub f1: Option<f64>,
    /// Task 6a: mean over the charts of the similarity per true line; none without charts
    /// that have lines.
    pub task_6a: Option<f64>,
    /// As task 6a, but per line of the side that has more: surplus lines cost too.
    pub balanced: Option<f64>,
}

impl ChartLineCounts {
    /// The scores of these counts.
    #[must_use]
    pub fn score(&self) -> ChartLineScore {
        let per = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        ChartLineScore {
            precision: per(self.similarity, self.predicted),
            recall: per(self.similarity, self.truth),
            // 2 P R / (P + R) with P = s / p and R = s / t.
            f1: per(2.0 * self.similarity, self.predicted + self.truth),
            task_6a: per(self.recalls, self.charts),
            balanced: per(self.balanced, self.charts),
        }
    }
}

impl AddAssign for ChartLineCounts {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.truth += other.truth;
        self.similarity += other.similarity;
        self.charts += other.charts;
        self.recalls += other.recalls;
        self.balanced += other.balanced;
    }
}

impl Sum for ChartLineCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Compares the lines of one chart: pairs are assigned so that the similarity is largest.
///
/// A line is a function of x. The error at a point of one line is the difference in y to the
/// other, relative to its own y and 1 at most; each point weighs half the way in x to its
/// neighbours. Beyond its ends a line goes on level.
///
/// ```text
/// e_i       = min(1, |y_i - other(x_i)| / (|y_i| + eps)),  eps = (max y - min y of the truth) / 100
/// recall    = sum_i w_i (1 - e_i) / sum_i w_i              over the points of the truth
/// precision = the same over the points of the prediction
/// S         = 2 precision recall / (precision + recall)
/// task 6a   = max over assignments of sum S / number of true lines
/// ```
///
/// Two points of equal y have no error, even where both are 0. A line with several points
/// but no extent in x is similar to nothing; one of a single point weighs 1. Coordinates are
/// those of the picture, y from its top.
///
/// The score is that of the published definition. The program that `LineFormer` was scored with
/// hands the two lines over the other way round, so that its `eps` is that of the prediction:
/// its values differ by up to about a hundredth. An earlier program of the challenge divides by the
/// larger number of lines, which is [`ChartLineScore::balanced`].
///
/// # Examples
/// ```
/// use geo_types::LineString;
/// let level = |y: f64| LineString::from(vec![(0.0, y), (10.0, y)]);
/// let counts = mapvec_metrics::chart_lines(&[level(90.0)], &[level(100.0), level(40.0)])?;
/// // Errors of 10 in 100 and of 10 in 90; the second line is missed.
/// let (recall, precision) = (0.9, 1.0 - 10.0 / 90.0);
/// let similarity = 2.0 * precision * recall / (precision + recall);
/// assert!((counts.score().task_6a.unwrap() - similarity / 2.0).abs() < 1e-12);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidEntry`] with the index of a line that has a coordinate that is not finite or
/// of a magnitude above 1e100.
///
/// # References
/// K. Davila et al., ICPR 2022 challenge on harvesting raw tables from infographics, 2022;
/// J. Lal et al., `LineFormer`: rethinking line chart data extraction as instance
/// segmentation, ICDAR 2023.
pub fn chart_lines(
    predicted: &[LineString<f64>],
    truth: &[LineString<f64>],
) -> Result<ChartLineCounts> {
    let found = sorted("predicted", predicted)?;
    let expected = sorted("truth", truth)?;
    let similarities = Array2::from_shape_fn((found.len(), expected.len()), |(row, column)| {
        line_similarity(&found[row], &expected[column])
    });
    let costs = similarities.mapv(|value| 1.0 - value);
    let pairs = assign(costs.view())?.pairs;
    let similarity: f64 = pairs.iter().map(|&pair| similarities[pair]).sum();
    let (predicted, truth) = (found.len() as u64, expected.len() as u64);
    let per = |count: u64| if truth > 0 { similarity / count as f64 } else { 0.0 };
    Ok(ChartLineCounts {
        predicted,
        truth,
        similarity,
        charts: u64::from(truth > 0),
        recalls: per(truth),
        balanced: per(truth.max(predicted)),
    })
}

/// The points of each line by ascending x.
fn sorted(field: &'static str, lines: &[LineString<f64>]) -> Result<Vec<Vec<(f64, f64)>>> {
    let all = lines.iter().enumerate().map(|(index, line)| {
        let mut points: Vec<(f64, f64)> = line.coords().map(|point| (point.x, point.y)).collect();
        let wrong = points
            .iter()
            .flat_map(|&(x, y)| [x, y])
            .find(|value| !value.is_finite() || value.abs() > LARGEST);
        if let Some(value) = wrong {
            let expected = "finite and of magnitude 1e100 or less";
            return Err(Error::InvalidEntry { field, index, value, expected });
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(points)
    });
    all.collect()
}

/// Harmonic mean of precision and recall of two lines of sorted points.
fn line_similarity(predicted: &[(f64, f64)], truth: &[(f64, f64)]) -> f64 {
    if predicted.is_empty() || truth.is_empty() {
        // Empty is like empty.
        return if predicted.len() == truth.len() { 1.0 } else { 0.0 };
    }
    let low = truth.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = truth.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let epsilon = (high - low) / 100.0;
    let recall = agreement(truth, predicted, epsilon);
    let precision = agreement(predicted, truth, epsilon);
    let sum = precision + recall;
    if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 }
}

/// How well `other` meets the points of `line`, in [0, 1].
fn agreement(line: &[(f64, f64)], other: &[(f64, f64)], epsilon: f64) -> f64 {
    let last = line.len() - 1;
    let (mut sum, mut all) = (0.0, 0.0);
    for (place, &(x, y)) in line.iter().enumerate() {
        let (before, after) = (line[place.saturating_sub(1)].0, line[(place + 1).min(last)].0);
        let weight = if last == 0 { 1.0 } else { (after - before) / 2.0 };
        let difference = (y - height_at(other, x)).abs();
        let error = if difference > 0.0 { difference / (y.abs() + epsilon) } else { 0.0 };
        sum += (1.0 - error.min(1.0)) * weight;
        all += weight;
    }
    if all > 0.0 { sum / all } else { 0.0 }
}

/// The y of a line of sorted points, level beyond its ends.
fn height_at(line: &[(f64, f64)], x: f64) -> f64 {
    let after = line.partition_point(|point| point.0 <= x);
    match (after.checked_sub(1).and_then(|before| line.get(before)), line.get(after)) {
        // A share of the way, at most 1: the slope of a steep line may be infinite.
        (Some(a), Some(b)) => (x - a.0) / (b.0 - a.0) * (b.1 - a.1) + a.1,
        (Some(one), None) | (None, Some(one)) => one.1,
        (None, None) => 0.0,
    }
}
