//! Union, intersection, difference and exclusive or of polygons.
//!
//! The overlay itself is `geo::BooleanOps` (the crate `i_overlay`), which computes
//! on integers. Its own conversion puts results off the grid by rounding, so that
//! rings that should touch may cross. Here the shapes are first brought to whole
//! numbers in a frame that it takes over without rounding, and results are
//! multiples of the grid step: exact in `f64` and therefore valid.

mod check;
mod grid;
mod ring_tree;

pub(crate) use check::check_polygon;

use crate::Result;
use geo::{
    BooleanOps,
    bool_ops::{FillRule, OpType},
};
use geo_types::{MultiPolygon, Polygon};
use grid::Grid;

/// The area that `a` or `b` covers.
///
/// Each operand stands for the union of its polygons, which may overlap; a single
/// polygon is passed with `std::slice::from_ref`. The same holds for
/// [`intersection`], [`difference`] and [`xor`].
///
/// The result consists of valid polygons in the crate's orientation that touch at
/// points at most; no area is an empty multipolygon, not an error. Vertices are
/// snapped to a grid with a step between 2^-28 and 2^-27 of half the larger side of
/// the bounding box of both operands (between 1.9e-6 and 3.9e-6 pixels for a raster
/// of 1024 x 1024): input vertices move by at most 0.71 steps and crossings about as
/// much. What is thinner than a step may vanish. Coordinates that are more than about
/// 2^22 times larger than that box should be moved near the origin first, else
/// rounding of the coordinates themselves exceeds the step. About n log n in the
/// number of vertices and crossings.
///
/// # Errors
/// [`Error::Polygon`](crate::Error::Polygon) for a polygon that is not valid or has
/// coordinates that are not finite, [`Error::Parameter`](crate::Error::Parameter) for
/// coordinates beyond `1e100`.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// use mapvec_geometry::{polygon_area, union};
/// let a = [polygon![(x: 0., y: 0.), (x: 2., y: 0.), (x: 2., y: 2.), (x: 0., y: 2.)]];
/// let b = [polygon![(x: 1., y: 1.), (x: 3., y: 1.), (x: 3., y: 3.), (x: 1., y: 3.)]];
/// let both = union(&a, &b)?;
/// assert!((polygon_area(&both.0[0]) - 7.0).abs() < 1e-6);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn union(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, OpType::Union)
}

/// The area that `a` and `b` both cover; conventions and precision as for [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn intersection(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, OpType::Intersection)
}

/// The area that `a` covers and `b` does not; conventions and precision as for
/// [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn difference(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, OpType::Difference)
}

/// The area that one of `a` and `b` covers but not both; conventions and precision
/// as for [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn xor(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, OpType::Xor)
}

/// The area that any of the polygons covers, in one pass over all of them;
/// conventions and precision as for [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn union_all(polygons: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(polygons, &[], OpType::Union)
}

fn overlay(a: &[Polygon<f64>], b: &[Polygon<f64>], op: OpType) -> Result<MultiPolygon<f64>> {
    a.iter().chain(b).try_for_each(check_polygon)?;
    Ok(overlay_unchecked(a, b, op))
}

/// Overlay of polygons with finite coordinates.
pub(crate) fn overlay_unchecked(
    a: &[Polygon<f64>],
    b: &[Polygon<f64>],
    op: OpType,
) -> MultiPolygon<f64> {
    let Some(grid) = Grid::around(a.iter().chain(b)) else { return MultiPolygon(Vec::new()) };
    let (a, b) = (grid.snap(a), grid.snap(b));
    // Exteriors turn positively and holes negatively: wherever at least one polygon
    // covers a point its winding number is positive, also where several do.
    grid.restore(a.boolean_op_with_fill_rule(&b, op, FillRule::Positive))
}
