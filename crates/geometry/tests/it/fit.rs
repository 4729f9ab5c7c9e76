//! Pieces along lines: bounds, ends and simplicity.

use geo_types::{Coord, LineString};
use mapvec_geometry::{
    CircularArc, CubicCurve, Error, FitConfig, FittedPart, Primitive, fit_circle, fit_primitives,
    simplify_line,
};
use proptest::prelude::*;
use std::f64::consts::PI;

fn coord(x: f64, y: f64) -> Coord<f64> {
    Coord { x, y }
}

fn point() -> impl Strategy<Value = Coord<f64>> {
    (-100.0..100.0_f64, -100.0..100.0_f64).prop_map(|(x, y)| coord(x, y))
}

fn distance(p: Coord<f64>, q: Coord<f64>) -> f64 {
    (p.x - q.x).hypot(p.y - q.y)
}

fn to_segment(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let (d, v) = (b - a, p - a);
    let square = d.x * d.x + d.y * d.y;
    let t = if square > 0.0 { ((v.x * d.x + v.y * d.y) / square).clamp(0.0, 1.0) } else { 0.0 };
    distance(v, d * t)
}

fn to_line(p: Coord<f64>, line: &[Coord<f64>]) -> f64 {
    line.windows(2).map(|pair| to_segment(p, pair[0], pair[1])).fold(f64::INFINITY, f64::min)
}

/// A walk whose direction changes a little or a lot at each step, as pixels if wanted.
fn walk() -> impl Strategy<Value = LineString<f64>> {
    let step = (0.2..8.0_f64, prop_oneof![4 => -0.3..0.3_f64, 1 => -2.5..2.5_f64]);
    (proptest::collection::vec(step, 1..60), any::<bool>()).prop_map(|(steps, round)| {
        let (mut at, mut angle) = (coord(0.0, 0.0), 0.0_f64);
        let mut points = vec![at];
        for (length, turn) in steps {
            angle += turn;
            at = at + coord(angle.cos(), angle.sin()) * length;
            points.push(if round { coord(at.x.round(), at.y.round()) } else { at });
        }
        LineString(points)
    })
}

/// Accuracy of the distance to a curve (pixels).
const ROUNDING: f64 = 1e-8;

/// Ends meet, parts follow each other, and both directions keep the bound that each
/// part reports, which is no larger than it must be.
fn check(
    line: &LineString<f64>,
    parts: &[FittedPart],
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let points = &line.0;
    prop_assert_eq!(parts.first().map(|part| part.vertices[0]), Some(0));
    prop_assert_eq!(parts.last().map(|part| part.vertices[1]), Some(points.len() - 1));
    prop_assert!(parts.windows(2).all(|pair| pair[0].vertices[1] == pair[1].vertices[0]));
    for part in parts {
        let [from, to] = part.vertices;
        prop_assert_eq!(part.primitive.start(), points[from]);
        prop_assert_eq!(part.primitive.end(), points[to]);
        prop_assert!(part.error <= tolerance);
        let own = &points[from..=to];
        let (mut worst, mut step): (f64, f64) = (0.0, 0.0);
        for pair in own.windows(2) {
            step = step.max(distance(pair[0], pair[1]) / 40.0);
            for k in 0..=40 {
                let p = pair[0] + (pair[1] - pair[0]) * (f64::from(k) / 40.0);
                worst = worst.max(part.primitive.distance(p));
            }
        }
        for k in 0..=500 {
            let p = part.primitive.point_at(f64::from(k) / 500.0);
            let back = to_line(p, own);
            prop_assert!(back <= part.error + ROUNDING, "{} from the line: {:?}", back, part);
        }
        // Never below the largest distance, exact for lines and nearly so for curves.
        prop_assert!(worst <= part.error + ROUNDING, "{} from the piece: {:?}", worst, part);
        let (slack, between) = match part.primitive {
            Primitive::Line(_) => (0.0, 0.0),
            _ => (tolerance / 16.0, 0.5 * step),
        };
        prop_assert!(part.error <= worst + slack + between + ROUNDING, "{}: {:?}", worst, part);
    }
    Ok(())
}

fn arc_points(
    centre: Coord<f64>,
    radius: f64,
    start: f64,
    sweep: f64,
    count: u32,
) -> Vec<Coord<f64>> {
    let place = |k: u32| {
        let angle = start + sweep * f64::from(k) / f64::from(count);
        centre + coord(angle.cos(), angle.sin()) * radius
    };
    (0..=count).map(place).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_walk_keeps_the_bound(
        line in walk(),
        tolerance in 0.2..3.0_f64,
        arcs in any::<bool>(),
        cubics in any::<bool>(),
    ) {
        let config = FitConfig { tolerance, arcs, cubics };
        match fit_primitives(&line, &config) {
            Err(error) => prop_assert_eq!(error, Error::LineTooShort { distinct: 1 }),
            Ok(parts) => {
                check(&line, &parts, tolerance)?;
                let plain = simplify_line(&line, 0.5 * tolerance)?.0.len() - 1;
                prop_assert!(parts.len() <= plain);
                let uses = |kind: fn(&Primitive) -> bool| parts.iter().any(|part| kind(&part.primitive));
                prop_assert!(arcs || !uses(|p| matches!(p, Primitive::Arc(_))));
                prop_assert!(cubics || !uses(|p| matches!(p, Primitive::Cubic(_))));
            }
        }
    }

    #[test]
    fn straight_lines_are_lines(a in point(), b in point(), count in 1_u32..50) {
        prop_assume!(distance(a, b) > 1.0);
        let place = |k: u32| a + (b - a) * (f64::from(k) / f64::from(count));
        let line = LineString((0..=count).map(place).collect());
        let parts = fit_primitives(&line, &FitConfig::default())?;
        prop_assert_eq!(parts.len(), 1);
        prop_assert!(matches!(parts[0].primitive, Primitive::Line(_)));
        prop_assert!(parts[0].error < 1e-9);
    }

    #[test]
    fn arcs_are_arcs(
        centre in point(),
        radius in 5.0..80.0_f64,
        start in 0.0..6.0_f64,
        sweep in 0.8..4.0_f64,
        back in any::<bool>(),
    ) {
        let sweep = if back { -sweep } else { sweep };
        let points = arc_points(centre, radius, start, sweep, 60);
        // So curved that no straight piece does.
        let tolerance = 0.02 * radius;
        let config = FitConfig { tolerance, ..FitConfig::default() };
        let parts = fit_primitives(&LineString(points.clone()), &config)?;
        prop_assert_eq!(parts.len(), 1, "{:?}", parts);
        let Primitive::Arc(arc) = parts[0].primitive else {
            return Err(TestCaseError::fail(format!("{parts:?}")));
        };
        // The samples between vertices lie inside the circle by the height of chords.
        let sagitta = radius * (1.0 - (sweep / 120.0).cos());
        prop_assert!((arc.radius() - radius).abs() < 20.0 * sagitta + 1e-9);
        prop_assert!((arc.sweep - sweep).abs() < 0.05);
        check(&LineString(points), &parts, tolerance)?;
    }

    #[test]
    fn rounded_corners_are_three_pieces(
        radius in 10.0..30.0_f64,
        angle in 0.0..6.0_f64,
        legs in (40.0..80.0_f64, 40.0..80.0_f64),
    ) {
        // A leg, a quarter of a circle, a leg.
        let mut points = vec![coord(-legs.0, -radius)];
        points.extend(arc_points(coord(0.0, 0.0), radius, -0.5 * PI, 0.5 * PI, 40));
        points.push(coord(radius, legs.1));
        let (s, c) = angle.sin_cos();
        let turn = |p: Coord<f64>| coord(c * p.x - s * p.y, s * p.x + c * p.y);
        let line = LineString(points.into_iter().map(turn).collect());
        let config = FitConfig { tolerance: 0.3, cubics: false, ..FitConfig::default() };
        let parts = fit_primitives(&line, &config)?;
        check(&line, &parts, 0.3)?;
        prop_assert!(parts.len() <= 4, "{:?}", parts);
        prop_assert!(parts.iter().any(|part| matches!(part.primitive, Primitive::Arc(_))));
        let straight = simplify_line(&line, 0.3)?.0.len() - 1;
        prop_assert!(parts.len() < straight);
    }

    #[test]
    fn cubics_are_found(a in point(), turns in (0.3..1.2_f64, 0.3..1.2_f64), angle in 0.0..6.0_f64) {
        // An S: no line and no arc.
        let unit = |angle: f64| coord(angle.cos(), angle.sin());
        let b = a + unit(angle) * 100.0;
        let truth = CubicCurve {
            points: [a, a + unit(angle + turns.0) * 40.0, b - unit(angle + turns.1) * 40.0, b],
        };
        let line = Primitive::Cubic(truth).flatten(0.001);
        let config = FitConfig { tolerance: 0.5, ..FitConfig::default() };
        let parts = fit_primitives(&line, &config)?;
        check(&line, &parts, 0.5)?;
        let cost = |part: &FittedPart| match part.primitive {
            Primitive::Line(_) => 2,
            Primitive::Arc(_) => 3,
            _ => 6,
        };
        // Not dearer than the truth by more than one simple piece.
        prop_assert!(parts.iter().map(cost).sum::<u32>() <= 8, "{:?}", parts);
    }

    #[test]
    fn circles_are_exact_and_move_along(
        centre in point(),
        radius in 0.5..80.0_f64,
        start in 0.0..6.0_f64,
        sweep in 0.3..6.2_f64,
        noise in proptest::collection::vec(-0.01..0.01_f64, 41),
        shift in point(),
    ) {
        let points = arc_points(centre, radius, start, sweep, 40);
        let circle = fit_circle(&points)?;
        prop_assert!(distance(circle.centre, centre) < 1e-6 * radius, "{:?}", circle);
        prop_assert!((circle.radius - radius).abs() < 1e-6 * radius);
        let rough: Vec<_> = points
            .iter()
            .zip(&noise)
            .map(|(&p, n)| centre + (p - centre) * (1.0 + n))
            .collect();
        let one = fit_circle(&rough)?;
        // Three times as large, turned by a quarter, moved.
        let place = |p: Coord<f64>| coord(-p.y, p.x) * 3.0 + shift;
        let moved = fit_circle(&rough.iter().map(|&p| place(p)).collect::<Vec<_>>())?;
        prop_assert!(distance(moved.centre, place(one.centre)) < 1e-6 * one.radius);
        prop_assert!((moved.radius - 3.0 * one.radius).abs() < 1e-6 * one.radius);
    }

    #[test]
    fn distances_match_samples(ends in proptest::array::uniform4(point()), p in point(), sweep in -4.5..4.5_f64) {
        let [a, b, c, d] = ends;
        prop_assume!(sweep.abs() > 0.1 && distance(a, c) > 1.0);
        let (s, cosine) = sweep.sin_cos();
        let spoke = a - c;
        let end = c + coord(cosine * spoke.x - s * spoke.y, s * spoke.x + cosine * spoke.y);
        for primitive in [
            Primitive::Arc(CircularArc { start: a, end, centre: c, sweep }),
            Primitive::Cubic(CubicCurve { points: [a, b, c, d] }),
        ] {
            let flat = primitive.flatten(1e-4);
            let miss = (primitive.distance(p) - to_line(p, &flat.0)).abs();
            prop_assert!(miss < 1e-3, "{:?}: {}", primitive, miss);
        }
    }
}

#[test]
fn a_single_chord_reports_its_error() {
    let line = LineString(vec![coord(0.0, 0.0), coord(5.0, 0.4), coord(10.0, 0.0)]);
    let config = FitConfig { arcs: false, cubics: false, ..FitConfig::default() };
    let parts = fit_primitives(&line, &config).unwrap();
    assert_eq!(parts.len(), 1);
    assert!((parts[0].error - 0.4).abs() < 1e-12, "{parts:?}");
}

#[test]
fn a_circle_of_pixels_is_two_arcs() {
    let mut points: Vec<_> = arc_points(coord(50.5, 50.5), 30.0, 0.0, 2.0 * PI, 400)
        .into_iter()
        .map(|p| coord(p.x.floor() + 0.5, p.y.floor() + 0.5))
        .collect();
    points.dedup();
    let line = LineString(points);
    let parts = fit_primitives(&line, &FitConfig::default()).unwrap();
    assert!(parts.len() <= 3, "{parts:?}");
    for part in &parts {
        let Primitive::Arc(arc) = part.primitive else { panic!("{part:?}") };
        assert!((arc.radius() - 30.0).abs() < 2.0, "{arc:?}");
    }
}

#[test]
fn bad_input_is_refused_and_odd_input_ends() {
    let nan = LineString(vec![coord(0.0, 0.0), coord(f64::NAN, 0.0)]);
    let config = FitConfig::default();
    assert_eq!(fit_primitives(&nan, &config), Err(Error::NonFiniteLine { index: 1 }));
    let negative = FitConfig { tolerance: -1.0, ..config.clone() };
    let line = LineString(vec![coord(0.0, 0.0), coord(1.0, 0.0)]);
    assert!(fit_primitives(&line, &negative).is_err());
    // Nothing to bend: repeated points, steps of no length, sizes out of the world.
    let zero = FitConfig { tolerance: 0.0, ..config.clone() };
    let corner =
        [coord(0.0, 0.0), coord(0.0, 0.0), coord(3.0, 0.0), coord(3.0, 0.0), coord(3.0, 4.0)];
    let parts = fit_primitives(&LineString(corner.to_vec()), &zero).unwrap();
    assert_eq!(parts.len(), 2);
    for size in [1e-200, 1e99] {
        let line = LineString(corner.iter().map(|&p| p * size).collect());
        let parts = fit_primitives(&line, &config).unwrap();
        assert!(!parts.is_empty() && parts.iter().all(|part| part.error <= config.tolerance));
    }
    let beyond = LineString(corner.iter().map(|&p| p * 1e101).collect());
    assert!(matches!(fit_primitives(&beyond, &config), Err(Error::Parameter { .. })));
    let flat = [coord(0.0, 0.0), coord(1.0, 1.0), coord(2.0, 2.0), coord(7.0, 7.0)];
    assert_eq!(fit_circle(&flat), Err(Error::NoCircle { count: 4 }));
    assert_eq!(fit_circle(&[]), Err(Error::NoCircle { count: 0 }));
    assert_eq!(fit_circle(&nan.0), Err(Error::NonFiniteLine { index: 1 }));
}
