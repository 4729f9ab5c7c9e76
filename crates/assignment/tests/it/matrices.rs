//! Costs of several kinds, and optima found in simple ways.

use mapvec_testkit::{integers, normal, uniform};
use ndarray::Array2;

/// Kinds of [`matrix`].
pub(crate) const KINDS: u64 = 6;

/// Random costs.
pub(crate) fn matrix(kind: u64, rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let n = rows * columns;
    let values = match kind {
        0 => uniform(n, seed, 0.0, 1.0),
        // Ties.
        1 => integers(n, seed, -3, 4).into_iter().map(|cost| cost as f64).collect(),
        // Distances between points.
        2 => {
            let (a, b) =
                (uniform(2 * rows, seed, 0.0, 1.0), uniform(2 * columns, seed + 1, 0.0, 1.0));
            let distance = |k: usize| {
                let (i, j) = (k / columns, k % columns);
                (a[2 * i] - b[2 * j]).hypot(a[2 * i + 1] - b[2 * j + 1])
            };
            (0..n).map(distance).collect()
        }
        // Large numbers of both signs.
        3 => normal(n, seed).into_iter().map(|cost| 1e9 * cost).collect(),
        // Rows and columns that differ by factors, the hardest kind for shortest paths.
        4 => {
            let (a, b) = (uniform(rows, seed, 0.0, 1.0), uniform(columns, seed + 1, 0.0, 1.0));
            (0..n).map(|k| a[k / columns] * b[k % columns]).collect()
        }
        // Few small costs among large ones.
        _ => uniform(n, seed, 0.0, 1.0).into_iter().map(|cost| cost.powi(9)).collect(),
    };
    Array2::from_shape_vec((rows, columns), values).unwrap()
}

/// The least cost over all assignments of the rows from `row` on to columns not in `taken`.
pub(crate) fn least_of_all(costs: &Array2<f64>, row: usize, taken: u32) -> f64 {
    if row == costs.nrows() {
        return 0.0;
    }
    let free = (0..costs.ncols()).filter(|column| taken & (1 << column) == 0);
    free.map(|column| costs[(row, column)] + least_of_all(costs, row + 1, taken | (1 << column)))
        .fold(f64::INFINITY, f64::min)
}

/// The least cost, one shortest path per row in the plainest form.
pub(crate) fn least_by_paths(costs: &Array2<f64>) -> f64 {
    let wide = if costs.nrows() > costs.ncols() { costs.t() } else { costs.view() };
    let (rows, columns) = wide.dim();
    let (mut u, mut v) = (vec![0.0; rows + 1], vec![0.0; columns + 1]);
    // Row and column 0 stand for none.
    let mut row_of = vec![0; columns + 1];
    for start in 1..=rows {
        row_of[0] = start;
        let mut at = 0;
        let (mut least, mut before) = (vec![f64::INFINITY; columns + 1], vec![0; columns + 1]);
        let mut used = vec![false; columns + 1];
        while row_of[at] != 0 {
            used[at] = true;
            let row = row_of[at];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for column in 1..=columns {
                if used[column] {
                    continue;
                }
                let reduced = wide[(row - 1, column - 1)] - u[row] - v[column];
                if reduced < least[column] {
                    (least[column], before[column]) = (reduced, at);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            for column in 0..=columns {
                if used[column] {
                    u[row_of[column]] += step;
                    v[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            row_of[at] = row_of[before[at]];
            at = before[at];
        }
    }
    (1..=columns).filter(|&j| row_of[j] > 0).map(|j| wide[(row_of[j] - 1, j - 1)]).sum()
}
