//! Validity under the OGC simple feature model, with typed reasons.
//!
//! Signs are computed exactly, so a touch is a touch and not a crossing that
//! rounding hides. Segments are compared through a tree of boxes, about n log n; and for
//! each ring those are listed that lie around it or beside it.

mod coverage;
mod crowd;
mod fault;
mod nesting;
pub(crate) mod predicates;
mod ring_meetings;
mod rings;
mod sweep;

use crate::{Error, Result};
use crowd::Crowd;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use rings::Rings;

pub use coverage::validate_coverage;
pub(crate) use coverage::{Borders, Spoke};
pub use fault::{CoverageFault, MultiPolygonFault, PolygonFault, Ring};
pub(crate) use ring_meetings::{RingForm, RingMeeting, ring_meetings};

/// Checks that a line has finite coordinates and at least two distinct points.
///
/// # Errors
/// [`Error::NonFiniteLine`] or [`Error::LineTooShort`].
pub fn validate_line(line: &LineString<f64>) -> Result<()> {
    let finite = |p: &Coord<f64>| p.x.is_finite() && p.y.is_finite();
    if let Some(index) = line.coords().position(|p| !finite(p)) {
        return Err(Error::NonFiniteLine { index });
    }
    let distinct = match line.0.first() {
        None => 0,
        Some(first) => 1 + usize::from(line.coords().any(|p| p != first)),
    };
    if distinct < 2 { Err(Error::LineTooShort { distinct }) } else { Ok(()) }
}

/// Checks that a closed line can be the exterior ring of a polygon.
///
/// It is finite and closed, has three distinct points, and neither crosses nor
/// touches itself. A point may be repeated at once; its orientation is free.
///
/// # Errors
/// [`Error::Polygon`] with the first rule that is broken.
pub fn validate_ring(ring: &LineString<f64>) -> Result<()> {
    // `Polygon` closes its rings, so openness is only seen before.
    rings::check_points(Ring::Exterior, ring)?;
    validate_polygon(&Polygon::new(ring.clone(), Vec::new()))
}

/// Checks that a polygon is a valid simple feature.
///
/// Coordinates are finite; every ring has three distinct points and neither
/// crosses nor touches itself; holes lie inside the exterior ring and outside each
/// other; rings touch at points only, and not so that they cut the interior apart.
/// An empty polygon is refused. Points may be repeated at once, and the orientation
/// of rings is free.
///
/// # Errors
/// [`Error::Polygon`] with the first rule that is broken.
///
/// # References
/// OGC 06-103r4, *Simple feature access, part 1*, section 6.1.11.
pub fn validate_polygon(polygon: &Polygon<f64>) -> Result<()> {
    check(std::slice::from_ref(polygon)).map_err(|fault| match fault {
        MultiPolygonFault::Part { fault, .. } => fault.into(),
        // One polygon has no second one to meet.
        other => Error::MultiPolygon(other),
    })
}

/// Checks that a multipolygon is a valid simple feature.
///
/// Its polygons are valid, their interiors are disjoint, and their borders touch at
/// points only. An empty multipolygon is valid.
///
/// # Errors
/// [`Error::MultiPolygon`] with the first rule that is broken.
///
/// # References
/// OGC 06-103r4, *Simple feature access, part 1*, section 6.1.14.
pub fn validate_multi_polygon(multi_polygon: &MultiPolygon<f64>) -> Result<()> {
    Ok(check(&multi_polygon.0)?)
}

fn check(polygons: &[Polygon<f64>]) -> Result<(), MultiPolygonFault> {
    let rings = Rings::new(polygons.iter())?;
    if let Some(crowd) = Crowd::new(&rings, crowd::LIMITS) {
        return crowd.check();
    }
    let touches = rings.touches()?;
    nesting::check_nesting(&rings, &touches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::polygon;

    fn ring(points: &[(f64, f64)]) -> LineString<f64> {
        LineString::from(points.to_vec())
    }

    fn square(x: f64, y: f64, side: f64) -> LineString<f64> {
        ring(&[(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)])
    }

    fn fault(exterior: LineString<f64>, holes: Vec<LineString<f64>>) -> Option<PolygonFault> {
        match validate_polygon(&Polygon::new(exterior, holes)) {
            Ok(()) => None,
            Err(Error::Polygon(fault)) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn faults_of_one_ring() {
        let exterior = Ring::Exterior;
        let bow = ring(&[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)]);
        let found = Some(PolygonFault::SelfCrossing { ring: exterior, x: 1.0, y: 1.0 });
        assert_eq!(fault(bow, vec![]), found);
        let flat = ring(&[(0.0, 0.0), (2.0, 2.0)]);
        assert_eq!(fault(flat, vec![]), Some(PolygonFault::TooFewPoints(exterior)));
        let nan = ring(&[(0.0, 0.0), (f64::NAN, 2.0), (2.0, 0.0)]);
        let found = Some(PolygonFault::NonFinite { ring: exterior, index: 1 });
        assert_eq!(fault(nan, vec![]), found);
        let spike = ring(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (4.0, 9.0), (4.0, 4.0), (0.0, 4.0)]);
        let found = Some(PolygonFault::Spike { ring: exterior, x: 4.0, y: 9.0 });
        assert_eq!(fault(spike, vec![]), found);
        let touch = ring(&[(0.0, 0.0), (4.0, 0.0), (2.0, 2.0), (4.0, 4.0), (0.0, 4.0), (2.0, 2.0)]);
        let found = Some(PolygonFault::SelfTouch { ring: exterior, x: 2.0, y: 2.0 });
        assert_eq!(fault(touch, vec![]), found);
        let back = ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (6.0, 0.0), (5.0, 0.0), (5.0, 2.0)]);
        assert!(matches!(fault(back, vec![]), Some(PolygonFault::SelfOverlap { .. })));
        let open = ring(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)]);
        assert_eq!(validate_ring(&open), Err(PolygonFault::NotClosed(exterior).into()));
        let repeated = ring(&[(0.0, 0.0), (4.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 0.0)]);
        assert_eq!(validate_ring(&repeated), Ok(()));
    }

    #[test]
    fn faults_of_holes() {
        let page = || square(0.0, 0.0, 10.0);
        let hole = Ring::Hole;
        assert_eq!(fault(page(), vec![square(1.0, 1.0, 2.0), square(3.0, 3.0, 2.0)]), None);
        let outside = Some(PolygonFault::HoleOutside(hole(0)));
        assert_eq!(fault(page(), vec![square(15.0, 5.0, 1.0)]), outside);
        assert_eq!(fault(page(), vec![square(10.0, 10.0, 1.0)]), outside);
        assert_eq!(fault(page(), vec![square(-5.0, -5.0, 90.0)]), outside);
        assert_eq!(
            fault(page(), vec![square(1.0, 1.0, 5.0), square(2.0, 2.0, 2.0)]),
            Some(PolygonFault::NestedHoles { inner: hole(1), outer: hole(0) })
        );
        let diamond = ring(&[(3.0, 1.0), (5.0, 3.0), (3.0, 5.0), (1.0, 3.0)]);
        assert_eq!(
            fault(page(), vec![square(1.0, 1.0, 4.0), diamond]),
            Some(PolygonFault::NestedHoles { inner: hole(1), outer: hole(0) })
        );
        assert!(matches!(
            fault(page(), vec![square(1.0, 1.0, 2.0), square(3.0, 2.0, 2.0)]),
            Some(PolygonFault::SharedLine { .. })
        ));
        assert!(matches!(
            fault(page(), vec![square(1.0, 1.0, 2.0), square(2.0, 2.0, 2.0)]),
            Some(PolygonFault::Crossing { .. })
        ));
        // It passes through the corner of the page.
        let through = ring(&[(9.0, 9.0), (11.0, 10.5), (10.0, 10.0), (10.5, 12.0)]);
        assert!(matches!(fault(page(), vec![through]), Some(PolygonFault::Crossing { .. })));
    }

    #[test]
    fn holes_that_cut_the_interior_apart() {
        let page = || square(0.0, 0.0, 10.0);
        let chain = |count: u32| {
            (0..count)
                .map(|k| f64::from(k) * 2.0)
                .map(|x| ring(&[(x, 5.0), (x + 1.0, 4.0), (x + 2.0, 5.0), (x + 1.0, 6.0)]))
                .collect::<Vec<_>>()
        };
        assert_eq!(fault(page(), chain(4)), None);
        assert!(matches!(fault(page(), chain(5)), Some(PolygonFault::Disconnected { .. })));
        let across = ring(&[(5.0, 0.0), (6.0, 5.0), (5.0, 10.0), (4.0, 5.0)]);
        assert!(matches!(fault(page(), vec![across]), Some(PolygonFault::Disconnected { .. })));
        // Four holes that meet in one point leave the interior whole.
        let star = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
            .map(|(x, y)| ring(&[(5.0, 5.0), (5.0 + x, 5.0 + 2.0 * y), (5.0 + 2.0 * x, 5.0 + y)]));
        assert_eq!(fault(page(), star.to_vec()), None);
    }

    #[test]
    fn multi_polygons() {
        let part = |x: f64, y: f64, side: f64| Polygon::new(square(x, y, side), Vec::new());
        let check = |parts: Vec<Polygon<f64>>| validate_multi_polygon(&MultiPolygon(parts));
        assert_eq!(check(Vec::new()), Ok(()));
        assert_eq!(check(vec![part(0.0, 0.0, 2.0), part(2.0, 2.0, 2.0)]), Ok(()));
        let frame = Polygon::new(square(0.0, 0.0, 9.0), vec![square(1.0, 1.0, 4.0)]);
        assert_eq!(check(vec![frame.clone(), part(2.0, 2.0, 1.0)]), Ok(()));
        let overlap =
            |x: f64, y: f64| Err(MultiPolygonFault::Overlap { first: 0, second: 1, x, y }.into());
        assert_eq!(check(vec![frame, part(6.0, 6.0, 1.0)]), overlap(6.0, 6.0));
        assert_eq!(check(vec![part(2.0, 2.0, 1.0), part(0.0, 0.0, 9.0)]), overlap(2.0, 2.0));
        let twice = check(vec![part(0.0, 0.0, 2.0), part(0.0, 0.0, 2.0)]);
        assert!(matches!(
            twice,
            Err(Error::MultiPolygon(MultiPolygonFault::SharedLine { first: 0, second: 1, .. }))
        ));
        let bad = Polygon::new(ring(&[(0.0, 0.0), (1.0, 0.0)]), Vec::new());
        let fault = PolygonFault::TooFewPoints(Ring::Exterior);
        assert_eq!(
            check(vec![part(5.0, 5.0, 1.0), bad]),
            Err(MultiPolygonFault::Part { part: 1, fault }.into())
        );
    }

    #[test]
    fn extreme_sizes() {
        for scale in [1e-300, 1e-160, 1.0, 1e160, 1e300] {
            let bow = [(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)];
            let bow = bow.map(|(x, y)| (x * scale, y * scale));
            assert!(matches!(fault(ring(&bow), vec![]), Some(PolygonFault::SelfCrossing { .. })));
            assert_eq!(fault(square(-scale, scale, scale), vec![]), None);
        }
    }

    #[test]
    fn negative_zeros_are_zeros() {
        let page = ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0), (-0.0, 5.0)]);
        let hole = ring(&[(-0.0, 5.0), (3.0, 4.0), (3.0, 6.0)]);
        assert_eq!(fault(page.clone(), vec![hole]), None);
        let outside = ring(&[(0.0, 5.0), (-3.0, 4.0), (-3.0, 6.0)]);
        assert_eq!(fault(page, vec![outside]), Some(PolygonFault::HoleOutside(Ring::Hole(0))));
    }

    #[test]
    fn holes_nested_a_thousand_deep() {
        let holes =
            (1..1000).map(|k| square(f64::from(k), f64::from(k), 4000.0 - f64::from(2 * k)));
        let found = fault(square(0.0, 0.0, 4000.0), holes.collect());
        assert!(matches!(found, Some(PolygonFault::NestedHoles { .. })));
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
        assert!(validate_polygon(&polygon![]).is_err());
    }
}
