//! Polygonized label maps stay valid partitions at every tolerance.

use geo_types::Coord;
use mapvec_geometry::{
    Connectivity, Coverage, Simplification, fill_labels, polygonize, polygonize_with, signed_area,
    simplify_line, validate_multi_polygon, validate_polygon,
};
use ndarray::Array2;
use proptest::prelude::*;
use std::collections::HashMap;

fn labels(lowest: u32) -> impl Strategy<Value = Array2<u32>> {
    (1_usize..24, 1_usize..24, 1_u32..5, 1_usize..4).prop_flat_map(
        move |(height, width, highest, block)| {
            let highest = highest.max(lowest);
            proptest::collection::vec(lowest..=highest, height * width).prop_map(move |cells| {
                // Blocks give larger faces than independent pixels do.
                Array2::from_shape_fn((height, width), |(i, j)| {
                    cells[(i / block) * width + (j + i % block) / block]
                })
            })
        },
    )
}

/// Area of a polygon without its holes, from the ring orientations alone.
fn area(polygon: &geo_types::Polygon<f64>) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(signed_area).sum();
    signed_area(polygon.exterior()) + holes
}

fn check_valid(coverage: &Coverage) -> Result<(), TestCaseError> {
    for (_, polygon) in coverage.polygons() {
        prop_assert_eq!(validate_polygon(&polygon), Ok(()), "{:?}", polygon);
        prop_assert!(signed_area(polygon.exterior()) > 0.0);
        prop_assert!(polygon.interiors().iter().all(|ring| signed_area(ring) < 0.0));
    }
    Ok(())
}

/// Every segment is used once per direction at most; returns those used once.
fn free_segments(coverage: &Coverage) -> Result<Vec<[Coord<f64>; 2]>, TestCaseError> {
    let key = |a: Coord<f64>, b: Coord<f64>| [a.x, a.y, b.x, b.y].map(f64::to_bits);
    let mut used = HashMap::new();
    for (_, polygon) in coverage.polygons() {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            for line in ring.lines() {
                let twice = used.insert(key(line.start, line.end), line);
                prop_assert!(twice.is_none(), "two faces on one side of {:?}", line);
            }
        }
    }
    let free = used.values().filter(|line| !used.contains_key(&key(line.end, line.start)));
    Ok(free.map(|line| [line.start, line.end]).collect())
}

fn method() -> impl Strategy<Value = Simplification> {
    let size = || prop_oneof![Just(0.0), Just(0.5), Just(0.75), 0.5..6.0, Just(50.0)];
    prop_oneof![
        size().prop_map(|tolerance| Simplification::Distance { tolerance }),
        size().prop_map(|tolerance| Simplification::DouglasPeucker { tolerance }),
        size().prop_map(|size| Simplification::Visvalingam { area: size * size }),
    ]
}

/// Simplifies the border between two labels above each other, which runs from the left
/// side of the raster to the right one, and compares it with a simplified line.
fn check_free_arc(
    heights: &[usize],
    method: Simplification,
    twin: impl Fn(&[Coord<f64>]) -> Vec<Coord<f64>>,
) -> Result<(), TestCaseError> {
    let labels =
        Array2::from_shape_fn((24, heights.len()), |(i, j)| 1 + u32::from(i >= heights[j]));
    let coverage = polygonize(labels.view());
    let border = |coverage: &Coverage| {
        let polygon = coverage.polygons().swap_remove(1).1;
        let ring = &polygon.exterior().0;
        let mut points: Vec<_> = ring[1..].iter().filter(|p| p.y < 20.0).copied().collect();
        // The ring starts somewhere; put the left end first.
        let start = points.iter().position(|p| p.x == 0.0).unwrap_or(0);
        points.rotate_left(start);
        points
    };
    let line = border(&coverage);
    let kept = border(&coverage.simplify_with(method)?);
    // Arcs run either way, and of two vertices alike the first goes or stays.
    let forth = twin(&line);
    let mut back = twin(&line.iter().rev().copied().collect::<Vec<_>>());
    back.reverse();
    prop_assert!(kept == forth || kept == back, "{:?} instead of {:?}", kept, forth);
    Ok(())
}

/// Drops the inner vertex of least cost, again and again while that is at most `limit`;
/// the cost is asked for the stretch from the kept vertex before to the one behind.
fn cheapest_first(
    line: &[Coord<f64>],
    limit: f64,
    cost: impl Fn(&[Coord<f64>], usize) -> f64,
) -> Vec<Coord<f64>> {
    let mut kept: Vec<usize> = (0..line.len()).collect();
    loop {
        let costs = (1..kept.len() - 1).map(|k| {
            let [before, middle, behind] = [kept[k - 1], kept[k], kept[k + 1]];
            (k, cost(&line[before..=behind], middle - before))
        });
        match costs.min_by(|p, q| p.1.total_cmp(&q.1)) {
            Some((k, least)) if least <= limit => kept.remove(k),
            _ => return kept.into_iter().map(|k| line[k]).collect(),
        };
    }
}

fn to_segment(p: Coord<f64>, [a, b]: [Coord<f64>; 2]) -> f64 {
    let (d, v) = (b - a, p - a);
    let t = ((v.x * d.x + v.y * d.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
    (v.x - t * d.x).hypot(v.y - t * d.y)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn unsimplified_polygons_are_the_pixels(labels in labels(0)) {
        let coverage = polygonize(labels.view());
        check_valid(&coverage)?;
        let mut drawn = Array2::zeros(labels.dim());
        let mut total = 0.0;
        for (label, polygon) in coverage.polygons() {
            fill_labels(&polygon, label, &mut drawn);
            total += area(&polygon);
        }
        prop_assert_eq!(&drawn, &labels);
        let pixels = labels.iter().filter(|&&label| label > 0).count() as f64;
        prop_assert!((total - pixels).abs() < 1e-9);
    }

    #[test]
    fn simplified_polygons_are_valid_and_share_borders(
        labels in labels(0),
        method in method(),
    ) {
        let coverage = polygonize_with(labels.view(), Connectivity::Eight);
        let simple = coverage.simplify_with(method)?;
        check_valid(&simple)?;
        for (_, feature) in simple.multi_polygons() {
            prop_assert_eq!(validate_multi_polygon(&feature), Ok(()), "{:?}", feature);
        }
        prop_assert!(simple.vertices() <= coverage.vertices());
        prop_assert_eq!(simple.len(), coverage.len());
        free_segments(&simple)?;
    }

    #[test]
    fn full_partitions_keep_their_area(labels in labels(1), method in method()) {
        let simple = polygonize(labels.view()).simplify_with(method)?;
        let total: f64 = simple.polygons().iter().map(|(_, polygon)| area(polygon)).sum();
        prop_assert!((total - labels.len() as f64).abs() < 1e-6);
        let (height, width) = labels.dim();
        for [a, b] in free_segments(&simple)? {
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            let on_border = |a: f64, b: f64, end: usize| {
                near(a, b) && (near(a, 0.0) || near(a, end as f64))
            };
            prop_assert!(on_border(a.x, b.x, width) || on_border(a.y, b.y, height));
        }
    }

    #[test]
    fn dropped_vertices_stay_within_the_tolerance(labels in labels(0), tolerance in 0.3..5.0) {
        let coverage = polygonize(labels.view());
        let simple = coverage.simplify(tolerance)?;
        for ((_, before), (_, after)) in coverage.polygons().iter().zip(simple.polygons()) {
            let lines: Vec<_> = std::iter::once(after.exterior())
                .chain(after.interiors())
                .flat_map(|ring| ring.lines())
                .collect();
            for p in before.exterior().coords() {
                let distance = lines.iter().map(|line| to_segment(*p, [line.start, line.end]));
                prop_assert!(distance.fold(f64::INFINITY, f64::min) <= tolerance + 1e-9);
            }
        }
    }

    /// One border from the left side of the raster to the right one: nothing is in
    /// the way, so its vertices are those of the line alone.
    #[test]
    fn douglas_peucker_on_a_free_arc_is_that_of_the_line(
        heights in proptest::collection::vec(6_usize..18, 1..30),
        tolerance in 0.0..6.0,
    ) {
        let method = Simplification::DouglasPeucker { tolerance };
        let simple = |line: &[Coord<f64>]| match simplify_line(&line.to_vec().into(), tolerance) {
            Ok(line) => line.0,
            Err(error) => panic!("{error}"),
        };
        check_free_arc(&heights, method, simple)?;
    }

    #[test]
    fn visvalingam_on_a_free_arc_is_the_textbook_loop(
        heights in proptest::collection::vec(6_usize..18, 1..30),
        area in 0.0..12.0,
    ) {
        let cost = |stretch: &[Coord<f64>], middle: usize| {
            let (u, v) = (stretch[middle] - stretch[0], stretch[stretch.len() - 1] - stretch[0]);
            (u.x * v.y - u.y * v.x).abs()
        };
        let method = Simplification::Visvalingam { area };
        check_free_arc(&heights, method, |line| cheapest_first(line, 2.0 * area, cost))?;
    }

    #[test]
    fn nearest_first_on_a_free_arc_is_the_textbook_loop(
        heights in proptest::collection::vec(6_usize..18, 1..30),
        tolerance in 0.0..6.0,
    ) {
        let cost = |stretch: &[Coord<f64>], _: usize| {
            let last = stretch.len() - 1;
            let chord = [stretch[0], stretch[last]];
            stretch[1..last].iter().map(|&p| to_segment(p, chord).powi(2)).fold(0.0, f64::max)
        };
        let method = Simplification::Distance { tolerance };
        check_free_arc(&heights, method, |line| cheapest_first(line, tolerance.powi(2), cost))?;
    }
}
