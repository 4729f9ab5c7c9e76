//! Contours interpolate their level, never cross, and enclose what they should.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking; points on the edge of the raster are exactly there"
)]

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    ContourBorder, ContourConfig, Fill, contour_polygons, contours, polygon_area,
    repair_multi_polygon, signed_area, validate_multi_polygon,
};
use ndarray::Array2;
use proptest::prelude::*;

fn field() -> impl Strategy<Value = Array2<f64>> {
    (1_usize..14, 1_usize..14).prop_flat_map(|(height, width)| {
        let whole = (-3_i8..=3).prop_map(f64::from);
        let sample = prop_oneof![3 => -3.0..3.0_f64, 1 => whole];
        proptest::collection::vec(sample, height * width)
            .prop_map(move |v| Array2::from_shape_vec((height, width), v).unwrap())
    })
}

fn lines(field: &Array2<f64>, level: f64, border: ContourBorder) -> Vec<LineString<f64>> {
    contours(field.view(), level, &ContourConfig { border }).unwrap()
}

/// Naive twin: bilinear interpolation between pixel centres, constant beyond them.
fn interpolate(field: &Array2<f64>, p: Coord<f64>) -> f64 {
    let (height, width) = field.dim();
    let axis = |v: f64, count: usize| {
        let v = (v - 0.5).clamp(0.0, (count - 1) as f64);
        let low = (0..count).rev().find(|&k| k as f64 <= v).unwrap();
        (low, (low + 1).min(count - 1), v - low as f64)
    };
    let ((i, k, t), (j, l, u)) = (axis(p.y, height), axis(p.x, width));
    let row = |i: usize| field[[i, j]] * (1.0 - u) + field[[i, l]] * u;
    row(i) * (1.0 - t) + row(k) * t
}

fn orient(a: Coord<f64>, b: Coord<f64>, p: Coord<f64>) -> f64 {
    (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
}

fn cross(a: [Coord<f64>; 2], b: [Coord<f64>; 2]) -> bool {
    let apart = |a: [Coord<f64>; 2], b: [Coord<f64>; 2]| {
        orient(a[0], a[1], b[0]) * orient(a[0], a[1], b[1])
    };
    apart(a, b) < -1e-18 && apart(b, a) < -1e-18
}

fn segments(lines: &[LineString<f64>]) -> Vec<[Coord<f64>; 2]> {
    lines.iter().flat_map(LineString::lines).map(|line| [line.start, line.end]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn vertices_interpolate_the_level(field in field(), level in prop_oneof![Just(0.0), -2.0..2.0]) {
        let (height, width) = field.dim();
        for line in lines(&field, level, ContourBorder::Open) {
            for &p in line.coords() {
                prop_assert!((interpolate(&field, p) - level).abs() < 1e-9, "{p:?}");
            }
            let edge = |p: Coord<f64>| {
                p.x == 0.0 || p.y == 0.0 || p.x == width as f64 || p.y == height as f64
            };
            let ends = [line.0[0], line.0[line.0.len() - 1]];
            prop_assert!(line.is_closed() || ends.into_iter().all(edge), "{line:?}");
        }
        for line in lines(&field, level, ContourBorder::Closed) {
            prop_assert!(line.is_closed());
            for &p in line.coords() {
                prop_assert!(interpolate(&field, p) - level > -1e-9, "{p:?}");
            }
        }
    }

    #[test]
    fn lines_never_cross(field in field(), level in prop_oneof![Just(0.0), -2.0..2.0]) {
        for border in [ContourBorder::Open, ContourBorder::Closed] {
            let segments = segments(&lines(&field, level, border));
            for (index, &a) in segments.iter().enumerate() {
                for &b in &segments[index + 1..] {
                    prop_assert!(!cross(a, b), "{a:?} {b:?}");
                }
            }
        }
    }

    /// Twin: the winding number of all rings at a pixel centre says whether it is high.
    #[test]
    fn rings_enclose_the_high_samples(field in field(), level in -2.0..2.0_f64) {
        let segments = segments(&lines(&field, level, ContourBorder::Closed));
        for ((i, j), &value) in field.indexed_iter() {
            prop_assume!((value - level).abs() > 1e-6);
            let p = Coord { x: j as f64 + 0.5, y: i as f64 + 0.5 };
            let winding: i32 = segments
                .iter()
                .map(|&[a, b]| {
                    if a.y <= p.y && p.y < b.y && orient(a, b, p) > 0.0 {
                        1
                    } else if b.y <= p.y && p.y < a.y && orient(a, b, p) < 0.0 {
                        -1
                    } else {
                        0
                    }
                })
                .sum();
            prop_assert_eq!(winding, i32::from(value > level), "{} {}", i, j);
        }
    }

    /// The opposite field has the same lines the other way round, but for saddles.
    #[test]
    fn areas_of_a_field_and_its_opposite_fill_the_raster(field in field(), level in -2.0..2.0_f64) {
        prop_assume!(field.iter().all(|value| (value - level).abs() > 1e-6));
        let total = |field: &Array2<f64>, level: f64| -> f64 {
            lines(field, level, ContourBorder::Closed).iter().map(signed_area).sum()
        };
        let sum = total(&field, level) + total(&field.mapv(|v| -v), -level);
        prop_assert!((sum - field.len() as f64).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn polygons_are_valid_and_have_the_area_of_the_rings(
        field in field(),
        level in prop_oneof![Just(0.0), -2.0..2.0],
    ) {
        let polygons = contour_polygons(field.view(), level)?;
        prop_assert_eq!(validate_multi_polygon(&polygons), Ok(()), "{:?}", polygons);
        let rings = polygons
            .iter()
            .flat_map(|part| std::iter::once(part.exterior()).chain(part.interiors()));
        let area: f64 = rings.map(signed_area).sum();
        let expected: f64 =
            lines(&field, level, ContourBorder::Closed).iter().map(signed_area).sum();
        prop_assert!((area - expected).abs() < 1e-5, "{area} {expected}");
    }

    #[test]
    fn discs_have_the_right_area(x in 18.0..22.0_f64, y in 18.0..22.0_f64, radius in 4.0..12.0_f64) {
        let field = Array2::from_shape_fn((40, 40), |(i, j)| {
            radius - (j as f64 + 0.5 - x).hypot(i as f64 + 0.5 - y)
        });
        let rings = lines(&field, 0.0, ContourBorder::Open);
        prop_assert_eq!(rings.len(), 1);
        let area = std::f64::consts::PI * radius * radius;
        // Chords of length s cut off s^3 / 12 r each, and the distance is interpolated
        // 1 / 8 r too large at most: along 2 pi r that is pi / 3 + pi / 4 for s^2 = 2.
        let lost = area - signed_area(&rings[0]);
        prop_assert!((0.0..1.9).contains(&lost), "{lost}");
        for p in rings[0].coords() {
            prop_assert!(((p.x - x).hypot(p.y - y) - radius).abs() < 0.06);
        }
    }
}

#[test]
fn the_smallest_and_largest_samples_are_interpolated() {
    for (low, high) in [(0.0, 5e-324), (-5e-324, 0.0), (f64::MIN, f64::MAX), (-1e-310, 1e-310)] {
        let field = ndarray::array![[low, low, low], [low, high, low], [low, low, low]];
        for level in [low, high] {
            for border in [ContourBorder::Open, ContourBorder::Closed] {
                for line in lines(&field, level, border) {
                    assert!(line.coords().all(|p| p.x.is_finite() && p.y.is_finite()), "{line:?}");
                }
            }
        }
    }
}

/// Twin: all rings as polygons of their own, filled by the even-odd rule.
#[test]
fn areas_of_noise_are_those_of_its_rings_filled() {
    let mut state = 7_u64;
    let mut noise = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
    };
    let field = Array2::from_shape_simple_fn((150, 170), &mut noise);
    // Whole numbers: thousands of rings touch in samples at the level.
    for field in [field.clone(), field.mapv(|v| (v * 6.0).round())] {
        let polygons = contour_polygons(field.view(), 0.0).unwrap();
        assert_eq!(validate_multi_polygon(&polygons), Ok(()));
        let rings = lines(&field, 0.0, ContourBorder::Closed);
        let flat = rings.into_iter().map(|ring| Polygon::new(ring, Vec::new())).collect();
        let twin = repair_multi_polygon(&MultiPolygon(flat), Fill::EvenOdd).unwrap();
        let total = |shape: &MultiPolygon<f64>| shape.iter().map(polygon_area).sum::<f64>();
        assert!((total(&polygons) - total(&twin)).abs() < 1e-6);
        assert_eq!(polygons.0.len(), twin.0.len());
    }
}
