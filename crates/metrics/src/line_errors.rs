//! Errors of angles, ends, lengths and widths of lines.

use std::f64::consts::PI;
use std::iter::Sum;
use std::ops::AddAssign;

use geo_types::{Coord, Line, MultiPolygon};
use mapvec_geometry::polis;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::error::{same_length, same_shape};
use crate::{Error, ErrorSum, PolygonMatch, Result};

/// The angle between two undirected lines, in [0, pi / 2]; none if an angle is not finite.
///
/// Angles are in radians and have the period pi.
#[must_use]
pub fn angle_error(a: f64, b: f64) -> Option<f64> {
    let difference = (a - b).rem_euclid(PI);
    difference.is_finite().then(|| difference.min(PI - difference).max(0.0))
}

/// The mean distance of the ends of two segments, whichever way each is directed; none if a
/// coordinate is not finite.
#[must_use]
pub fn endpoint_error(a: Line<f64>, b: Line<f64>) -> Option<f64> {
    let along = between(a.start, b.start) + between(a.end, b.end);
    let across = between(a.start, b.end) + between(a.end, b.start);
    let error = along.min(across) / 2.0;
    (along.is_finite() && across.is_finite()).then_some(error)
}

/// Errors of segments that belong to each other.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentErrors {
    /// Angles, radians in [0, pi / 2]. A segment without length has none: such a pair is
    /// undefined.
    pub angle: ErrorSum,
    /// Mean distance of the ends.
    pub endpoint: ErrorSum,
    /// Difference of the lengths.
    pub length: ErrorSum,
    /// The same, as a share of the true length; undefined where that is 0.
    pub relative_length: ErrorSum,
}

impl AddAssign for SegmentErrors {
    fn add_assign(&mut self, other: Self) {
        self.angle += other.angle;
        self.endpoint += other.endpoint;
        self.length += other.length;
        self.relative_length += other.relative_length;
    }
}

impl Sum for SegmentErrors {
    fn sum<I: Iterator<Item = Self>>(errors: I) -> Self {
        errors.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Compares segments pair by pair. A pair with a coordinate that is not finite is undefined
/// in every respect.
///
/// # Errors
/// [`Error::LengthMismatch`] if there are not as many of both.
pub fn segment_errors(predicted: &[Line<f64>], truth: &[Line<f64>]) -> Result<SegmentErrors> {
    same_length("truth", truth.len(), predicted.len(), "`predicted`")?;
    let mut errors = SegmentErrors::default();
    for (&p, &t) in predicted.iter().zip(truth) {
        let endpoint = endpoint_error(p, t);
        let defined = endpoint.is_some();
        let (own, expected) = (between(p.start, p.end), between(t.start, t.end));
        let difference = (own - expected).abs();
        let angle = (own > 0.0 && expected > 0.0).then(|| angle_error(angle(p), angle(t)));
        errors.endpoint.push(endpoint);
        errors.angle.push(angle.flatten().filter(|_| defined));
        errors.length.push(defined.then_some(difference));
        let share = (expected > 0.0).then(|| difference / expected);
        errors.relative_length.push(share.filter(|_| defined));
    }
    Ok(errors)
}

/// Angles of lines per pixel, radians with the period pi. Pixels where an angle is not finite
/// are undefined; so is every pixel that `mask` leaves out, uncounted.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the rasters differ in size.
pub fn angle_errors(
    predicted: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    mask: Option<ArrayView2<'_, bool>>,
) -> Result<ErrorSum> {
    pixel_errors(predicted, truth, mask, angle_error)
}

/// Widths of lines per pixel. Pixels whose true width is not above 0, or where a width is not
/// finite, are undefined.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the rasters differ in size.
pub fn thickness_errors(
    predicted: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    mask: Option<ArrayView2<'_, bool>>,
) -> Result<ErrorSum> {
    pixel_errors(predicted, truth, mask, |p, t| (t > 0.0).then(|| (p - t).abs()))
}

fn pixel_errors(
    predicted: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    mask: Option<ArrayView2<'_, bool>>,
    error: fn(f64, f64) -> Option<f64>,
) -> Result<ErrorSum> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    if let Some(mask) = mask {
        same_shape("mask", mask.dim(), predicted.dim())?;
    }
    let pairs = predicted.indexed_iter().filter(|(at, _)| mask.is_none_or(|mask| mask[*at]));
    Ok(pairs.map(|(at, &p)| error(p, truth[at])).collect())
}

/// PoLiS distances of matched polygons, the largest part of each ([`mapvec_geometry::polis`]),
/// in the unit of the coordinates.
///
/// # Errors
/// [`Error::InvalidEntry`] for a pair that names a polygon that does not exist;
/// [`Error::Shape`] for a polygon without points or with coordinates that are not finite.
///
/// # References
/// J. Avbelj, R. Müller and R. Bamler, A metric for polygon comparison and building
/// extraction evaluation, 2015.
pub fn polis_errors(
    predicted: &[MultiPolygon<f64>],
    truth: &[MultiPolygon<f64>],
    pairs: &[PolygonMatch],
) -> Result<ErrorSum> {
    let largest = |shape: &MultiPolygon<f64>| {
        let area = mapvec_geometry::polygon_area;
        shape.iter().max_by(|a, b| area(a).total_cmp(&area(b))).cloned()
    };
    let part = |shapes: &[MultiPolygon<f64>], place: usize, index: usize| {
        let (field, expected) = ("pairs", "the place of a polygon that has a part");
        let wrong = Error::InvalidEntry { field, index, value: place as f64, expected };
        shapes.get(place).and_then(largest).ok_or(wrong)
    };
    let distances = pairs.iter().enumerate().map(|(index, pair)| {
        let (a, b) = (part(predicted, pair.predicted, index)?, part(truth, pair.truth, index)?);
        let distance =
            polis(&a, &b).map_err(|source| Error::Shape { what: "pairs", index, source })?;
        Ok(Some(distance))
    });
    distances.collect()
}

fn between(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (b.x - a.x).hypot(b.y - a.y)
}

fn angle(line: Line<f64>) -> f64 {
    line.dy().atan2(line.dx())
}
