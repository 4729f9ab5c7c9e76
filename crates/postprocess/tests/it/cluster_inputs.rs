//! Points and values for the tests of clustering.
//!
//! `clustering.json` was computed by scikit-learn on the points that are made here.

use std::collections::HashMap;

use mapvec_testkit::{integers, normal, uniform};
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::Value;

/// What scikit-learn found.
pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("clustering.json")).unwrap()
}

/// Labels of one digit per point; a dot is noise.
pub(crate) fn labels(text: &Value) -> Vec<Option<u32>> {
    text.as_str().unwrap().chars().map(|c| c.to_digit(36)).collect()
}

/// Rows of numbers.
pub(crate) fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

pub(crate) struct Blobs {
    pub(crate) points: usize,
    pub(crate) dimensions: usize,
    pub(crate) clusters: usize,
    pub(crate) seed: u64,
    pub(crate) noise: f64,
}

/// A cluster for each point.
pub(crate) fn owners(n: usize, seed: u64, clusters: usize) -> Vec<usize> {
    let drawn = integers(n, seed, 0, i64::try_from(clusters).unwrap());
    drawn.into_iter().map(|k| usize::try_from(k).unwrap()).collect()
}

/// Normal clusters of deviation 0.12 in a box of side 8, and uniform noise.
pub(crate) fn blobs(b: &Blobs) -> Array2<f32> {
    let (n, d) = (b.points, b.dimensions);
    let centers = uniform(b.clusters * d, b.seed, 0.0, 8.0);
    let own = owners(n, b.seed + 1, b.clusters);
    let offsets = normal(n * d, b.seed + 2);
    let is_noise = uniform(n, b.seed + 3, 0.0, 1.0);
    let noise = uniform(n * d, b.seed + 4, 0.0, 8.0);
    Array2::from_shape_fn((n, d), |(i, k)| {
        let value = if is_noise[i] < b.noise {
            noise[i * d + k]
        } else {
            centers[own[i] * d + k] + 0.12 * offsets[i * d + k]
        };
        value as f32
    })
}

/// Colours from 0 to 1 of a square picture of discs and noise, one pixel per row.
pub(crate) fn picture(side: usize, seed: u64) -> Array2<f32> {
    let discs = uniform(24 * 6, seed, 0.0, 1.0);
    let noise = normal(side * side * 3, seed + 1);
    let size = side as f64;
    Array2::from_shape_fn((side * side, 3), |(i, channel)| {
        let (x, y) = ((i % side) as f64, (i / side) as f64);
        let mut value = 0.0;
        for disc in discs.chunks_exact(6) {
            let radius = (0.05 + 0.18 * disc[2]) * size;
            if (x - disc[0] * size).powi(2) + (y - disc[1] * size).powi(2) < radius * radius {
                value = 255.0 * disc[3 + channel];
            }
        }
        let grey = (value + 12.0 * noise[i * 3 + channel] + 0.5).floor().clamp(0.0, 255.0);
        (grey / 255.0) as f32
    })
}

/// Whether two labelings are the same partition with the same noise.
pub(crate) fn same_partition(a: &[Option<u32>], b: &[Option<u32>]) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.is_some() == b.is_some()
                && there.entry(a).or_insert(b) == &b
                && back.entry(b).or_insert(a) == &a
        })
}

/// Points on a coarse lattice, with many equal distances, or anywhere.
pub(crate) fn any_points(most: usize) -> impl Strategy<Value = Array2<f32>> {
    (0..most, 1_usize..17, any::<u64>(), any::<bool>()).prop_map(|(n, d, seed, lattice)| {
        let seed = seed >> 8;
        if lattice {
            let side = [40, 9, 5, 4, 3][(d - 1).min(4)];
            let values = integers(n * d, seed, 0, side);
            return Array2::from_shape_fn((n, d), |(i, k)| values[i * d + k] as f32);
        }
        let values = uniform(n * d, seed, 0.0, 4.0);
        Array2::from_shape_fn((n, d), |(i, k)| values[i * d + k] as f32)
    })
}
