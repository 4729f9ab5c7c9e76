//! Rasterizing against area and sampling oracles.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Dash, Error, Stroke, dash_line, fill_coverage, fill_labels, orientation_field, signed_area,
    stroke_coverage,
};
use ndarray::Array2;
use proptest::prelude::*;

/// A star-shaped polygon, hence simple.
fn star() -> impl Strategy<Value = Polygon<f64>> {
    proptest::collection::vec(1.0..14.0_f64, 3..12).prop_flat_map(|radii| {
        (0.0..20.0_f64, 0.0..20.0_f64, any::<bool>()).prop_map(move |(x, y, reverse)| {
            let step = std::f64::consts::TAU / radii.len() as f64;
            let corner = |(k, r): (usize, &f64)| {
                let angle = k as f64 * step;
                (x + r * angle.cos(), y + r * angle.sin())
            };
            let mut ring: Vec<_> = radii.iter().enumerate().map(corner).collect();
            if reverse {
                ring.reverse();
            }
            Polygon::new(ring.into(), Vec::new())
        })
    })
}

/// Even-odd test of a point, by a ray to the right.
fn inside(polygon: &Polygon<f64>, p: Coord<f64>) -> bool {
    let crosses = polygon.exterior().lines().filter(|line| {
        let (a, b) = (line.start, line.end);
        (a.y <= p.y) != (b.y <= p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y)
    });
    crosses.count() % 2 == 1
}

proptest! {
    #[test]
    fn labels_match_the_centre_rule(polygon in star()) {
        let mut labels = Array2::zeros((20, 20));
        fill_labels(&polygon, 1, &mut labels);
        for ((i, j), &label) in labels.indexed_iter() {
            let centre = Coord { x: j as f64 + 0.5, y: i as f64 + 0.5 };
            prop_assert_eq!(label == 1, inside(&polygon, centre));
        }
    }

    #[test]
    fn coverage_matches_subsamples_and_clipping_is_exact(polygon in star()) {
        let mut coverage = Array2::<f32>::zeros((20, 20));
        fill_coverage(&polygon, &mut coverage);
        // The same polygon moved by whole pixels into a raster that holds all of it.
        let shifted = polygon.exterior().coords().map(|p| (p.x + 16.0, p.y + 16.0)).collect();
        let shifted = Polygon::new(shifted, Vec::new());
        let mut whole = Array2::<f32>::zeros((56, 56));
        fill_coverage(&shifted, &mut whole);
        let total: f64 = whole.iter().map(|&c| f64::from(c)).sum();
        prop_assert!((total - signed_area(polygon.exterior()).abs()).abs() < 1e-3);
        for ((i, j), &c) in coverage.indexed_iter() {
            prop_assert!((c - whole[[i + 16, j + 16]]).abs() < 1e-5);
            let hits = (0..64).filter(|k| {
                let (dy, dx) = (f64::from(k / 8), f64::from(k % 8));
                let p = Coord { x: j as f64 + (dx + 0.5) / 8.0, y: i as f64 + (dy + 0.5) / 8.0 };
                inside(&polygon, p)
            });
            prop_assert!((f64::from(c) - hits.count() as f64 / 64.0).abs() < 0.2);
        }
    }

    #[test]
    fn straight_strokes_match_their_rectangle(
        angle in 0.0..std::f64::consts::PI,
        width in 0.2..6.0_f64,
        offset in (0.0..1.0_f64, 0.0..1.0_f64),
    ) {
        let direction = Coord { x: angle.cos(), y: angle.sin() };
        let normal = Coord { x: -direction.y, y: direction.x };
        let centre = Coord { x: 30.0 + offset.0, y: 30.0 + offset.1 };
        let ends = [centre - direction * 20.0, centre + direction * 20.0];
        let mut drawn = Array2::<f32>::zeros((60, 60));
        let stroke = Stroke { width, ..Stroke::default() };
        stroke_coverage(&LineString(ends.to_vec()), &stroke, &mut drawn)?;
        let side = normal * (width / 2.0);
        let corners = vec![ends[0] - side, ends[1] - side, ends[1] + side, ends[0] + side];
        let mut exact = Array2::<f32>::zeros((60, 60));
        fill_coverage(&Polygon::new(LineString(corners), Vec::new()), &mut exact);
        for ((i, j), &c) in drawn.indexed_iter() {
            let p = Coord { x: j as f64 + 0.5, y: i as f64 + 0.5 } - centre;
            let along = (p.x * direction.x + p.y * direction.y).abs();
            // Exact beside the line, an approximation at its ends.
            let tolerance = if along < 19.0 { 1e-5 } else { 0.3 };
            prop_assert!((c - exact[[i, j]]).abs() < tolerance, "{} {}", c, exact[[i, j]]);
        }
    }
}

/// A rectangle with all corners but the left and right sides beyond the raster.
fn upright(left: f64, right: f64, far: f64) -> Polygon<f64> {
    let corners = vec![(left, -far), (right, -far), (right, far), (left, far)];
    Polygon::new(corners.into(), Vec::new())
}

#[test]
fn far_corners_are_clipped_and_those_beyond_draw_nothing() {
    for far in [1e3, 1e30, 1e99, 1e100] {
        let mut coverage = Array2::zeros((6, 9));
        fill_coverage(&upright(2.5, 4.0, far), &mut coverage);
        let mut labels = Array2::zeros((6, 9));
        fill_labels(&upright(2.0, 4.0, far), 1, &mut labels);
        for row in 0..6 {
            let expected = [0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            assert_eq!(coverage.row(row).to_vec(), expected, "{far}");
            assert_eq!(labels.row(row).to_vec(), [0, 0, 1, 1, 0, 0, 0, 0, 0], "{far}");
        }
    }
    for far in [1.1e100, 1e154, 1e300, f64::MAX, f64::INFINITY, f64::NAN] {
        let mut coverage = Array2::zeros((6, 9));
        fill_coverage(&upright(2.5, 4.0, far), &mut coverage);
        assert!(coverage.iter().all(|&share| share.to_bits() == 0), "{far}");
        let line = LineString::from(vec![(0.0, 3.0), (far, 3.0)]);
        let alone = |error| match error {
            Error::Item { source, .. } => *source,
            other => other,
        };
        let refused = |result: Result<(), Error>| match result.map_err(alone) {
            Err(Error::NonFiniteLine { index: 1 }) => !far.is_finite(),
            Err(Error::Parameter { field: "coordinate", .. }) => far.is_finite(),
            _ => false,
        };
        assert!(refused(stroke_coverage(&line, &Stroke::default(), &mut coverage)), "{far}");
        assert!(coverage.iter().all(|&share| share.to_bits() == 0), "{far}");
        assert!(refused(orientation_field(&[(&line, 2.0)], (6, 9)).map(|_| ())), "{far}");
        assert!(refused(dash_line(&line, &Dash::default()).map(|_| ())), "{far}");
    }
}

/// Edges lower than any share of a pixel have slopes beyond all numbers.
#[test]
fn edges_that_are_almost_upright_fill_the_same_pixels() {
    for width in [0.0, 1e-320, 1e-310, 1e-200, 1e-90, 1e-17] {
        let corners = vec![(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (width, 10.0)];
        let mut coverage = Array2::<f32>::zeros((10, 10));
        fill_coverage(&Polygon::new(corners.into(), Vec::new()), &mut coverage);
        assert!(coverage.iter().all(|share| (share - 1.0).abs() < 1e-6), "{width}: {coverage}");
    }
}

#[test]
fn edges_of_the_smallest_height_add_nothing() {
    let low = vec![(1.0, 0.0), (4.0, 5e-324), (4.0, 2.0), (1.0, 2.0)];
    let mut coverage = Array2::zeros((3, 6));
    fill_coverage(&Polygon::new(low.into(), Vec::new()), &mut coverage);
    for row in 0..2 {
        assert_eq!(coverage.row(row).to_vec(), [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    }
    assert_eq!(coverage.row(2).sum().to_bits(), 0);
}
