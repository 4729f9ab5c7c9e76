//! Hulls, oriented boxes and offsets against their definitions.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    ConcaveHullConfig, OffsetConfig, OrientedBox, buffer_lines, concave_hull, convex_hull,
    line_length, offset_polygons, oriented_box, point_polygon_distance, point_segment_distance,
    polygon_area, polygon_iou, signed_area, validate_polygon,
};
use proptest::prelude::*;
use std::f64::consts::{PI, TAU};

fn points(most: usize) -> impl Strategy<Value = Vec<Coord<f64>>> {
    let coordinate = || prop_oneof![-20.0..20.0_f64, (-4_i8..5).prop_map(f64::from)];
    proptest::collection::vec((coordinate(), coordinate()).prop_map(Coord::from), 1..most)
}

/// Positive if `p` is on the inner side of a hull side.
fn side(a: Coord<f64>, b: Coord<f64>, p: Coord<f64>) -> f64 {
    (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
}

fn boxes() -> impl Strategy<Value = OrientedBox> {
    (-5.0..5.0_f64, -5.0..5.0_f64, 0.5..9.0_f64, 0.5..9.0_f64, -9.0..9.0_f64).prop_map(
        |(x, y, width, height, angle)| OrientedBox { centre: Coord { x, y }, width, height, angle },
    )
}

fn star() -> impl Strategy<Value = Polygon<f64>> {
    (proptest::collection::vec(2.0..9.0_f64, 3..24), any::<bool>()).prop_map(|(radii, hole)| {
        let ring = |scale: f64| -> LineString<f64> {
            let point = |(k, r): (usize, &f64)| {
                let (sin, cos) = (k as f64 * TAU / radii.len() as f64).sin_cos();
                Coord { x: cos * r * scale, y: sin * r * scale }
            };
            radii.iter().enumerate().map(point).collect()
        };
        Polygon::new(ring(1.0), if hole { vec![ring(0.5)] } else { Vec::new() })
    })
}

/// Distance to a multipolygon, 0 inside.
fn distance(p: Coord<f64>, shapes: &MultiPolygon<f64>) -> Result<f64, TestCaseError> {
    let mut least = f64::INFINITY;
    for polygon in shapes {
        least = least.min(point_polygon_distance(p, polygon)?);
    }
    Ok(least)
}

fn to_boundary(p: Coord<f64>, polygon: &Polygon<f64>) -> f64 {
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let segments = rings.flat_map(LineString::lines);
    segments.map(|s| point_segment_distance(p, s)).fold(f64::INFINITY, f64::min)
}

fn check_valid(shapes: &MultiPolygon<f64>) -> Result<(), TestCaseError> {
    for polygon in shapes {
        prop_assert_eq!(validate_polygon(polygon), Ok(()), "{:?}", polygon);
        prop_assert!(signed_area(polygon.exterior()) > 0.0);
        prop_assert!(polygon.interiors().iter().all(|ring| signed_area(ring) < 0.0));
    }
    Ok(())
}

/// No ring is a mere slit that rounding has opened.
fn check_thick(shapes: &MultiPolygon<f64>) -> Result<(), TestCaseError> {
    for polygon in shapes {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            let thickness = signed_area(ring).abs() / line_length(ring);
            prop_assert!(thickness > 1e-6, "{} {:?}", thickness, ring);
        }
    }
    Ok(())
}

fn probes() -> Vec<Coord<f64>> {
    let axis = || (-14..=14_i8).map(|k| f64::from(k) * 0.97);
    axis().flat_map(|x| axis().map(move |y| Coord { x, y })).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn convex_hull_holds_all_points(points in points(40)) {
        let Ok(hull) = convex_hull(&points) else {
            // All on one line: no triangle has an area.
            for pair in points.windows(2) {
                prop_assert!(side(points[0], pair[0], pair[1]).abs() < 1e-9);
            }
            return Ok(());
        };
        prop_assert_eq!(validate_polygon(&hull), Ok(()));
        prop_assert!(signed_area(hull.exterior()) > 0.0);
        let corners = &hull.exterior().0;
        prop_assert!(corners.iter().all(|corner| points.contains(corner)));
        for line in hull.exterior().lines() {
            prop_assert!(points.iter().all(|&p| side(line.start, line.end, p) > -1e-9));
        }
        for (k, pair) in corners.windows(2).enumerate() {
            let next = corners.get(k + 2).unwrap_or(&corners[1]);
            prop_assert!(side(pair[0], pair[1], *next) > -1e-9);
        }
    }

    #[test]
    fn concave_hull_is_between(points in points(60), concavity in 0.5..6.0, min_side in 0.0..5.0) {
        let Ok(convex) = convex_hull(&points) else { return Ok(()) };
        let hull = concave_hull(&points, &ConcaveHullConfig { concavity, min_side })?;
        prop_assert_eq!(validate_polygon(&hull), Ok(()));
        prop_assert!(signed_area(hull.exterior()) > 0.0);
        prop_assert!(polygon_area(&hull) <= polygon_area(&convex) + 1e-9);
        prop_assert!(hull.exterior().coords().all(|corner| points.contains(corner)));
        for &p in &points {
            prop_assert!(point_polygon_distance(p, &hull)? < 1e-9);
        }
    }

    #[test]
    fn oriented_box_is_the_smallest(points in points(30)) {
        let Ok(hull) = convex_hull(&points) else { return Ok(()) };
        let found = oriented_box(&points)?;
        prop_assert!(found.width >= found.height && (0.0..PI).contains(&found.angle));
        let outline = found.to_polygon();
        for &p in &points {
            prop_assert!(point_polygon_distance(p, &outline)? < 1e-9);
        }
        // Extents along every side of the hull and along other directions.
        let area = |angle: f64| {
            let (sin, cos) = angle.sin_cos();
            let extent = |x: f64, y: f64| {
                let values = points.iter().map(|p| p.x * x + p.y * y);
                let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
                high - low
            };
            extent(cos, sin) * extent(-sin, cos)
        };
        let sides = hull.exterior().lines().map(|s| area(s.dy().atan2(s.dx())));
        let least = sides.fold(f64::INFINITY, f64::min);
        prop_assert!((found.area() - least).abs() < 1e-9 * (1.0 + least));
        prop_assert!((0..180_u8).all(|k| area(f64::from(k).to_radians()) > found.area() - 1e-9));
    }

    #[test]
    fn box_iou_is_that_of_polygons(a in boxes(), b in boxes()) {
        let expected = polygon_iou(&[a.to_polygon()], &[b.to_polygon()])?;
        prop_assert!((a.iou(&b)? - expected).abs() < 1e-6);
        prop_assert!((a.iou(&b)? - b.iou(&a)?).abs() < 1e-12);
        prop_assert!((a.iou(&a.normalised())? - 1.0).abs() < 1e-9);
        prop_assert!((signed_area(a.to_polygon().exterior()) - a.area()).abs() < 1e-9);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn grown_polygons_hold_what_is_near(star in star(), by in 0.1..4.0_f64) {
        let config = OffsetConfig { arc_tolerance: 0.01, ..OffsetConfig::default() };
        let grown = offset_polygons(std::slice::from_ref(&star), by, &config)?;
        check_valid(&grown)?;
        check_thick(&grown)?;
        for p in probes() {
            let near = point_polygon_distance(p, &star)?;
            let inside = distance(p, &grown)? <= 0.0;
            prop_assert!(inside || near > by - 0.011, "{:?} {}", p, near);
            prop_assert!(!inside || near < by + 1e-6, "{:?} {}", p, near);
        }
    }

    #[test]
    fn shrunk_polygons_hold_what_is_deep(star in star(), by in 0.1..4.0_f64) {
        let config = OffsetConfig { arc_tolerance: 0.01, ..OffsetConfig::default() };
        let shrunk = offset_polygons(std::slice::from_ref(&star), -by, &config)?;
        check_valid(&shrunk)?;
        for p in probes() {
            let outside = point_polygon_distance(p, &star)? > 0.0;
            let depth = if outside { 0.0 } else { to_boundary(p, &star) };
            let inside = distance(p, &shrunk)? <= 0.0;
            prop_assert!(inside || depth < by + 1e-6, "{:?} {}", p, depth);
            prop_assert!(!inside || depth > by - 0.011, "{:?} {}", p, depth);
        }
    }

    #[test]
    fn buffers_hold_what_is_near(lines in proptest::collection::vec(points(7), 1..4), radius in 0.1..4.0) {
        let lines: Vec<LineString<f64>> = lines.into_iter().map(LineString).collect();
        let config = OffsetConfig { arc_tolerance: 0.01, ..OffsetConfig::default() };
        let buffer = buffer_lines(&lines, radius, &config)?;
        check_valid(&buffer)?;
        check_thick(&buffer)?;
        for p in probes() {
            let segments = lines.iter().flat_map(|line| {
                let single = line.0.first().map(|&p| geo_types::Line::new(p, p));
                line.lines().chain(single)
            });
            let near = segments.map(|s| point_segment_distance(p, s)).fold(f64::INFINITY, f64::min);
            let inside = distance(p, &buffer)? <= 0.0;
            prop_assert!(inside || near > radius - 0.011, "{:?} {}", p, near);
            prop_assert!(!inside || near < radius + 1e-6, "{:?} {}", p, near);
        }
    }

    #[test]
    fn finely_divided_curves_have_no_slits(
        count in 100_u32..500,
        (lobes, depth, phase) in (1_u8..9, 0.0..0.6_f64, 0.0..TAU),
        radius in 0.3..5.0_f64,
        arc_tolerance in prop_oneof![Just(0.01), Just(0.3)],
        closed in any::<bool>(),
    ) {
        let mut curve: LineString<f64> = (0..count)
            .map(|k| {
                let angle = f64::from(k) * TAU / f64::from(count);
                let r = 10.0 * (1.0 + depth * (f64::from(lobes) * angle + phase).sin());
                (r * angle.cos(), r * angle.sin())
            })
            .collect();
        curve.close();
        let config = OffsetConfig { arc_tolerance, ..OffsetConfig::default() };
        let line = if closed { curve.clone() } else { LineString(curve.0[..80].to_vec()) };
        let buffer = buffer_lines(&[line], radius, &config)?;
        check_valid(&buffer)?;
        check_thick(&buffer)?;
        prop_assert_eq!(buffer.0.len(), 1);
        let shape = [Polygon::new(curve, Vec::new())];
        let grown = offset_polygons(&shape, radius, &config)?;
        check_valid(&grown)?;
        check_thick(&grown)?;
        prop_assert_eq!(grown.0.len(), 1);
        check_valid(&offset_polygons(&shape, -radius, &config)?)?;
    }
}
