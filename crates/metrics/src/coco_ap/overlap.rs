//! Intersection over union of many detections and many true objects.

use geo_types::{Coord, MultiPolygon, Rect};
use mapvec_geometry::{Fill, intersection, polygon_area, repair_multi_polygon};
use ndarray::Array2;

use super::RunMask;
use crate::error::{check_shape, same_length};
use crate::{Error, Result};

/// Largest magnitude of a number of a box: areas of such, and their sums, do not overflow.
const LARGEST: f64 = 1e100;

/// `IoU` of boxes, each left, top, width and height (px).
///
/// A box in a `crowd`, which is one entry per true box, takes the area of the detection
/// for the union: any part of it may be matched.
///
/// # Shapes
/// The result is `[detections, truths]`.
///
/// # Errors
/// [`Error::LengthMismatch`] for `crowd`; [`Error::InvalidEntry`] for a box with a number
/// that is not finite or of a magnitude above 1e100.
pub fn box_ious(
    detections: &[[f64; 4]],
    truths: &[[f64; 4]],
    crowd: &[bool],
) -> Result<Array2<f64>> {
    same_length("crowd", crowd.len(), truths.len(), "`truths`")?;
    for (field, boxes) in [("detections", detections), ("truths", truths)] {
        for (index, all) in boxes.iter().enumerate() {
            let wrong = |value: &&f64| !value.is_finite() || value.abs() > LARGEST;
            if let Some(&value) = all.iter().find(wrong) {
                let expected = "finite and of magnitude 1e100 or less";
                return Err(Error::InvalidEntry { field, index, value, expected });
            }
        }
    }
    Ok(Array2::from_shape_fn((detections.len(), truths.len()), |(row, column)| {
        let ([dx, dy, dw, dh], [tx, ty, tw, th]) = (detections[row], truths[column]);
        let width = (dw + dx).min(tw + tx) - dx.max(tx);
        let height = (dh + dy).min(th + ty) - dy.max(ty);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let (common, area) = (width * height, dw * dh);
        let whole = if crowd[column] { area } else { area + tw * th - common };
        // Both are 0 where the product of tiny sides is.
        if common > 0.0 && whole > 0.0 { (common / whole).min(1.0) } else { 0.0 }
    }))
}

/// `IoU` of masks; `crowd` as in [`box_ious`].
///
/// Two masks whose bounds touch are walked along their runs once; no pixel is looked at.
///
/// # Shapes
/// The result is `[detections, truths]`.
///
/// # Errors
/// [`Error::LengthMismatch`] for `crowd`; [`Error::ShapeMismatch`] for masks of different
/// sizes.
pub fn mask_ious(
    detections: &[RunMask],
    truths: &[RunMask],
    crowd: &[bool],
) -> Result<Array2<f64>> {
    same_length("crowd", crowd.len(), truths.len(), "`truths`")?;
    let size = |mask: &RunMask| (mask.size().0 as usize, mask.size().1 as usize);
    if let Some(expected) = detections.first().or(truths.first()).map(size) {
        for (field, masks) in [("detections", detections), ("truths", truths)] {
            let of = "the size of the first mask";
            masks.iter().try_for_each(|mask| check_shape(field, size(mask), expected, of))?;
        }
    }
    Ok(Array2::from_shape_fn((detections.len(), truths.len()), |(row, column)| {
        let (detection, truth) = (&detections[row], &truths[column]);
        let common = detection.common(truth);
        let area = detection.area();
        let whole = if crowd[column] { area } else { area + truth.area() - common };
        if common == 0 { 0.0 } else { common as f64 / whole as f64 }
    }))
}

/// `IoU` of polygons by their exact areas; `crowd` as in [`box_ious`].
///
/// Every entry is one object, of any number of parts with or without holes. COCO's own
/// tools draw polygons first: [`polygon_runs`](crate::polygon_runs) and [`mask_ious`] give
/// their numbers. Rings that cross themselves are repaired by the even-odd rule.
///
/// # Shapes
/// The result is `[detections, truths]`.
///
/// # Errors
/// [`Error::LengthMismatch`] for `crowd`; [`Error::Shape`] for an object with coordinates
/// that are not finite or out of range.
pub fn polygon_ious(
    detections: &[MultiPolygon<f64>],
    truths: &[MultiPolygon<f64>],
    crowd: &[bool],
) -> Result<Array2<f64>> {
    same_length("crowd", crowd.len(), truths.len(), "`truths`")?;
    let (detections, truths) =
        (Region::all("detections", detections)?, Region::all("truths", truths)?);
    let mut ious = Array2::zeros((detections.len(), truths.len()));
    for ((row, column), iou) in ious.indexed_iter_mut() {
        let (detection, truth) = (&detections[row], &truths[column]);
        let common = detection.common(truth).map_err(|source| Error::Shape {
            what: "detections",
            index: row,
            source,
        })?;
        let union = detection.area + truth.area - common;
        let whole = if crowd[column] { detection.area } else { union };
        *iou = if common > 0.0 && whole > 0.0 { (common / whole).min(1.0) } else { 0.0 };
    }
    Ok(ious)
}

/// A valid object, its area and its bounds.
pub(crate) struct Region {
    shape: MultiPolygon<f64>,
    pub(crate) area: f64,
    bounds: [f64; 4],
}

impl Region {
    pub(crate) fn all(what: &'static str, shapes: &[MultiPolygon<f64>]) -> Result<Vec<Self>> {
        let regions = shapes.iter().enumerate().map(|(index, shape)| {
            Self::new(shape).map_err(|source| Error::Shape { what, index, source })
        });
        regions.collect()
    }

    fn new(shape: &MultiPolygon<f64>) -> mapvec_geometry::Result<Self> {
        let parts = shape.iter().filter(|part| !part.exterior().0.is_empty()).cloned().collect();
        let shape = repair_multi_polygon(&MultiPolygon(parts), Fill::EvenOdd)?;
        let area = shape.iter().map(polygon_area).sum();
        let none = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let corners = shape.iter().flat_map(|part| &part.exterior().0);
        let bounds = corners.fold(none, |[left, top, right, bottom], point| {
            [left.min(point.x), top.min(point.y), right.max(point.x), bottom.max(point.y)]
        });
        Ok(Self { shape, area, bounds })
    }

    /// The box around it. Only for an object that has an area.
    pub(crate) fn bounds(&self) -> Rect<f64> {
        let [left, top, right, bottom] = self.bounds;
        Rect::new(Coord { x: left, y: top }, Coord { x: right, y: bottom })
    }

    /// Intersection over union; 0 without an area.
    pub(crate) fn iou(&self, other: &Self) -> mapvec_geometry::Result<f64> {
        let common = self.common(other)?;
        let union = self.area + other.area - common;
        Ok(if common > 0.0 && union > 0.0 { (common / union).min(1.0) } else { 0.0 })
    }

    /// Area that both cover.
    pub(crate) fn common(&self, other: &Self) -> mapvec_geometry::Result<f64> {
        let ([al, at, ar, ab], [bl, bt, br, bb]) = (self.bounds, other.bounds);
        if al.max(bl) >= ar.min(br) || at.max(bt) >= ab.min(bb) {
            return Ok(0.0);
        }
        if self.shape == other.shape {
            return Ok(self.area);
        }
        let common = intersection(&self.shape.0, &other.shape.0)?;
        Ok(common.iter().map(polygon_area).sum::<f64>().min(self.area).min(other.area))
    }
}
