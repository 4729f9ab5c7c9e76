//! HDBSCAN against scikit-learn's results and invariants.

use std::collections::HashMap;

use mapvec_postprocess::{ClusterSelection, Error, HdbscanConfig, hdbscan};
use mapvec_testkit::{integers, normal, uniform};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;
use serde_json::Value;

use crate::cluster_inputs::{Blobs, any_points, blobs, labels, owners, same_partition};

/// Clusters whose deviations grow with their numbers.
fn uneven_blobs(case: &Value) -> Array2<f32> {
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    let (n, d, k) = (number("points"), number("dimensions"), number("clusters"));
    let seed = number("seed") as u64;
    let (share, spread) = (case["noise"].as_f64().unwrap(), case["spread"].as_f64().unwrap());
    let centers = uniform(k * d, seed, 0.0, 8.0);
    let own = owners(n, seed + 1, k);
    let offsets = normal(n * d, seed + 2);
    let is_noise = uniform(n, seed + 3, 0.0, 1.0);
    let noise = uniform(n * d, seed + 4, 0.0, 8.0);
    Array2::from_shape_fn((n, d), |(i, c)| {
        let deviation = 0.12 * (1.0 + spread * own[i] as f64);
        let value = if is_noise[i] < share {
            noise[i * d + c]
        } else {
            centers[own[i] * d + c] + deviation * offsets[i * d + c]
        };
        value as f32
    })
}

/// Points outside the best match of two partitions; noise is a part of its own.
fn differing(a: &[Option<u32>], b: &[Option<u32>]) -> usize {
    let mut pairs: HashMap<_, HashMap<_, usize>> = HashMap::new();
    for (a, b) in a.iter().zip(b) {
        *pairs.entry(a).or_default().entry(b).or_default() += 1;
    }
    a.len() - pairs.values().filter_map(|of| of.values().max()).sum::<usize>()
}

/// `hdbscan.json` holds the labels that scikit-learn gives to these points, and the sum of the
/// strengths of membership. Points share their core distances, so there are equal edges even
/// among points in general position, and single points may go either way: with the points in
/// another order scikit-learn's own labels differ in up to six, and the sum by seven percent.
#[test]
fn partitions_and_strengths_are_scikit_learns() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("hdbscan.json")).unwrap();
    for case in cases {
        let leaf = case["leaf"].as_bool().unwrap();
        let config = HdbscanConfig {
            min_cluster_size: case["min_cluster_size"].as_u64().unwrap() as usize,
            min_samples: case["min_samples"].as_u64().map(|samples| samples as usize),
            selection: if leaf { ClusterSelection::Leaf } else { ClusterSelection::ExcessOfMass },
            allow_single_cluster: case["single"].as_bool().unwrap(),
        };
        let found = hdbscan(uneven_blobs(&case).view(), &config).unwrap();
        let expected = labels(&case["labels"]);
        assert_eq!(found.clusters, expected.iter().flatten().max().map_or(0, |m| *m as usize + 1));
        let differ = differing(&found.labels, &expected);
        assert!(differ <= 6, "seed {}: {differ} points differ", case["seed"]);
        let strength: f64 = found.probabilities.iter().sum();
        let expected = case["strength"].as_f64().unwrap();
        assert!((strength - expected).abs() < 0.05 * expected, "{strength} {expected}");
    }
}

#[test]
fn odd_inputs_have_defined_results_or_errors() {
    let config = HdbscanConfig::default();
    let none = hdbscan(Array2::zeros((0, 2)).view(), &config).unwrap();
    assert_eq!((none.labels, none.clusters), (vec![], 0));
    let one = hdbscan(array![[3.0_f32]].view(), &config).unwrap();
    assert_eq!((one.labels, one.probabilities), (vec![None], vec![0.0]));
    let few = hdbscan(Array2::zeros((3, 1)).view(), &config).unwrap_err();
    assert_eq!(few, Error::TooFewPoints { found: 3, needed: 5 });
    let equal = hdbscan(Array2::ones((500, 3)).view(), &config).unwrap();
    assert_eq!(equal.labels.len(), 500);
    let two = Array2::from_shape_fn((200, 2), |(i, _)| if i < 90 { 0.0 } else { 5.0 });
    let found = hdbscan(two.view(), &config).unwrap();
    assert_eq!(found.clusters, 2);
    assert!(found.labels[..90].iter().all(|label| *label == found.labels[0]));
    assert!(found.probabilities.iter().all(|&p| (p - 1.0).abs() < 1e-12));
    assert!(hdbscan(array![[f32::NAN], [0.0]].view(), &config).is_err());
    for wrong in [
        HdbscanConfig { min_cluster_size: 1, ..config.clone() },
        HdbscanConfig { min_samples: Some(0), ..config },
    ] {
        assert!(hdbscan(two.view(), &wrong).is_err());
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let points = blobs(&Blobs { points: 4000, dimensions: 3, clusters: 30, seed: 5, noise: 0.3 });
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| hdbscan(points.view(), &HdbscanConfig::default()).unwrap())
    };
    let one = with(1);
    assert!(one.clusters > 10);
    assert_eq!(one, with(5));
}

proptest! {
    #[test]
    fn the_order_of_points_changes_numbers_only(seed in 0_u64..1000, size in 2_usize..9) {
        let shape = Blobs { points: 150, dimensions: 3, clusters: 4, seed, noise: 0.3 };
        let points = blobs(&shape);
        let keys = integers(150, seed + 9, 0, 1 << 40);
        let mut order: Vec<usize> = (0..150).collect();
        order.sort_by_key(|&i| keys[i]);
        // With one sample no core distances tie.
        let config = HdbscanConfig {
            min_cluster_size: size,
            min_samples: Some(1),
            ..HdbscanConfig::default()
        };
        let before = hdbscan(points.view(), &config).unwrap();
        let after = hdbscan(points.select(Axis(0), &order).view(), &config).unwrap();
        let moved: Vec<_> = order.iter().map(|&i| before.labels[i]).collect();
        prop_assert!(same_partition(&moved, &after.labels));
    }

    #[test]
    fn every_cluster_is_large_enough_and_noise_has_no_strength(
        points in any_points(200),
        size in 2_usize..9,
    ) {
        prop_assume!(points.nrows() >= size);
        let config = HdbscanConfig { min_cluster_size: size, ..HdbscanConfig::default() };
        let found = hdbscan(points.view(), &config).unwrap();
        for cluster in 0..found.clusters {
            let label = u32::try_from(cluster).ok();
            prop_assert!(found.labels.iter().filter(|l| **l == label).count() >= size);
        }
        for (label, strength) in found.labels.iter().zip(&found.probabilities) {
            prop_assert!((0.0..=1.0).contains(strength));
            prop_assert!(label.is_some() || *strength < 1e-300);
        }
    }
}
