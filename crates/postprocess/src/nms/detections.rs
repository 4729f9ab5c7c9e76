//! What is suppressed: shapes of one kind, their scores and classes.

use geo_types::{Coord, Rect, coord};
use mapvec_geometry::{BoxIndex, OrientedBox};
use serde::{Deserialize, Serialize};

use super::boxes::{check_boxes, iou};
use super::gaussian::Gaussian;
use super::order::same_length;
use super::quadrilateral::Quadrilateral;
use crate::{BitMask, Error, Result};

/// Shapes of one kind, one per detection.
#[derive(Debug, Clone, Copy)]
pub enum Shapes<'a> {
    /// Upright boxes `[x1, y1, x2, y2]`; they overlap as in [`nms`](crate::nms).
    Boxes(&'a [[f32; 4]]),
    /// Boxes at any angle, with the exact area of their intersection.
    Oriented(&'a [OrientedBox]),
    /// Boxes at any angle, compared as normal distributions.
    Gaussian(&'a [OrientedBox], GaussianOverlap),
    /// Convex quadrilaterals by their corners, in either direction, with the exact area of
    /// their intersection.
    Quadrilaterals(&'a [[Coord<f64>; 4]]),
    /// Masks, pixel by pixel.
    Masks(&'a [BitMask]),
}

/// How much two boxes overlap as normal distributions.
///
/// A box stands for the distribution with its centre and the variances of its area, w^2 / 12
/// and h^2 / 12 along its sides. Unlike the intersection this is smooth, and it does not see
/// the corners. Overlaps below 0.01 count as none.
///
/// # References
/// J. Murrugarra-Llerena, C. R. Jung, *Probabilistic intersection-over-union for training and
/// evaluation of oriented object detectors*, 2021.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaussianOverlap {
    /// 1 minus the Hellinger distance. Closer to the intersection over union.
    #[default]
    Hellinger,
    /// The Bhattacharyya coefficient, 1 minus the square of the Hellinger distance.
    Bhattacharyya,
}

/// Detections with a score each, and a class each if they have one.
#[derive(Debug, Clone, Copy)]
pub struct Detections<'a> {
    /// The shapes.
    pub shapes: Shapes<'a>,
    /// The score of each shape.
    pub scores: &'a [f32],
    /// The class of each shape: shapes of different classes leave each other alone.
    pub classes: Option<&'a [u32]>,
}

impl Detections<'_> {
    /// Number of shapes.
    pub(super) fn len(&self) -> usize {
        match self.shapes {
            Shapes::Boxes(boxes) => boxes.len(),
            Shapes::Oriented(boxes) | Shapes::Gaussian(boxes, _) => boxes.len(),
            Shapes::Quadrilaterals(quadrilaterals) => quadrilaterals.len(),
            Shapes::Masks(masks) => masks.len(),
        }
    }

    /// As many scores and classes as shapes.
    pub(super) fn check_lengths(&self) -> Result<()> {
        same_length("scores", self.scores.len(), self.len())?;
        self.classes.map_or(Ok(()), |classes| same_length("classes", classes.len(), self.len()))
    }
}

/// Shapes made ready to be compared.
enum Prepared<'a> {
    Boxes(&'a [[f32; 4]]),
    Quadrilaterals(Vec<Quadrilateral>),
    Gaussians(Vec<Gaussian>, GaussianOverlap),
    Masks(&'a [BitMask]),
}

/// Which shapes overlap, and by how much.
pub(super) struct Overlaps<'a> {
    shapes: Prepared<'a>,
    classes: Option<&'a [u32]>,
    bounds: Vec<Rect<f64>>,
    index: BoxIndex,
}

impl<'a> Overlaps<'a> {
    /// Checks and indexes the shapes.
    pub(super) fn new(detections: &Detections<'a>) -> Result<Self> {
        let shapes = prepare(detections.shapes)?;
        let bounds: Vec<Rect<f64>> = match &shapes {
            Prepared::Boxes(boxes) => boxes.iter().map(box_bounds).collect(),
            Prepared::Quadrilaterals(all) => all.iter().map(Quadrilateral::bounds).collect(),
            Prepared::Gaussians(all, measure) => all.iter().map(|g| g.bounds(*measure)).collect(),
            Prepared::Masks(masks) => masks.iter().map(mask_bounds).collect(),
        };
        let index = BoxIndex::new(bounds.iter().copied())?;
        Ok(Self { shapes, classes: detections.classes, bounds, index })
    }

    /// The other shapes of the same class that may overlap this one, ascending.
    pub(super) fn neighbours(&self, of: usize) -> impl Iterator<Item = usize> + '_ {
        let near = self.index.within(&self.bounds[of]).into_iter();
        let alike = move |other| self.classes.is_none_or(|classes| classes[of] == classes[other]);
        near.filter(move |&other| other != of && alike(other))
    }

    /// Overlap of two shapes, in [0, 1].
    pub(super) fn overlap(&self, a: usize, b: usize) -> f64 {
        match &self.shapes {
            Prepared::Boxes(boxes) => f64::from(iou(&boxes[a], &boxes[b])),
            Prepared::Quadrilaterals(all) => all[a].iou(&all[b]),
            Prepared::Gaussians(all, measure) => all[a].overlap(&all[b], *measure),
            Prepared::Masks(masks) => masks[a].iou(&masks[b]),
        }
    }
}

fn prepare(shapes: Shapes<'_>) -> Result<Prepared<'_>> {
    let valid = |index: usize, turned: &OrientedBox| {
        let expected = "finite, with sides of at least 0 and at most 1e100";
        turned.validate().map_err(|_| Error::InvalidShape { index, expected })
    };
    Ok(match shapes {
        Shapes::Boxes(boxes) => {
            check_boxes(boxes)?;
            Prepared::Boxes(boxes)
        }
        Shapes::Oriented(boxes) => {
            let made = boxes.iter().enumerate().map(|(index, turned)| {
                valid(index, turned)?;
                Ok(Quadrilateral::of_box(turned))
            });
            Prepared::Quadrilaterals(made.collect::<Result<_>>()?)
        }
        Shapes::Gaussian(boxes, measure) => {
            let made = boxes.iter().enumerate().map(|(index, turned)| {
                valid(index, turned)?;
                Ok(Gaussian::of_box(turned))
            });
            Prepared::Gaussians(made.collect::<Result<_>>()?, measure)
        }
        Shapes::Quadrilaterals(all) => {
            let made = all.iter().enumerate().map(|(index, corners)| {
                let expected = "a convex quadrilateral of finite coordinates of at most 1e100";
                Quadrilateral::new(corners).ok_or(Error::InvalidShape { index, expected })
            });
            Prepared::Quadrilaterals(made.collect::<Result<_>>()?)
        }
        Shapes::Masks(masks) => Prepared::Masks(masks),
    })
}

fn box_bounds(corners: &[f32; 4]) -> Rect<f64> {
    let [x1, y1, x2, y2] = corners.map(f64::from);
    Rect::new(coord! { x: x1, y: y1 }, coord! { x: x2, y: y2 })
}

fn mask_bounds(mask: &BitMask) -> Rect<f64> {
    let [top, left, bottom, right] = mask.bounds().map(|side| side as f64);
    Rect::new(coord! { x: left, y: top }, coord! { x: right, y: bottom })
}
