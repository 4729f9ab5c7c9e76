//! Visible parts against drawing and sampling.

use geo_types::{Coord, Line, LineString, Polygon, Rect};
use mapvec_geometry::{
    Error, Hiders, Occlusion, VisibleVector, fill_labels, perimeter, point_segment_distance,
    polygon_area, signed_area, union_all, validate_multi_polygon, visible_polygons,
    visible_regions, visible_runs, visible_runs_behind, visible_vector, visible_vertices,
};
use ndarray::Array2;
use proptest::prelude::*;
use std::collections::HashMap;

const SIZE: usize = 12;

fn mask() -> impl Strategy<Value = Array2<bool>> {
    (1_usize..9, 1_usize..9).prop_flat_map(|(height, width)| {
        proptest::collection::vec(any::<bool>(), height * width).prop_map(move |cells| {
            Array2::from_shape_fn((height, width), |(i, j)| cells[i * width + j])
        })
    })
}

fn placed() -> impl Strategy<Value = (Array2<bool>, (i64, i64))> {
    (mask(), (-12_i64..16, -12_i64..16))
}

fn point() -> impl Strategy<Value = Coord<f64>> {
    let number = || prop_oneof![-3.0..15.0_f64, (-3_i32..15).prop_map(f64::from)];
    (number(), number()).prop_map(|(x, y)| Coord { x, y })
}

/// A star-shaped polygon, hence simple.
fn star() -> impl Strategy<Value = Polygon<f64>> {
    (proptest::collection::vec(1.0..6.0_f64, 3..10), 0.0..12.0_f64, 0.0..12.0_f64).prop_map(
        |(radii, x, y)| {
            let step = std::f64::consts::TAU / radii.len() as f64;
            let corner = |(k, r): (usize, &f64)| {
                let angle = k as f64 * step;
                (x + r * angle.cos(), y + r * angle.sin())
            };
            Polygon::new(radii.iter().enumerate().map(corner).collect(), Vec::new())
        },
    )
}

fn inside(polygon: &Polygon<f64>, p: Coord<f64>) -> bool {
    let crosses = polygon.exterior().lines().filter(|line| {
        let (a, b) = (line.start, line.end);
        (a.y <= p.y) != (b.y <= p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y)
    });
    crosses.count() % 2 == 1
}

fn pixel_of(p: Coord<f64>) -> Option<[usize; 2]> {
    let index = |v: f64| (0..SIZE).find(|&k| k as f64 <= v && v < k as f64 + 1.0);
    Some([index(p.y)?, index(p.x)?])
}

/// Area without overlap, holes subtracted.
fn area(polygons: &[Polygon<f64>]) -> f64 {
    let own = |polygon: &Polygon<f64>| {
        signed_area(polygon.exterior()) + polygon.interiors().iter().map(signed_area).sum::<f64>()
    };
    polygons.iter().map(own).sum()
}

/// Squares and triangles with whole coordinates, which share borders and corners.
fn tile() -> impl Strategy<Value = Polygon<f64>> {
    (0_i32..10, 0_i32..10, 1_i32..6, 1_i32..6, any::<bool>()).prop_map(|(x, y, w, h, half)| {
        let [x0, y0, x1, y1] = [x, y, x + w, y + h].map(f64::from);
        if half {
            let corners = vec![(x0, y0), (x1, y0), (x0, y1)];
            return Polygon::new(corners.into(), Vec::new());
        }
        let hole = vec![(x0 + 0.25, y0 + 0.25), (x0 + 0.5, y0 + 0.25), (x0 + 0.25, y0 + 0.75)];
        let (outer, _) = Rect::new((x0, y0), (x1, y1)).to_polygon().into_inner();
        Polygon::new(outer, vec![hole.into()])
    })
}

/// Shapes of both kinds, on a page that makes the grid coarse.
fn page() -> impl Strategy<Value = Vec<Polygon<f64>>> {
    let shapes = proptest::collection::vec(prop_oneof![star(), tile()], 0..8);
    (shapes, any::<bool>()).prop_map(|(mut shapes, far)| {
        if far {
            shapes.push(Rect::new((1800.0, 900.0), (1801.0, 901.0)).to_polygon());
        }
        shapes
    })
}

/// Every edge is used once per direction at most; returns those used once.
fn outline(parts: &[Polygon<f64>]) -> Result<Vec<Line<f64>>, TestCaseError> {
    let key =
        |line: &Line<f64>| [line.start.x, line.start.y, line.end.x, line.end.y].map(f64::to_bits);
    let mut used = HashMap::new();
    for part in parts {
        for ring in std::iter::once(part.exterior()).chain(part.interiors()) {
            for line in ring.lines() {
                let twice = used.insert(key(&line), line);
                prop_assert!(twice.is_none(), "two parts on one side of {:?}", line);
            }
        }
    }
    let free =
        used.values().filter(|line| !used.contains_key(&key(&Line::new(line.end, line.start))));
    Ok(free.copied().collect())
}

proptest! {
    #[test]
    fn front_to_back_is_back_to_front(shapes in proptest::collection::vec(placed(), 0..6)) {
        // The painter's way: the first shape is painted last.
        let mut painted = Array2::<u32>::zeros((SIZE, SIZE));
        let mut id = shapes.len() as u32;
        for (mask, (row, column)) in shapes.iter().rev() {
            for ((y, x), pixel) in painted.indexed_iter_mut() {
                let index = |at: usize, offset: &i64| {
                    i64::try_from(at).ok().and_then(|at| usize::try_from(at - offset).ok())
                };
                let at = index(y, row).zip(index(x, column));
                if at.and_then(|at| mask.get(at)) == Some(&true) {
                    *pixel = id;
                }
            }
            id -= 1;
        }
        let mut canvas = Occlusion::new(SIZE, SIZE);
        let mut parts = Vec::new();
        for (id, (mask, at)) in (1..).zip(&shapes) {
            let part = canvas.visible(mask.view(), *at);
            let seen = canvas.visible_mask(mask.view(), *at);
            prop_assert_eq!(seen.iter().filter(|&&set| set).count(), part.area);
            canvas.cover(id, mask.view(), *at)?;
            prop_assert_eq!(canvas.visible(mask.view(), *at).area, 0);
            parts.push(part);
        }
        prop_assert_eq!(canvas.owners(), painted.view());
        let regions = visible_regions(painted.view());
        for (id, part) in (1..).zip(&parts) {
            let pixels: Vec<_> =
                painted.indexed_iter().filter(|(_, owner)| **owner == id).map(|(at, _)| at).collect();
            prop_assert_eq!(pixels.len(), part.area);
            prop_assert!(part.area <= part.full_area && part.share() <= 1.0);
            let low = |f: fn(&(usize, usize)) -> usize| pixels.iter().map(f).min();
            let high = |f: fn(&(usize, usize)) -> usize| pixels.iter().map(f).max();
            let expected = match (low(|p| p.1), low(|p| p.0), high(|p| p.1), high(|p| p.0)) {
                (Some(x0), Some(y0), Some(x1), Some(y1)) => Some(Rect::new(
                    (x0 as f64, y0 as f64),
                    (x1 as f64 + 1.0, y1 as f64 + 1.0),
                )),
                _ => None,
            };
            prop_assert_eq!(part.extent, expected);
            let region = regions.iter().find(|region| region.0 == id);
            prop_assert_eq!(region.map(|region| (region.1, region.2)), expected.map(|b| (part.area, b)));
        }
    }

    #[test]
    fn runs_over_pixels_match_samples(
        cells in proptest::collection::vec(any::<bool>(), SIZE * SIZE),
        a in point(),
        b in point(),
    ) {
        let visible = Array2::from_shape_fn((SIZE, SIZE), |(i, j)| cells[i * SIZE + j]);
        let segment = Line::new(a, b);
        let runs = visible_runs(segment, visible.view())?;
        prop_assert!(runs.iter().all(|run| 0.0 <= run[0] && run[0] < run[1] && run[1] <= 1.0));
        prop_assert!(runs.windows(2).all(|pair| pair[0][1] < pair[1][0]));
        for k in 0..200 {
            let t = (f64::from(k) + 0.5) / 200.0;
            let p = a * (1.0 - t) + b * t;
            let near_edge = [p.x, p.y].iter().any(|v| (v - v.round()).abs() < 1e-9);
            let seen = pixel_of(p).is_some_and(|at| visible[at]);
            let run = runs.iter().any(|run| run[0] <= t && t <= run[1]);
            prop_assert!(near_edge || seen == run, "t = {}", t);
        }
        let line = LineString(vec![a, b]);
        let seen = [a, b].map(|p| pixel_of(p).is_some_and(|at| visible[at]));
        prop_assert_eq!(visible_vertices(&line, visible.view()), seen);
    }

    #[test]
    fn runs_behind_polygons_match_samples(
        polygons in proptest::collection::vec(prop_oneof![star(), tile()], 0..4),
        a in point(),
        b in point(),
    ) {
        let runs = visible_runs_behind(Line::new(a, b), &polygons)?;
        prop_assert_eq!(&runs, &Hiders::new(&polygons)?.visible_runs(Line::new(a, b))?);
        prop_assert!(runs.iter().all(|run| 0.0 <= run[0] && run[0] < run[1] && run[1] <= 1.0));
        prop_assert!(runs.windows(2).all(|pair| pair[0][1] < pair[1][0]));
        for k in 0..200 {
            let t = (f64::from(k) + 0.5) / 200.0;
            let p = a * (1.0 - t) + b * t;
            // Beside an edge, rounding may decide; along one, either answer is right.
            let near = polygons.iter().any(|polygon| {
                let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
                rings.flat_map(LineString::lines).any(|edge| point_segment_distance(p, edge) < 1e-9)
            });
            let seen = !polygons.iter().any(|polygon| {
                let hole = |ring: &LineString<f64>| Polygon::new(ring.clone(), Vec::new());
                inside(polygon, p) && !polygon.interiors().iter().any(|ring| inside(&hole(ring), p))
            });
            let run = runs.iter().any(|run| run[0] <= t && t <= run[1]);
            prop_assert!(near || seen == run, "t = {}", t);
        }
    }

    #[test]
    fn vectors_follow_their_rule(
        ends in proptest::collection::btree_set(0_u32..1000, 0..8),
        a in point(),
        b in point(),
    ) {
        let ends: Vec<f64> = ends.into_iter().map(|end| f64::from(end) / 999.0).collect();
        let runs: Vec<[f64; 2]> = ends.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
        let segment = Line::new(a, b);
        let at = |t: f64| a * (1.0 - t) + b * t;
        let longest = visible_vector(segment, &runs, VisibleVector::LongestRun);
        let extremes = visible_vector(segment, &runs, VisibleVector::Extremes);
        prop_assert_eq!(longest.is_none(), runs.is_empty());
        prop_assert_eq!(extremes.is_none(), runs.is_empty());
        if let (Some(longest), Some(extremes)) = (longest, extremes) {
            let length = |line: Line<f64>| line.dx().hypot(line.dy());
            for run in &runs {
                let run = Line::new(at(run[0]), at(run[1]));
                prop_assert!(length(run) <= length(longest) + 1e-9);
            }
            prop_assert_eq!(extremes, Line::new(at(runs[0][0]), at(runs[runs.len() - 1][1])));
            prop_assert!(length(longest) <= length(extremes) + 1e-9);
            // Same way as the segment.
            let dot = longest.dx() * segment.dx() + longest.dy() * segment.dy();
            prop_assert!(dot >= 0.0);
        }
    }

    /// A gap between two parts would add both its sides to the outline, an overlap would
    /// add to the area.
    #[test]
    fn visible_polygons_share_their_borders(polygons in page()) {
        let parts = visible_polygons(&polygons)?;
        for part in &parts {
            prop_assert_eq!(validate_multi_polygon(part), Ok(()));
        }
        let all: Vec<_> = parts.into_iter().flatten().collect();
        let union = union_all(&polygons)?;
        let free: f64 = outline(&all)?.iter().map(|line| line.dx().hypot(line.dy())).sum();
        let around: f64 = union.iter().map(perimeter).sum();
        prop_assert!((free - around).abs() < 1e-3, "{} around {}", free, around);
        let covered: f64 = union.iter().map(polygon_area).sum();
        prop_assert!((area(&all) - covered).abs() < 1e-3);
    }

    #[test]
    fn visible_polygons_tile_the_union(polygons in proptest::collection::vec(star(), 0..6)) {
        let parts = visible_polygons(&polygons)?;
        prop_assert_eq!(parts.len(), polygons.len());
        for k in 0..400 {
            // Off the edges almost surely.
            let (x, y) = (f64::from(k % 20) * 0.9 - 3.123, f64::from(k / 20) * 0.9 - 3.321);
            let p = Coord { x, y };
            let front = polygons.iter().position(|polygon| inside(polygon, p));
            let seen: Vec<_> = parts
                .iter()
                .enumerate()
                .filter(|(_, part)| {
                    part.0.iter().any(|piece| {
                        let mut holes = piece.interiors().iter();
                        let in_hole = |hole: &LineString<f64>| {
                            inside(&Polygon::new(hole.clone(), Vec::new()), p)
                        };
                        inside(piece, p) && !holes.any(in_hole)
                    })
                })
                .map(|(index, _)| index)
                .collect();
            prop_assert_eq!(seen, front.into_iter().collect::<Vec<_>>());
        }
        if let (Some(first), Some(part)) = (polygons.first(), parts.first()) {
            let full = signed_area(first.exterior());
            prop_assert!((area(&part.0) - full).abs() < 1e-6 * full);
        }
        for part in parts.iter().flat_map(|part| &part.0) {
            prop_assert!(signed_area(part.exterior()) > 0.0);
            prop_assert!(part.interiors().iter().all(|hole| signed_area(hole) < 0.0));
        }
    }
}

#[test]
fn a_bar_across_a_segment() {
    let segment = Line::new((0.5, 0.5), (9.5, 0.5));
    let mut visible = Array2::from_elem((1, 10), true);
    visible[[0, 3]] = false;
    let runs = visible_runs(segment, visible.view()).unwrap();
    let longest = visible_vector(segment, &runs, VisibleVector::LongestRun).unwrap();
    assert!((longest.start.x - 4.0).abs() < 1e-12);
    assert_eq!(longest.end, segment.end);
    assert_eq!(visible_vector(segment, &runs, VisibleVector::Extremes), Some(segment));
    let square = Rect::new((3.0, -2.0), (4.0, 2.0)).to_polygon();
    let behind = visible_runs_behind(segment, &[square]).unwrap();
    for (run, expected) in behind.iter().flatten().zip(runs.iter().flatten()) {
        assert!((run - expected).abs() < 1e-12);
    }
    // A hole lets the segment through.
    let mut labels = Array2::zeros((1, 10));
    fill_labels(&Rect::new((3.0, -2.0), (4.0, 2.0)).to_polygon(), 7, &mut labels);
    assert_eq!(visible_regions(labels.view()), [(7, 1, Rect::new((3.0, 0.0), (4.0, 1.0)))]);
}

#[test]
fn bad_input_is_refused() {
    let nan = Line::new((0.0, 0.0), (f64::NAN, 1.0));
    let none = Array2::from_elem((0, 0), true);
    let error = Error::NonFiniteLine { index: 1 };
    assert_eq!(visible_runs(nan, none.view()), Err(error.clone()));
    assert_eq!(visible_runs_behind(nan, &[]), Err(error));
    let dot = Line::new((0.5, 0.5), (0.5, 0.5));
    assert_eq!(visible_runs(dot, none.view()), Ok(Vec::new()));
    let one = Array2::from_elem((1, 1), true);
    assert_eq!(visible_runs(dot, one.view()), Ok(vec![[0.0, 1.0]]));
    assert_eq!(visible_runs_behind(dot, &[]), Ok(vec![[0.0, 1.0]]));
    let around = Rect::new((0.0, 0.0), (1.0, 1.0)).to_polygon();
    let beside = Rect::new((1.0, 0.0), (2.0, 1.0)).to_polygon();
    let both = [around, beside];
    assert_eq!(visible_runs_behind(dot, &both), Ok(Vec::new()));
    assert_eq!(visible_runs_behind(dot, &both[1..]), Ok(vec![[0.0, 1.0]]));
    // Nothing shows between polygons that share an edge.
    let across = Line::new((0.1, 0.3), (1.7, 0.8));
    assert_eq!(visible_runs_behind(across, &both), Ok(Vec::new()));
    let huge = Line::new((0.0, 0.0), (1e150, 0.0));
    assert!(matches!(visible_runs_behind(huge, &both), Err(Error::Parameter { .. })));
    let vast = Rect::new((0.0, -1e150), (1e150, 1e150)).to_polygon();
    assert!(matches!(Hiders::new(&[vast]), Err(Error::Item { index: 0, .. })));
    let mut canvas = Occlusion::new(1, 1);
    assert!(canvas.cover(0, one.view(), (0, 0)).is_err());
    assert_eq!(canvas.visible(one.view(), (i64::MIN, i64::MAX)).full_area, 0);
    // Coordinates of any size end without a panic.
    let sizes = [1e-300, 1e-9, 1e9, 1e99];
    let squares: Vec<_> =
        sizes.iter().map(|&size| Rect::new((0.0, 0.0), (size, size)).to_polygon()).collect();
    assert_eq!(visible_polygons(&squares).unwrap().len(), squares.len());
    let beyond = Rect::new((0.0, 0.0), (1e150, 1e150)).to_polygon();
    assert!(matches!(visible_polygons(&[beyond]), Err(Error::Item { index: 0, .. })));
    let empty = Polygon::new(LineString(Vec::new()), Vec::new());
    assert!(visible_polygons(&[empty]).is_err());
}

#[test]
fn a_thousand_squares_behind_each_other_are_frames() {
    let half = |k: u32| f64::from(k + 1);
    let square = |k: u32| Rect::new((-half(k), -half(k)), (half(k), half(k))).to_polygon();
    let squares: Vec<_> = (0..1000).map(square).collect();
    let frames = visible_polygons(&squares).unwrap();
    for (k, frame) in (0_u32..).zip(&frames) {
        let hole = if k > 0 { (2.0 * half(k - 1)).powi(2) } else { 0.0 };
        let expected = (2.0 * half(k)).powi(2) - hole;
        assert_eq!(frame.0.len(), 1);
        assert!((area(&frame.0) - expected).abs() < 1e-6, "{k}");
    }
    // From the back nothing but the largest is to be seen.
    let behind: Vec<_> = squares.into_iter().rev().collect();
    let parts = visible_polygons(&behind).unwrap();
    assert!(!parts[0].0.is_empty() && parts[1..].iter().all(|part| part.0.is_empty()));
}
