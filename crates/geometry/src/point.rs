//! Single points.

use geo_types::Coord;

/// Distance between two points.
pub(crate) fn distance(p: Coord<f64>, q: Coord<f64>) -> f64 {
    (p.x - q.x).hypot(p.y - q.y)
}
