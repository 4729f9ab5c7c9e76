//! The two steps of K-means: points to centres, centres to means.
//!
//! linfa has them as well, but goes through array views point by point: on the colours of a
//! picture it takes five times as long as these loops over blocks.

use pulp::Arch;
use rayon::prelude::*;

use super::blocks::{Blocks, CHUNK, LANES};

/// What a pass over the points gives for the next one.
pub(super) struct Pass {
    /// Sums of the points of each cluster.
    pub(super) sums: Vec<f64>,
    /// Points of each cluster.
    pub(super) counts: Vec<u64>,
    /// Points that changed their cluster.
    pub(super) changed: usize,
    /// Sum of the squared distances to the nearest centres.
    pub(super) inertia: f64,
}

impl Pass {
    fn new(clusters: usize, dimensions: usize) -> Self {
        let (sums, counts) = (vec![0.0; clusters * dimensions], vec![0; clusters]);
        Self { sums, counts, changed: 0, inertia: 0.0 }
    }

    fn add(mut self, other: &Self) -> Self {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += other;
        }
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
        self.changed += other.changed;
        self.inertia += other.inertia;
        self
    }
}

/// Gives every point the label of its nearest centre, the first of equally near ones, and
/// sums the points of each cluster. Distances are computed in f32, sums in f64.
pub(super) fn assign(points: &Blocks, centers: &[f32], labels: &mut [u32]) -> Pass {
    let clusters = centers.len() / points.dimensions;
    let passes: Vec<Pass> = labels
        .par_chunks_mut(LANES * CHUNK)
        .enumerate()
        .map(|(chunk, labels)| {
            Arch::new().dispatch(
                #[inline(always)]
                || assign_chunk(points, chunk, centers, labels),
            )
        })
        .collect();
    passes.iter().fold(Pass::new(clusters, points.dimensions), Pass::add)
}

#[inline(always)]
fn assign_chunk(points: &Blocks, chunk: usize, centers: &[f32], labels: &mut [u32]) -> Pass {
    let dimensions = points.dimensions;
    let mut pass = Pass::new(centers.len() / dimensions, dimensions);
    for ((block, count), labels) in points.chunk(chunk).zip(labels.chunks_mut(LANES)) {
        let (distances, nearest) = nearest(block, centers, dimensions);
        for lane in 0..count {
            let label = nearest[lane];
            pass.changed += usize::from(labels[lane] != label);
            labels[lane] = label;
            let label = label as usize;
            pass.inertia += f64::from(distances[lane]);
            pass.counts[label] += 1;
            let sums = &mut pass.sums[label * dimensions..(label + 1) * dimensions];
            for (d, sum) in sums.iter_mut().enumerate() {
                *sum += f64::from(block[d * LANES + lane]);
            }
        }
    }
    pass
}

/// Squared distances to the nearest centres, and which these are.
#[inline(always)]
fn nearest(block: &[f32], centers: &[f32], dimensions: usize) -> ([f32; LANES], [u32; LANES]) {
    let (rows, _) = block.as_chunks::<LANES>();
    let mut best = [f32::INFINITY; LANES];
    let mut labels = [0; LANES];
    for (center, label) in centers.chunks_exact(dimensions).zip(0..) {
        let mut sums = [0.0; LANES];
        for (row, &mean) in rows.iter().zip(center) {
            for lane in 0..LANES {
                let difference = row[lane] - mean;
                sums[lane] += difference * difference;
            }
        }
        for lane in 0..LANES {
            let closer = sums[lane] < best[lane];
            best[lane] = if closer { sums[lane] } else { best[lane] };
            labels[lane] = if closer { label } else { labels[lane] };
        }
    }
    (best, labels)
}
