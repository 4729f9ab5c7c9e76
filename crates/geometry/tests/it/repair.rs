//! Repaired shapes are valid and cover what the fill rule says.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Error, Fill, PolygonFault, Ring, repair_multi_polygon, repair_polygon, signed_area,
    validate_multi_polygon, validate_polygon,
};
use proptest::prelude::*;

fn area(shape: &MultiPolygon<f64>) -> f64 {
    shape
        .iter()
        .flat_map(|part| std::iter::once(part.exterior()).chain(part.interiors()))
        .map(signed_area)
        .sum()
}

/// Points of a lattice, of one that is slightly off, or anywhere.
fn ring(kind: u8) -> impl Strategy<Value = LineString<f64>> {
    let point = (0_u32..6000, 0_u32..6000).prop_map(move |(x, y)| {
        let at = |v: u32| match kind {
            0 => f64::from(v / 1000),
            // Thirds, so that edges pass beside crossings at the limit of what is resolved.
            1 => f64::from(v / 1500) / 3.0 + (f64::from(v) - 3000.0) * 1e-13,
            _ => f64::from(v) * 0.001_234_567,
        };
        Coord { x: at(x), y: at(y) }
    });
    proptest::collection::vec(point, 1..12).prop_map(LineString)
}

fn polygon() -> impl Strategy<Value = Polygon<f64>> {
    (0_u8..3).prop_flat_map(|kind| {
        (ring(kind), proptest::collection::vec(ring(kind), 0..3))
            .prop_map(|(exterior, holes)| Polygon::new(exterior, holes))
    })
}

/// Naive twin: the winding number of one ring around a point on no edge.
fn winding(ring: &LineString<f64>, p: Coord<f64>) -> i32 {
    ring.lines()
        .map(|line| {
            let (a, b) = (line.start, line.end);
            let side = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
            if a.y <= p.y && p.y < b.y && side > 0.0 {
                1
            } else if b.y <= p.y && p.y < a.y && side < 0.0 {
                -1
            } else {
                0
            }
        })
        .sum()
}

fn is_inside(polygon: &Polygon<f64>, fill: Fill, p: Coord<f64>) -> bool {
    let exterior = winding(polygon.exterior(), p);
    let holes = polygon.interiors().iter().map(|hole| winding(hole, p));
    match fill {
        Fill::EvenOdd => (exterior + holes.sum::<i32>()) % 2 != 0,
        Fill::NonZero => exterior != 0 && holes.into_iter().all(|hole| hole == 0),
    }
}

fn distance(polygon: &Polygon<f64>, p: Coord<f64>) -> f64 {
    std::iter::once(polygon.exterior())
        .chain(polygon.interiors())
        .flat_map(LineString::lines)
        .map(|line| {
            let (d, v) = (line.end - line.start, p - line.start);
            let square = d.x * d.x + d.y * d.y;
            let t =
                if square > 0.0 { ((v.x * d.x + v.y * d.y) / square).clamp(0.0, 1.0) } else { 0.0 };
            (v.x - t * d.x).hypot(v.y - t * d.y)
        })
        .fold(f64::INFINITY, f64::min)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_rings_become_valid(polygon in polygon(), even_odd in any::<bool>()) {
        let fill = if even_odd { Fill::EvenOdd } else { Fill::NonZero };
        let repaired = repair_polygon(&polygon, fill)?;
        prop_assert_eq!(validate_multi_polygon(&repaired), Ok(()), "{:?}", repaired);
        for part in &repaired {
            prop_assert!(signed_area(part.exterior()) > 0.0);
            prop_assert!(part.interiors().iter().all(|hole| signed_area(hole) < 0.0));
        }
        if validate_polygon(&polygon).is_err() {
            for k in 0..400_u32 {
                let p = Coord { x: f64::from(k % 20) * 0.377 - 0.101, y: f64::from(k / 20) * 0.391 - 0.117 };
                if distance(&polygon, p) > 1e-6 {
                    let inside = repaired.iter().any(|part| is_inside(part, Fill::EvenOdd, p));
                    prop_assert_eq!(inside, is_inside(&polygon, fill, p), "{:?}", p);
                }
            }
        }
        prop_assert_eq!(repair_multi_polygon(&repaired, fill)?, repaired);
    }
}

fn shifted(polygon: &Polygon<f64>, by: Coord<f64>) -> Polygon<f64> {
    let ring = |ring: &LineString<f64>| ring.coords().map(|&p| p + by).collect();
    Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect())
}

fn star(count: usize) -> impl Strategy<Value = Polygon<f64>> {
    proptest::collection::vec((0.0..8.0_f64, 0.0..8.0_f64), 3..count)
        .prop_map(|points| Polygon::new(LineString::from(points), Vec::new()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Projected coordinates: far from the origin rounding is coarser than the shape
    /// deserves, and crossings fall on their neighbours.
    #[test]
    fn shapes_far_away_become_valid(
        polygon in prop_oneof![polygon(), star(60)],
        x in prop_oneof![Just(448_251.3), Just(-1e7), Just(3e9)],
        y in prop_oneof![Just(5_411_932.7), Just(1e7 / 3.0)],
        even_odd in any::<bool>(),
    ) {
        let fill = if even_odd { Fill::EvenOdd } else { Fill::NonZero };
        let far = shifted(&polygon, Coord { x, y });
        let repaired = repair_polygon(&far, fill)?;
        prop_assert_eq!(validate_multi_polygon(&repaired), Ok(()));
        let near = repair_polygon(&shifted(&far, Coord { x: -x, y: -y }), fill)?;
        prop_assert!((area(&near) - area(&repaired)).abs() < 1e-3);
    }
}

#[test]
fn squares_nested_a_thousand_deep_become_frames() {
    let square = |k: u32| {
        let (low, high) = (f64::from(k), 4000.0 - f64::from(k));
        LineString::from(vec![(low, low), (high, low), (high, high), (low, high)])
    };
    let nested = Polygon::new(square(0), (1..1000).map(square).collect());
    let frames = repair_polygon(&nested, Fill::EvenOdd).unwrap();
    assert_eq!(frames.0.len(), 500);
    let side = |k: u32| 4000.0 - 2.0 * f64::from(k);
    let expected: f64 = (0..500).map(|k| side(2 * k).powi(2) - side(2 * k + 1).powi(2)).sum();
    assert!((area(&frames) - expected).abs() < 1e-3, "{}", area(&frames));
    let frame = repair_polygon(&nested, Fill::NonZero).unwrap();
    assert_eq!(frame.0.len(), 1);
    assert!((area(&frame) - (side(0).powi(2) - side(1).powi(2))).abs() < 1e-3);
}

#[test]
fn self_touching_exteriors_and_spikes() {
    // Two squares that meet in a point, walked as one ring.
    let eight = LineString::from(vec![
        (0.0, 0.0),
        (2.0, 0.0),
        (2.0, 2.0),
        (4.0, 2.0),
        (4.0, 4.0),
        (2.0, 4.0),
        (2.0, 2.0),
        (0.0, 2.0),
    ]);
    let repaired = repair_polygon(&Polygon::new(eight, Vec::new()), Fill::EvenOdd).unwrap();
    assert_eq!(repaired.0.len(), 2);
    assert!((area(&repaired) - 8.0).abs() < 1e-9);
    let spike = LineString::from(vec![(0.0, 0.0), (9.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]);
    let repaired = repair_polygon(&Polygon::new(spike, Vec::new()), Fill::NonZero).unwrap();
    assert!((area(&repaired) - 4.0).abs() < 1e-9);
    let flat = LineString::from(vec![(0.0, 0.0), (9.0, 0.0), (2.0, 0.0)]);
    assert!(repair_polygon(&Polygon::new(flat, Vec::new()), Fill::EvenOdd).unwrap().0.is_empty());
    let empty = Polygon::new(LineString(Vec::new()), Vec::new());
    assert!(repair_polygon(&empty, Fill::EvenOdd).unwrap().0.is_empty());
}

#[test]
fn non_finite_rings_are_refused_and_extreme_ones_survive() {
    let bad = LineString::from(vec![(0.0, 0.0), (f64::INFINITY, 0.0), (2.0, 2.0)]);
    let fault = PolygonFault::NonFinite { ring: Ring::Exterior, index: 1 };
    let result = repair_polygon(&Polygon::new(bad, Vec::new()), Fill::EvenOdd);
    assert_eq!(result, Err(Error::Polygon(fault)));
    for scale in [1e-300, 1e-200, 1e-9, 1e9, 1e200, 8e307] {
        let bow = [(-1.0, -1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)];
        let bow = bow.map(|(x, y)| (x * scale, y * scale));
        let bow = Polygon::new(LineString::from(bow.to_vec()), Vec::new());
        for fill in [Fill::EvenOdd, Fill::NonZero] {
            let repaired = repair_polygon(&bow, fill).unwrap();
            assert_eq!(validate_multi_polygon(&repaired), Ok(()), "{scale}");
            assert_eq!(repaired.0.len(), 2, "{scale}");
        }
    }
}

#[test]
fn the_largest_numbers_stay_finite() {
    let ring = vec![(0.0, 0.0), (f64::MAX, -5.0), (31.0, f64::MAX), (6.0, 2.0), (-8.0, f64::MIN)];
    let polygon = Polygon::new(ring.into(), Vec::new());
    for fill in [Fill::EvenOdd, Fill::NonZero] {
        let repaired = repair_polygon(&polygon, fill).unwrap();
        assert_eq!(validate_multi_polygon(&repaired), Ok(()));
    }
}

#[test]
fn rings_with_millions_of_crossings_are_refused() {
    // Every stretch across meets every stretch down: 1600 x 1600 crossings.
    let mut ring = Vec::new();
    for k in 0..1600 {
        let (at, side) = (f64::from(k) + 0.5, f64::from(k % 2) * 1600.0);
        ring.extend([(side, at), (1600.0 - side, at)]);
    }
    for k in 0..1600 {
        let (at, side) = (f64::from(k) + 0.25, f64::from(k % 2) * 1600.0);
        ring.extend([(at, side), (at, 1600.0 - side)]);
    }
    let weave = Polygon::new(LineString::from(ring), Vec::new());
    for fill in [Fill::EvenOdd, Fill::NonZero] {
        let result = repair_polygon(&weave, fill);
        assert!(
            matches!(result, Err(Error::TooManySteps { .. })),
            "{:?}",
            result.map(|r| r.0.len())
        );
    }
}

/// Polygons, each a list of rings, whose crossings lie within rounding of each other.
const CLOSE_CROSSINGS: &[&[&[(f64, f64)]]] = &[
    &[
        &[
            (34.2869735553379, 10.725759059745348),
            (30.693437806072478, 48.704211557296766),
            (41.93731635651322, 27.668952007835454),
            (59.06562193927522, 40.643486777668954),
            (28.596474045053867, 40.67384916748286),
            (34.2869735553379, 10.725759059745348),
        ],
        &[
            (23.420176297747307, 60.45543584720862),
            (32.617042115572964, 43.24975514201763),
            (23.420176297747307, 60.45543584720862),
        ],
    ],
    &[&[(0.0, 5.0), (2.0, 4.0), (4.0, 4.0), (3.0, 4.0), (2.0, 5.0), (5.0, 6.0), (0.0, 5.0)]],
    &[
        &[
            (3.0, 5.0),
            (4.0, 2.0),
            (6.0, 4.0),
            (2.0, 3.0),
            (3.0, 1.0),
            (1.0, 6.0),
            (4.0, 3.0),
            (3.0, 5.0),
            (6.0, 6.0),
            (4.0, 3.0),
            (4.0, 6.0),
            (6.0, 7.0),
            (5.0, 5.0),
            (1.0, 3.0),
            (3.0, 5.0),
        ],
        &[
            (4.0, 3.0),
            (4.0, 3.0),
            (0.0, 4.0),
            (3.0, 1.0),
            (4.0, 5.0),
            (4.0, 6.0),
            (0.0, 4.0),
            (4.0, 3.0),
        ],
    ],
    &[
        &[
            (-1.333333333333334, 3.333333333333332),
            (-6.0, 1.0),
            (11.0, -1.333333333333334),
            (-1.666666666666667, 4.666666666666666),
            (10.0, 7.0),
            (5.666666666666666, 13.333333333333332),
            (-4.0, 11.666666666666664),
            (5.333333333333332, 3.333333333333332),
            (12.333333333333332, -1.0),
            (13.0, 0.0),
            (10.0, -0.666666666666667),
            (-7.0, 8.0),
            (-1.333333333333334, 3.333333333333332),
        ],
        &[
            (12.666666666666664, -3.0),
            (-2.666666666666667, -4.333333333333334),
            (7.666666666666666, 8.0),
            (0.0, 7.333333333333332),
            (1.0, 4.666666666666666),
            (-1.333333333333334, 5.0),
            (-3.666666666666667, -4.666666666666667),
            (8.666666666666666, 9.666666666666664),
            (12.666666666666664, -3.0),
        ],
    ],
];

/// Cutting them one by one never came to an end.
#[test]
fn crossings_within_rounding_of_each_other_come_to_an_end() {
    let ring = |points: &&[(f64, f64)]| LineString::from(points.to_vec());
    let polygon = |rings: &&[&[(f64, f64)]]| {
        Polygon::new(ring(&rings[0]), rings[1..].iter().map(ring).collect())
    };
    let shape = MultiPolygon(CLOSE_CROSSINGS.iter().map(polygon).collect());
    for fill in [Fill::EvenOdd, Fill::NonZero] {
        let repaired = repair_multi_polygon(&shape, fill).unwrap();
        assert_eq!(validate_multi_polygon(&repaired), Ok(()), "{fill:?}");
        assert!(area(&repaired) > 0.0, "{fill:?}");
    }
}

/// Products of coordinates near 1e-300 are below the smallest numbers.
#[test]
fn tiny_parts_beside_large_ones_stay_valid() {
    let ring = |points: &[(f64, f64)]| LineString::from(points.to_vec());
    let large = ring(&[(4.0, 3.0), (4.0, 6.0), (1.0, 1.0), (4.0, 3.0)]);
    let tiny = ring(&[
        (4e-300, 8e-300),
        (1e-300, 1e-299),
        (5e-300, 1.2e-299),
        (1e-299, 1.4e-299),
        (1e-299, 8e-300),
        (4e-300, 8e-300),
    ]);
    for turned in [false, true] {
        let mut tiny = tiny.clone();
        if turned {
            tiny.0.reverse();
        }
        let parts = [large.clone(), tiny].map(|ring| Polygon::new(ring, Vec::new()));
        let shape = MultiPolygon(parts.to_vec());
        assert_eq!(validate_multi_polygon(&shape), Ok(()), "turned: {turned}");
        let repaired = repair_multi_polygon(&shape, Fill::EvenOdd).unwrap();
        assert_eq!(validate_multi_polygon(&repaired), Ok(()), "turned: {turned}");
        assert_eq!(repaired.0.len(), 2, "turned: {turned}");
    }
}
