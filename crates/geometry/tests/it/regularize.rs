//! Regularized and snapped polygons are valid and stay within the bound.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    RegularizeConfig, fill_labels, polygonize, regularize, signed_area, snap_polygons,
    validate_polygon,
};
use ndarray::Array2;
use proptest::prelude::*;

fn rings(polygon: &Polygon<f64>) -> Vec<&LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors()).collect()
}

fn distance(line: &LineString<f64>, p: Coord<f64>) -> f64 {
    line.lines()
        .map(|line| {
            let (d, v) = (line.end - line.start, p - line.start);
            let t = ((v.x * d.x + v.y * d.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
            (v.x - t * d.x).hypot(v.y - t * d.y)
        })
        .fold(f64::INFINITY, f64::min)
}

/// Naive twin: the largest distance of many points of one line from the other.
fn hausdorff(a: &LineString<f64>, b: &LineString<f64>) -> f64 {
    let directed = |a: &LineString<f64>, b: &LineString<f64>| {
        let points = a.lines().flat_map(|line| {
            (0..=20).map(move |k| line.start + (line.end - line.start) * (f64::from(k) / 20.0))
        });
        points.map(|p| distance(b, p)).fold(0.0, f64::max)
    };
    directed(a, b).max(directed(b, a))
}

fn check(old: &Polygon<f64>, new: &Polygon<f64>, bound: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(validate_polygon(new), Ok(()), "{:?}", new);
    prop_assert_eq!(old.interiors().len(), new.interiors().len());
    for (old, new) in rings(old).into_iter().zip(rings(new)) {
        let moved = hausdorff(old, new);
        prop_assert!(moved <= bound * (1.0 + 1e-6), "{moved}: {old:?} {new:?}");
    }
    Ok(())
}

/// Angles of the corners of a ring, in radians.
fn corner_angles(ring: &LineString<f64>) -> Vec<f64> {
    let mut points = ring.0.clone();
    points.extend_from_within(1..2);
    points
        .windows(3)
        .map(|p| {
            let (u, v) = (p[0] - p[1], p[2] - p[1]);
            (u.x * v.y - u.y * v.x).abs().atan2(u.x * v.x + u.y * v.y)
        })
        .collect()
}

/// The outline of a shape with corners, with a vertex about every pixel and noise.
fn noisy(corners: &[(f64, f64)], angle: f64, noise: &[f64]) -> Polygon<f64> {
    let mut points = Vec::new();
    let mut noise = noise.iter().cycle();
    for (k, &(x, y)) in corners.iter().enumerate() {
        let (u, v) = corners[(k + 1) % corners.len()];
        let steps = (u - x).hypot(v - y).ceil();
        let mut t = 0.0;
        while t < steps {
            let mut off = || noise.next().copied().unwrap_or(0.0);
            let (px, py) = (x + (u - x) * t / steps + off(), y + (v - y) * t / steps + off());
            points.push((px * angle.cos() - py * angle.sin(), px * angle.sin() + py * angle.cos()));
            t += 1.0;
        }
    }
    Polygon::new(LineString::from(points), Vec::new())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn noisy_rectangles_get_four_right_angles(
        (width, height) in (12.0..60.0_f64, 12.0..60.0_f64),
        angle in 0.0..7.0_f64,
        noise in proptest::collection::vec(-0.35..0.35_f64, 97),
    ) {
        let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
        let outline = noisy(&corners, angle, &noise);
        let config = RegularizeConfig { tolerance: 2.0, ..RegularizeConfig::default() };
        let regular = regularize(&outline, &config)?;
        check(&outline, &regular, config.tolerance)?;
        let angles = corner_angles(regular.exterior());
        prop_assert_eq!(angles.len(), 4, "{:?}", regular);
        for angle in angles {
            prop_assert!((angle - std::f64::consts::FRAC_PI_2).abs() < 1e-9);
        }
        let share = signed_area(regular.exterior()) / (width * height);
        prop_assert!((share - 1.0).abs() < 0.05, "{share}");
    }

    #[test]
    fn noisy_wings_get_six_right_angles(
        angle in 0.0..7.0_f64,
        noise in proptest::collection::vec(-0.3..0.3_f64, 97),
    ) {
        let corners = [(0.0, 0.0), (40.0, 0.0), (40.0, 15.0), (18.0, 15.0), (18.0, 35.0), (0.0, 35.0)];
        let config = RegularizeConfig { tolerance: 2.0, ..RegularizeConfig::default() };
        let regular = regularize(&noisy(&corners, angle, &noise), &config)?;
        let angles = corner_angles(regular.exterior());
        prop_assert_eq!(angles.len(), 6, "{:?}", regular);
        prop_assert!(angles.iter().all(|a| (a - std::f64::consts::FRAC_PI_2).abs() < 1e-9));
    }

    /// Walls that no turn within the bound makes perpendicular do not become stairs. Where
    /// pixels blur a corner it may take more than one vertex.
    #[test]
    fn traced_quadrilaterals_do_not_become_stairs(
        (width, height) in (30.0..60.0_f64, 30.0..60.0_f64),
        angle in 0.0..7.0_f64,
        moves in proptest::array::uniform8(-6.0..6.0_f64),
    ) {
        let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
        let mut points = Vec::new();
        for (k, (x, y)) in corners.into_iter().enumerate() {
            let (x, y) = (x + moves[2 * k] - 0.5 * width, y + moves[2 * k + 1] - 0.5 * height);
            points.push((
                60.0 + x * angle.cos() - y * angle.sin(),
                60.0 + x * angle.sin() + y * angle.cos(),
            ));
        }
        let mut labels = Array2::zeros((120, 120));
        fill_labels(&Polygon::new(LineString::from(points), Vec::new()), 1, &mut labels);
        let (_, traced) = polygonize(labels.view()).polygons().remove(0);
        let config = RegularizeConfig::default();
        let regular = regularize(&traced, &config)?;
        check(&traced, &regular, config.tolerance)?;
        prop_assert!(regular.exterior().0.len() <= 10, "{:?}", regular);
    }

    /// Shapes from masks, with holes and arms, of which most are no buildings.
    #[test]
    fn any_shape_stays_valid_and_near(
        cells in proptest::collection::vec(0_u32..5, 144),
        block in 1_usize..5,
        tolerance in 0.3..6.0_f64,
        diagonals in any::<bool>(),
    ) {
        let side = 12 * block;
        let mask = Array2::from_shape_fn((side, side), |(i, j)| {
            u32::from(cells[12 * (i / block) + (j / block + i % 2) % 12] > 1)
        });
        let config = RegularizeConfig { tolerance, diagonals, ..RegularizeConfig::default() };
        for (_, polygon) in polygonize(mask.view()).simplify(0.8)?.polygons() {
            let regular = regularize(&polygon, &config)?;
            check(&polygon, &regular, tolerance)?;
            for (old, new) in rings(&polygon).into_iter().zip(rings(&regular)) {
                prop_assert!(new.0.len() <= old.0.len());
            }
        }
    }

    #[test]
    fn snapped_polygons_stay_valid_and_near(
        boxes in proptest::collection::vec((0_u8..5, 0_u8..5, 1_u8..3, 1_u8..3), 1..9),
        noise in proptest::collection::vec(-0.5..0.5_f64, 31),
        tolerance in 0.1..3.0_f64,
    ) {
        let mut noise = noise.iter().cycle();
        let mut at = |x: u8, y: u8| {
            let mut off = || noise.next().copied().unwrap_or(0.0);
            (f64::from(x) * 4.0 + off(), f64::from(y) * 4.0 + off())
        };
        let polygons: Vec<Polygon<f64>> = boxes
            .iter()
            .map(|&(x, y, w, h)| {
                let ring = vec![at(x, y), at(x + w, y), at(x + w, y + h), at(x, y + h)];
                Polygon::new(LineString::from(ring), Vec::new())
            })
            .collect();
        let snapped = snap_polygons(&polygons, tolerance)?;
        prop_assert_eq!(snapped.len(), polygons.len());
        for (old, new) in polygons.iter().zip(&snapped) {
            check(old, new, tolerance)?;
        }
    }

    /// Cells of a lattice whose corners were moved apart share them again.
    #[test]
    fn snapping_heals_a_torn_lattice(noise in proptest::collection::vec(-0.3..0.3_f64, 101)) {
        let mut noise = noise.iter().cycle();
        let mut at = |x: u8, y: u8| {
            let mut off = || noise.next().copied().unwrap_or(0.0);
            (f64::from(x) * 5.0 + off(), f64::from(y) * 5.0 + off())
        };
        let polygons: Vec<Polygon<f64>> = (0..16_u8)
            .map(|k| (k % 4, k / 4))
            .map(|(x, y)| {
                let ring = vec![at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
                Polygon::new(LineString::from(ring), Vec::new())
            })
            .collect();
        let mut vertices: Vec<[u64; 2]> = snap_polygons(&polygons, 1.0)?
            .iter()
            .flat_map(|polygon| polygon.exterior().0.clone())
            .map(|p| [p.x.to_bits(), p.y.to_bits()])
            .collect();
        vertices.sort_unstable();
        vertices.dedup();
        prop_assert_eq!(vertices.len(), 25);
    }
}

#[test]
fn extreme_sizes_end() {
    for scale in [1e-300, 1e-9, 1e9, 1e300] {
        let corners = [(0.0, 0.0), (9.0, 0.1), (9.1, 5.0), (0.0, 5.1)];
        let ring = corners.map(|(x, y)| (x * scale, y * scale)).to_vec();
        let polygon = Polygon::new(LineString::from(ring), Vec::new());
        let config = RegularizeConfig { tolerance: 0.3 * scale, ..RegularizeConfig::default() };
        let regular = regularize(&polygon, &config).unwrap();
        assert_eq!(validate_polygon(&regular), Ok(()));
        // A bound far below or above the size.
        for tolerance in [1e-280, 1.0, 1e280] {
            let config = RegularizeConfig { tolerance, ..RegularizeConfig::default() };
            assert_eq!(validate_polygon(&regularize(&polygon, &config).unwrap()), Ok(()));
            let snapped = snap_polygons(&[polygon.clone(), polygon.clone()], tolerance).unwrap();
            assert_eq!(validate_polygon(&snapped[1]), Ok(()));
        }
    }
}

#[test]
fn bad_settings_and_shapes_are_refused() {
    let flat = Polygon::new(LineString::from(vec![(0.0, 0.0), (1.0, 0.0)]), Vec::new());
    assert!(regularize(&flat, &RegularizeConfig::default()).is_err());
    let config = RegularizeConfig { max_turn: f64::NAN, ..RegularizeConfig::default() };
    assert!(config.validate().is_err());
    assert!(RegularizeConfig { tolerance: 0.0, ..RegularizeConfig::default() }.validate().is_err());
}
