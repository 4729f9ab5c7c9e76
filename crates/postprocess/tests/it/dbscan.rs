//! DBSCAN against scikit-learn's results and a naive twin.

use mapvec_postprocess::{Dbscan, DbscanConfig, Error, dbscan};
use mapvec_testkit::integers;
use ndarray::{Array2, ArrayView2, Axis, array};
use proptest::prelude::*;

use crate::cluster_inputs::{Blobs, any_points, blobs, golden, labels, same_partition};

fn config(eps: f64, min_samples: usize) -> DbscanConfig {
    DbscanConfig { eps, min_samples, ..DbscanConfig::default() }
}

/// All pairs; clusters grow one after the other from the lowest core point.
fn naive(points: ArrayView2<'_, f32>, config: &DbscanConfig) -> Dbscan {
    let n = points.nrows();
    let near = |i: usize, j: usize| {
        let pairs = points.row(i).into_iter().zip(points.row(j));
        let sum: f64 = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        sum <= config.eps * config.eps
    };
    let core: Vec<bool> =
        (0..n).map(|i| (0..n).filter(|&j| near(i, j)).count() >= config.min_samples).collect();
    let mut labels = vec![None; n];
    let mut clusters = 0;
    for start in 0..n {
        if !core[start] || labels[start].is_some() {
            continue;
        }
        let mut stack = vec![start];
        while let Some(i) = stack.pop() {
            if labels[i].is_none() {
                labels[i] = Some(clusters);
                if core[i] {
                    stack.extend((0..n).filter(|&j| near(i, j)));
                }
            }
        }
        clusters += 1;
    }
    Dbscan { labels, core, clusters: clusters as usize }
}

#[test]
fn labels_and_core_points_are_scikit_learns() {
    let golden = golden();
    for (name, points, dimensions, clusters, seed, eps, min_samples) in
        [("dbscan_2d", 600, 2, 6, 11, 0.3, 8), ("dbscan_8d", 2000, 8, 12, 12, 0.5, 10)]
    {
        let points = blobs(&Blobs { points, dimensions, clusters, seed, noise: 0.05 });
        let found = dbscan(points.view(), &config(eps, min_samples)).unwrap();
        assert_eq!(found.labels, labels(&golden[name]["labels"]), "{name}");
        let core = golden[name]["core"].as_str().unwrap().chars().map(|c| c == '1');
        assert!(found.core.iter().copied().eq(core), "{name}");
    }
}

#[test]
fn counts_of_large_sets_are_scikit_learns() {
    for case in golden()["dbscan_counts"].as_array().unwrap() {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let seed = number("seed") as u64;
        let shape =
            Blobs { points: number("points"), dimensions: 8, clusters: 40, seed, noise: 0.05 };
        let found = dbscan(blobs(&shape).view(), &config(0.5, number("min_samples"))).unwrap();
        let noise = found.labels.iter().filter(|label| label.is_none()).count();
        let core = found.core.iter().filter(|&&core| core).count();
        let expected = ["clusters", "noise", "core"].map(number);
        assert_eq!([found.clusters, noise, core], expected);
    }
}

#[test]
fn a_point_at_eps_is_a_neighbour_and_a_border_point_takes_the_lowest_cluster() {
    // The steps are eps.
    let points = array![[6.0_f32], [7.0], [8.0], [5.0], [2.0], [3.0], [4.0]];
    let found = dbscan(points.view(), &config(1.0, 3)).unwrap();
    let all = vec![Some(0); 7];
    assert_eq!((found.clusters, found.labels), (1, all), "5 has two neighbours and is core");
    // The point at 5 lies at eps from one core point of the right cluster, the one with the
    // lower indices, and of the left one.
    let points = array![[6.0_f32], [6.25], [6.5], [5.0], [3.5], [3.75], [4.0], [6.125], [3.875]];
    let found = dbscan(points.view(), &config(1.0, 4)).unwrap();
    let (a, b) = (Some(0), Some(1));
    assert_eq!(found.labels, [a, a, a, a, b, b, b, a, b]);
    assert!(!found.core[3]);
}

#[test]
fn odd_inputs_have_defined_results_or_errors() {
    let settings = config(0.5, 1);
    let none = dbscan(Array2::zeros((0, 3)).view(), &settings).unwrap();
    assert_eq!(none, Dbscan { labels: vec![], core: vec![], clusters: 0 });
    let one = dbscan(array![[1.0_f32, 2.0]].view(), &settings).unwrap();
    assert_eq!(one, Dbscan { labels: vec![Some(0)], core: vec![true], clusters: 1 });
    let alone = dbscan(array![[1.0_f32, 2.0]].view(), &config(0.5, 2)).unwrap();
    assert_eq!(alone, Dbscan { labels: vec![None], core: vec![false], clusters: 0 });
    let equal = dbscan(Array2::ones((1000, 4)).view(), &config(1e-9, 1000)).unwrap();
    assert_eq!((equal.clusters, equal.core), (1, vec![true; 1000]));
    let bad = array![[0.0_f32, 1.0], [f32::NAN, 0.0]];
    let error = dbscan(bad.view(), &settings).unwrap_err();
    assert_eq!(error, Error::InvalidPoint { row: 1, column: 0 });
    assert!(dbscan(array![[f32::INFINITY]].view(), &settings).is_err());
    assert!(dbscan(Array2::zeros((3, 0)).view(), &settings).is_err());
    for eps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(dbscan(bad.view(), &config(eps, 1)).is_err(), "{eps}");
    }
    let extreme = array![[f32::MAX, f32::MIN], [f32::MIN, f32::MAX]];
    assert_eq!(dbscan(extreme.view(), &settings).unwrap().clusters, 2);
}

#[test]
fn normalized_points_are_compared_by_direction() {
    let points = array![[1.0_f32, 0.0], [100.0, 0.1], [0.0, 3.0], [0.0, 0.2], [0.0, 0.0]];
    let config = DbscanConfig { eps: 0.01, min_samples: 2, normalize: true };
    let found = dbscan(points.view(), &config).unwrap();
    assert_eq!(found.labels, [Some(0), Some(0), Some(1), Some(1), None]);
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let shape = Blobs { points: 5000, dimensions: 3, clusters: 90, seed: 5, noise: 0.3 };
    let points = blobs(&shape);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| dbscan(points.view(), &config(0.2, 6)).unwrap())
    };
    let one = with(1);
    assert!(one.clusters > 20);
    assert_eq!(one, with(5));
}

proptest! {
    #[test]
    fn results_are_those_of_all_pairs(
        points in any_points(300),
        min_samples in 0_usize..12,
        square in 1_u8..14,
    ) {
        // On a lattice the distances between points are such roots.
        let config = config(f64::from(square).sqrt(), min_samples);
        prop_assert_eq!(dbscan(points.view(), &config).unwrap(), naive(points.view(), &config));
    }

    #[test]
    fn the_order_of_points_changes_numbers_only(points in any_points(200), seed in 0_u64..1000) {
        let config = config(1.0, 4);
        let n = points.nrows();
        let keys = integers(n, seed, 0, 1 << 40);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| keys[i]);
        let before = dbscan(points.view(), &config).unwrap();
        let after = dbscan(points.select(Axis(0), &order).view(), &config).unwrap();
        let core_only = |found: &Dbscan, i: usize| found.labels[i].filter(|_| found.core[i]);
        let a: Vec<_> = order.iter().map(|&i| core_only(&before, i)).collect();
        let b: Vec<_> = (0..n).map(|i| core_only(&after, i)).collect();
        prop_assert!(same_partition(&a, &b));
        // Border points may change their cluster, but noise stays noise.
        prop_assert!((0..n).all(|i| before.labels[order[i]].is_some() == after.labels[i].is_some()));
    }
}
