//! Vectors from the pixels of an instance to its centre.

use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Vector (dx, dy) in pixels from each pixel centre to the centre of its instance.
///
/// The centre of an id is the mean of the pixel centres that carry it in `labels`
/// (shape (H, W)), hence of what is visible of it: it may lie outside the pixels of a
/// bent instance, and two parts of one id share one centre. Pixels with label 0 get
/// (0, 0). The result has shape (2, H, W). Parallel over rows; sums are whole numbers,
/// so the result does not depend on the number of threads.
#[must_use]
pub fn centre_vectors(labels: ArrayView2<'_, u32>) -> Array3<f32> {
    let (height, width) = labels.dim();
    let centres = centres(labels);
    let mut vectors = Array3::zeros((2, height, width));
    let rows: Vec<_> = vectors.axis_iter_mut(Axis(1)).zip(labels.outer_iter()).collect();
    rows.into_par_iter().enumerate().for_each(|(row, (mut vectors, ids))| {
        // Neighbours mostly share their id: one search per run.
        let mut known = (0, (0.0, 0.0));
        for (column, &id) in ids.iter().enumerate().filter(|&(_, &id)| id > 0) {
            if id != known.0 {
                known = (id, centres.get(&id).copied().unwrap_or_default());
            }
            let (x, y) = known.1;
            vectors[[0, column]] = (x - column as f64) as f32;
            vectors[[1, column]] = (y - row as f64) as f32;
        }
    });
    vectors
}

/// Mean column and row of the pixels of each id.
fn centres(labels: ArrayView2<'_, u32>) -> BTreeMap<u32, (f64, f64)> {
    let mut sums: BTreeMap<u32, [u64; 3]> = BTreeMap::new();
    for (row, ids) in labels.outer_iter().enumerate() {
        let mut column = 0;
        for run in ids.to_vec().chunk_by(|a, b| a == b) {
            let (start, count) = (column as u64, run.len() as u64);
            column += run.len();
            if run[0] > 0 {
                let sum = sums.entry(run[0]).or_default();
                sum[0] += start * count + count * (count - 1) / 2;
                sum[1] += row as u64 * count;
                sum[2] += count;
            }
        }
    }
    let mean = |[x, y, n]: [u64; 3]| (x as f64 / n as f64, y as f64 / n as f64);
    sums.into_iter().map(|(id, sum)| (id, mean(sum))).collect()
}
