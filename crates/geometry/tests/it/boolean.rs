//! Overlays have the areas of set theory and valid results.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Error, OffsetConfig, PolygonFault, Ring, difference, fill_labels, intersection,
    offset_polygons, polygon_area, polygon_iou, polygonize, signed_area, union, union_all,
    validate_multi_polygon, validate_polygon, xor,
};
use ndarray::Array2;
use proptest::prelude::*;
use std::f64::consts::TAU;

fn area(shapes: &MultiPolygon<f64>) -> f64 {
    shapes.iter().map(polygon_area).sum()
}

/// A star-shaped polygon, with a hole of the same shape if `hole` says so.
fn star(radii: &[f64], centre: Coord<f64>, hole: bool) -> Polygon<f64> {
    let ring = |scale: f64| -> LineString<f64> {
        let step = TAU / radii.len() as f64;
        let points = radii.iter().enumerate().map(|(k, r)| {
            let (sin, cos) = (k as f64 * step).sin_cos();
            centre + Coord { x: cos, y: sin } * (r * scale)
        });
        points.collect()
    };
    Polygon::new(ring(1.0), if hole { vec![ring(0.5)] } else { Vec::new() })
}

fn stars() -> impl Strategy<Value = Polygon<f64>> {
    let radii = proptest::collection::vec(2.0..9.0_f64, 3..70);
    (radii, -9.0..9.0_f64, -9.0..9.0_f64, any::<bool>())
        .prop_map(|(radii, x, y, hole)| star(&radii, Coord { x, y }, hole))
}

fn rectangle(x: f64, y: f64, w: f64, h: f64) -> Polygon<f64> {
    let ring = vec![(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
    Polygon::new(ring.into(), Vec::new())
}

fn masks() -> impl Strategy<Value = [Array2<u32>; 2]> {
    (1_usize..12, 1_usize..12).prop_flat_map(|(height, width)| {
        let mask = move || {
            proptest::collection::vec(0_u32..2, height * width).prop_map(move |cells| {
                Array2::from_shape_fn((height, width), |(i, j)| cells[i * width + j])
            })
        };
        [mask(), mask()]
    })
}

fn traced(mask: &Array2<u32>) -> Vec<Polygon<f64>> {
    polygonize(mask.view()).polygons().into_iter().map(|(_, polygon)| polygon).collect()
}

fn check_valid(shapes: &MultiPolygon<f64>) -> Result<(), TestCaseError> {
    for polygon in shapes {
        prop_assert_eq!(validate_polygon(polygon), Ok(()), "{:?}", polygon);
        prop_assert!(signed_area(polygon.exterior()) > 0.0);
        prop_assert!(polygon.interiors().iter().all(|ring| signed_area(ring) < 0.0));
    }
    Ok(())
}

/// All four results, checked to be valid.
fn all_four(
    a: &[Polygon<f64>],
    b: &[Polygon<f64>],
) -> Result<[MultiPolygon<f64>; 4], TestCaseError> {
    let results = [union(a, b)?, intersection(a, b)?, difference(a, b)?, xor(a, b)?];
    results.iter().try_for_each(check_valid)?;
    Ok(results)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn areas_of_stars_add_up(a in stars(), b in stars(), offset in prop_oneof![Just(0.0), Just(1e6), Just(1e9)]) {
        let far = |polygon: &Polygon<f64>| {
            let move_ring = |ring: &LineString<f64>| -> LineString<f64> {
                ring.coords().map(|&p| p + Coord { x: offset, y: -offset }).collect()
            };
            Polygon::new(move_ring(polygon.exterior()), polygon.interiors().iter().map(move_ring).collect())
        };
        let (a, b) = ([far(&a)], [far(&b)]);
        let (area_a, area_b) = (polygon_area(&a[0]), polygon_area(&b[0]));
        let results = all_four(&a, &b)?;
        let [joined, common, rest, either] = results.each_ref().map(area);
        // Perimeters below 2000 times a grid step below 2e-7.
        let slack = if offset > 1e8 { 1e-2 } else { 4e-4 };
        prop_assert!((joined + common - area_a - area_b).abs() < slack);
        prop_assert!((rest - (area_a - common)).abs() < slack);
        prop_assert!((either - (joined - common)).abs() < slack);
        let iou = polygon_iou(&a, &b)?;
        prop_assert!((iou - common / joined).abs() < 0.02 * slack);
        // Results are operands again.
        let again = union(&results[2].0, &results[1].0)?;
        check_valid(&again)?;
        prop_assert!((area(&again) - area_a).abs() < slack);
        let nothing = intersection(&results[2].0, &results[1].0)?;
        prop_assert!(area(&nothing) < slack);
    }

    #[test]
    fn masks_and_their_polygons_agree(masks in masks()) {
        let [a, b] = masks.each_ref().map(traced);
        let operations: [fn(u32, u32) -> u32; 4] =
            [|p, q| p | q, |p, q| p & q, |p, q| p & (1 - q), |p, q| p ^ q];
        for (shapes, operation) in all_four(&a, &b)?.iter().zip(operations) {
            let mut expected = masks[0].clone();
            expected.zip_mut_with(&masks[1], |p, &q| *p = operation(*p, q));
            let mut drawn = Array2::zeros(expected.dim());
            for polygon in shapes {
                fill_labels(polygon, 1, &mut drawn);
            }
            prop_assert_eq!(&drawn, &expected);
            prop_assert!((area(shapes) - f64::from(expected.sum())).abs() < 1e-9);
        }
    }

    #[test]
    fn union_of_all_is_the_union_one_by_one(shapes in proptest::collection::vec(stars(), 0..8)) {
        let all = union_all(&shapes)?;
        check_valid(&all)?;
        let mut fold = MultiPolygon(Vec::new());
        for shape in &shapes {
            fold = union(&fold.0, std::slice::from_ref(shape))?;
        }
        prop_assert!((area(&all) - area(&fold)).abs() < 1e-3);
        // An operand may overlap itself.
        let (first, second) = shapes.split_at(shapes.len() / 2);
        prop_assert!((area(&union(first, second)?) - area(&all)).abs() < 1e-6);
    }

    #[test]
    fn polygons_on_few_points(
        corners in proptest::collection::vec((0_i8..7, 0_i8..7), 6..30),
        (scale, angle, offset) in prop_oneof![
            Just((1.0, 0.0, 0.0)), Just((0.1, 0.0, 0.3)), Just((0.37, 0.3, 1e5)), Just((0.37, 0.3, 1e8)),
        ],
    ) {
        let (sin, cos) = f64::sin_cos(angle);
        let place = |&(x, y): &(i8, i8)| {
            let (x, y) = (f64::from(x) * scale, f64::from(y) * scale);
            (offset + cos * x - sin * y, offset + sin * x + cos * y)
        };
        // Triangles that touch, share edges and vertices.
        let triangles: Vec<Polygon<f64>> = corners
            .chunks_exact(3)
            .map(|c| {
                let ring = c.iter().map(place).collect();
                Polygon::new(ring, Vec::new())
            })
            .filter(|polygon| validate_polygon(polygon).is_ok() && polygon_area(polygon) > 1e-3 * scale)
            .collect();
        let (a, b) = triangles.split_at(triangles.len() / 2);
        // Unions have holes and contacts.
        let (a, b) = (&union_all(a)?.0[..], &union_all(b)?.0[..]);
        let [joined, common, rest, either] = all_four(a, b)?.each_ref().map(area);
        let (area_a, area_b) = (area(&union_all(a)?), area(&union_all(b)?));
        prop_assert!((joined + common - area_a - area_b).abs() < 1e-6);
        prop_assert!((rest - (area_a - common)).abs() < 1e-6);
        prop_assert!((either - (joined - common)).abs() < 1e-6);
    }

    #[test]
    fn nearly_degenerate_polygons(
        corners in proptest::collection::vec((0_i8..4, 0_i8..4, -3_i8..4, -3_i8..4), 12..40),
        noise in prop_oneof![Just(1e-12), Just(1e-9), Just(3e-9), Just(2e-8), Just(1e-6)],
    ) {
        // Corners that almost coincide and sides that almost overlap, by about a step.
        let place = |&(x, y, dx, dy): &(i8, i8, i8, i8)| {
            (f64::from(x) + noise * f64::from(dx), f64::from(y) + noise * f64::from(dy))
        };
        let shapes: Vec<Polygon<f64>> = corners
            .chunks_exact(4)
            .map(|c| Polygon::new(c.iter().map(place).collect(), Vec::new()))
            .filter(|polygon| validate_polygon(polygon).is_ok())
            .collect();
        let (a, b) = shapes.split_at(shapes.len() / 2);
        let [joined, common, rest, either] = all_four(a, b)?.each_ref().map(area);
        let (area_a, area_b) = (area(&union_all(a)?), area(&union_all(b)?));
        prop_assert!((joined + common - area_a - area_b).abs() < 1e-6);
        prop_assert!((rest - (area_a - common)).abs() < 1e-6);
        prop_assert!((either - (joined - common)).abs() < 1e-6);
    }

    #[test]
    fn bad_coordinates_are_errors(
        index in 0_usize..4,
        value in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e300), Just(-f64::MAX)],
    ) {
        let mut ring = rectangle(0.0, 0.0, 2.0, 2.0).exterior().clone();
        ring.0[index].x = value;
        let broken = [Polygon::new(ring, Vec::new())];
        let good = [rectangle(0.0, 0.0, 2.0, 2.0)];
        prop_assert!(union(&broken, &good).is_err());
        prop_assert!(xor(&good, &broken).is_err());
        prop_assert!(union_all(&broken).is_err());
        prop_assert!(polygon_iou(&good, &broken).is_err());
    }
}

#[test]
fn squares_in_every_relation() {
    // Second square, then areas of union, intersection, difference and xor.
    let cases = [
        ("identical", (0.0, 0.0, 10.0), [100.0, 100.0, 0.0, 0.0]),
        ("shared edge", (10.0, 0.0, 10.0), [200.0, 0.0, 100.0, 200.0]),
        ("common corner", (10.0, 10.0, 10.0), [200.0, 0.0, 100.0, 200.0]),
        ("overlap", (5.0, 5.0, 10.0), [175.0, 25.0, 75.0, 150.0]),
        ("inside", (2.0, 2.0, 3.0), [100.0, 9.0, 91.0, 91.0]),
        ("inside, touching", (0.0, 2.0, 3.0), [100.0, 9.0, 91.0, 91.0]),
        ("apart", (30.0, 0.0, 5.0), [125.0, 0.0, 100.0, 125.0]),
        ("part of an edge", (10.0, 5.0, 10.0), [200.0, 0.0, 100.0, 200.0]),
    ];
    let a = [rectangle(0.0, 0.0, 10.0, 10.0)];
    for (name, (x, y, side), expected) in cases {
        let results = all_four(&a, &[rectangle(x, y, side, side)]).unwrap();
        for (shapes, expected) in results.iter().zip(expected) {
            assert!((area(shapes) - expected).abs() < 1e-5, "{name}: {} {expected}", area(shapes));
            assert_eq!(shapes.0.is_empty(), expected < 1e-5, "{name}");
        }
    }
    let hole = difference(&a, &[rectangle(2.0, 2.0, 3.0, 3.0)]).unwrap();
    assert_eq!((hole.0.len(), hole.0[0].interiors().len()), (1, 1));
    assert_eq!(union(&[], &[]).unwrap().0.len(), 0);
    assert_eq!(intersection(&a, &[]).unwrap().0.len(), 0);
}

#[test]
fn rings_nested_deeply() {
    let frames: Vec<Polygon<f64>> = (0..400_u32)
        .map(|k| {
            let (outer, inner) = (f64::from(2 * k + 2), f64::from(2 * k + 1));
            let square = |r: f64| rectangle(-r, -r, 2.0 * r, 2.0 * r).exterior().clone();
            Polygon::new(square(outer), vec![square(inner)])
        })
        .collect();
    let all = union_all(&frames).unwrap();
    assert_eq!(all.0.len(), 400);
    assert!(all.iter().all(|frame| frame.interiors().len() == 1));
    // The gaps are what remains of the largest square.
    let full = [rectangle(-800.0, -800.0, 1600.0, 1600.0)];
    let gaps = difference(&full, &frames).unwrap();
    assert_eq!(gaps.0.len(), 400);
    assert!((area(&all) + area(&gaps) - 1600.0 * 1600.0).abs() < 0.1);
}

#[test]
fn octagon_and_lens() {
    // A square and itself turned by 45 degrees share a regular octagon.
    let square = star(&[1.0; 4], Coord { x: 0.0, y: 0.0 }, false);
    let h = 0.5_f64.sqrt();
    let turned = rectangle(-h, -h, 2.0 * h, 2.0 * h);
    let octagon = area(&intersection(&[square], &[turned]).unwrap());
    assert!((octagon - 4.0 * (2.0_f64.sqrt() - 1.0)).abs() < 1e-7);
    // Two unit discs at distance 1: 2 pi / 3 - sqrt(3) / 2.
    let disc = |x| star(&vec![1.0; 4000], Coord { x, y: 0.0 }, false);
    let lens = area(&intersection(&[disc(0.0)], &[disc(1.0)]).unwrap());
    let expected = TAU / 3.0 - 0.75_f64.sqrt();
    assert!((lens - expected).abs() < 2e-6, "{lens} {expected}");
}

#[test]
fn vertices_move_by_less_than_the_stated_step() {
    for scale in [1e-30, 1e-3, 1.0, 1000.0, 1e30] {
        let radii: Vec<f64> =
            (0..500_u32).map(|k| scale * (1.0 + 0.3 * f64::from(k).sin())).collect();
        let shape = star(&radii, Coord { x: 0.3 * scale, y: 0.1 * scale }, false);
        let result = union_all(std::slice::from_ref(&shape)).unwrap();
        let step = 1.31 * scale * 2.0_f64.powi(-28);
        let nearest = |p: &Coord<f64>| {
            let distances = shape.exterior().coords().map(|q| (p.x - q.x).hypot(p.y - q.y));
            distances.fold(f64::INFINITY, f64::min)
        };
        let moved = result.0[0].exterior().coords().map(nearest).fold(0.0, f64::max);
        assert!(moved <= 0.71 * step && moved > 0.05 * step, "{scale} {}", moved / step);
    }
}

#[test]
fn invalid_polygons_are_named() {
    let bow = vec![(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)];
    let bow = [Polygon::new(bow.into(), Vec::new())];
    let square = [rectangle(0.0, 0.0, 2.0, 2.0)];
    let (ring, x, y) = (Ring::Exterior, 1.0, 1.0);
    let of_item = |list, index, fault: PolygonFault| {
        Err(Error::Item { list, index, source: Box::new(fault.into()) })
    };
    let crossing = PolygonFault::SelfCrossing { ring, x, y };
    assert_eq!(union(&square, &bow), of_item("b", 0, crossing));
    let second = [square[0].clone(), bow[0].clone()];
    assert_eq!(union_all(&second), of_item("polygons", 1, crossing));
    let empty = [Polygon::new(LineString(Vec::new()), Vec::new())];
    let few = PolygonFault::TooFewPoints(Ring::Exterior);
    assert_eq!(intersection(&square, &empty), of_item("b", 0, few));
}

/// A comb whose teeth point down, or to the right.
fn comb(teeth: u32, length: f64, down: bool) -> Polygon<f64> {
    let mut ring = vec![(-1.0, -1.0)];
    for k in 0..teeth {
        let x = f64::from(k);
        ring.extend([(x, -0.5), (x, length), (x + 0.5, length), (x + 0.5, -0.5)]);
    }
    ring.push((f64::from(teeth), -1.0));
    let turned = |(x, y): (f64, f64)| if down { (x, y) } else { (y, x) };
    Polygon::new(ring.into_iter().map(turned).collect::<Vec<_>>().into(), Vec::new())
}

#[test]
fn millions_of_crossings_are_refused() {
    let (a, b) = (comb(1100, 1100.0, true), comb(1100, 1100.0, false));
    let result = intersection(&[a], &[b]);
    assert!(matches!(result, Err(Error::TooManySteps { .. })), "{:?}", result.map(|r| r.0.len()));
    // Nearly as many edges with less to cut: 800 x 50 squares with sides of 1 / 2.
    let (a, b) = (comb(800, 50.0, true), comb(50, 800.0, false));
    let area: f64 = intersection(&[a], &[b]).unwrap().iter().map(polygon_area).sum();
    assert!((area - 800.0 * 50.0 / 4.0).abs() < 1e-2, "{area}");
}

/// Edges that run along each other cross again wherever a crossing is rounded.
#[test]
fn rings_beside_each_other() {
    let ring = |k: u32| -> Polygon<f64> {
        let vertex = |v: u32| {
            // On the sides of a triangle, at other places in every ring.
            let place = (f64::from(v) + f64::from(k) / 16.0) / 1000.0 * 3.0;
            let corner = |side: f64| {
                let (sin, cos) = (side * TAU / 3.0 + 0.1).sin_cos();
                Coord { x: 100.0 * cos, y: 100.0 * sin }
            };
            let (from, to) = (corner(place.floor()), corner(place.floor() + 1.0));
            let off = f64::from((v * 7919 + k * 104_729) % 11) * 4e-8;
            from + (to - from) * place.fract() + Coord { x: off, y: -off }
        };
        Polygon::new((0..1000).map(vertex).collect(), Vec::new())
    };
    let rings: Vec<_> = (0..16).map(ring).collect();
    let expected = 0.75 * 3_f64.sqrt() * 1e4;
    // Hatching before them, whose boxes meet and whose edges do not, does not hide them.
    let strip = |k: u32| {
        let x = 200.0 + f64::from(k) * 0.02;
        let ring = vec![(x, 0.0), (x + 0.01, 0.0), (x + 100.01, 100.0), (x + 100.0, 100.0)];
        Polygon::new(ring.into(), Vec::new())
    };
    let hatching: Vec<_> = (0..5000).map(strip).collect();
    let both = [hatching.clone(), rings.clone()].concat();
    let all = area(&union_all(&both).unwrap());
    assert!((all - expected - 5000.0).abs() < 0.1, "{all}");
    for shapes in [union_all(&rings), intersection(&rings[..8], &rings[8..])] {
        let shapes = shapes.unwrap();
        assert_eq!(validate_multi_polygon(&shapes), Ok(()));
        let found = area(&shapes);
        assert!((found - expected).abs() < 0.1, "{found} {expected}");
    }
}

/// Edges that share ends, or are equal, cut nothing, however many they are.
#[test]
fn a_large_net_of_squares() {
    let side = 440;
    let square = |k: u32| rectangle(f64::from(k % side), f64::from(k / side), 1.0, 1.0);
    let squares: Vec<_> = (0..side * side).map(square).collect();
    let whole = union_all(&squares).unwrap();
    assert_eq!(whole.0.len(), 1);
    assert_eq!(whole.0[0].exterior().0.len(), 5);
    assert!((area(&whole) - f64::from(side * side)).abs() < 1e-3);
}

/// Discs around corners that differ by rounding errors are nearly the same.
#[test]
fn far_offset_of_small_neighbours() {
    let square = |k: u32| {
        let off = f64::from(k * k % 7) * 1.1e-14;
        rectangle(f64::from(k % 4) * 0.1 + off, f64::from(k / 4) * 0.1, 0.1 - off, 0.1)
    };
    let squares: Vec<_> = (0..12).map(square).collect();
    let config = OffsetConfig { arc_tolerance: 1e-5, ..OffsetConfig::default() };
    let grown = offset_polygons(&squares, 21.0, &config).unwrap();
    assert_eq!(validate_multi_polygon(&grown), Ok(()));
    let expected = 0.12 + 1.4 * 21.0 + 0.5 * TAU * 441.0;
    assert!((area(&grown) - expected).abs() < 0.05, "{} {expected}", area(&grown));
}
