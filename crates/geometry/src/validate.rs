//! Validity under the OGC simple feature model, with typed reasons.

use crate::{Error, PolygonFault, Result, Ring};
use geo::algorithm::validation::{InvalidPolygon, RingRole, Validation};
use geo_types::{Coord, LineString, Polygon};

/// Checks that a line has finite coordinates and at least two distinct points.
///
/// # Errors
/// [`Error::NonFiniteLine`] or [`Error::LineTooShort`].
pub fn validate_line(line: &LineString<f64>) -> Result<()> {
    if let Some(index) = line.coords().position(|p| !is_finite(p)) {
        return Err(Error::NonFiniteLine { index });
    }
    let distinct = match line.0.first() {
        None => 0,
        Some(first) => 1 + usize::from(line.coords().any(|p| p != first)),
    };
    if distinct < 2 { Err(Error::LineTooShort { distinct }) } else { Ok(()) }
}

/// Checks that a polygon is a valid simple feature.
///
/// Coordinates are finite, every ring has three distinct points and is simple,
/// holes lie inside the exterior ring, and rings touch at points only. An empty
/// polygon is refused. Not checked: whether touching holes cut the interior apart.
///
/// # Errors
/// [`Error::Polygon`] with the first rule that is broken.
///
/// # References
/// OGC 06-103r4, *Simple feature access, part 1*, section 6.1.11.
pub fn validate_polygon(polygon: &Polygon<f64>) -> Result<()> {
    let holes = polygon.interiors().iter().enumerate();
    let rings = std::iter::once((Ring::Exterior, polygon.exterior()))
        .chain(holes.map(|(index, ring)| (Ring::Hole(index), ring)));
    for (ring, line) in rings {
        if let Some(index) = line.coords().position(|p| !is_finite(p)) {
            return Err(PolygonFault::NonFinite { ring, index }.into());
        }
        if line.0.is_empty() {
            return Err(PolygonFault::TooFewPoints(ring).into());
        }
    }
    polygon.check_validation().map_err(|reason| Error::Polygon(translate(&reason)))
}

fn is_finite(p: &Coord<f64>) -> bool {
    p.x.is_finite() && p.y.is_finite()
}

fn translate(reason: &InvalidPolygon) -> PolygonFault {
    match reason {
        InvalidPolygon::TooFewPointsInRing(r) => PolygonFault::TooFewPoints(ring(*r)),
        InvalidPolygon::SelfIntersection(r) => PolygonFault::SelfIntersection(ring(*r)),
        InvalidPolygon::NonFiniteCoord(r, index) => {
            PolygonFault::NonFinite { ring: ring(*r), index: index.0 }
        }
        InvalidPolygon::InteriorRingNotContainedInExteriorRing(r) => {
            PolygonFault::HoleOutside(ring(*r))
        }
        InvalidPolygon::IntersectingRingsOnALine(r, q) => {
            PolygonFault::SharedLine(ring(*r), ring(*q))
        }
        InvalidPolygon::IntersectingRingsOnAnArea(r, q) => {
            PolygonFault::Overlap(ring(*r), ring(*q))
        }
    }
}

fn ring(role: RingRole) -> Ring {
    match role {
        RingRole::Exterior => Ring::Exterior,
        RingRole::Interior(index) => Ring::Hole(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::polygon;

    #[test]
    fn faults_are_named() {
        let bow = polygon![(x: 0.0, y: 0.0), (x: 2.0, y: 2.0), (x: 2.0, y: 0.0), (x: 0.0, y: 2.0)];
        assert_eq!(
            validate_polygon(&bow),
            Err(PolygonFault::SelfIntersection(Ring::Exterior).into())
        );
        let line = polygon![(x: 0.0, y: 0.0), (x: 2.0, y: 2.0)];
        assert_eq!(validate_polygon(&line), Err(PolygonFault::TooFewPoints(Ring::Exterior).into()));
        let nan = polygon![(x: 0.0, y: 0.0), (x: f64::NAN, y: 2.0), (x: 2.0, y: 0.0)];
        assert_eq!(
            validate_polygon(&nan),
            Err(PolygonFault::NonFinite { ring: Ring::Exterior, index: 1 }.into())
        );
        let outer = LineString::from(vec![(0.0, 0.0), (2.0, 0.0), (2.0, 2.0)]);
        let far = LineString::from(vec![(5.0, 5.0), (6.0, 5.0), (6.0, 6.0)]);
        assert_eq!(
            validate_polygon(&Polygon::new(outer, vec![far])),
            Err(PolygonFault::HoleOutside(Ring::Hole(0)).into())
        );
    }

    #[test]
    fn lines() {
        assert_eq!(
            validate_line(&vec![(1.0, 1.0), (1.0, 1.0)].into()),
            Err(Error::LineTooShort { distinct: 1 })
        );
        assert_eq!(
            validate_line(&LineString(Vec::new())),
            Err(Error::LineTooShort { distinct: 0 })
        );
        assert_eq!(
            validate_line(&vec![(1.0, 1.0), (1.0, f64::INFINITY)].into()),
            Err(Error::NonFiniteLine { index: 1 })
        );
        assert_eq!(validate_line(&vec![(1.0, 1.0), (1.0, 2.0)].into()), Ok(()));
    }
}
