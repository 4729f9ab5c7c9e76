//! What can be drawn: coordinates whose products do not overflow.

use crate::{
    Error, PolygonFault, Result, Ring, box_tree::Bounds, error::LARGEST_COORDINATE, ring::rings,
    spatial_index, validate_line,
};
use geo_types::{Coord, LineString, Polygon};

/// Refuses lines without length and with coordinates that are not finite or beyond
/// `1e100`.
pub(crate) fn check_line(line: &LineString<f64>) -> Result<()> {
    validate_line(line)?;
    spatial_index::check_line(line)
}

/// Refuses polygons with coordinates that are not finite or beyond `1e100`.
pub(super) fn check_area(polygon: &Polygon<f64>) -> Result<()> {
    if is_drawable(polygon) {
        return Ok(());
    }
    for (index, ring) in rings(polygon).enumerate() {
        let finite = |p: &Coord<f64>| p.x.is_finite() && p.y.is_finite();
        if let Some(at) = ring.coords().position(|p| !finite(p)) {
            let ring = index.checked_sub(1).map_or(Ring::Exterior, Ring::Hole);
            return Err(Error::Polygon(PolygonFault::NonFinite { ring, index: at }));
        }
    }
    rings(polygon).try_for_each(spatial_index::check_line)
}

/// Whether all coordinates of a polygon are finite and within `1e100`.
pub(super) fn is_drawable(polygon: &Polygon<f64>) -> bool {
    drawable_bounds(polygon).is_some() || rings(polygon).all(|ring| ring.0.is_empty())
}

/// The box of a polygon; none without any point or with coordinates that are not finite or
/// beyond `1e100`.
pub(super) fn drawable_bounds(polygon: &Polygon<f64>) -> Option<Bounds> {
    let none = f64::INFINITY;
    let (mut low, mut high) = (Coord { x: none, y: none }, Coord { x: -none, y: -none });
    let mut fits = true;
    for p in rings(polygon).flat_map(|ring| &ring.0) {
        fits &= p.x.abs() <= LARGEST_COORDINATE && p.y.abs() <= LARGEST_COORDINATE;
        low = Coord { x: low.x.min(p.x), y: low.y.min(p.y) };
        high = Coord { x: high.x.max(p.x), y: high.y.max(p.y) };
    }
    (fits && low.x <= high.x).then_some(Bounds { low, high })
}
