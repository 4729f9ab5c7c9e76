//! Visible parts of polygons as polygons.

use crate::{
    Result,
    boolean::{check_polygon, overlay_unchecked},
};
use geo::{BoundingRect, Intersects};
use geo_types::{MultiPolygon, Polygon};
use rayon::prelude::*;

/// What remains visible of each polygon when the ones before it in the list hide it.
///
/// The list runs front to back. The results do not overlap, and together they cover
/// what the polygons cover; a polygon that is quite hidden yields an empty result.
/// Conventions and precision are those of [`union`](crate::union()). Parallel over
/// the polygons.
///
/// # Errors
/// [`Error::Polygon`](crate::Error::Polygon) for the first polygon that is not
/// valid, [`Error::Parameter`](crate::Error::Parameter) for coordinates beyond
/// `1e100`.
pub fn visible_polygons(polygons: &[Polygon<f64>]) -> Result<Vec<MultiPolygon<f64>>> {
    polygons.iter().try_for_each(check_polygon)?;
    let boxes: Vec<_> = polygons.iter().map(BoundingRect::bounding_rect).collect();
    let remainder = |(index, polygon): (usize, &Polygon<f64>)| {
        let touches = |front: &usize| match (boxes[*front], boxes[index]) {
            (Some(a), Some(b)) => a.intersects(&b),
            _ => false,
        };
        let hiding: Vec<_> =
            (0..index).filter(touches).map(|front| polygons[front].clone()).collect();
        // Also a polygon in the open goes through, for the order of its rings.
        overlay_unchecked(std::slice::from_ref(polygon), &hiding, |a, b| a && !b)
    };
    polygons.par_iter().enumerate().map(remainder).collect()
}
