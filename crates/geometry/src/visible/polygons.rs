//! Visible parts of polygons as polygons.

use crate::{Result, validate_polygon};
use geo::{BooleanOps, BoundingRect, Intersects, unary_union};
use geo_types::{MultiPolygon, Polygon};
use rayon::prelude::*;

/// What remains visible of each polygon when the ones before it in the list hide it.
///
/// The list runs front to back. The results do not overlap, and together they cover
/// what the polygons cover; a polygon that is quite hidden yields an empty result.
/// New vertices lie on a grid that is fine against the extent of the polygons
/// (areas are right to about 1e-8). Exterior rings have positive
/// [`signed_area`](crate::signed_area). Parallel over the polygons.
///
/// # Errors
/// [`Error::Polygon`](crate::Error::Polygon) for the first polygon that is not
/// valid.
pub fn visible_polygons(polygons: &[Polygon<f64>]) -> Result<Vec<MultiPolygon<f64>>> {
    polygons.iter().try_for_each(validate_polygon)?;
    let boxes: Vec<_> = polygons.iter().map(BoundingRect::bounding_rect).collect();
    let remainder = |(index, polygon): (usize, &Polygon<f64>)| {
        let touches = |front: &usize| match (boxes[*front], boxes[index]) {
            (Some(a), Some(b)) => a.intersects(&b),
            _ => false,
        };
        let hiding: Vec<_> = (0..index).filter(touches).map(|front| &polygons[front]).collect();
        // Also a polygon in the open goes through, for the order of its rings.
        polygon.difference(&unary_union(hiding))
    };
    Ok(polygons.par_iter().enumerate().map(remainder).collect())
}
