use mapvec_metrics::{
    DistanceCounts, Error, boundary, boundary_counts, buffered_lines, pixel_distances,
};
use mapvec_testkit::uniform;
use ndarray::Array2;
use proptest::prelude::*;

use crate::rasters;

/// The ellipses of `xtask/peers/metrics.py`, from the same numbers.
fn ellipses(seed: u64) -> [Array2<bool>; 2] {
    let spans = [(12.0, 28.0), (15.0, 35.0), (5.0, 12.0), (5.0, 15.0)];
    let sides: Vec<Vec<f64>> = (seed..).zip(spans).map(|(s, (a, b))| uniform(2, s, a, b)).collect();
    [0, 1].map(|k| {
        let [y, x, ry, rx] = [0, 1, 2, 3].map(|side: usize| sides[side][k]);
        Array2::from_shape_fn((40, 50), |(row, column)| {
            ((row as f64 - y) / ry).powi(2) + ((column as f64 - x) / rx).powi(2) < 1.0
        })
    })
}

/// Made by `xtask/peers/metrics.py` with scipy's distance transform.
#[test]
fn as_by_scipy() {
    for (seed, at_95, largest, border) in [
        (40, 18.601_075_237_738_275, 18.867_962_264_113_206, 62),
        (50, 9.219_544_457_292_887, 9.433_981_132_056_603, 68),
        (60, 13.038_404_810_405_298, 13.341_664_064_126_334, 47),
    ] {
        let [a, b] = ellipses(seed).map(|mask| boundary(mask.view()));
        assert_eq!(a.iter().filter(|inside| **inside).count(), border);
        let counts = pixel_distances(a.view(), b.view()).unwrap();
        assert!((counts.hausdorff_95().unwrap() - at_95).abs() < 1e-12, "{seed}");
        assert!((counts.hausdorff().unwrap() - largest).abs() < 1e-12, "{seed}");
    }
}

proptest! {
    #[test]
    fn distances_between_all_pixels(masks in rasters(prop_oneof![3 => Just(false), 1 => Just(true)], 4)) {
        let [a, b] = [&masks[0], &masks[1]];
        let counts = pixel_distances(a.view(), b.view()).unwrap();
        let points = |mask: &Array2<bool>| -> Vec<(usize, usize)> {
            mask.indexed_iter().filter(|(_, inside)| **inside).map(|(at, _)| at).collect()
        };
        let nearest = |from: &Array2<bool>, to: &Array2<bool>| -> Vec<f64> {
            let to = points(to);
            let one = |&(row, column): &(usize, usize)| {
                to.iter()
                    .map(|&(r, c)| (row.abs_diff(r) as f64).hypot(column.abs_diff(c) as f64))
                    .fold(f64::INFINITY, f64::min)
            };
            let mut all: Vec<f64> = points(from).iter().map(one).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let (own, others) = (nearest(a, b), nearest(b, a));
        if own.is_empty() || others.is_empty() {
            prop_assert_eq!(counts.hausdorff(), None);
            prop_assert_eq!(counts.undefined, u64::from(own.len() != others.len()));
        } else {
            for share in [0.0, 0.5, 0.95, 1.0] {
                let at = |all: &[f64]| {
                    let enough = |k: &usize| *k as f64 >= share * all.len() as f64;
                    all[(1..=all.len()).find(enough).unwrap() - 1]
                };
                let expected = at(&own).max(at(&others));
                prop_assert!((counts.quantile(share).unwrap() - expected).abs() < 1e-12);
            }
            let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
            prop_assert!((counts.mean().unwrap() - (mean(&own) + mean(&others)) / 2.0).abs() < 1e-12);
        }
        let turned = pixel_distances(b.view(), a.view()).unwrap();
        prop_assert_eq!((&turned.truth, &turned.predicted), (&counts.predicted, &counts.truth));
        // Two pictures in either order.
        let other = pixel_distances(masks[2].view(), masks[3].view()).unwrap();
        let sum: DistanceCounts = [counts.clone(), other.clone()].into_iter().sum();
        prop_assert_eq!(sum, [other, counts].into_iter().sum::<DistanceCounts>());
    }

    #[test]
    fn borders(masks in rasters(any::<bool>(), 2), tolerance in 0.0..3.0) {
        let mask = &masks[0];
        let border = boundary(mask.view());
        for ((row, column), &inside) in border.indexed_iter() {
            let sides = [(row.wrapping_sub(1), column), (row + 1, column),
                (row, column.wrapping_sub(1)), (row, column + 1)];
            let outside = sides.iter().any(|side| mask.get(*side) == Some(&false));
            prop_assert_eq!(inside, mask[(row, column)] && outside);
        }
        let counts = boundary_counts(masks[0].view(), masks[1].view(), tolerance).unwrap();
        let turned = boundary_counts(masks[1].view(), masks[0].view(), tolerance).unwrap();
        prop_assert_eq!((counts.predicted, counts.predicted_near), (turned.truth, turned.truth_near));
        let f1 = |counts: &mapvec_metrics::BufferedCounts| counts.score().f1.unwrap_or(-1.0);
        prop_assert!((f1(&counts) - f1(&turned)).abs() < 1e-12);
        let itself = boundary_counts(mask.view(), mask.view(), tolerance).unwrap();
        prop_assert_eq!(itself.predicted, itself.predicted_near);
    }
}

#[test]
fn long_distances_are_exact() {
    // Squares of distances beyond 2^24 are not whole in single precision.
    let (mut a, mut b) = (Array2::default((3, 6000)), Array2::default((3, 6000)));
    a[(0, 0)] = true;
    b[(1, 5999)] = true;
    let square = 5999_u64 * 5999 + 1;
    let counts = pixel_distances(a.view(), b.view()).unwrap();
    assert_eq!(counts.predicted.keys().copied().collect::<Vec<_>>(), [square]);
    for (tolerance, near) in [((square as f64).sqrt(), 1), (5999.0, 0)] {
        let counts = buffered_lines(a.view(), b.view(), tolerance).unwrap();
        assert_eq!((counts.predicted_near, counts.truth_near), (near, near));
    }
}

#[test]
fn sizes_must_agree() {
    let (a, b) = (Array2::default((2, 3)), Array2::default((3, 3)));
    assert!(matches!(pixel_distances(a.view(), b.view()), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(boundary_counts(a.view(), b.view(), 1.0), Err(Error::ShapeMismatch { .. })));
}
