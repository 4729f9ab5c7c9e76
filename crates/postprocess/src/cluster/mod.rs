//! Clusters of points and of pixels.
//!
//! Points are rows of an `N x D` array of f32, the type of embeddings and of colours;
//! distances, sums and likelihoods are computed in f64 unless a function says otherwise.

mod blocks;
mod boxes;
mod component_choice;
mod condensed_tree;
mod covariance;
mod dbscan;
mod density_graph;
mod embeddings;
mod expectation;
mod exponential;
mod gaussian_mixture;
mod hdbscan;
mod image_clusters;
mod k_means;
mod kd_tree;
mod lloyd;
mod mean_shift;
mod mini_batch;
mod points;
mod seeding;
mod spanning_tree;
mod union_find;

pub use component_choice::{ComponentChoice, choose_components};
pub use covariance::CovarianceKind;
pub use dbscan::{Dbscan, DbscanConfig, dbscan};
pub use embeddings::{PixelClusters, cluster_pixels};
pub use gaussian_mixture::{
    GaussianMixture, GaussianMixtureConfig, gaussian_mixture, gaussian_mixture_from,
};
pub use hdbscan::{ClusterSelection, Hdbscan, HdbscanConfig, hdbscan};
pub use image_clusters::{ImageClusters, SmoothedClustersConfig, cluster_image, color_points};
pub use k_means::{KMeans, KMeansConfig, k_means, k_means_from, nearest_centers};
pub use mean_shift::{MeanShift, MeanShiftConfig, mean_shift};
pub use mini_batch::{MiniBatchConfig, mini_batch_k_means};
