//! K-means.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::lloyd::{Pass, assign};
use super::points::{check_count, check_points, check_scale};
use super::seeding::seed_centers;
use crate::{Error, Result};

/// Settings of [`k_means`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeansConfig {
    /// Number of clusters, at least 1.
    pub clusters: usize,
    /// Most passes over the points, at least 1.
    pub max_iterations: usize,
    /// The centres rest when the sum of their squared shifts is at most this share of the mean
    /// variance of a dimension; 0 or more.
    pub tolerance: f64,
    /// How often to start anew; the clusters with the lowest inertia stay. At least 1.
    pub runs: usize,
    /// Decides the centres to start from.
    pub seed: u64,
}

impl Default for KMeansConfig {
    fn default() -> Self {
        Self { clusters: 8, max_iterations: 300, tolerance: 1e-4, runs: 1, seed: 0 }
    }
}

impl KMeansConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("clusters", self.clusters),
            ("max_iterations", self.max_iterations),
            ("runs", self.runs),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::InvalidSetting { field, value: 0.0, expected: "at least 1" });
            }
        }
        if self.tolerance.is_finite() && self.tolerance >= 0.0 {
            return Ok(());
        }
        let (value, expected) = (self.tolerance, "a finite number of 0 or more");
        Err(Error::InvalidSetting { field: "tolerance", value, expected })
    }
}

/// Clusters around centres.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    /// Centres: `[clusters, dimensions]`.
    pub centers: Array2<f32>,
    /// Cluster of every point.
    pub labels: Vec<u32>,
    /// Sum of the squared distances of the points to their centres.
    pub inertia: f64,
    /// Passes over the points that moved the centres.
    pub iterations: usize,
    /// Whether the centres came to rest before `max_iterations`.
    pub converged: bool,
}

/// Splits points into clusters around centres so that the squared distances to the nearest
/// centres are small: Lloyd's algorithm.
///
/// The centres to start from are drawn by linfa: k-means++ on a sample of 4096 points, or 32
/// per cluster. The steps follow scikit-learn: a cluster that loses its last point gets the point
/// farthest from its centre. Distances are computed in f32 from differences, means in f64.
///
/// # Shapes
/// `points`: `[points, dimensions]`, at least `clusters` points.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{KMeansConfig, k_means};
/// use ndarray::array;
///
/// let points = array![[0.0_f32, 0.0], [0.0, 2.0], [9.0, 0.0], [9.0, 2.0]];
/// let found = k_means(points.view(), &KMeansConfig { clusters: 2, ..KMeansConfig::default() })?;
/// assert_eq!(found.labels[0], found.labels[1]);
/// assert_ne!(found.labels[0], found.labels[2]);
/// assert_eq!(found.inertia, 4.0);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] as [`KMeansConfig::validate`] and for coordinates above 10^16;
/// [`Error::InvalidPoint`], [`Error::TooFewPoints`], [`Error::TooManyPoints`].
///
/// # References
/// - S. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory
///   28(2), 1982.
/// - D. Arthur and S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.
pub fn k_means(points: ArrayView2<'_, f32>, config: &KMeansConfig) -> Result<KMeans> {
    check(points, config)?;
    let blocks = Blocks::new(points);
    let mut best: Option<KMeans> = None;
    for run in 0..config.runs as u64 {
        let start = seed_centers(points, config.clusters, config.seed.wrapping_add(run));
        let found = refine(&blocks, start, config);
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            best = Some(found);
        }
    }
    best.ok_or(Error::InvalidSetting { field: "runs", value: 0.0, expected: "at least 1" })
}

/// [`k_means`] from given centres: `[clusters, dimensions]`. `runs` and `seed` have no effect.
///
/// # Errors
/// As [`k_means`]; [`Error::LengthMismatch`] for centres of another shape.
pub fn k_means_from(
    points: ArrayView2<'_, f32>,
    centers: ArrayView2<'_, f32>,
    config: &KMeansConfig,
) -> Result<KMeans> {
    check(points, config)?;
    check_points(centers)?;
    check_scale(centers)?;
    let expected = (config.clusters, points.ncols());
    for (expected, found) in [(expected.0, centers.nrows()), (expected.1, centers.ncols())] {
        if expected != found {
            return Err(Error::LengthMismatch { field: "centers", expected, found });
        }
    }
    Ok(refine(&Blocks::new(points), centers.to_owned(), config))
}

/// The nearest centre of every point, the first of equally near ones.
///
/// # Errors
/// [`Error::InvalidPoint`]; [`Error::LengthMismatch`] if points and centres have different
/// numbers of dimensions; [`Error::TooFewPoints`] without a centre.
pub fn nearest_centers(
    points: ArrayView2<'_, f32>,
    centers: ArrayView2<'_, f32>,
) -> Result<Vec<u32>> {
    check_points(points)?;
    check_points(centers)?;
    check_count(centers, 1)?;
    let (expected, found) = (points.ncols(), centers.ncols());
    if expected != found {
        return Err(Error::LengthMismatch { field: "centers", expected, found });
    }
    let mut labels = vec![0; points.nrows()];
    if !labels.is_empty() {
        let centers = centers.iter().copied().collect::<Vec<_>>();
        assign(&Blocks::new(points), &centers, &mut labels);
    }
    Ok(labels)
}

fn check(points: ArrayView2<'_, f32>, config: &KMeansConfig) -> Result<()> {
    config.validate()?;
    check_points(points)?;
    check_scale(points)?;
    check_count(points, config.clusters)
}

/// Moves the centres until they rest.
fn refine(points: &Blocks, start: Array2<f32>, config: &KMeansConfig) -> KMeans {
    let mut centers: Vec<f32> = start.iter().copied().collect();
    let mut labels = vec![u32::MAX; points.len];
    let limit = config.tolerance * mean_variance(points);
    let (mut iterations, mut converged, mut settled) = (0, false, false);
    while iterations < config.max_iterations && !converged {
        let mut pass = assign(points, &centers, &mut labels);
        move_empty(points, &labels, &centers, &mut pass);
        let shift = recenter(&mut centers, &pass);
        iterations += 1;
        settled = pass.changed == 0;
        converged = settled || shift <= limit;
    }
    if !settled {
        assign(points, &centers, &mut labels);
    }
    let inertia = distances(points, &labels, &centers).iter().sum();
    let centers = Array2::from_shape_vec(start.dim(), centers).unwrap_or(start);
    KMeans { centers, labels, inertia, iterations, converged }
}

/// Moves the centres to the means of their points; the sum of their squared shifts.
fn recenter(centers: &mut [f32], pass: &Pass) -> f64 {
    let dimensions = centers.len() / pass.counts.len();
    let mut shift = 0.0;
    for (i, (center, sum)) in centers.iter_mut().zip(&pass.sums).enumerate() {
        let count = pass.counts[i / dimensions];
        if count > 0 {
            let mean = (sum / count as f64) as f32;
            shift += f64::from(mean - *center).powi(2);
            *center = mean;
        }
    }
    shift
}

/// Takes the points farthest from their centres for clusters that have none.
fn move_empty(points: &Blocks, labels: &[u32], centers: &[f32], pass: &mut Pass) {
    let empty: Vec<usize> = (0..pass.counts.len()).filter(|&c| pass.counts[c] == 0).collect();
    if empty.is_empty() {
        return;
    }
    let away = distances(points, labels, centers);
    let mut order: Vec<usize> = (0..away.len()).collect();
    order.sort_unstable_by(|&a, &b| away[b].total_cmp(&away[a]).then(a.cmp(&b)));
    let size = points.dimensions;
    for (to, &point) in empty.into_iter().zip(&order) {
        let from = labels[point] as usize;
        if pass.counts[from] < 2 || away[point] <= 0.0 {
            continue;
        }
        pass.counts[from] -= 1;
        pass.counts[to] += 1;
        for (d, value) in points.point(point).enumerate() {
            pass.sums[from * size + d] -= f64::from(value);
            pass.sums[to * size + d] += f64::from(value);
        }
    }
}

/// Squared distance of every point to its centre, in f64.
fn distances(points: &Blocks, labels: &[u32], centers: &[f32]) -> Vec<f64> {
    let size = points.dimensions;
    let distance = |(i, &label): (usize, &u32)| {
        let center = &centers[label as usize * size..(label as usize + 1) * size];
        let pairs = points.point(i).zip(center);
        pairs.map(|(a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
    };
    labels.iter().enumerate().map(distance).collect()
}

/// Mean over the dimensions of the variance of the points.
fn mean_variance(points: &Blocks) -> f64 {
    let size = points.dimensions;
    let count = points.len as f64;
    let mut means = vec![0.0; size];
    for i in 0..points.len {
        for (mean, value) in means.iter_mut().zip(points.point(i)) {
            *mean += f64::from(value) / count;
        }
    }
    let square = |i: usize| -> f64 {
        points.point(i).zip(&means).map(|(value, mean)| (f64::from(value) - mean).powi(2)).sum()
    };
    (0..points.len).map(square).sum::<f64>() / count / size as f64
}
