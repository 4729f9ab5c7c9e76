//! K-means from batches of points.

use linfa::DatasetBase;
use linfa::traits::FitWith;
use linfa_clustering::{IncrKMeansError, KMeans as Model, KMeansInit};
use ndarray::{ArrayView2, Axis};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::k_means::{KMeans, nearest_centers};
use super::points::{check_count, check_points, check_scale};
use super::seeding::seed_centers;
use crate::{Error, Result};

/// Settings of [`mini_batch_k_means`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MiniBatchConfig {
    /// Number of clusters, at least 1.
    pub clusters: usize,
    /// Points per batch, at least 1; drawn with replacement.
    pub batch_size: usize,
    /// Number of batches, at least 1.
    pub batches: usize,
    /// Decides the centres to start from and the batches.
    pub seed: u64,
}

impl Default for MiniBatchConfig {
    fn default() -> Self {
        Self { clusters: 8, batch_size: 1024, batches: 100, seed: 0 }
    }
}

impl MiniBatchConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("clusters", self.clusters),
            ("batch_size", self.batch_size),
            ("batches", self.batches),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::InvalidSetting { field, value: 0.0, expected: "at least 1" });
            }
        }
        Ok(())
    }
}

/// [`k_means`](crate::k_means) from random batches, for more points than one wants to pass
/// over many times. linfa moves the centres; every point counts less the more a centre has
/// seen. At the end all points get the label of their nearest centre.
///
/// # Errors
/// As [`k_means`](crate::k_means).
///
/// # References
/// - D. Sculley, Web-scale k-means clustering, WWW 2010.
pub fn mini_batch_k_means(points: ArrayView2<'_, f32>, config: &MiniBatchConfig) -> Result<KMeans> {
    config.validate()?;
    check_points(points)?;
    check_scale(points)?;
    check_count(points, config.clusters)?;
    let start = seed_centers(points, config.clusters, config.seed);
    let step = Model::params(config.clusters)
        .init_method(KMeansInit::Precomputed(start.clone()))
        .tolerance(f32::MIN_POSITIVE);
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed.wrapping_add(1));
    let (mut model, mut converged, mut iterations) = (None, false, 0);
    while iterations < config.batches && !converged {
        let draw = |_| rng.random_range(0..points.nrows());
        let chosen: Vec<usize> = (0..config.batch_size).map(draw).collect();
        let batch = DatasetBase::from(points.select(Axis(0), &chosen));
        iterations += 1;
        model = match step.fit_with(model, &batch) {
            Ok(rested) => {
                converged = true;
                Some(rested)
            }
            Err(IncrKMeansError::NotConverged(moved)) => Some(moved),
            // It has no reason to fail on checked points; the next batch starts anew.
            Err(_) => None,
        };
    }
    let centers = model.map_or(start, |model| model.centroids().clone());
    let labels = nearest_centers(points, centers.view())?;
    let inertia = labels
        .iter()
        .zip(points.rows())
        .map(|(&label, point)| {
            let pairs = point.into_iter().zip(centers.row(label as usize));
            pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>()
        })
        .sum();
    Ok(KMeans { centers, labels, inertia, iterations, converged })
}
