//! Density-based clusters: DBSCAN.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::boxes::Boxes;
use super::density_graph::components;
use super::kd_tree::{KdTree, LANES, Node};
use super::points::{check_points, normalized_rows};
use crate::{Error, Result};

/// Settings of [`dbscan`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DbscanConfig {
    /// Largest Euclidean distance between neighbours, in the unit of the points; finite and
    /// above 0. Points at exactly this distance are neighbours.
    pub eps: f64,
    /// Neighbours, the point itself included, that make a point a core point.
    pub min_samples: usize,
    /// Divide every point by its Euclidean length first; a point of zeros stays.
    pub normalize: bool,
}

impl Default for DbscanConfig {
    fn default() -> Self {
        Self { eps: 0.5, min_samples: 5, normalize: false }
    }
}

impl DbscanConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        let reason = "a finite distance above 0, in the unit of the points";
        if self.eps.is_finite() && self.eps > 0.0 {
            return Ok(());
        }
        Err(Error::InvalidSetting { field: "eps", value: self.eps, expected: reason })
    }
}

/// What [`dbscan`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dbscan {
    /// Cluster of every point, from 0; none for noise.
    pub labels: Vec<Option<u32>>,
    /// Whether the point is a core point.
    pub core: Vec<bool>,
    /// Number of clusters.
    pub clusters: usize,
}

/// Finds clusters of points that lie densely, and noise between them.
///
/// A core point has at least `min_samples` points, itself included, within `eps`. Core points
/// within `eps` of each other belong to one cluster. Clusters are numbered by the lowest index
/// of their core points. A point that is no core point belongs to the lowest-numbered cluster
/// of which it has a core point within `eps`; otherwise it is noise. This is what
/// scikit-learn does, border points included.
///
/// Squared distances are summed in f64 in the order of the dimensions and compared with
/// `eps * eps`, as scikit-learn does up to 15 dimensions. The result is exact: no neighbour is
/// missed, in any number of dimensions.
///
/// Neighbours are not listed. Counting stops at `min_samples`, and two parts of the data that
/// belong to the same cluster already are not compared again; so dense clusters take little
/// time, and memory is about one and a half copies of the points and 30 bytes for each.
///
/// # Shapes
/// `points`: `[points, dimensions]`; the results have one entry per point. No points give no
/// clusters.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{DbscanConfig, dbscan};
/// use ndarray::array;
///
/// let points = array![[0.0_f32], [0.4], [0.8], [5.0], [9.0], [9.1], [9.2]];
/// let config = DbscanConfig { eps: 0.5, min_samples: 3, ..DbscanConfig::default() };
/// let found = dbscan(points.view(), &config)?;
/// assert_eq!(found.labels, [Some(0), Some(0), Some(0), None, Some(1), Some(1), Some(1)]);
/// assert_eq!(found.core, [false, true, false, false, true, true, true]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] as [`DbscanConfig::validate`]; [`Error::InvalidPoint`] for a
/// coordinate that is not finite; [`Error::TooManyPoints`].
///
/// # References
/// - M. Ester, H.-P. Kriegel, J. Sander and X. Xu, A density-based algorithm for discovering
///   clusters in large spatial databases with noise, KDD 1996.
/// - A. Prokopenko, D. Lebrun-Grandie and D. Arndt, Fast tree-based algorithms for DBSCAN for
///   low-dimensional data on GPUs, ICPP 2023.
pub fn dbscan(points: ArrayView2<'_, f32>, config: &DbscanConfig) -> Result<Dbscan> {
    config.validate()?;
    check_points(points)?;
    if config.normalize {
        let points = normalized_rows(points);
        return Ok(find(&KdTree::new(points.view()), config));
    }
    Ok(find(&KdTree::new(points), config))
}

fn find(tree: &KdTree, config: &DbscanConfig) -> Dbscan {
    let reach = config.eps * config.eps;
    let core = core_points(tree, reach, config.min_samples);
    let core_boxes = Boxes::new(tree, &|position| core[position]);
    let roots = components(tree, &core_boxes, &core, reach);
    let (mut labels, clusters) = number(tree, &core, &roots);
    drop(roots);
    add_border(tree, &core_boxes, &core, reach, &mut labels);
    let mut found = Dbscan {
        labels: vec![None; tree.len()],
        core: vec![false; tree.len()],
        clusters: clusters as usize,
    };
    for (position, &index) in tree.order.iter().enumerate() {
        let label = labels[position];
        found.labels[index as usize] = (label != NONE).then_some(label);
        found.core[index as usize] = core[position];
    }
    found
}

/// No cluster.
const NONE: u32 = u32::MAX;

/// Whether the points, by position, have enough neighbours.
fn core_points(tree: &KdTree, reach: f64, enough: usize) -> Vec<bool> {
    let mut core = vec![false; tree.len()];
    let work = || (Vec::new(), vec![0.0; tree.dimensions]);
    core.par_chunks_mut(LANES).enumerate().for_each_init(
        work,
        |(siblings, query), (leaf, core)| {
            tree.siblings(leaf, siblings);
            for (lane, core) in core.iter_mut().enumerate() {
                tree.copy_point(leaf * LANES + lane, query);
                let mut count = near(tree, leaf, query, reach);
                for &node in &*siblings {
                    if count >= enough {
                        break;
                    }
                    if tree.boxes.distance(node, query) <= reach {
                        count += count_near(tree, node, query, reach, enough - count);
                    }
                }
                *core = count >= enough;
            }
        },
    );
    core
}

/// Points of a leaf within reach.
fn near(tree: &KdTree, leaf: usize, query: &[f64], reach: f64) -> usize {
    tree.distances(leaf, query).iter().filter(|&&distance| distance <= reach).count()
}

/// Points of a node within reach; it may stop at `enough`.
fn count_near(tree: &KdTree, node: Node, query: &[f64], reach: f64, enough: usize) -> usize {
    let Some((left, right)) = node.children() else {
        return near(tree, node.first, query, reach);
    };
    if tree.boxes.farthest(node, query) <= reach {
        return tree.positions(node).len();
    }
    let mut count = 0;
    for (child, distance) in by_distance(&tree.boxes, left, right, query) {
        if distance <= reach && count < enough {
            count += count_near(tree, child, query, reach, enough - count);
        }
    }
    count
}

/// Two nodes and their distances from a point, the nearer first.
fn by_distance(boxes: &Boxes, left: Node, right: Node, query: &[f64]) -> [(Node, f64); 2] {
    let left = (left, boxes.distance(left, query));
    let right = (right, boxes.distance(right, query));
    if right.1 < left.1 { [right, left] } else { [left, right] }
}

/// Labels of the core points, by position, and how many clusters there are.
fn number(tree: &KdTree, core: &[bool], roots: &[u32]) -> (Vec<u32>, u32) {
    let mut firsts = vec![NONE; tree.len()];
    for (position, &index) in tree.order.iter().enumerate() {
        if core[position] {
            let first = &mut firsts[roots[position] as usize];
            *first = index.min(*first);
        }
    }
    let mut clusters: Vec<(u32, usize)> =
        firsts.iter().zip(0..).filter(|&(&f, _)| f != NONE).map(|(&f, root)| (f, root)).collect();
    clusters.sort_unstable();
    for (&(_, root), label) in clusters.iter().zip(0..) {
        firsts[root] = label;
    }
    let label = |(&root, &core): (&u32, &bool)| if core { firsts[root as usize] } else { NONE };
    (roots.iter().zip(core).map(label).collect(), clusters.len() as u32)
}

/// Gives points that are no core points the lowest cluster within reach.
fn add_border(tree: &KdTree, boxes: &Boxes, core: &[bool], reach: f64, labels: &mut [u32]) {
    let mut lowest = vec![NONE; tree.nodes()];
    if let Some(root) = tree.root() {
        fill_lowest(tree, labels, root, &mut lowest);
    }
    let search = Border { tree, boxes, reach, lowest: &lowest, labels };
    let found: Vec<u32> = core
        .par_chunks(LANES)
        .enumerate()
        .map_init(
            || vec![0.0; tree.dimensions],
            |query, (leaf, core)| {
                let mut found = [NONE; LANES];
                for (lane, found) in found.iter_mut().enumerate() {
                    if let (Some(false), Some(root)) = (core.get(lane), tree.root()) {
                        tree.copy_point(leaf * LANES + lane, query);
                        search.lowest_near(root, query, found);
                    }
                }
                found
            },
        )
        .collect::<Vec<_>>()
        .into_flattened();
    for ((label, &core), found) in labels.iter_mut().zip(core).zip(found) {
        if !core {
            *label = found;
        }
    }
}

fn fill_lowest(tree: &KdTree, labels: &[u32], node: Node, lowest: &mut [u32]) -> u32 {
    let found = match node.children() {
        Some((left, right)) => {
            fill_lowest(tree, labels, left, lowest).min(fill_lowest(tree, labels, right, lowest))
        }
        None => labels[tree.positions(node)].iter().copied().min().unwrap_or(NONE),
    };
    lowest[node.id] = found;
    found
}

struct Border<'a> {
    tree: &'a KdTree,
    /// Of the core points.
    boxes: &'a Boxes,
    reach: f64,
    /// Lowest label of every node.
    lowest: &'a [u32],
    /// By position; points that are no core points have none.
    labels: &'a [u32],
}

impl Border<'_> {
    /// Lowers `found` to the lowest label within reach of the query.
    fn lowest_near(&self, node: Node, query: &[f64], found: &mut u32) {
        if self.lowest[node.id] >= *found {
            return;
        }
        if let Some((left, right)) = node.children() {
            for (child, distance) in by_distance(self.boxes, left, right, query) {
                if distance <= self.reach {
                    self.lowest_near(child, query, found);
                }
            }
            return;
        }
        let labels = &self.labels[self.tree.positions(node)];
        for (&label, distance) in labels.iter().zip(self.tree.distances(node.first, query)) {
            if distance <= self.reach {
                *found = label.min(*found);
            }
        }
    }
}
