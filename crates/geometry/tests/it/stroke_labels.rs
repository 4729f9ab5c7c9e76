//! Hard-edged lines against distances and explicit outlines, batches against one by one.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Cap, Connectivity, Dash, Drawing, Error, Join, PolygonFault, Ring, Stroke, dash_line,
    draw_labels, fill_labels, polygonize_with, stroke_coverage, stroke_labels,
};
use ndarray::{Array2, ShapeBuilder};
use proptest::prelude::*;

/// Centres as near to a border as this may fall on either side by rounding.
const MARGIN: f64 = 1e-7;

type Point = Coord<f64>;

fn dot(p: Point, q: Point) -> f64 {
    p.x * q.x + p.y * q.y
}

fn norm(p: Point) -> f64 {
    p.x.hypot(p.y)
}

fn normal(direction: Point) -> Point {
    Coord { x: -direction.y, y: direction.x }
}

fn centre((row, column): (usize, usize)) -> Point {
    Coord { x: column as f64 + 0.5, y: row as f64 + 0.5 }
}

fn segment_distance(p: Point, a: Point, b: Point) -> f64 {
    let t = (dot(p - a, b - a) / dot(b - a, b - a)).clamp(0.0, 1.0);
    norm(p - (a + (b - a) * t))
}

/// A bent line that does not come back to itself.
fn bent() -> impl Strategy<Value = LineString<f64>> {
    let step = (8.0..20.0_f64, -1.5..1.5_f64);
    (15.0..45.0_f64, 15.0..45.0_f64, 0.0..6.0_f64, proptest::collection::vec(step, 1..3)).prop_map(
        |(x, y, mut angle, steps)| {
            let mut points = vec![Coord { x, y }];
            for (length, turn) in steps {
                angle += turn;
                let last = points[points.len() - 1];
                points.push(last + Coord { x: angle.cos(), y: angle.sin() } * length);
            }
            LineString(points)
        },
    )
}

/// A line by lengths and turns, partly outside a raster of 60 x 60.
fn line(shortest: f64) -> impl Strategy<Value = LineString<f64>> {
    let step = (shortest..25.0_f64, -3.1..3.1_f64);
    (0.0..60.0_f64, 0.0..60.0_f64, proptest::collection::vec(step, 1..6)).prop_map(
        |(x, y, steps)| {
            let mut points = vec![Coord { x, y }];
            let mut angle = 0.0_f64;
            for (length, turn) in steps {
                angle += turn;
                let last = points[points.len() - 1];
                points.push(last + Coord { x: angle.cos(), y: angle.sin() } * length);
            }
            LineString(points)
        },
    )
}

fn cap() -> impl Strategy<Value = Cap> {
    prop_oneof![Just(Cap::Butt), Just(Cap::Square), Just(Cap::Round)]
}

fn join() -> impl Strategy<Value = Join> {
    prop_oneof![Just(Join::Miter), Just(Join::Bevel), Just(Join::Round)]
}

fn drawn(line: &LineString<f64>, stroke: &Stroke) -> Result<Array2<u32>, Error> {
    let mut labels = Array2::zeros((60, 60));
    stroke_labels(line, stroke, 1, &mut labels)?;
    Ok(labels)
}

/// Convex outlines whose union is a stroke with straight caps and joins.
fn outlines(line: &LineString<f64>, stroke: &Stroke) -> Vec<Vec<Point>> {
    let half = 0.5 * stroke.width;
    let points = &line.0;
    let closed = line.is_closed();
    let directions: Vec<Point> =
        points.windows(2).map(|p| (p[1] - p[0]) / norm(p[1] - p[0])).collect();
    let last = directions.len() - 1;
    let cap = if stroke.cap == Cap::Square && !closed { half } else { 0.0 };
    let mut shapes = Vec::new();
    for (k, &u) in directions.iter().enumerate() {
        let from = points[k] - u * if k == 0 { cap } else { 0.0 };
        let to = points[k + 1] + u * if k == last { cap } else { 0.0 };
        let side = normal(u) * half;
        shapes.push(vec![from - side, to - side, to + side, from + side]);
        if k == last && !closed {
            continue;
        }
        let (vertex, v) = (points[k + 1], directions[(k + 1) % directions.len()]);
        let turn = (u.x * v.y - u.y * v.x).atan2(dot(u, v));
        let out = -half * turn.signum();
        let (p, q) = (vertex + normal(u) * out, vertex + normal(v) * out);
        // SVG: the miter is 1 / sin(inner angle / 2) line widths long.
        let inner = std::f64::consts::PI - turn.abs();
        if stroke.join == Join::Miter && 1.0 / (0.5 * inner).sin() <= 4.0 {
            let tip = p + u * (half * (0.5 * turn.abs()).tan());
            shapes.push(vec![vertex, p, tip, q]);
        } else {
            shapes.push(vec![vertex, p, q]);
        }
    }
    shapes
}

/// Whether a point lies in a convex outline; none near its border.
fn inside(outline: &[Point], p: Point) -> Option<bool> {
    let edges = || outline.iter().zip(outline.iter().cycle().skip(1));
    if edges().any(|(&a, &b)| segment_distance(p, a, b) < MARGIN) {
        return None;
    }
    let sides = edges().map(|(&a, &b)| (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x));
    let left = sides.filter(|&side| side > 0.0).count();
    Some(left == 0 || left == outline.len())
}

proptest! {
    #[test]
    fn round_lines_are_all_pixels_within_half_the_width(
        line in line(6.0),
        width in 0.3..12.0_f64,
        close in any::<bool>(),
    ) {
        let mut line = line;
        let gap = norm(line.0[0] - line.0[line.0.len() - 1]);
        if close && line.0.len() > 2 && gap > 6.0 {
            line.close();
        }
        let stroke = Stroke { width, cap: Cap::Round, join: Join::Round, dash: None };
        for (pixel, &label) in drawn(&line, &stroke)?.indexed_iter() {
            let p = centre(pixel);
            let distances = line.lines().map(|s| segment_distance(p, s.start, s.end));
            let distance = distances.fold(f64::INFINITY, f64::min);
            if (distance - 0.5 * width).abs() > MARGIN {
                prop_assert_eq!(label == 1, distance < 0.5 * width, "{:?}, {}", p, distance);
            }
        }
    }

    #[test]
    fn straight_caps_and_joins_match_their_outlines(
        line in line(0.2),
        width in 0.3..12.0_f64,
        square in any::<bool>(),
        miter in any::<bool>(),
        close in any::<bool>(),
    ) {
        let mut line = line;
        if close && line.0.len() > 2 {
            line.close();
        }
        let cap = if square { Cap::Square } else { Cap::Butt };
        let join = if miter { Join::Miter } else { Join::Bevel };
        let stroke = Stroke { width, cap, join, dash: None };
        let outlines = outlines(&line, &stroke);
        for (pixel, &label) in drawn(&line, &stroke)?.indexed_iter() {
            let tests: Vec<_> = outlines.iter().map(|o| inside(o, centre(pixel))).collect();
            if !tests.contains(&None) {
                let expected = tests.contains(&Some(true));
                prop_assert_eq!(label == 1, expected, "{:?}", centre(pixel));
            }
        }
    }

    #[test]
    fn the_mean_over_positions_is_length_times_width(
        angle in 0.0..std::f64::consts::TAU,
        width in 0.4..7.0_f64,
        length in 20.0..50.0_f64,
    ) {
        let u = Coord { x: angle.cos(), y: angle.sin() };
        let stroke = Stroke { width, ..Stroke::default() };
        let mut count = 0;
        for k in 0..256 {
            let shift = Coord { x: f64::from(k % 16), y: f64::from(k / 16) } / 16.0;
            let middle = Coord { x: 30.0, y: 30.0 } + shift;
            let line = LineString(vec![middle - u * (0.5 * length), middle + u * (0.5 * length)]);
            count += drawn(&line, &stroke)?.iter().filter(|&&label| label == 1).count();
        }
        // 256 positions are a rule for the integral, off by what lies along the border.
        let share = count as f64 / 256.0 / (length * width);
        prop_assert!((share - 1.0).abs() < 0.02 + 0.02 / width, "{}", share);
    }

    #[test]
    fn lines_from_width_1_on_are_connected(line in line(3.0), width in 1.0..3.0_f64) {
        let inner = line.coords().all(|p| (3.0..57.0).contains(&p.x) && (3.0..57.0).contains(&p.y));
        prop_assume!(inner);
        let labels = drawn(&line, &Stroke { width, ..Stroke::default() })?;
        let parts = polygonize_with(labels.view(), Connectivity::Eight).multi_polygons();
        let parts = parts.iter().filter(|(id, _)| *id == 1);
        prop_assert_eq!(parts.count(), 1);
    }

    #[test]
    fn a_batch_is_one_shape_after_the_other_at_any_thread_count(
        lines in proptest::collection::vec((line(1.0), 0.5..9.0_f64, cap(), join(), 0..4_u8), 1..12),
    ) {
        let strokes: Vec<_> = lines.iter().map(|&(_, width, cap, join, kind)| {
            let dash = (kind == 1).then_some(Dash { on: 5.0, off: 3.0, offset: 1.0 });
            Stroke { width, cap, join, dash }
        }).collect();
        // Stretched over several bands of rows.
        let tall = |line: &LineString<f64>| -> LineString<f64> {
            line.coords().map(|p| Coord { x: p.x, y: 4.0 * p.y }).collect()
        };
        let lines: Vec<_> = lines.iter().map(|(line, .., kind)| (tall(line), *kind)).collect();
        let polygon = |line: &LineString<f64>| Polygon::new(line.clone(), Vec::new());
        let polygons: Vec<_> = lines.iter().map(|(line, _)| polygon(line)).collect();
        let mut expected = Array2::zeros((230, 50));
        let mut drawings = Vec::new();
        for (k, id) in (0..lines.len()).zip(1..) {
            if lines[k].1 == 0 {
                fill_labels(&polygons[k], id, &mut expected);
                drawings.push((Drawing::Area(&polygons[k]), id));
            } else {
                stroke_labels(&lines[k].0, &strokes[k], id, &mut expected)?;
                drawings.push((Drawing::Line(&lines[k].0, &strokes[k]), id));
            }
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut labels = Array2::zeros((230, 50));
            pool.install(|| draw_labels(&drawings, &mut labels))?;
            prop_assert!(labels == expected, "{} threads", threads);
        }
        let mut by_columns = Array2::zeros((230, 50).f());
        draw_labels(&drawings, &mut by_columns)?;
        prop_assert!(by_columns == expected, "column-major map");
    }

    #[test]
    fn dashes_are_lines_of_their_own(line in line(1.0), width in 0.5..4.0_f64) {
        let dash = Dash { on: 4.0, off: 2.5, offset: 0.0 };
        let solid = Stroke { width, cap: Cap::Round, ..Stroke::default() };
        let labels = drawn(&line, &Stroke { dash: Some(dash), ..solid.clone() })?;
        let mut expected = Array2::zeros((60, 60));
        for piece in dash_line(&line, &dash)? {
            stroke_labels(&piece, &solid, 1, &mut expected)?;
        }
        prop_assert_eq!(labels, expected);
    }
}

#[test]
fn axis_parallel_lines_have_their_width_at_every_place() {
    for step in 0..8 {
        let at = 10.0 + f64::from(step) / 8.0;
        for (width, pixels) in [(1.0, 1), (2.0, 2), (3.0, 3), (4.0, 4)] {
            let stroke = Stroke { width, ..Stroke::default() };
            let across = vec![(0.0, at), (60.0, at)].into();
            let down = vec![(at, 60.0), (at, 0.0)].into();
            let rows = drawn(&across, &stroke).unwrap().column(30).sum();
            let columns = drawn(&down, &stroke).unwrap().row(30).sum();
            assert_eq!((rows, columns), (pixels, pixels), "width {width} at {at}");
        }
    }
}

#[test]
fn bad_lines_leave_the_map_as_it_was() {
    let good = LineString::from(vec![(0.0, 0.0), (9.0, 9.0)]);
    let point = LineString::from(vec![(3.0, 3.0), (3.0, 3.0)]);
    let broken = LineString::from(vec![(0.0, 0.0), (f64::NAN, 3.0)]);
    let stroke = Stroke { width: 3.0, ..Stroke::default() };
    let flat = Stroke { width: 0.0, ..Stroke::default() };
    let of_second = |error| match error {
        Error::Item { list: "drawings", index: 1, source } => *source,
        other => panic!("{other}"),
    };
    let draw = |line, stroke| {
        let mut labels = Array2::zeros((10, 10));
        let drawings =
            [(Drawing::Line(&good, &Stroke::default()), 1), (Drawing::Line(line, stroke), 2)];
        let result = draw_labels(&drawings, &mut labels);
        assert_eq!(labels.sum(), 0, "nothing is drawn");
        result.map_err(of_second)
    };
    assert!(matches!(draw(&point, &stroke), Err(Error::LineTooShort { .. })));
    assert!(matches!(draw(&broken, &stroke), Err(Error::NonFiniteLine { index: 1 })));
    assert!(matches!(draw(&good, &flat), Err(Error::Parameter { field: "stroke.width", .. })));
    let far = LineString::from(vec![(0.0, 0.0), (1e101, 3.0)]);
    assert!(matches!(draw(&far, &stroke), Err(Error::Parameter { field: "coordinate", .. })));
    let area = |x: f64| {
        let bad = LineString::from(vec![(1.0, 1.0), (x, 2.0), (4.0, 9.0)]);
        let page = LineString::from(vec![(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)]);
        let bad = Polygon::new(page, vec![bad]);
        let mut labels = Array2::zeros((10, 10));
        let good = Drawing::Line(&good, &stroke);
        let result = draw_labels(&[(good, 1), (Drawing::Area(&bad), 2)], &mut labels);
        assert!(result.is_ok() || labels.sum() == 0, "nothing is drawn");
        result.map_err(of_second)
    };
    assert_eq!(area(8.0), Ok(()));
    let fault = PolygonFault::NonFinite { ring: Ring::Hole(0), index: 1 };
    assert_eq!(area(f64::INFINITY), Err(Error::Polygon(fault)));
    assert!(matches!(area(-1e200), Err(Error::Parameter { field: "coordinate", .. })));
}

#[test]
fn lines_far_away_on_one_side_leave_no_mark() {
    let far = |y: f64| Coord { x: 1.0, y };
    for ring in [[far(3.6e30), far(1e100), far(3.6e30)], [far(1e100), far(1e18), far(1e100)]] {
        let line = LineString(ring.to_vec());
        let stroke = Stroke { width: 30.0, cap: Cap::Round, ..Stroke::default() };
        let mut single = Array2::<u32>::zeros((20, 20));
        stroke_labels(&line, &stroke, 9, &mut single).unwrap();
        let mut batch = Array2::<u32>::zeros((20, 20));
        draw_labels(&[(Drawing::Line(&line, &stroke), 9)], &mut batch).unwrap();
        assert!(single.iter().chain(&batch).all(|id| *id == 0), "{single}");
    }
}

#[test]
fn huge_coordinates_and_empty_maps_are_clipped() {
    let far = LineString::from(vec![(-1e12, 5.0), (1e12, 5.0)]);
    let stroke = Stroke { width: 2.0, cap: Cap::Round, ..Stroke::default() };
    let mut labels = Array2::zeros((10, 10));
    stroke_labels(&far, &stroke, 1, &mut labels).unwrap();
    assert_eq!(labels.sum(), 20);
    let beyond = LineString::from(vec![(-1e300, -1e300), (1e300, 1e300), (1e308, -1e308)]);
    let drawn = labels.clone();
    let result = stroke_labels(&beyond, &stroke, 1, &mut labels);
    assert!(matches!(result, Err(Error::Parameter { field: "coordinate", .. })));
    assert_eq!(labels, drawn);
    for shape in [(0, 4), (4, 0), (0, 0)] {
        let mut nothing = Array2::zeros(shape);
        stroke_labels(&far, &stroke, 1, &mut nothing).unwrap();
        draw_labels(&[(Drawing::Line(&far, &stroke), 1)], &mut nothing).unwrap();
    }
}

/// Samples per pixel and axis.
const FINE: usize = 8;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The share of samples in a stroke, as drawn with hard edges on a finer raster.
    #[test]
    fn covered_shares_are_those_of_samples(
        line in bent(),
        width in 0.4..5.0_f64,
        (cap, join) in (cap(), join()),
    ) {
        let stroke = Stroke { width, cap, join, dash: None };
        let mut cover = Array2::from_elem((60, 60), 0.0_f32);
        stroke_coverage(&line, &stroke, &mut cover)?;
        let scale = FINE as f64;
        let mut fine = Array2::zeros((60 * FINE, 60 * FINE));
        let large: LineString<f64> = line.coords().map(|&p| p * scale).collect();
        stroke_labels(&large, &Stroke { width: width * scale, ..stroke }, 1, &mut fine)?;
        let blocks = fine.exact_chunks((FINE, FINE));
        for ((pixel, &share), block) in cover.indexed_iter().zip(blocks) {
            let expected = f64::from(block.sum()) / (scale * scale);
            let error = (f64::from(share) - expected).abs();
            let p = centre(pixel);
            // Caps and joins reach from the vertices as far as a miter does.
            let bend = line.coords().map(|&q| norm(p - q)).fold(f64::INFINITY, f64::min);
            let limit = if bend < 2.0 * width + 1.5 { SHARE * width.min(1.0) } else { 0.0 };
            prop_assert!(error <= limit + 1.5 / scale, "{:?}: {} for {}", p, share, expected);
        }
    }
}

/// How far the share of a pixel at a cap or a bend is off, in widths up to 1.
const SHARE: f64 = 0.3;
