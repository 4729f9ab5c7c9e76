//! Ground control points and what can be wrong with them.

use crate::Result;
use geo_types::Coord;

/// A place whose position is known both on the raster and in the world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundControlPoint {
    /// Position on the raster: x is the column, y the row; the centre of the first
    /// pixel is (0.5, 0.5).
    pub pixel: Coord<f64>,
    /// Position in the world.
    pub world: Coord<f64>,
}

/// Why a transform cannot be fitted to ground control points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlPointFault {
    /// The model has more unknowns than the points determine.
    #[error("{count} points are given and {required} are needed; add points or lower the order")]
    TooFew {
        /// Number of points given.
        count: usize,
        /// Number of points that the model needs.
        required: usize,
    },
    /// The model takes time with the cube of the number of points.
    #[error("{count} points are given, the limit is {limit}; thin them out or use a polynomial")]
    TooMany {
        /// Number of points given.
        count: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A coordinate is infinite or not a number.
    #[error("a coordinate of point {index} is not finite; remove the point")]
    NonFinite {
        /// Index of the point.
        index: usize,
    },
    /// Two points have the same position on the raster.
    #[error("points {first} and {second} are at the same pixel; remove one of them")]
    Duplicate {
        /// Index of the one point.
        first: usize,
        /// Index of the other, larger than `first`.
        second: usize,
    },
    /// The points lie on one line, on one curve of the order of the model, or too
    /// close together.
    #[error(
        "the points lie on one curve of order {order} and leave the transform open; \
         add points away from it or lower the order"
    )]
    Degenerate {
        /// Order of the curve: 1 for a line, 2 for a conic, 3 for a cubic.
        order: usize,
    },
}

/// Refuses points that are too few, not finite or at the same pixel.
pub(super) fn check(points: &[GroundControlPoint], required: usize) -> Result<()> {
    let count = points.len();
    for (index, point) in points.iter().enumerate() {
        let numbers = [point.pixel.x, point.pixel.y, point.world.x, point.world.y];
        // The bound keeps sums of squares finite.
        if !numbers.iter().all(|number| number.abs() < 1e150) {
            return Err(ControlPointFault::NonFinite { index }.into());
        }
    }
    if count < required {
        return Err(ControlPointFault::TooFew { count, required }.into());
    }
    // -0 and 0 are one position.
    let position = |index: usize| (points[index].pixel.x + 0.0, points[index].pixel.y + 0.0);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&i, &j| {
        let (p, q) = (position(i), position(j));
        p.0.total_cmp(&q.0).then(p.1.total_cmp(&q.1)).then(i.cmp(&j))
    });
    let duplicate = order.windows(2).find(|pair| position(pair[0]) == position(pair[1]));
    match duplicate {
        None => Ok(()),
        Some(pair) => Err(ControlPointFault::Duplicate { first: pair[0], second: pair[1] }.into()),
    }
}

/// Moves and scales points so that their mean is 0 and the farthest is at 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    centre: Coord<f64>,
    scale: f64,
}

impl Frame {
    pub(super) fn new(points: impl ExactSizeIterator<Item = Coord<f64>> + Clone) -> Self {
        let count = points.len().max(1) as f64;
        let centre = points.clone().fold(Coord::zero(), |sum, p| sum + p) / count;
        let radius = |p: Coord<f64>| (p.x - centre.x).hypot(p.y - centre.y);
        let scale = points.map(radius).fold(0.0, f64::max);
        Self { centre, scale: if scale > 0.0 { scale } else { 1.0 } }
    }

    pub(super) fn enter(&self, p: Coord<f64>) -> Coord<f64> {
        (p - self.centre) / self.scale
    }

    pub(super) fn leave(&self, p: Coord<f64>) -> Coord<f64> {
        p * self.scale + self.centre
    }

    /// Length outside per length inside.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }
}
