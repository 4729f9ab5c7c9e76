//! What `bench_clustering` times; the peers' side is in `xtask/peers/clustering.py`.

use std::f64::consts::TAU;

use anyhow::{Result, bail};
use mapvec_postprocess::{
    CovarianceKind, DbscanConfig, GaussianMixture, GaussianMixtureConfig, HdbscanConfig,
    KMeansConfig, MeanShiftConfig, dbscan, gaussian_mixture_from, hdbscan, k_means, k_means_from,
    mean_shift,
};
use ndarray::{Array2, Array3};

use crate::geometry_cases::inputs::uniform;
use crate::timed_case::Case;

/// Names of all cases.
pub const NAMES: [&str; 7] = [
    "dbscan-2d",
    "dbscan-8d",
    "hdbscan-4d",
    "mean-shift-4d",
    "k-means",
    "k-means-drawn",
    "gaussian-mixture",
];

const UNIT: (f64, f64) = (0.0, 1.0);

/// Makes the inputs of a case.
///
/// # Errors
/// There is no such case.
pub fn case(name: &str, small: bool) -> Result<Case> {
    let count = if small { 2000 } else { 100_000 };
    let side = if small { 32 } else { 256 };
    match name {
        "dbscan-2d" => density(&blobs(count, 2, 11), 0.02, 10),
        "dbscan-8d" => density(&blobs(count, 8, 40), 0.5, 20),
        "hdbscan-4d" => hierarchy(blobs(count / 10, 4, 12)),
        "mean-shift-4d" => modes(blobs(count / 50, 4, 61)),
        "k-means" => centers(picture(side)),
        "k-means-drawn" => drawn_centers(picture(side)),
        "gaussian-mixture" => mixture(picture(side)),
        _ => bail!("there is no case `{name}`; cases: {}", NAMES.join(", ")),
    }
}

/// DBSCAN; the result counts clusters, core points and noise.
fn density(points: &Array2<f32>, eps: f64, min_samples: usize) -> Result<Case> {
    let (check, points) = (check(points), points.clone());
    let config = DbscanConfig { eps, min_samples, normalize: false };
    let work = move || {
        let found = dbscan(points.view(), &config)?;
        let core = found.core.iter().filter(|&&core| core).count();
        let noise = found.labels.iter().filter(|label| label.is_none()).count();
        Ok((found.clusters + 2 * core + 3 * noise) as f64)
    };
    Ok(Case { check, runs: (1, 5), work: Box::new(work) })
}

/// HDBSCAN; the result is the number of clusters, because equal distances leave single points
/// open.
fn hierarchy(points: Array2<f32>) -> Result<Case> {
    let check = check(&points);
    let config = HdbscanConfig { min_cluster_size: 20, ..HdbscanConfig::default() };
    let work = move || Ok(hdbscan(points.view(), &config)?.clusters as f64);
    Ok(Case { check, runs: (1, 5), work: Box::new(work) })
}

/// Mean shift from every point; the result is the number of clusters.
fn modes(points: Array2<f32>) -> Result<Case> {
    let check = check(&points);
    let config = MeanShiftConfig::default();
    let work = move || Ok(mean_shift(points.view(), &config)?.centers.nrows() as f64);
    Ok(Case { check, runs: (1, 5), work: Box::new(work) })
}

/// K-means of colours from given centres; the result is the inertia.
fn centers(points: Array2<f32>) -> Result<Case> {
    let check = check(&points);
    let start = start(&points);
    let config = KMeansConfig { max_iterations: 100, tolerance: 1e-6, ..KMeansConfig::default() };
    let work = move || Ok(k_means_from(points.view(), start.view(), &config)?.inertia);
    Ok(Case { check, runs: (2, 20), work: Box::new(work) })
}

/// K-means of colours from centres that each side draws by k-means++; no result, because the
/// sides draw different ones.
fn drawn_centers(points: Array2<f32>) -> Result<Case> {
    let check = check(&points);
    let config = KMeansConfig::default();
    let work = move || {
        k_means(points.view(), &config)?;
        Ok(0.0)
    };
    Ok(Case { check, runs: (2, 20), work: Box::new(work) })
}

/// Fifty steps of a mixture of eight normal distributions; the result is the mean
/// log-likelihood.
fn mixture(points: Array2<f32>) -> Result<Case> {
    let check = check(&points);
    let means = start(&points).mapv(f64::from);
    let mut covariances = Array3::zeros((8, 3, 3));
    covariances.outer_iter_mut().for_each(|mut matrix| matrix.diag_mut().fill(0.01));
    let start = GaussianMixture {
        weights: vec![0.125; 8],
        means,
        covariances,
        covariance: CovarianceKind::Full,
        lower_bound: 0.0,
        iterations: 0,
        converged: false,
    };
    let config = GaussianMixtureConfig {
        components: 8,
        max_iterations: 50,
        tolerance: 0.0,
        ..GaussianMixtureConfig::default()
    };
    let work = move || Ok(gaussian_mixture_from(points.view(), &start, &config)?.lower_bound);
    Ok(Case { check, runs: (1, 5), work: Box::new(work) })
}

/// Eight of the points.
fn start(points: &Array2<f32>) -> Array2<f32> {
    let count = points.nrows();
    Array2::from_shape_fn((8, 3), |(k, d)| points[((k * 8191 + 17) % count, d)])
}

/// Colours of a picture of discs and noise, one pixel per row.
fn picture(side: usize) -> Array2<f32> {
    let size = side as f64;
    Array2::from_shape_fn((side * side, 3), |(i, channel)| {
        let (x, y) = ((i % side) as f64, (i / side) as f64);
        let mut value = 0.0;
        for disc in 0..24 {
            let drawn = |k: usize| uniform(501, disc * 6 + k, UNIT);
            let radius = (0.05 + 0.18 * drawn(2)) * size;
            if (x - drawn(0) * size).powi(2) + (y - drawn(1) * size).powi(2) < radius * radius {
                value = 255.0 * drawn(3 + channel);
            }
        }
        let grey = (value + 12.0 * normal(502, i * 3 + channel) + 0.5).floor();
        (grey.clamp(0.0, 255.0) / 255.0) as f32
    })
}

/// Forty normal clusters of deviation 0.12 in a box of side 8, and five percent of noise.
#[expect(clippy::cast_sign_loss, reason = "drawn from 0 on")]
fn blobs(count: usize, dimensions: usize, seed: u64) -> Array2<f32> {
    const CLUSTERS: f64 = 40.0;
    const SIDE: (f64, f64) = (0.0, 8.0);
    Array2::from_shape_fn((count, dimensions), |(i, d)| {
        let value = if uniform(seed + 3, i, UNIT) < 0.05 {
            uniform(seed + 4, i * dimensions + d, SIDE)
        } else {
            let own = uniform(seed + 1, i, (0.0, CLUSTERS)).floor() as usize;
            uniform(seed, own * dimensions + d, SIDE) + 0.12 * normal(seed + 2, i * dimensions + d)
        };
        value as f32
    })
}

fn normal(seed: u64, index: usize) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(seed, 2 * index, UNIT)).ln()).sqrt();
    radius * (TAU * uniform(seed, 2 * index + 1, UNIT)).cos()
}

/// Coordinates in steps of 1/1000, summed.
#[expect(clippy::cast_sign_loss, reason = "absolute values")]
fn check(points: &Array2<f32>) -> u64 {
    points.iter().map(|&value| (f64::from(value).abs() * 1000.0).round() as u64).sum()
}
