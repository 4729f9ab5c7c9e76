//! The validator against that of `geo`, and against all pairs of segments.

use geo::algorithm::validation::Validation;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Error, Fill, MultiPolygonFault, PolygonFault, repair_multi_polygon, validate_multi_polygon,
    validate_polygon,
};
use proptest::prelude::*;

/// Few lattice points, so that touches, spikes and shared lines are frequent.
fn ring(points: usize, size: u8) -> impl Strategy<Value = LineString<f64>> {
    let point = (0..size, 0..size).prop_map(|(x, y)| Coord { x: f64::from(x), y: f64::from(y) });
    proptest::collection::vec(point, 3..=points).prop_map(|mut points| {
        points.dedup();
        LineString(points)
    })
}

/// Simple shapes that are likely to form valid polygons with holes.
fn boxes() -> impl Strategy<Value = LineString<f64>> {
    (0_u8..8, 0_u8..8, 1_u8..5, 1_u8..5, any::<bool>()).prop_map(|(x, y, w, h, diamond)| {
        let (x, y, w, h) = (f64::from(x), f64::from(y), f64::from(w), f64::from(h));
        let points = if diamond {
            [(x + w, y), (x + 2.0 * w, y + h), (x + w, y + 2.0 * h), (x, y + h)]
        } else {
            [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        };
        LineString::from(points.to_vec())
    })
}

fn polygon() -> impl Strategy<Value = Polygon<f64>> {
    let page = LineString::from(vec![(0.0, 0.0), (12.0, 0.0), (12.0, 12.0), (0.0, 12.0)]);
    prop_oneof![
        ring(7, 5).prop_map(|ring| Polygon::new(ring, Vec::new())),
        (ring(5, 6), ring(4, 6)).prop_map(|(ring, hole)| Polygon::new(ring, vec![hole])),
        (Just(page), proptest::collection::vec(boxes(), 0..6))
            .prop_map(|(page, holes)| Polygon::new(page, holes)),
    ]
}

fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn has_spike(ring: &LineString<f64>, tip: Coord<f64>) -> bool {
    let mut points = ring.0.clone();
    points.dedup();
    points.extend_from_within(1..2);
    points.windows(3).filter(|path| path[1] == tip).any(|path| {
        let (u, v) = (path[0] - tip, path[2] - tip);
        u.x * v.y - u.y * v.x == 0.0 && u.x * v.x + u.y * v.y > 0.0
    })
}

fn is_disconnected(result: &Result<(), Error>) -> bool {
    matches!(
        result,
        Err(Error::Polygon(PolygonFault::Disconnected { .. })
            | Error::MultiPolygon(MultiPolygonFault::Part {
                fault: PolygonFault::Disconnected { .. },
                ..
            }))
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// `geo` does not look whether the interior is connected, and accepts flat rings.
    #[test]
    fn polygons_as_geo_judges_them(polygon in polygon()) {
        let result = validate_polygon(&polygon);
        if let Err(Error::Polygon(PolygonFault::Spike { x, y, .. })) = result {
            let tip = Coord { x, y };
            prop_assert!(rings(&polygon).any(|ring| has_spike(ring, tip)));
        } else if !is_disconnected(&result) {
            prop_assert_eq!(result.is_ok(), polygon.is_valid(), "{:?}: {:?}", result, polygon);
        }
    }

    #[test]
    fn multi_polygons_as_geo_judges_them(parts in proptest::collection::vec(boxes(), 0..4)) {
        let parts = parts.into_iter().map(|ring| Polygon::new(ring, Vec::new()));
        let multi_polygon = MultiPolygon(parts.collect());
        let result = validate_multi_polygon(&multi_polygon);
        prop_assert_eq!(result.is_ok(), multi_polygon.is_valid(), "{:?}", result);
    }

    /// The verdict does not depend on where a ring starts, its direction or the place.
    #[test]
    fn verdicts_do_not_depend_on_the_frame(
        polygon in polygon(),
        turn in 0_usize..7,
        reverse in any::<bool>(),
        shift in -40_i16..40,
    ) {
        let moved = |ring: &LineString<f64>| {
            let mut points = ring.0[..ring.0.len() - 1].to_vec();
            let turn = turn % points.len();
            points.rotate_left(turn);
            if reverse {
                points.reverse();
            }
            let shift = f64::from(shift);
            LineString(points.iter().map(|p| Coord { x: 4.0 * p.y + shift, y: 4.0 * p.x }).collect())
        };
        let other = Polygon::new(
            moved(polygon.exterior()),
            polygon.interiors().iter().map(moved).collect(),
        );
        let (a, b) = (validate_polygon(&polygon), validate_polygon(&other));
        prop_assert_eq!(a.is_ok(), b.is_ok(), "{:?} {:?}", a, b);
        prop_assert_eq!(is_disconnected(&a), is_disconnected(&b));
    }
}

/// Found by fuzzing: scaled with the large one, the small ring has one point.
#[test]
fn small_rings_beside_huge_ones_do_not_panic() {
    let triangle =
        |size: f64| Polygon::new(vec![(0.0, 0.0), (size, 0.0), (0.0, size)].into(), Vec::new());
    for small in [5e-324, 1e-200, 1e-20] {
        let shape = MultiPolygon(vec![triangle(f64::MAX), triangle(small)]);
        assert!(validate_multi_polygon(&shape).is_err());
        let shape = MultiPolygon(vec![triangle(-f64::MAX), triangle(small)]);
        let _ = validate_multi_polygon(&shape);
        for fill in [Fill::EvenOdd, Fill::NonZero] {
            let repaired = repair_multi_polygon(&shape, fill).unwrap();
            assert_eq!(validate_multi_polygon(&repaired), Ok(()));
        }
    }
}

#[test]
fn rings_nested_two_thousand_deep_are_judged() {
    let square = |k: u32| {
        let (low, high) = (f64::from(k), 9000.0 - f64::from(k));
        LineString::from(vec![(low, low), (high, low), (high, high), (low, high), (low, low)])
    };
    let frame = |k: u32| Polygon::new(square(2 * k), vec![square(2 * k + 1)]);
    let mut frames = MultiPolygon((0..1000).map(frame).collect());
    assert_eq!(validate_multi_polygon(&frames), Ok(()));
    // The hole of the innermost frame is covered by a polygon around both.
    frames.0[998] = Polygon::new(square(1996), Vec::new());
    let result = validate_multi_polygon(&frames);
    let covered = |fault: &MultiPolygonFault| {
        matches!(fault, MultiPolygonFault::Overlap { first: 998, second: 999, .. })
    };
    assert!(matches!(&result, Err(Error::MultiPolygon(fault)) if covered(fault)), "{result:?}");
}
