//! Distances between sets of lines.

use std::iter::Sum;
use std::ops::AddAssign;

use geo_types::{Coord, Line, LineString};
use mapvec_geometry::SegmentIndex;
use serde::{Deserialize, Serialize};

use crate::error::check_setting;
use crate::{Error, ErrorSum, Result};

/// Most points that lines are sampled at.
const LIMIT: u64 = 1 << 24;

/// How far points along lines are from the nearest line of the other side. Those of several
/// pictures can be added.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineDistances {
    /// From the predicted lines to the true ones.
    pub predicted: ErrorSum,
    /// From the true lines to the predicted ones.
    pub truth: ErrorSum,
    /// Pictures that have lines on one side only. They have no distances and do not count.
    pub undefined: u64,
}

impl LineDistances {
    /// The Hausdorff distance without the largest 5 % of either side, within 0.5 %. None
    /// without lines.
    #[must_use]
    pub fn hausdorff_95(&self) -> Option<f64> {
        self.quantile(0.95)
    }

    /// The distance that a `share` of the points of either side does not exceed, the larger
    /// of the two, within 0.5 %. None without lines, or for a share outside [0, 1].
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        Some(self.predicted.quantile(share)?.max(self.truth.quantile(share)?))
    }

    /// Mean of the two mean distances. None without lines.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        Some((self.predicted.mean()? + self.truth.mean()?) / 2.0)
    }
}

impl AddAssign for LineDistances {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.truth += other.truth;
        self.undefined += other.undefined;
    }
}

impl Sum for LineDistances {
    fn sum<I: Iterator<Item = Self>>(distances: I) -> Self {
        distances.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Measures the distances of points along lines, in the middle of equal pieces of at most
/// `step` (in the unit of the coordinates), to the nearest line of the other side, exactly.
///
/// Long lines weigh as they are long. A line of one point, or without length, is one point.
///
/// # Errors
/// [`Error::InvalidSetting`] for a step that is not above 0; [`Error::Shape`] for coordinates
/// that are not finite or out of range; [`Error::TooMany`] for more than 2^24 points.
pub fn line_distances(
    predicted: &[LineString<f64>],
    truth: &[LineString<f64>],
    step: f64,
) -> Result<LineDistances> {
    let right = step.is_finite() && step > 0.0;
    check_setting("step", step, right, "finite and above 0")?;
    let index = |what: &'static str, lines: &[LineString<f64>]| {
        SegmentIndex::new(lines).map_err(|source| match source {
            mapvec_geometry::Error::Item { index, source, .. } => {
                Error::Shape { what, index, source: *source }
            }
            source => Error::Shape { what, index: 0, source },
        })
    };
    let (own, others) = (index("predicted lines", predicted)?, index("true lines", truth)?);
    let mut distances = LineDistances::default();
    if own.is_empty() || others.is_empty() {
        distances.undefined = u64::from(own.is_empty() != others.is_empty());
        return Ok(distances);
    }
    distances.predicted = to(&others, predicted, step)?;
    distances.truth = to(&own, truth, step)?;
    Ok(distances)
}

/// The distances of points along lines to indexed ones.
fn to(index: &SegmentIndex, lines: &[LineString<f64>], step: f64) -> Result<ErrorSum> {
    let length = |segment: &Line<f64>| segment.dx().hypot(segment.dy());
    // All points are counted before the first is looked at.
    let segments = lines.iter().flat_map(LineString::lines);
    let points: f64 = segments.map(|segment| (length(&segment) / step).ceil()).sum();
    if points > LIMIT as f64 {
        let count = (points.min(1e18) as i64).unsigned_abs();
        let (limit, advice) = (LIMIT, "raise `step`");
        return Err(Error::TooMany { what: "points along the lines", count, limit, advice });
    }
    let mut sum = ErrorSum::default();
    for line in lines {
        let mut push = |point: Coord<f64>| sum.push(index.nearest(point).map(|near| near.distance));
        let mut moved = false;
        for segment in line.lines() {
            let (way, pieces) = (segment.delta(), (length(&segment) / step).ceil());
            moved |= pieces > 0.0;
            let mut piece = 0.5;
            while piece < pieces {
                push(segment.start + way * (piece / pieces));
                piece += 1.0;
            }
        }
        if let Some(&point) = line.0.first().filter(|_| !moved) {
            push(point);
        }
    }
    Ok(sum)
}
