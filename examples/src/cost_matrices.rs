//! Random costs that `xtask/peers/costs.py` makes in the same way.

use std::f64::consts::TAU;

use ndarray::Array2;

use crate::geometry_cases::inputs::uniform;

const UNIT: (f64, f64) = (0.0, 1.0);

/// Uniform in [0, 1).
#[must_use]
pub fn uniform_costs(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| uniform(seed, i * columns + j, UNIT))
}

/// Distances between uniform points in the unit square.
#[must_use]
pub fn distance_costs(rows: usize, columns: usize, (from, to): (u64, u64)) -> Array2<f64> {
    let points = |count: usize, seed: u64| -> Vec<[f64; 2]> {
        let axis = |index| uniform(seed, index, UNIT);
        (0..count).map(|k| [axis(2 * k), axis(2 * k + 1)]).collect()
    };
    let (from, to) = (points(rows, from), points(columns, to));
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        let (y, x) = (from[i][0] - to[j][0], from[i][1] - to[j][1]);
        (y * y + x * x).sqrt()
    })
}

/// The `index`-th random costs, of a kind that depends on `index` alone: uniform, whole
/// numbers with ties, distances, normal, products. Up to `rows` x `columns`, turned over
/// in one of two cases.
#[must_use]
pub fn random_costs(index: u64, (rows, columns): (usize, usize)) -> Array2<f64> {
    let seed = 1_000_000 + 8 * index;
    let side = |place: usize, most: usize| -> usize {
        let drawn = uniform(seed, place, UNIT);
        // What a floor of the product is, without a cast that could lose a sign.
        1 + (1..most).take_while(|&k| k as f64 <= drawn * most as f64).count()
    };
    let (rows, columns) = (side(0, rows), side(1, columns));
    let (rows, columns) =
        if uniform(seed, 2, UNIT) < 0.5 { (rows, columns) } else { (columns, rows) };
    let shape = (rows, columns);
    match index % 5 {
        0 => uniform_costs(rows, columns, seed + 1),
        1 => uniform_costs(rows, columns, seed + 1).mapv(|u| (u * 20.0).floor() - 10.0),
        2 => distance_costs(rows, columns, (seed + 1, seed + 2)),
        3 => Array2::from_shape_fn(shape, |(i, j)| {
            let k = i * columns + j;
            let radius = (-2.0 * (1.0 - uniform(seed + 1, 2 * k, UNIT)).ln()).sqrt();
            1e6 * radius * (TAU * uniform(seed + 1, 2 * k + 1, UNIT)).cos()
        }),
        _ => Array2::from_shape_fn(shape, |(i, j)| {
            uniform(seed + 1, i, UNIT) * uniform(seed + 2, j, UNIT)
        }),
    }
}
