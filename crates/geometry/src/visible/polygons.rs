//! Visible parts of polygons as polygons.

use crate::{
    Result,
    boolean::{check_polygon, first_owners},
    error::check_each,
};
use geo_types::{MultiPolygon, Polygon};
use rayon::prelude::*;

/// What remains visible of each polygon when the ones before it in the list hide it.
///
/// The list runs front to back. The results neither overlap nor leave gaps, and
/// together they cover what the polygons cover: results that border on each other have
/// the same vertices along the border. A polygon that is quite hidden yields an empty
/// result. All results consist of valid polygons in the crate's orientation.
///
/// Vertices and crossings are snapped to one grid for all polygons, with a step between
/// 2^-29 and 2^-28 of half the larger side of their common bounding box; they move by at
/// most 0.71 steps, and edges are led through snapped points that they pass within half
/// a step. About n log n for n edges and crossings of short edges, times the number of
/// polygons that lie over each other.
///
/// # Errors
/// [`Error::Item`](crate::Error::Item) with the index of the first polygon that is not
/// valid or has coordinates beyond `1e100`,
/// [`Error::TooManySteps`](crate::Error::TooManySteps) for more than 2^24 crossings.
///
/// # References
/// L. Guibas, D. Marimont, *Rounding arrangements dynamically*, 1998.
pub fn visible_polygons(polygons: &[Polygon<f64>]) -> Result<Vec<MultiPolygon<f64>>> {
    let checks: Vec<Result<()>> = polygons.par_iter().map(check_polygon).collect();
    check_each("polygons", checks, |check| check)?;
    first_owners(polygons)
}
