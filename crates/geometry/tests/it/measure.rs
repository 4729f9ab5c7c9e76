//! Measures agree with dense samples, brute force and known invariants.

use geo_types::{Coord, Line, LineString, Polygon, Rect};
use mapvec_geometry::{
    BoxIndex, SegmentIndex, chamfer, directed_chamfer, directed_hausdorff, directed_polis,
    discrete_frechet, frechet, hausdorff, line_distance, line_length, perimeter,
    point_polygon_distance, point_segment_distance, polis, polygon_area, polygon_distance,
    segment_distance, signed_area, turning_distance,
};
use proptest::prelude::*;
use std::f64::consts::TAU;

fn points(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop_oneof![
        proptest::collection::vec((-20.0..20.0, -20.0..20.0), lengths.clone()),
        // Whole numbers give ties, touching and parallel segments.
        proptest::collection::vec((-4_i8..4, -4_i8..4), lengths)
            .prop_map(|points| points.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).collect()),
    ]
}

fn line() -> impl Strategy<Value = LineString<f64>> {
    points(1..9).prop_map(LineString::from)
}

/// A simple ring around a centre, closed.
fn ring() -> impl Strategy<Value = LineString<f64>> {
    (proptest::collection::vec(2.0..9.0_f64, 3..14), -9.0..9.0_f64, -9.0..9.0_f64).prop_map(
        |(radii, x, y)| {
            let step = TAU / radii.len() as f64;
            let point = |(k, r): (usize, &f64)| {
                let (sin, cos) = (k as f64 * step).sin_cos();
                (x + r * cos, y + r * sin)
            };
            let mut ring: LineString<f64> = radii.iter().enumerate().map(point).collect();
            ring.close();
            ring
        },
    )
}

fn polygon() -> impl Strategy<Value = Polygon<f64>> {
    ring().prop_map(|ring| Polygon::new(ring, Vec::new()))
}

fn samples(line: &LineString<f64>, step: f64) -> Vec<Coord<f64>> {
    let mut samples: Vec<_> = line.coords().copied().take(1).collect();
    for segment in line.lines() {
        let count = (segment.delta().x.hypot(segment.delta().y) / step).ceil().max(1.0);
        let inner = (1..).map(f64::from).take_while(|&k| k <= count).map(|k| k / count);
        samples.extend(inner.map(|t| segment.start + segment.delta() * t));
    }
    samples
}

fn to_line(p: Coord<f64>, line: &LineString<f64>) -> f64 {
    match line.0[..] {
        [q] => (p.x - q.x).hypot(p.y - q.y),
        _ => line.lines().map(|s| point_segment_distance(p, s)).fold(f64::INFINITY, f64::min),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn index_finds_the_nearest(
        lines in proptest::collection::vec(line(), 1..6),
        (x, y) in (-25.0..25.0, -25.0..25.0),
    ) {
        let index = SegmentIndex::new(&lines)?;
        let near = index.nearest(Coord { x, y }).unwrap();
        let least = lines.iter().map(|line| to_line(Coord { x, y }, line)).fold(f64::INFINITY, f64::min);
        prop_assert!((near.distance - least).abs() < 1e-12);
        prop_assert!(to_line(near.point, &lines[near.line]) < 1e-12);
    }

    #[test]
    fn indices_find_all_in_a_box(corners in points(4..40), query in points(2..3)) {
        let boxes: Vec<_> = corners.chunks_exact(2).map(|c| Rect::new(c[0], c[1])).collect();
        let query = Rect::new(query[0], query[1]);
        let touches = |area: &Rect<f64>| {
            area.min().x <= query.max().x && area.max().x >= query.min().x
                && area.min().y <= query.max().y && area.max().y >= query.min().y
        };
        let expected: Vec<_> = (0..boxes.len()).filter(|&k| touches(&boxes[k])).collect();
        prop_assert_eq!(BoxIndex::new(boxes.iter().copied())?.within(&query), expected);
        let lines: Vec<LineString<f64>> = corners.chunks_exact(2).map(|c| c.to_vec().into()).collect();
        let expected: Vec<_> = (0..boxes.len()).filter(|&k| touches(&boxes[k])).map(|k| (k, 0)).collect();
        prop_assert_eq!(SegmentIndex::new(&lines)?.within(&query), expected);
    }

    #[test]
    fn segments_and_lines(a in line(), b in line(), corners in points(4..5)) {
        let distance = line_distance(&a, &b)?;
        prop_assert!((distance - line_distance(&b, &a)?).abs() < 1e-12);
        // Dense samples come within half a step.
        let sampled = samples(&a, 0.05).into_iter().map(|p| to_line(p, &b)).fold(f64::INFINITY, f64::min);
        prop_assert!(distance <= sampled + 1e-12 && distance >= sampled - 0.026, "{} {}", distance, sampled);
        let corner = |k: usize| Coord::from(corners[k]);
        let (p, q) = (Line::new(corner(0), corner(1)), Line::new(corner(2), corner(3)));
        let as_lines = line_distance(&p.into(), &q.into())?;
        prop_assert!((segment_distance(p, q) - as_lines).abs() < 1e-12);
    }

    #[test]
    fn polygons(a in polygon(), b in polygon(), (x, y) in (-20.0..20.0, -20.0..20.0)) {
        let point = Coord { x, y };
        let distance = polygon_distance(&a, &b)?;
        prop_assert!((distance - polygon_distance(&b, &a)?).abs() < 1e-12);
        let mut sampled = f64::INFINITY;
        for p in samples(a.exterior(), 0.1) {
            sampled = sampled.min(point_polygon_distance(p, &b)?);
        }
        for p in samples(b.exterior(), 0.1) {
            sampled = sampled.min(point_polygon_distance(p, &a)?);
        }
        prop_assert!(distance <= sampled + 1e-9 && distance >= sampled - 0.051);
        // Outside, the nearest point is on the boundary.
        let outside = point_polygon_distance(point, &a)?;
        prop_assert!(outside <= 0.0 || (outside - to_line(point, a.exterior())).abs() < 1e-12);
        prop_assert!((polygon_area(&a) - signed_area(a.exterior())).abs() < 1e-9);
        prop_assert!((perimeter(&a) - line_length(a.exterior())).abs() < 1e-9);
    }

    #[test]
    fn hausdorff_is_the_largest_of_dense_samples(
        a in proptest::collection::vec(line(), 1..4),
        b in proptest::collection::vec(line(), 1..4),
    ) {
        let nearest = |p| b.iter().map(|line| to_line(p, line)).fold(f64::INFINITY, f64::min);
        let sampled = a.iter().flat_map(|line| samples(line, 0.05)).map(nearest).fold(0.0, f64::max);
        let distance = directed_hausdorff(&a, &b, 1e-9)?;
        prop_assert!(distance >= sampled - 1e-8, "{} {}", distance, sampled);
        prop_assert!(distance <= sampled + 0.026, "{} {}", distance, sampled);
        let coarse = directed_hausdorff(&a, &b, 0.5)?;
        prop_assert!(coarse <= distance + 1e-9 && coarse >= distance - 0.5);
        let both = hausdorff(&a, &b, 1e-9)?;
        prop_assert!(both >= distance && (both - hausdorff(&b, &a, 1e-9)?).abs() < 1e-8);
        prop_assert!(hausdorff(&a, &a, 1e-9)? < 1e-8);
    }

    #[test]
    fn chamfer_is_the_mean_of_dense_samples(a in line(), b in line(), step in 0.2..3.0) {
        let (set_a, set_b) = (std::slice::from_ref(&a), std::slice::from_ref(&b));
        let distance = directed_chamfer(set_a, set_b, step)?;
        let fine = directed_chamfer(set_a, set_b, 0.02)?;
        prop_assert!((distance - fine).abs() <= 0.25 * step + 0.005);
        let dense = samples(&a, 0.02);
        if line_length(&a) > 0.0 {
            // Trapezoids over the samples.
            let sum: f64 = dense.windows(2).map(|p| {
                let length = (p[0].x - p[1].x).hypot(p[0].y - p[1].y);
                0.5 * length * (to_line(p[0], &b) + to_line(p[1], &b))
            }).sum();
            prop_assert!((fine - sum / line_length(&a)).abs() < 0.02);
        }
        prop_assert!(distance <= directed_hausdorff(set_a, set_b, 1e-9)? + 1e-8);
        prop_assert!((chamfer(set_a, set_b, step)? - chamfer(set_b, set_a, step)?).abs() < 1e-12);
    }

    #[test]
    fn polis_is_the_mean_over_vertices(a in polygon(), b in polygon(), (x, y) in (-3.0..3.0, -3.0..3.0)) {
        let vertices = &a.exterior().0[1..];
        let sum: f64 = vertices.iter().map(|&p| to_line(p, b.exterior())).sum();
        prop_assert!((directed_polis(&a, &b)? - sum / vertices.len() as f64).abs() < 1e-12);
        prop_assert!((polis(&a, &b)? - polis(&b, &a)?).abs() < 1e-12);
        prop_assert!(polis(&a, &a)? < 1e-12);
        let moved = Polygon::new(a.exterior().coords().map(|&p| p + Coord { x, y }).collect(), vec![]);
        prop_assert!(polis(&a, &moved)? <= x.hypot(y) + 1e-12);
    }

    #[test]
    fn discrete_frechet_is_the_best_of_all_walks(a in line(), b in line()) {
        fn walk(a: &[Coord<f64>], b: &[Coord<f64>]) -> f64 {
            let here = (a[0].x - b[0].x).hypot(a[0].y - b[0].y);
            let mut rest = f64::INFINITY;
            if a.len() > 1 { rest = rest.min(walk(&a[1..], b)); }
            if b.len() > 1 { rest = rest.min(walk(a, &b[1..])); }
            if a.len() > 1 && b.len() > 1 { rest = rest.min(walk(&a[1..], &b[1..])); }
            if rest.is_finite() { here.max(rest) } else { here }
        }
        let (short_a, short_b) = (&a.0[..a.0.len().min(6)], &b.0[..b.0.len().min(6)]);
        let distance = discrete_frechet(&LineString(short_a.to_vec()), &LineString(short_b.to_vec()))?;
        prop_assert!((distance - walk(short_a, short_b)).abs() < 1e-12);
    }

    #[test]
    fn frechet_is_the_limit_of_discrete_ones(a in line(), b in line()) {
        let distance = frechet(&a, &b, 1e-9)?;
        let step = 0.25;
        let (dense_a, dense_b) = (LineString(samples(&a, step)), LineString(samples(&b, step)));
        let discrete = discrete_frechet(&dense_a, &dense_b)?;
        prop_assert!(distance <= discrete + 1e-8, "{} {}", distance, discrete);
        prop_assert!(distance >= discrete - step - 1e-8, "{} {}", distance, discrete);
        prop_assert!((distance - frechet(&b, &a, 1e-9)?).abs() < 1e-8);
        // Vertices within segments change nothing.
        prop_assert!((distance - frechet(&dense_a, &b, 1e-9)?).abs() < 1e-7);
        let set = hausdorff(std::slice::from_ref(&a), std::slice::from_ref(&b), 1e-9)?;
        prop_assert!(distance >= set - 1e-8);
    }

    #[test]
    fn turning_distance_ignores_place_angle_size_and_start(
        a in ring(), b in ring(), angle in 0.0..TAU, scale in 0.1..10.0_f64, start in 0_usize..14,
    ) {
        let distance = turning_distance(&a, &b)?;
        let mut points = a.0[1..].to_vec();
        let count = points.len();
        points.rotate_left(start % count);
        let (sin, cos) = angle.sin_cos();
        let moved: LineString<f64> = points.iter()
            .map(|p| (scale * (cos * p.x - sin * p.y) + 7.0, scale * (sin * p.x + cos * p.y) - 3.0))
            .collect();
        prop_assert!((turning_distance(&moved, &b)? - distance).abs() < 1e-6);
        prop_assert!((turning_distance(&b, &a)? - distance).abs() < 1e-6);
        prop_assert!(turning_distance(&a, &moved)? < 1e-6);
        let reversed: LineString<f64> = moved.0.iter().rev().copied().collect();
        prop_assert!((turning_distance(&reversed, &b)? - distance).abs() < 1e-6);
    }

    #[test]
    fn turning_distance_is_the_least_over_shifts(a in ring(), b in ring()) {
        let distance = turning_distance(&a, &b)?;
        let (f, g) = (directions(&a), directions(&b));
        // Between shifts that bring two vertices together the mean square is concave.
        let mut least = f64::INFINITY;
        for shift in f.iter().flat_map(|p| g.iter().map(move |q| (p.0 - q.0).rem_euclid(1.0))) {
            let ends = f.iter().map(|p| (p.0 - shift).rem_euclid(1.0)).chain(g.iter().map(|q| q.0));
            let mut ends: Vec<f64> = ends.chain([0.0, 1.0]).collect();
            ends.sort_by(f64::total_cmp);
            let (mut sum, mut square) = (0.0, 0.0);
            for part in ends.windows(2) {
                let s = 0.5 * (part[0] + part[1]);
                let gap = value(&f, s + shift) - value(&g, s);
                sum += gap * (part[1] - part[0]);
                square += gap * gap * (part[1] - part[0]);
            }
            least = f64::min(least, square - sum * sum);
        }
        let least = least.max(0.0).sqrt();
        prop_assert!((distance - least).abs() < 1e-6, "{} {}", distance, least);
    }
}

#[test]
fn coordinates_that_are_not_finite_or_huge_do_not_panic() {
    for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, 1e99] {
        let point = Coord { x: value, y: 1.0 };
        let (odd, even) =
            (Line::new(point, Coord { x: 0.0, y: 0.0 }), Line::new((3.0, 1.0), (4.0, 2.0)));
        let distances =
            [point_segment_distance(point, even), point_segment_distance(even.start, odd)];
        assert!(distances.iter().all(|&d| d.is_nan() || d >= 0.0));
        let distance = segment_distance(odd, even);
        assert!(distance.is_nan() || distance >= 0.0);
        let (odd, even): (LineString<f64>, LineString<f64>) = (odd.into(), even.into());
        let usable = value.abs() < 1e100;
        assert_eq!(frechet(&odd, &even, 1.0).is_ok(), usable);
        assert_eq!(discrete_frechet(&odd, &even).is_ok(), usable);
        assert_eq!(line_distance(&odd, &even).is_ok(), usable);
        let (odd, even) = (std::slice::from_ref(&odd), std::slice::from_ref(&even));
        assert_eq!(hausdorff(odd, even, 1e90).is_ok(), usable);
        assert!(chamfer(odd, even, 1.0).is_err());
    }
}

/// Ends of the edges by share of the length, and their continuous directions.
fn directions(ring: &LineString<f64>) -> Vec<(f64, f64)> {
    let total = line_length(ring);
    let (mut walked, mut last) = (0.0, None::<f64>);
    let mut steps = Vec::new();
    for edge in ring.lines() {
        let mut direction = edge.delta().y.atan2(edge.delta().x);
        if let Some(last) = last {
            direction += TAU * ((last - direction) / TAU).round();
        }
        walked += edge.delta().x.hypot(edge.delta().y);
        steps.push((walked / total, direction));
        last = Some(direction);
    }
    steps
}

fn value(steps: &[(f64, f64)], s: f64) -> f64 {
    let index = steps.partition_point(|step| step.0 <= s.fract()).min(steps.len() - 1);
    steps[index].1 + TAU * s.floor()
}
