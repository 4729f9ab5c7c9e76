//! Mean shift with a flat kernel.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kd_tree::{KdTree, LANES, Node};
use super::points::check_points;
use crate::{Error, Result};

/// Settings of [`mean_shift`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanShiftConfig {
    /// Radius of the ball whose mean is taken, in the unit of the points; finite, above 0.
    pub bandwidth: f64,
    /// Start from the cells of a grid of side `bandwidth` that have points instead of from all
    /// points: much faster where the points lie densely.
    pub bin_seeding: bool,
    /// Points that a cell must have for a start.
    pub min_bin_freq: usize,
    /// Give points farther than `bandwidth` from all centres the nearest one; otherwise they
    /// are noise.
    pub cluster_all: bool,
    /// Most steps from one start.
    pub max_iterations: usize,
}

impl Default for MeanShiftConfig {
    fn default() -> Self {
        Self {
            bandwidth: 1.0,
            bin_seeding: false,
            min_bin_freq: 1,
            cluster_all: true,
            max_iterations: 300,
        }
    }
}

impl MeanShiftConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        if self.bandwidth.is_finite() && self.bandwidth > 0.0 {
            return Ok(());
        }
        let expected = "a finite radius above 0, in the unit of the points";
        Err(Error::InvalidSetting { field: "bandwidth", value: self.bandwidth, expected })
    }
}

/// What [`mean_shift`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanShift {
    /// Cluster of every point: the nearest centre, the first of equally near ones; none for
    /// noise.
    pub labels: Vec<Option<u32>>,
    /// Modes of the density, the ones with most points in the ball first:
    /// `[clusters, dimensions]`.
    pub centers: Array2<f64>,
}

/// Finds the modes of the density of points and the points around them.
///
/// A ball moves to the mean of the points in it until it moves by at most a thousandth of its
/// radius. Of balls that end within a radius of each other the one with most points stays; of
/// equal ones, the one with the greater coordinates. The rules are scikit-learn's; means are
/// taken in f64. Sums of the points of whole parts of a k-d tree are added at once where the
/// ball covers them.
///
/// # Shapes
/// `points`: `[points, dimensions]`; no points give no clusters.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`MeanShiftConfig::validate`], and if no start has a point
/// within the bandwidth; [`Error::InvalidPoint`], [`Error::TooManyPoints`].
///
/// # References
/// - D. Comaniciu and P. Meer, Mean shift: a robust approach toward feature space analysis,
///   IEEE Transactions on Pattern Analysis and Machine Intelligence 24(5), 2002.
pub fn mean_shift(points: ArrayView2<'_, f32>, config: &MeanShiftConfig) -> Result<MeanShift> {
    config.validate()?;
    check_points(points)?;
    let (count, dimensions) = points.dim();
    if count == 0 {
        return Ok(MeanShift { labels: Vec::new(), centers: Array2::zeros((0, dimensions)) });
    }
    let tree = KdTree::new(points);
    let sums = Sums::new(&tree);
    let mut modes: Vec<Mode> = starts(points, config)
        .into_par_iter()
        .filter_map(|start| sums.climb(start, config))
        .collect();
    modes.sort_unstable_by(|a, b| {
        let greater = || {
            let pairs = a.center.iter().zip(&b.center);
            pairs.map(|(a, b)| b.total_cmp(a)).find(|o| o.is_ne())
        };
        b.points.cmp(&a.points).then_with(|| greater().unwrap_or(std::cmp::Ordering::Equal))
    });
    let centers = separate(modes, config.bandwidth);
    if centers.is_empty() {
        let expected = "so large that a start has points within it; or switch `bin_seeding` off";
        let (field, value) = ("bandwidth", config.bandwidth);
        return Err(Error::InvalidSetting { field, value, expected });
    }
    let limit = if config.cluster_all { f64::INFINITY } else { config.bandwidth.powi(2) };
    let rows = points.as_standard_layout();
    let rows = rows.as_slice().unwrap_or_default();
    let labels = rows.par_chunks(dimensions).map(|point| nearest(point, &centers, limit)).collect();
    let flat: Vec<f64> = centers.concat();
    let centers =
        Array2::from_shape_fn((centers.len(), dimensions), |(k, d)| flat[k * dimensions + d]);
    Ok(MeanShift { labels, centers })
}

/// Where a ball came to rest.
struct Mode {
    points: u64,
    center: Vec<f64>,
}

/// Where balls start: at all points, or at the corners of a grid nearest to points.
fn starts(points: ArrayView2<'_, f32>, config: &MeanShiftConfig) -> Vec<Vec<f64>> {
    let all = || points.rows().into_iter().map(|row| row.iter().copied().map(f64::from).collect());
    if !config.bin_seeding {
        return all().collect();
    }
    let mut bins: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
    for point in all() {
        // Adding 0 makes one zero of two.
        let cell = |value: f64| ((value / config.bandwidth).round_ties_even() + 0.0).to_bits();
        let point: Vec<f64> = point;
        *bins.entry(point.into_iter().map(cell).collect()).or_default() += 1;
    }
    let kept = bins.iter().filter(|(_, points)| **points >= config.min_bin_freq);
    let corner = |cell: &Vec<u64>| {
        cell.iter().map(|&bits| f64::from_bits(bits) * config.bandwidth).collect()
    };
    let starts: Vec<Vec<f64>> = kept.map(|(cell, _)| corner(cell)).collect();
    if starts.len() == points.nrows() { all().collect() } else { starts }
}

/// A tree with the sums of the coordinates of every node.
struct Sums<'a> {
    tree: &'a KdTree,
    /// `dimensions` per node.
    sums: Vec<f64>,
}

impl<'a> Sums<'a> {
    fn new(tree: &'a KdTree) -> Self {
        let mut sums = vec![0.0; tree.nodes() * tree.dimensions];
        if let Some(root) = tree.root() {
            fill(tree, root, &mut sums);
        }
        Self { tree, sums }
    }

    /// Moves a ball to its mode; none if there is no point in it.
    fn climb(&self, start: Vec<f64>, config: &MeanShiftConfig) -> Option<Mode> {
        let reach = config.bandwidth * config.bandwidth;
        let rest = 1e-3 * config.bandwidth;
        let mut center = start;
        let mut steps = 0;
        loop {
            let mut mean = vec![0.0; center.len()];
            let points = self.add(self.tree.root()?, &center, reach, &mut mean);
            if points == 0 {
                return None;
            }
            let mut shift = 0.0;
            for (mean, old) in mean.iter_mut().zip(&center) {
                *mean /= points as f64;
                shift += (*mean - old) * (*mean - old);
            }
            center = mean;
            if shift.sqrt() <= rest || steps == config.max_iterations {
                return Some(Mode { points, center });
            }
            steps += 1;
        }
    }

    /// Adds the points within reach to `sum` and counts them.
    fn add(&self, node: Node, query: &[f64], reach: f64, sum: &mut [f64]) -> u64 {
        let tree = self.tree;
        if tree.boxes.distance(node, query) > reach {
            return 0;
        }
        if tree.boxes.farthest(node, query) <= reach {
            let start = node.id * tree.dimensions;
            for (sum, node) in sum.iter_mut().zip(&self.sums[start..]) {
                *sum += node;
            }
            return tree.positions(node).len() as u64;
        }
        if let Some((left, right)) = node.children() {
            return self.add(left, query, reach, sum) + self.add(right, query, reach, sum);
        }
        let distances = tree.distances(node.first, query);
        let rows = tree.block(node.first).chunks_exact(LANES);
        for (sum, row) in sum.iter_mut().zip(rows) {
            for (&value, &distance) in row.iter().zip(&distances) {
                *sum += if distance <= reach { f64::from(value) } else { 0.0 };
            }
        }
        distances.iter().filter(|&&distance| distance <= reach).count() as u64
    }
}

fn fill(tree: &KdTree, node: Node, sums: &mut [f64]) {
    let at = |node: Node, d: usize| node.id * tree.dimensions + d;
    if let Some((left, right)) = node.children() {
        fill(tree, left, sums);
        fill(tree, right, sums);
        for d in 0..tree.dimensions {
            sums[at(node, d)] = sums[at(left, d)] + sums[at(right, d)];
        }
        return;
    }
    let count = tree.positions(node).len();
    for (d, row) in tree.block(node.first).chunks_exact(LANES).enumerate() {
        sums[at(node, d)] = row[..count].iter().copied().map(f64::from).sum();
    }
}

/// Leaves out modes within the bandwidth of an earlier one that stays.
fn separate(modes: Vec<Mode>, bandwidth: f64) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for mode in modes {
        let near = |other: &Vec<f64>| {
            let square: f64 = mode.center.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
            square <= bandwidth * bandwidth
        };
        if !kept.iter().any(near) {
            kept.push(mode.center);
        }
    }
    kept
}

fn nearest(point: &[f32], centers: &[Vec<f64>], limit: f64) -> Option<u32> {
    let mut best = (f64::INFINITY, 0);
    for (center, label) in centers.iter().zip(0..) {
        let square = point.iter().zip(center).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
        if square < best.0 {
            best = (square, label);
        }
    }
    (best.0 <= limit).then_some(best.1)
}
