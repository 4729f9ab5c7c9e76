//! Dashes and simplified lines against naive twins.

use geo_types::{Coord, LineString};
use mapvec_geometry::{
    Dash, Error, dash_line, line_length, repair_line, simplify_line, validate_line,
};
use proptest::prelude::*;

type Point = Coord<f64>;

fn points(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop_oneof![
        proptest::collection::vec((-20.0..20.0, -20.0..20.0), lengths.clone()),
        // Whole numbers give ties, repeated and collinear vertices.
        proptest::collection::vec((-4_i8..4, -4_i8..4), lengths)
            .prop_map(|points| points.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).collect()),
    ]
}

/// The point at a distance along a line.
fn at(line: &LineString<f64>, distance: f64) -> Point {
    let mut left = distance;
    for side in line.lines() {
        let length = side.delta().x.hypot(side.delta().y);
        if left <= length && length > 0.0 {
            return side.start + side.delta() * (left / length);
        }
        left -= length;
    }
    line.0[line.0.len() - 1]
}

fn norm(p: Point) -> f64 {
    p.x.hypot(p.y)
}

/// From where to where the dashes of a pattern go, tiny ones left out.
fn spans(length: f64, dash: &Dash) -> Vec<[f64; 2]> {
    let period = dash.on + dash.off;
    let starts = (0..).map(|k| f64::from(k) * period - dash.offset.rem_euclid(period));
    let all = starts
        .take_while(|from| *from < length)
        .map(|from| [from.max(0.0), (from + dash.on).min(length)]);
    all.filter(|[from, to]| to - from > 1e-9).collect()
}

fn farthest(points: &[Point], distance: impl Fn(Point) -> f64) -> Option<(usize, f64)> {
    let all = points.iter().map(|&p| distance(p)).enumerate();
    all.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

fn to_segment(p: Point, [a, b]: [Point; 2]) -> f64 {
    let (d, v) = (b - a, p - a);
    let square = d.x * d.x + d.y * d.y;
    let t = if square > 0.0 { ((v.x * d.x + v.y * d.y) / square).clamp(0.0, 1.0) } else { 0.0 };
    (v.x - t * d.x).hypot(v.y - t * d.y)
}

/// Douglas and Peucker as they wrote it: the chord, or what is left on both sides of the
/// farthest vertex. Without the last point.
fn textbook(points: &[Point], tolerance: f64) -> Vec<Point> {
    let last = points.len() - 1;
    let chord = [points[0], points[last]];
    match farthest(&points[1..last], |p| to_segment(p, chord)) {
        Some((index, distance)) if distance > tolerance => {
            let (left, right) = (&points[..=index + 1], &points[index + 1..]);
            [textbook(left, tolerance), textbook(right, tolerance)].concat()
        }
        _ => vec![points[0]],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn dashes_are_the_spans_of_the_pattern(
        points in points(2..8),
        (on, off, offset) in (0.3..9.0_f64, 0.3..9.0_f64, -30.0..30.0_f64),
    ) {
        let line = LineString::from(points);
        prop_assume!(!line.is_closed());
        let dash = Dash { on, off, offset };
        let dashes: Vec<_> =
            dash_line(&line, &dash)?.into_iter().filter(|dash| line_length(dash) > 1e-9).collect();
        let expected = spans(line_length(&line), &dash);
        prop_assert_eq!(dashes.len(), expected.len());
        for (piece, [from, to]) in dashes.iter().zip(&expected) {
            prop_assert!((line_length(piece) - (to - from)).abs() < 1e-9);
            let ends = [(piece.0[0], *from), (piece.0[piece.0.len() - 1], *to)];
            for (p, distance) in ends {
                prop_assert!(norm(p - at(&line, distance)) < 1e-9);
            }
            // All that is between is a vertex of the line.
            prop_assert!(piece.0[1..piece.0.len() - 1].iter().all(|p| line.0.contains(p)));
        }
        for (k, piece) in dashes.iter().enumerate() {
            let inner = 0 < k && k + 1 < dashes.len();
            prop_assert!(!inner || (line_length(piece) - on).abs() < 1e-9);
        }
    }

    /// What one pattern draws, the pattern of its gaps leaves out.
    #[test]
    fn dashes_and_gaps_are_the_whole_line(
        points in points(2..8),
        close in any::<bool>(),
        (on, off, offset) in (0.3..9.0_f64, 0.3..9.0_f64, -30.0..30.0_f64),
    ) {
        let mut line = LineString::from(points);
        if close {
            line.close();
        }
        let length = line_length(&line);
        prop_assume!(length > 1e-3);
        let drawn = dash_line(&line, &Dash { on, off, offset })?;
        let gaps = dash_line(&line, &Dash { on: off, off: on, offset: offset - on })?;
        let sum: f64 = drawn.iter().chain(&gaps).map(line_length).sum();
        prop_assert!((sum - length).abs() < 1e-8, "{} {}", sum, length);
        prop_assert!(drawn.len().abs_diff(gaps.len()) <= 1);
        for p in &line.0 {
            prop_assert!(drawn.iter().chain(&gaps).any(|piece| piece.0.contains(p)));
        }
    }

    #[test]
    fn simplified_lines_are_those_of_the_textbook(points in points(2..30), tolerance in 0.0..8.0) {
        let line = LineString::from(points);
        prop_assume!(!line.is_closed());
        let mut expected = textbook(&line.0, tolerance);
        expected.push(line.0[line.0.len() - 1]);
        prop_assert_eq!(simplify_line(&line, tolerance)?.0, expected);
    }

    #[test]
    fn simplified_lines_stay_near_and_as_they_are(
        points in points(3..30),
        tolerance in 0.0..8.0,
        close in any::<bool>(),
    ) {
        let mut line = LineString::from(points);
        if close {
            line.close();
        }
        let simple = simplify_line(&line, tolerance)?;
        prop_assert_eq!(&simplify_line(&simple, tolerance)?, &simple);
        prop_assert_eq!(simple.is_closed(), line.is_closed());
        for &p in &line.0 {
            let near = |side: &[Point]| to_segment(p, [side[0], side[1]]) <= tolerance + 1e-12;
            prop_assert!(simple.0.windows(2).any(near), "{:?}", p);
        }
        let mut rest = line.0.iter();
        prop_assert!(simple.0.iter().all(|p| rest.any(|q| q == p)), "the order has changed");
        prop_assert_eq!(simple.0[0], line.0[0]);
        prop_assert_eq!(simple.0[simple.0.len() - 1], line.0[line.0.len() - 1]);
    }

    #[test]
    fn repaired_lines_have_no_repeated_points(points in points(0..9), bad in 0_usize..12) {
        let mut line = LineString::from(points);
        let repaired = repair_line(&line);
        let mut expected = line.clone();
        expected.0.dedup();
        if expected.0.len() > 1 {
            prop_assert_eq!(validate_line(&expected), Ok(()));
            prop_assert_eq!(repaired, Ok(expected));
        } else {
            let distinct = expected.0.len();
            prop_assert_eq!(repaired, Err(Error::LineTooShort { distinct }));
        }
        if let Some(point) = line.0.get_mut(bad) {
            point.y = f64::NAN;
            prop_assert_eq!(repair_line(&line), Err(Error::NonFiniteLine { index: bad }));
        }
    }
}
