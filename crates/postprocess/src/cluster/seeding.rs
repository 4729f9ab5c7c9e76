//! Centres to start from.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Points that centres are drawn from, or more for many clusters: linfa's k-means++ computes
/// the distances to all centres anew for each.
const SAMPLE: usize = 4096;

/// Fewest points to draw from per cluster.
const PER_CLUSTER: usize = 32;

/// Draws centres by k-means++ and moves them once to the means of their points, both by linfa,
/// on a sample of the points. linfa's own generator starts always in the same state: the seed
/// decides the sample and its order.
pub(super) fn seed_centers(points: ArrayView2<'_, f32>, clusters: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let amount = points.nrows().min(SAMPLE.max(PER_CLUSTER.saturating_mul(clusters)));
    let chosen = index::sample(&mut rng, points.nrows(), amount).into_vec();
    let sample = DatasetBase::from(points.select(Axis(0), &chosen));
    let fitted = KMeans::params(clusters)
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(1)
        .max_n_iterations(1)
        .tolerance(f32::MIN_POSITIVE)
        .fit(&sample);
    match fitted {
        Ok(model) => model.centroids().clone(),
        // It has no reason to fail on checked points; the sample itself is a start as well.
        Err(_) => points.select(Axis(0), &chosen[..clusters]),
    }
}
