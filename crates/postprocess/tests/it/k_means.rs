//! K-means against scikit-learn and linfa.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans as Linfa, KMeansInit};
use mapvec_postprocess::{
    Error, KMeansConfig, MiniBatchConfig, k_means, k_means_from, mini_batch_k_means,
    nearest_centers,
};
use mapvec_testkit::integers;
use ndarray::{Array2, ArrayView2, Axis, array};
use proptest::prelude::*;

use crate::cluster_inputs::{Blobs, any_points, blobs, golden, picture, rows, same_partition};

fn config(clusters: usize) -> KMeansConfig {
    KMeansConfig { clusters, ..KMeansConfig::default() }
}

fn distance(a: ndarray::ArrayView1<'_, f32>, b: ndarray::ArrayView1<'_, f32>) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

fn inertia(points: ArrayView2<'_, f32>, centers: ArrayView2<'_, f32>) -> f64 {
    let nearest = |point| {
        centers.rows().into_iter().map(|c| distance(point, c)).fold(f64::INFINITY, f64::min)
    };
    points.rows().into_iter().map(nearest).sum()
}

#[test]
fn centers_counts_and_inertia_are_scikit_learns() {
    let golden = &golden()["kmeans"];
    let points = picture(256, 501);
    let start = Array2::from_shape_fn((8, 3), |(k, d)| points[((k * 8191 + 17) % 65536, d)]);
    let expected = rows(&golden["init"]).concat();
    assert!(start.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-12));
    let config = KMeansConfig { max_iterations: 100, tolerance: 1e-6, ..config(8) };
    let found = k_means_from(points.view(), start.view(), &config).unwrap();
    for (center, expected) in found.centers.iter().zip(rows(&golden["centers"]).concat()) {
        assert!((f64::from(*center) - expected).abs() < 5e-5, "{center} {expected}");
    }
    let mut counts = [0_i64; 8];
    found.labels.iter().for_each(|&label| counts[label as usize] += 1);
    let expected: Vec<i64> = serde_json::from_value(golden["counts"].clone()).unwrap();
    let differ: i64 = counts.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum();
    assert!(differ <= 2, "one point of 65536 may lie between two: {counts:?} {expected:?}");
    let expected = golden["inertia"].as_f64().unwrap();
    assert!((found.inertia / expected - 1.0).abs() < 1e-5, "{} {expected}", found.inertia);
    // In f64 scikit-learn needs 28 steps and states this inertia.
    assert_eq!(found.iterations, 28);
    assert!((found.inertia / 2_812.739_519_721_689 - 1.0).abs() < 1e-9, "{}", found.inertia);
}

#[test]
fn clusters_are_linfas() {
    let points = blobs(&Blobs { points: 900, dimensions: 4, clusters: 7, seed: 77, noise: 0.0 });
    let start = points.slice(ndarray::s![..;129, ..]).to_owned();
    let clusters = start.nrows();
    let data = DatasetBase::from(points.clone());
    let linfa = Linfa::params(clusters)
        .n_runs(1)
        .tolerance(1e-7)
        .init_method(KMeansInit::Precomputed(start.clone()))
        .fit(&data)
        .unwrap();
    let settings = KMeansConfig { tolerance: 0.0, ..config(clusters) };
    let found = k_means_from(points.view(), start.view(), &settings).unwrap();
    let theirs = nearest_centers(points.view(), linfa.centroids().view()).unwrap();
    assert!(found.converged);
    assert_eq!(found.labels, theirs);
}

#[test]
fn drawn_centers_find_the_clusters() {
    let shape = Blobs { points: 3000, dimensions: 3, clusters: 5, seed: 31, noise: 0.0 };
    let points = blobs(&shape);
    let truth: Vec<_> =
        integers(3000, 32, 0, 5).into_iter().map(|k| u32::try_from(k).ok()).collect();
    let found = k_means(points.view(), &KMeansConfig { runs: 10, ..config(5) }).unwrap();
    let labels: Vec<_> = found.labels.iter().copied().map(Some).collect();
    assert!(same_partition(&labels, &truth));
    assert_eq!(found, k_means(points.view(), &KMeansConfig { runs: 10, ..config(5) }).unwrap());
    let settings = MiniBatchConfig { clusters: 5, batch_size: 256, batches: 60, seed: 1 };
    let batches = mini_batch_k_means(points.view(), &settings).unwrap();
    assert!(batches.inertia >= 0.999 * found.inertia);
    assert_eq!(batches, mini_batch_k_means(points.view(), &settings).unwrap());
    let exact = inertia(points.view(), batches.centers.view());
    assert!((batches.inertia / exact - 1.0).abs() < 1e-6);
}

#[test]
fn odd_inputs_have_defined_results_or_errors() {
    let one = k_means(array![[1.0_f32, 2.0]].view(), &config(1)).unwrap();
    assert_eq!((one.centers, one.labels, one.inertia), (array![[1.0, 2.0]], vec![0], 0.0));
    let equal = k_means(Array2::ones((50, 3)).view(), &config(4)).unwrap();
    assert_eq!((equal.centers, equal.inertia), (Array2::ones((4, 3)), 0.0));
    let few = k_means(Array2::ones((3, 2)).view(), &config(4)).unwrap_err();
    assert_eq!(few, Error::TooFewPoints { found: 3, needed: 4 });
    assert!(k_means(Array2::zeros((0, 2)).view(), &config(1)).is_err());
    assert!(k_means(Array2::zeros((9, 0)).view(), &config(1)).is_err());
    assert!(k_means(array![[f32::NAN]].view(), &config(1)).is_err());
    assert!(k_means(array![[3e38_f32], [0.0]].view(), &config(1)).is_err(), "it would overflow");
    assert!(k_means(Array2::ones((3, 2)).view(), &config(0)).is_err());
    let wrong = k_means_from(array![[1.0_f32]].view(), array![[1.0, 2.0]].view(), &config(1));
    assert!(matches!(wrong, Err(Error::LengthMismatch { .. })));
    let tolerance = KMeansConfig { tolerance: f64::NAN, ..config(1) };
    assert!(k_means(array![[1.0_f32]].view(), &tolerance).is_err());
    let batch = MiniBatchConfig { batch_size: 0, ..MiniBatchConfig::default() };
    assert!(mini_batch_k_means(Array2::ones((30, 2)).view(), &batch).is_err());
}

#[test]
fn a_cluster_without_points_takes_the_farthest_point() {
    let points = array![[0.0_f32], [1.0], [2.0], [50.0]];
    let start = array![[1.0_f32], [1e6]];
    let found = k_means_from(points.view(), start.view(), &config(2)).unwrap();
    assert_eq!(found.labels, [0, 0, 0, 1]);
    assert_eq!(found.centers, array![[1.0], [50.0]]);
}

proptest! {
    #[test]
    fn the_objective_never_rises(points in any_points(120), clusters in 1_usize..6) {
        prop_assume!(points.nrows() >= clusters);
        let start = points.select(Axis(0), &(0..clusters).collect::<Vec<_>>());
        let mut last = f64::INFINITY;
        for max_iterations in 1..12 {
            let config = KMeansConfig { max_iterations, tolerance: 0.0, ..config(clusters) };
            let found = k_means_from(points.view(), start.view(), &config).unwrap();
            prop_assert!(found.inertia <= last * (1.0 + 1e-5) + 1e-9, "{} {last}", found.inertia);
            let exact = inertia(points.view(), found.centers.view());
            prop_assert!((found.inertia - exact).abs() <= 1e-5 * exact + 1e-9);
            last = found.inertia;
        }
    }
}
