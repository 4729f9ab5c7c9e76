//! Coverages from polygons, their topology, and faults between polygons.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Connectivity, Coverage, CoverageFault, Error, MultiPolygonFault, PolygonFault, Simplification,
    TilePolygons, Window, fill_labels, merge_polygons, polygonize, polygonize_with, signed_area,
    validate_coverage, validate_multi_polygon,
};
use ndarray::{Array2, s};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn labels() -> impl Strategy<Value = Array2<u32>> {
    (1_usize..24, 1_usize..24, 1_u32..5, 1_usize..5).prop_flat_map(
        |(height, width, highest, block)| {
            proptest::collection::vec(0..=highest, height * width).prop_map(move |cells| {
                Array2::from_shape_fn((height, width), |(i, j)| {
                    cells[(i / block) * width + (j + i % block) / block]
                })
            })
        },
    )
}

fn connectivity() -> impl Strategy<Value = Connectivity> {
    prop_oneof![Just(Connectivity::Four), Just(Connectivity::Eight)]
}

fn method() -> impl Strategy<Value = Simplification> {
    let size = || prop_oneof![Just(0.5), Just(0.75), 0.5..6.0, Just(50.0)];
    prop_oneof![
        size().prop_map(|tolerance| Simplification::Distance { tolerance }),
        size().prop_map(|tolerance| Simplification::DouglasPeucker { tolerance }),
        size().prop_map(|size| Simplification::Visvalingam { area: size * size }),
    ]
}

fn page(map: &Array2<u32>) -> Window {
    Window { x: 0, y: 0, width: map.ncols() as u32, height: map.nrows() as u32 }
}

fn moved(polygon: &Polygon<f64>, x: f64, y: f64) -> Polygon<f64> {
    let ring = |ring: &LineString<f64>| ring.coords().map(|&p| p + Coord { x, y }).collect();
    Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect())
}

/// Polygons of the cells of a grid of cuts, each traced on its own.
fn in_tiles(map: &Array2<u32>, across: usize, down: usize) -> Vec<TilePolygons> {
    let mut tiles = Vec::new();
    for y in (0..map.nrows()).step_by(down) {
        for x in (0..map.ncols()).step_by(across) {
            let (width, height) = (across.min(map.ncols() - x), down.min(map.nrows() - y));
            let found = polygonize(map.slice(s![y..y + height, x..x + width])).polygons();
            let on_page =
                found.iter().map(|(label, polygon)| (*label, moved(polygon, x as f64, y as f64)));
            let [x, y, width, height] = [x, y, width, height].map(|v| v as u32);
            let core = Window { x, y, width, height };
            tiles.push(TilePolygons { core, polygons: on_page.collect() });
        }
    }
    tiles
}

/// A ring from its topmost vertex.
fn canonical(ring: &LineString<f64>) -> LineString<f64> {
    let mut points = ring.0.clone();
    points.pop();
    let order = |&k: &usize, &l: &usize| {
        let (p, q): (Coord<f64>, Coord<f64>) = (points[k], points[l]);
        p.y.total_cmp(&q.y).then(p.x.total_cmp(&q.x))
    };
    let start = (0..points.len()).min_by(order).unwrap_or(0);
    points.rotate_left(start);
    points.push(points[0]);
    LineString(points)
}

fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn ring_set(polygon: &Polygon<f64>) -> Vec<String> {
    let mut rings: Vec<_> = rings(polygon).map(|ring| format!("{:?}", canonical(ring))).collect();
    rings[1..].sort();
    rings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn polygons_give_their_coverage_back(map in labels(), connectivity in connectivity()) {
        let coverage = polygonize_with(map.view(), connectivity);
        let again = Coverage::from_polygons(&coverage.polygons(), page(&map), connectivity)?;
        prop_assert_eq!(&again, &coverage);
        prop_assert_eq!(again.multi_polygons(), coverage.multi_polygons());
    }

    #[test]
    fn tiles_merged_and_simplified_are_the_page_simplified(
        map in labels(),
        (across, down) in (1_usize..14, 1_usize..14),
        method in method(),
        connectivity in connectivity(),
    ) {
        let merged = merge_polygons(&in_tiles(&map, across, down))?;
        let coverage = Coverage::from_polygons(&merged, page(&map), connectivity)?;
        let whole = polygonize_with(map.view(), connectivity);
        prop_assert_eq!(&coverage, &whole);
        let (simple, expected) = (coverage.simplify_with(method)?, whole.simplify_with(method)?);
        prop_assert_eq!(simple.multi_polygons(), expected.multi_polygons());
    }

    /// Edges run in all directions here.
    #[test]
    fn simplified_polygons_give_a_coverage(map in labels(), method in method()) {
        let simple = polygonize(map.view()).simplify_with(method)?;
        let shapes: Vec<Polygon<f64>> = simple.polygons().into_iter().map(|(_, shape)| shape).collect();
        prop_assert_eq!(validate_coverage(&shapes, 0.0), Ok(()));
        let again = Coverage::from_polygons(&simple.polygons(), page(&map), Connectivity::Four)?;
        prop_assert_eq!((again.len(), again.vertices()), (simple.len(), simple.vertices()));
        for ((label, polygon), (other, expected)) in again.polygons().iter().zip(simple.polygons()) {
            prop_assert_eq!(*label, other);
            prop_assert_eq!(ring_set(polygon), ring_set(&expected));
        }
    }

    #[test]
    fn faces_are_put_together_from_arcs(map in labels(), connectivity in connectivity()) {
        let coverage = polygonize_with(map.view(), connectivity);
        let arcs: Vec<_> = coverage.arcs().collect();
        let mut uses = BTreeMap::new();
        let mut neighbours = vec![BTreeSet::new(); coverage.len()];
        let mut features: BTreeMap<usize, MultiPolygon<f64>> = BTreeMap::new();
        for (id, (face, (label, polygon))) in coverage.faces().zip(coverage.polygons()).enumerate() {
            prop_assert_eq!(face.label, label);
            prop_assert_eq!(face.rings.len(), 1 + polygon.interiors().len());
            for (ring, expected) in face.rings.iter().zip(rings(&polygon)) {
                let mut points: Vec<Coord<f64>> = Vec::new();
                for part in ring {
                    let arc = &arcs[part.arc];
                    let mut line = arc.line.0.clone();
                    let (mut sides, mut nodes) = (arc.faces, arc.nodes);
                    if part.reversed {
                        line.reverse();
                        sides.reverse();
                        if let Some(nodes) = &mut nodes {
                            nodes.reverse();
                        }
                    }
                    prop_assert_eq!(sides[0], Some(id));
                    neighbours[id].extend(sides[1]);
                    prop_assert!(uses.insert((part.arc, part.reversed), id).is_none());
                    prop_assert_eq!(points.pop().unwrap_or(line[0]), line[0]);
                    points.extend(line);
                }
                prop_assert_eq!(&points, &expected.0);
            }
            features.entry(face.feature).or_insert(MultiPolygon(Vec::new())).0.push(polygon);
        }
        let sides = arcs.iter().flat_map(|arc| arc.faces).flatten().count();
        prop_assert_eq!(uses.len(), sides);
        let expected: Vec<Vec<usize>> =
            neighbours.into_iter().map(|set| set.into_iter().collect()).collect();
        prop_assert_eq!(coverage.neighbours(), expected);
        let features: Vec<_> = features.into_values().collect();
        let expected = coverage.multi_polygons().into_iter().map(|(_, shape)| shape);
        prop_assert_eq!(features, expected.collect::<Vec<_>>());
    }
}

/// Faces of small masks, moved about: they overlap, touch and miss each other.
fn scattered() -> impl Strategy<Value = Vec<Polygon<f64>>> {
    let mask = (1_usize..5, 1_usize..5).prop_flat_map(|(height, width)| {
        (proptest::collection::vec(0_u32..3, height * width), (0_u8..9, 0_u8..9)).prop_map(
            move |(cells, (x, y))| {
                let map = Array2::from_shape_vec((height, width), cells).unwrap_or_default();
                let found = polygonize(map.view()).polygons();
                let at = move |(_, p): (u32, Polygon<f64>)| moved(&p, f64::from(x), f64::from(y));
                found.into_iter().map(at).collect::<Vec<_>>()
            },
        )
    });
    proptest::collection::vec(mask, 1..4).prop_map(|groups| groups.concat())
}

/// Whether some pixel is covered twice, by filling each polygon alone.
fn overlaps(shapes: &[Polygon<f64>]) -> bool {
    let mut count = Array2::<u32>::zeros((16, 16));
    for shape in shapes {
        let mut own = Array2::zeros((16, 16));
        fill_labels(shape, 1, &mut own);
        count += &own;
    }
    count.iter().any(|&count| count > 1)
}

/// Whether a vertex of one polygon lies inside an edge of another one.
fn is_unmatched(shapes: &[Polygon<f64>]) -> bool {
    let inside = |p: &Coord<f64>, a: Coord<f64>, b: Coord<f64>| {
        let between = |v: f64, a: f64, b: f64| a.min(b) < v && v < a.max(b);
        let same = |a: f64, b: f64, c: f64| a.total_cmp(&b).is_eq() && b.total_cmp(&c).is_eq();
        same(a.x, b.x, p.x) && between(p.y, a.y, b.y)
            || same(a.y, b.y, p.y) && between(p.x, a.x, b.x)
    };
    shapes.iter().enumerate().any(|(k, shape)| {
        let others = shapes.iter().enumerate().filter(|(l, _)| *l != k).map(|(_, other)| other);
        let lines: Vec<_> = others.flat_map(rings).flat_map(LineString::lines).collect();
        let points = rings(shape).flat_map(LineString::coords);
        points.into_iter().any(|p| lines.iter().any(|line| inside(p, line.start, line.end)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn faults_between_polygons_are_those_of_the_pixels(shapes in scattered()) {
        let (overlaps, unmatched) = (overlaps(&shapes), is_unmatched(&shapes));
        match validate_coverage(&shapes, 0.0) {
            Ok(()) => prop_assert!(!overlaps && !unmatched, "{:?}", shapes),
            Err(Error::Coverage(CoverageFault::Overlap { first, second, .. })) => {
                prop_assert!(first < second);
                prop_assert!(self::overlaps(&[shapes[first].clone(), shapes[second].clone()]));
            }
            Err(Error::Coverage(CoverageFault::Unmatched { first, second, .. })) => {
                prop_assert!(first < second);
                prop_assert!(is_unmatched(&[shapes[first].clone(), shapes[second].clone()]));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Areas without label that do not reach the border, from the smallest.
    #[test]
    fn gaps_are_the_surrounded_zeros(map in labels(), share in 0.0..1.5) {
        let shapes: Vec<Polygon<f64>> =
            polygonize(map.view()).polygons().into_iter().map(|(_, shape)| shape).collect();
        let (height, width) = map.dim();
        let mut zeros = Array2::from_elem((height + 2, width + 2), 1_u32);
        zeros.slice_mut(s![1..=height, 1..=width]).assign(&map.mapv(|label| u32::from(label == 0)));
        let voids = polygonize(zeros.view()).polygons();
        // The first one is the outside.
        let areas = voids[1..].iter().map(|(_, shape)| signed_area(shape.exterior()));
        let smallest = areas.clone().fold(f64::INFINITY, f64::min);
        let limit = if smallest.is_finite() { smallest * share } else { 1e9 };
        match validate_coverage(&shapes, limit) {
            Ok(()) => prop_assert!(limit < smallest),
            Err(Error::Coverage(CoverageFault::Gap { first, second, x, y, area })) => {
                prop_assert!(area <= limit && first <= second && second < shapes.len());
                prop_assert!(areas.clone().any(|other| (other - area).abs() < 1e-9));
                let has = |id: usize| rings(&shapes[id]).any(|ring| ring.0.contains(&Coord { x, y }));
                prop_assert!(has(first) || has(second));
            }
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert_eq!(validate_coverage(&shapes, f64::INFINITY).is_ok(), voids.len() == 1);
    }
}

fn square(x: f64, y: f64, side: f64) -> Polygon<f64> {
    let ring = vec![(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)];
    Polygon::new(ring.into(), Vec::new())
}

#[test]
fn faults_name_the_polygons() {
    let fault = |shapes: &[Polygon<f64>]| match validate_coverage(shapes, 2.0) {
        Err(Error::Coverage(fault)) => Some(fault),
        _ => None,
    };
    assert_eq!(validate_coverage(&[], f64::INFINITY), Ok(()));
    let (a, inner, far) = (square(0.0, 0.0, 9.0), square(3.0, 3.0, 2.0), square(20.0, 0.0, 1.0));
    let overlap = CoverageFault::Overlap { first: 0, second: 2, x: 3.0, y: 3.0 };
    assert_eq!(fault(&[a.clone(), far.clone(), inner.clone()]), Some(overlap));
    assert_eq!(
        fault(&[inner.clone(), far.clone(), a.clone()]),
        Some(CoverageFault::Overlap { first: 0, second: 2, x: 3.0, y: 3.0 })
    );
    assert!(matches!(
        fault(&[a.clone(), a.clone()]),
        Some(CoverageFault::Overlap { first: 0, second: 1, .. })
    ));
    let beside = square(9.0, 3.0, 3.0);
    assert!(matches!(
        fault(&[a.clone(), beside]),
        Some(CoverageFault::Unmatched { first: 0, second: 1, .. })
    ));
    let bow = vec![(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0), (0.0, 0.0)];
    assert!(matches!(
        fault(&[far.clone(), Polygon::new(bow.into(), Vec::new())]),
        Some(CoverageFault::Polygon { polygon: 1, fault: PolygonFault::SelfCrossing { .. } })
    ));
    let frame = Polygon::new(a.exterior().clone(), vec![square(3.0, 3.0, 1.0).exterior().clone()]);
    let gap = CoverageFault::Gap { first: 1, second: 1, x: 3.0, y: 3.0, area: 1.0 };
    assert_eq!(fault(&[far, frame]), Some(gap));
    for bad in [f64::NAN, -1.0] {
        assert!(matches!(validate_coverage(&[], bad), Err(Error::Parameter { .. })));
    }
}

#[test]
fn polygons_that_make_no_coverage_are_refused() {
    let page = Window { x: 1, y: 0, width: 20, height: 20 };
    let make = |shapes: &[(u32, Polygon<f64>)], connectivity| {
        Coverage::from_polygons(shapes, page, connectivity)
    };
    let off = |shape: Polygon<f64>| {
        let found = make(&[(1, square(2.0, 2.0, 3.0)), (1, shape)], Connectivity::Four);
        matches!(found, Err(Error::Coverage(CoverageFault::OffLattice { polygon: 1, .. })))
    };
    assert!(
        off(square(6.5, 2.0, 3.0)) && off(square(0.0, 2.0, 3.0)) && off(square(6.0, 18.0, 3.0))
    );
    let nan = Polygon::new(vec![(2.0, f64::NAN), (3.0, 1.0), (2.0, 2.0)].into(), Vec::new());
    assert!(matches!(
        make(&[(1, nan)], Connectivity::Four),
        Err(Error::Coverage(CoverageFault::Polygon { polygon: 0, .. }))
    ));
    let twins = [(5, square(2.0, 2.0, 3.0)), (5, square(5.0, 2.0, 3.0))];
    assert_eq!(make(&twins, Connectivity::Four).map(|coverage| coverage.len()), Ok(2));
    assert!(matches!(
        make(&twins, Connectivity::Eight),
        Err(Error::MultiPolygon(MultiPolygonFault::SharedLine { first: 0, second: 1, .. }))
    ));
    assert!(make(&[], Connectivity::Eight).is_ok_and(|coverage| coverage.is_empty()));
    let empty = Polygon::new(LineString(Vec::new()), Vec::new());
    assert!(make(&[(1, empty)], Connectivity::Four).is_err());
}

/// Squares of numbers beyond 1e154 are no numbers.
#[test]
fn gaps_of_extreme_sizes_are_found() {
    for scale in [1e-200, 1e-3, 1e153, 1e200, 1e300] {
        let [outer, hole] = [9.0 * scale, scale].map(|side| {
            let at = scale;
            let end = at + side;
            LineString::from(vec![(at, at), (end, at), (end, end), (at, end), (at, at)])
        });
        let hole: LineString<f64> =
            hole.coords().map(|p| Coord { x: p.x + 2.0 * scale, y: p.y + 2.0 * scale }).collect();
        let frame = [Polygon::new(outer, vec![hole])];
        let found = validate_coverage(&frame, f64::INFINITY);
        let Err(Error::Coverage(CoverageFault::Gap { first: 0, second: 0, area, .. })) = found
        else {
            panic!("{scale}: {found:?}");
        };
        let expected = scale * scale;
        assert!(
            area.is_infinite() && expected.is_infinite()
                || (area - expected).abs() <= 1e-9 * expected
        );
    }
}

/// The widths are beyond all numbers, though the coordinates are not.
#[test]
fn gaps_about_the_origin_are_found_up_to_the_largest_numbers() {
    for scale in [1e-300, 1.0, 1e153, 1e300, 1e308, 1.19e308] {
        let [outer, hole] = [1.5 * scale, scale].map(|end| {
            LineString::from(vec![(-end, -end), (end, -end), (end, end), (-end, end), (-end, -end)])
        });
        let found = validate_coverage(&[Polygon::new(outer, vec![hole])], f64::INFINITY);
        let Err(Error::Coverage(CoverageFault::Gap { first: 0, second: 0, area, .. })) = found
        else {
            panic!("{scale}: {found:?}");
        };
        let expected = 4.0 * scale * scale;
        assert!(
            area.is_infinite() && expected.is_infinite()
                || (area - expected).abs() <= 1e-9 * expected
        );
    }
}

/// Where products of tiny differences vanish beside larger coordinates, directions seem
/// equal that are not: nothing is sorted by such a comparison.
#[test]
fn fans_of_very_different_sizes_do_not_panic() {
    for small in [1e-165, 1e-200, 1e-320] {
        for count in [24_u32, 70, 150] {
            let at = |k: u32| {
                let angle = std::f64::consts::TAU * f64::from(k) / f64::from(2 * count);
                let size = if k.is_multiple_of(3) { 1.0 } else { small * f64::from(1 + k % 7) };
                (size * angle.cos(), size * angle.sin())
            };
            for shared in [0, 1] {
                let triangle = |k: u32| {
                    let ring = vec![(0.0, 0.0), at(2 * k), at(2 * k + 1 + shared)];
                    Polygon::new(ring.into(), Vec::new())
                };
                let fan: Vec<Polygon<f64>> = (0..count).map(triangle).collect();
                let _ = validate_coverage(&fan, f64::INFINITY);
                let _ = validate_multi_polygon(&MultiPolygon(fan));
            }
        }
    }
}
