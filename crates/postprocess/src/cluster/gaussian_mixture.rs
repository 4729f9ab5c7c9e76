//! Mixtures of normal distributions.

use ndarray::{Array2, Array3, ArrayView2};
use serde::{Deserialize, Serialize};

use super::blocks::{Blocks, LANES};
use super::covariance::{CovarianceKind, inverse_factor};
use super::expectation::{Component, Moments, densities, expect};
use super::k_means::{KMeansConfig, k_means};
use super::points::{check_count, check_points, check_scale};
use crate::{Error, Result};

/// Settings of [`gaussian_mixture`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianMixtureConfig {
    /// Number of components, at least 1.
    pub components: usize,
    /// What the covariance matrices may look like.
    pub covariance: CovarianceKind,
    /// Stop when the mean log-likelihood of a point changes by less; 0 or more.
    pub tolerance: f64,
    /// Most steps of expectation and maximisation, at least 1.
    pub max_iterations: usize,
    /// Added to every variance, in the square of the points' unit; 0 or more. It keeps a
    /// component on few or equal points from shrinking to nothing.
    pub regularization: f64,
    /// How often to start anew; the most likely mixture stays. At least 1.
    pub runs: usize,
    /// Decides the K-means clusters to start from.
    pub seed: u64,
}

impl Default for GaussianMixtureConfig {
    fn default() -> Self {
        Self {
            components: 1,
            covariance: CovarianceKind::Full,
            tolerance: 1e-3,
            max_iterations: 100,
            regularization: 1e-6,
            runs: 1,
            seed: 0,
        }
    }
}

impl GaussianMixtureConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("components", self.components),
            ("max_iterations", self.max_iterations),
            ("runs", self.runs),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::InvalidSetting { field, value: 0.0, expected: "at least 1" });
            }
        }
        for (field, value) in
            [("tolerance", self.tolerance), ("regularization", self.regularization)]
        {
            if !(value.is_finite() && value >= 0.0) {
                let expected = "a finite number of 0 or more";
                return Err(Error::InvalidSetting { field, value, expected });
            }
        }
        Ok(())
    }
}

/// A mixture of normal distributions.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    /// Share of every component; the sum is 1.
    pub weights: Vec<f64>,
    /// Means: `[components, dimensions]`.
    pub means: Array2<f64>,
    /// Covariance matrices: `[components, dimensions, dimensions]`, whatever their kind.
    pub covariances: Array3<f64>,
    /// What the matrices may look like.
    pub covariance: CovarianceKind,
    /// Mean log-likelihood of a point before the last step.
    pub lower_bound: f64,
    /// Steps of expectation and maximisation.
    pub iterations: usize,
    /// Whether the likelihood came to rest before `max_iterations`.
    pub converged: bool,
}

/// Fits a mixture of normal distributions: expectation and maximisation from the clusters of
/// [`k_means`](crate::k_means).
///
/// The steps and the settings are scikit-learn's; all sums are in f64.
///
/// # Shapes
/// `points`: `[points, dimensions]`, at least `components` points.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`GaussianMixtureConfig::validate`] and for coordinates above
/// 10^16; [`Error::InvalidPoint`], [`Error::TooFewPoints`], [`Error::TooManyPoints`];
/// [`Error::DegenerateCovariance`] where `regularization` is too small for the points.
///
/// # References
/// - A. Dempster, N. Laird and D. Rubin, Maximum likelihood from incomplete data via the EM
///   algorithm, Journal of the Royal Statistical Society B 39(1), 1977.
pub fn gaussian_mixture(
    points: ArrayView2<'_, f32>,
    config: &GaussianMixtureConfig,
) -> Result<GaussianMixture> {
    check(points, config)?;
    let blocks = Blocks::new(points);
    let mut best: Option<GaussianMixture> = None;
    for run in 0..config.runs as u64 {
        let start = KMeansConfig {
            clusters: config.components,
            seed: config.seed.wrapping_add(run),
            ..KMeansConfig::default()
        };
        let clusters = k_means(points, &start)?;
        let model = from_labels(&blocks, &clusters.labels, &clusters.centers, config);
        let found = iterate(&blocks, model, config)?;
        if best.as_ref().is_none_or(|best| found.lower_bound > best.lower_bound) {
            best = Some(found);
        }
    }
    best.ok_or(Error::InvalidSetting { field: "runs", value: 0.0, expected: "at least 1" })
}

/// [`gaussian_mixture`] from the weights, means and covariances of another mixture. `runs` and
/// `seed` have no effect.
///
/// # Errors
/// As [`gaussian_mixture`]; [`Error::LengthMismatch`] for a start of another shape;
/// [`Error::DegenerateCovariance`] for one that is no mixture.
pub fn gaussian_mixture_from(
    points: ArrayView2<'_, f32>,
    start: &GaussianMixture,
    config: &GaussianMixtureConfig,
) -> Result<GaussianMixture> {
    check(points, config)?;
    start.check_shape(config.components, points.ncols())?;
    iterate(&Blocks::new(points), start.clone(), config)
}

impl GaussianMixture {
    /// The most likely component of every point, the first of equally likely ones.
    ///
    /// # Errors
    /// [`Error::InvalidPoint`]; [`Error::LengthMismatch`];
    /// [`Error::DegenerateCovariance`].
    pub fn predict(&self, points: ArrayView2<'_, f32>) -> Result<Vec<u32>> {
        let mut labels = Vec::with_capacity(points.nrows());
        self.each_density(points, |_, lane, logs| {
            let mut best = (0, f64::NEG_INFINITY);
            for (log, label) in logs.iter().zip(0..) {
                if log[lane] > best.1 {
                    best = (label, log[lane]);
                }
            }
            labels.push(best.0);
        })?;
        Ok(labels)
    }

    /// The share of every component in every point: `[points, components]`; rows sum to 1.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn responsibilities(&self, points: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let mut shares = Array2::zeros((points.nrows(), self.weights.len()));
        self.each_density(points, |i, lane, logs| {
            let total = log_sum(logs, lane);
            for (share, log) in shares.row_mut(i).iter_mut().zip(logs) {
                *share = (log[lane] - total).exp();
            }
        })?;
        Ok(shares)
    }

    /// Mean log-likelihood of a point; 0 without points.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn log_likelihood(&self, points: ArrayView2<'_, f32>) -> Result<f64> {
        let mut sum = 0.0;
        self.each_density(points, |_, lane, logs| sum += log_sum(logs, lane))?;
        Ok(sum / points.nrows().max(1) as f64)
    }

    /// Bayesian information criterion: the lower, the better the mixture explains the points
    /// for the number of its parameters.
    ///
    /// # Errors
    /// As [`Self::predict`].
    ///
    /// # References
    /// - G. Schwarz, Estimating the dimension of a model, The Annals of Statistics 6(2), 1978.
    pub fn bic(&self, points: ArrayView2<'_, f32>) -> Result<f64> {
        let (components, dimensions) = self.means.dim();
        let count = points.nrows() as f64;
        let free = self.covariance.parameters(components, dimensions) + components * dimensions;
        let free = (free + components.saturating_sub(1)) as f64;
        Ok(free * count.max(1.0).ln() - 2.0 * self.log_likelihood(points)? * count)
    }

    fn check_shape(&self, components: usize, dimensions: usize) -> Result<()> {
        let (rows, columns) = self.means.dim();
        let matrices = self.covariances.dim();
        for (field, expected, found) in [
            ("weights", components, self.weights.len()),
            ("means", components, rows),
            ("means", dimensions, columns),
            ("covariances", components, matrices.0),
            ("covariances", dimensions, matrices.1),
            ("covariances", dimensions, matrices.2),
        ] {
            if expected != found {
                return Err(Error::LengthMismatch { field, expected, found });
            }
        }
        Ok(())
    }

    fn each_density(
        &self,
        points: ArrayView2<'_, f32>,
        mut found: impl FnMut(usize, usize, &[[f64; LANES]]),
    ) -> Result<()> {
        check_points(points)?;
        if points.nrows() == 0 {
            return Ok(());
        }
        self.check_shape(self.weights.len(), points.ncols())?;
        densities(&Blocks::new(points), &self.components()?, |first, count, logs| {
            (0..count).for_each(|lane| found(first + lane, lane, logs));
        });
        Ok(())
    }

    fn components(&self) -> Result<Vec<Component>> {
        let size = self.means.ncols();
        let full = self.covariance.is_full();
        let mut components = Vec::with_capacity(self.weights.len());
        for (index, &weight) in self.weights.iter().enumerate() {
            let mean = self.means.row(index).to_vec();
            let matrix = self.covariances.index_axis(ndarray::Axis(0), index);
            let entries: Vec<f64> = (0..size)
                .flat_map(|row| (if full { 0 } else { row }..=row).map(move |c| (row, c)))
                .map(|at| matrix[at])
                .collect();
            let whitening = if full {
                inverse_factor(&entries, size)
            } else {
                let roots: Vec<f64> =
                    entries.iter().map(|variance| variance.sqrt().recip()).collect();
                roots.iter().all(|root| root.is_finite() && *root > 0.0).then_some(roots)
            };
            let finite = weight.is_finite() && mean.iter().all(|value| value.is_finite());
            match whitening {
                Some(whitening) if finite => {
                    components.push(Component::new(weight, mean, whitening));
                }
                _ => return Err(Error::DegenerateCovariance { component: index }),
            }
        }
        Ok(components)
    }
}

fn log_sum(logs: &[[f64; LANES]], lane: usize) -> f64 {
    let highest = logs.iter().map(|log| log[lane]).fold(f64::NEG_INFINITY, f64::max);
    logs.iter().map(|log| (log[lane] - highest).exp()).sum::<f64>().ln() + highest
}

fn check(points: ArrayView2<'_, f32>, config: &GaussianMixtureConfig) -> Result<()> {
    config.validate()?;
    check_points(points)?;
    check_scale(points)?;
    check_count(points, config.components.max(2))
}

/// The mixture in which every point belongs to its cluster alone.
fn from_labels(
    points: &Blocks,
    labels: &[u32],
    centers: &Array2<f32>,
    config: &GaussianMixtureConfig,
) -> GaussianMixture {
    let size = points.dimensions;
    let full = config.covariance.is_full();
    let entries = if full { size * (size + 1) / 2 } else { size };
    let empty = Moments { weight: 0.0, offsets: vec![0.0; size], products: vec![0.0; entries] };
    let mut moments = vec![empty; config.components];
    let means = centers.mapv(f64::from);
    for (i, &label) in labels.iter().enumerate() {
        let (moments, mean) = (&mut moments[label as usize], means.row(label as usize));
        let offsets: Vec<f64> =
            points.point(i).zip(mean).map(|(value, mean)| f64::from(value) - mean).collect();
        moments.weight += 1.0;
        let mut products = moments.products.iter_mut();
        for (row, &offset) in offsets.iter().enumerate() {
            moments.offsets[row] += offset;
            let others = &offsets[if full { 0 } else { row }..=row];
            for (other, product) in others.iter().zip(&mut products) {
                *product += offset * other;
            }
        }
    }
    let mut model = GaussianMixture {
        weights: vec![0.0; config.components],
        covariances: Array3::zeros((config.components, size, size)),
        means,
        covariance: config.covariance,
        lower_bound: f64::NEG_INFINITY,
        iterations: 0,
        converged: false,
    };
    maximize(&mut model, &moments, config);
    model
}

fn iterate(
    points: &Blocks,
    start: GaussianMixture,
    config: &GaussianMixtureConfig,
) -> Result<GaussianMixture> {
    let mut model = GaussianMixture {
        covariance: config.covariance,
        lower_bound: f64::NEG_INFINITY,
        iterations: 0,
        converged: false,
        ..start
    };
    while model.iterations < config.max_iterations && !model.converged {
        let step = expect(points, &model.components()?);
        maximize(&mut model, &step.moments, config);
        let bound = step.log_likelihood / points.len as f64;
        model.iterations += 1;
        model.converged = (bound - model.lower_bound).abs() < config.tolerance;
        model.lower_bound = bound;
    }
    model.components()?;
    Ok(model)
}

/// The mixture with the highest likelihood for given shares in the points.
fn maximize(model: &mut GaussianMixture, moments: &[Moments], config: &GaussianMixtureConfig) {
    let size = model.means.ncols();
    let full = config.covariance.is_full();
    let amount = |m: &Moments| m.weight + 10.0 * f64::EPSILON;
    let total: f64 = moments.iter().map(amount).sum();
    let mut shared = vec![0.0; moments.first().map_or(0, |m| m.products.len())];
    for (index, moments) in moments.iter().enumerate() {
        let weight = amount(moments);
        model.weights[index] = weight / total;
        let shift: Vec<f64> = moments.offsets.iter().map(|sum| sum / weight).collect();
        let mut covariance = model.covariances.index_axis_mut(ndarray::Axis(0), index);
        covariance.fill(0.0);
        let mut next = 0;
        for row in 0..size {
            for column in if full { 0 } else { row }..=row {
                // The mean moves by the shift; without points it stays, and so does this.
                let rest = moments.weight * shift[row] * shift[column];
                let sum = moments.products[next]
                    - shift[row] * moments.offsets[column]
                    - shift[column] * moments.offsets[row]
                    + rest;
                shared[next] += sum;
                covariance[(row, column)] = sum / weight;
                covariance[(column, row)] = sum / weight;
                next += 1;
            }
        }
        for (mean, shift) in model.means.row_mut(index).iter_mut().zip(shift) {
            *mean += shift;
        }
    }
    for mut covariance in model.covariances.outer_iter_mut() {
        let mut diagonal: Vec<f64> = covariance.diag().to_vec();
        match config.covariance {
            CovarianceKind::Tied => {
                let mut next = 0;
                for row in 0..size {
                    for column in 0..=row {
                        covariance[(row, column)] = shared[next] / total;
                        covariance[(column, row)] = shared[next] / total;
                        next += 1;
                    }
                }
                diagonal = covariance.diag().to_vec();
            }
            CovarianceKind::Spherical => {
                let mean = diagonal.iter().sum::<f64>() / size as f64;
                diagonal.fill(mean);
            }
            CovarianceKind::Full | CovarianceKind::Diagonal => {}
        }
        for (entry, variance) in covariance.diag_mut().iter_mut().zip(diagonal) {
            *entry = variance.max(0.0) + config.regularization;
        }
    }
}
