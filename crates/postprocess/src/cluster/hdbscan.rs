//! Density-based clusters of varying density: HDBSCAN.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::condensed_tree::{Choice, CondensedTree};
use super::kd_tree::KdTree;
use super::points::{check_count, check_points};
use super::spanning_tree::{core_distances, spanning_tree};
use crate::{Error, Result};

/// Which clusters of the hierarchy count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterSelection {
    /// The most stable ones.
    #[default]
    ExcessOfMass,
    /// The ones without clusters inside: more and smaller.
    Leaf,
}

/// Settings of [`hdbscan`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HdbscanConfig {
    /// Fewest points of a cluster, at least 2.
    pub min_cluster_size: usize,
    /// The distance to the so many nearest points, the point itself included, tells the density
    /// at a point; at least 1. `min_cluster_size` if there is none.
    pub min_samples: Option<usize>,
    /// Which clusters of the hierarchy count.
    pub selection: ClusterSelection,
    /// Whether all points together may be the only cluster.
    pub allow_single_cluster: bool,
}

impl Default for HdbscanConfig {
    fn default() -> Self {
        Self {
            min_cluster_size: 5,
            min_samples: None,
            selection: ClusterSelection::ExcessOfMass,
            allow_single_cluster: false,
        }
    }
}

impl HdbscanConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        if self.min_cluster_size < 2 {
            let (field, value) = ("min_cluster_size", self.min_cluster_size as f64);
            return Err(Error::InvalidSetting { field, value, expected: "at least 2" });
        }
        if self.min_samples == Some(0) {
            let (field, value) = ("min_samples", 0.0);
            return Err(Error::InvalidSetting { field, value, expected: "at least 1" });
        }
        Ok(())
    }
}

/// What [`hdbscan`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdbscan {
    /// Cluster of every point, from 0; none for noise.
    pub labels: Vec<Option<u32>>,
    /// How much the point belongs to its cluster, from 0 (noise) to 1 (the densest points).
    pub probabilities: Vec<f64>,
    /// Number of clusters.
    pub clusters: usize,
}

/// Finds clusters of points that lie densely, each at a density of its own.
///
/// The hierarchy of clusters is that of DBSCAN at all distances. Parts with less than
/// `min_cluster_size` points are no clusters of their own, and of nested clusters those count
/// that persist over the widest range of densities.
///
/// The spanning tree of least mutual reachability is exact (Boruvka's algorithm on a k-d
/// tree). Where distances are equal, several trees are least and the clusters may differ from
/// those of another implementation.
///
/// # Shapes
/// `points`: `[points, dimensions]`; the results have one entry per point.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`HdbscanConfig::validate`]; [`Error::TooFewPoints`] for less
/// than `min_samples` points; [`Error::InvalidPoint`], [`Error::TooManyPoints`].
///
/// # References
/// - R. Campello, D. Moulavi and J. Sander, Density-based clustering based on hierarchical
///   density estimates, PAKDD 2013.
/// - L. `McInnes` and J. Healy, Accelerated hierarchical density based clustering, ICDM
///   Workshops 2017.
pub fn hdbscan(points: ArrayView2<'_, f32>, config: &HdbscanConfig) -> Result<Hdbscan> {
    config.validate()?;
    check_points(points)?;
    let count = points.nrows();
    if count < 2 {
        let (labels, probabilities) = (vec![None; count], vec![0.0; count]);
        return Ok(Hdbscan { labels, probabilities, clusters: 0 });
    }
    let samples = config.min_samples.unwrap_or(config.min_cluster_size);
    check_count(points, samples)?;
    let tree = KdTree::new(points);
    let core = core_distances(&tree, samples);
    let edges = spanning_tree(&tree, &core);
    drop(core);
    let choice = Choice {
        leaves: config.selection == ClusterSelection::Leaf,
        single: config.allow_single_cluster,
    };
    let condensed = CondensedTree::new(edges, config.min_cluster_size);
    let (labels, strengths, clusters) = condensed.labels(choice);
    let mut found =
        Hdbscan { labels: vec![None; count], probabilities: vec![0.0; count], clusters };
    for (position, &index) in tree.order.iter().enumerate() {
        found.labels[index as usize] = labels[position];
        found.probabilities[index as usize] = strengths[position];
    }
    Ok(found)
}
