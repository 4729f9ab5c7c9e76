//! Attention block by block: scores live only in blocks of a few kilobytes.
//!
//! Everything is computed with the queries in the lanes, so maxima, sums and factors of a query
//! are plain lane arithmetic and all products have the form of [`Product`]:
//! scores `S' = K Q'`, result `O' += V' P'`, and in the backward pass `dP' = V dO'`,
//! `dV += P' dO`, `dK += dS' Q`, `dQ' += K' dS'` (the prime is the transposed matrix).
//!
//! # References
//!
//! Dao et al., *`FlashAttention`* (2022), for the running maximum and the recomputed scores.

mod backward;
mod forward;
mod mask;
mod softmax;

pub(crate) use backward::{Gradients, backward};
pub(crate) use forward::forward;
pub(crate) use mask::{Mask, MaskValues};

use super::isa::Isa;
use super::winograd::product::{Product, multiply};

/// Queries of a block; a multiple of 16.
const QUERIES: usize = if cfg!(miri) { 16 } else { 64 };
/// Keys of a block.
const KEYS: usize = if cfg!(miri) { 16 } else { 64 };

/// Sizes and settings of an attention over contiguous tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    /// Batch times heads.
    pub(crate) heads: usize,
    /// Queries of a head.
    pub(crate) queries: usize,
    /// Keys and values of a head.
    pub(crate) keys: usize,
    /// Features of queries and keys.
    pub(crate) features: usize,
    /// Features of values and results.
    pub(crate) values: usize,
    /// Factor of the scores.
    pub(crate) scale: f32,
    /// Whether query `i` sees the keys `0..=i` only.
    pub(crate) causal: bool,
}

impl Attention {
    /// Keys that the queries before `end` see.
    fn seen(&self, end: usize) -> usize {
        if self.causal { self.keys.min(end) } else { self.keys }
    }
}

/// `d (+)= a b` with `b` and `d` of rows one behind the other.
fn product(
    isa: Isa,
    (rows, depth, columns): (usize, usize, usize),
    a: (&[f32], usize, usize),
    b: &[f32],
    d: &mut [f32],
    accumulate: bool,
) {
    let (a, a_row, a_term) = a;
    let p = Product {
        rows,
        columns,
        depth,
        a_row,
        a_term,
        b_term: columns,
        d_row: columns,
        accumulate,
    };
    multiply(isa, &p, a, b, d);
}

/// Writes the transposed `rows` of `width` values, times `factor(row)`, into lanes of
/// [`QUERIES`]; lanes without a row become zero.
fn pack_lanes(rows: &[f32], width: usize, factor: impl Fn(usize) -> f32, to: &mut [f32]) {
    let count = rows.len() / width;
    for (i, row) in rows.chunks_exact(width).enumerate() {
        let factor = factor(i);
        for (d, v) in row.iter().enumerate() {
            to[d * QUERIES + i] = v * factor;
        }
    }
    for line in to.chunks_exact_mut(QUERIES).take(width) {
        line[count..].fill(0.0);
    }
}

/// Hides the keys from `first_key` on that lie behind the query of a lane.
fn hide_later(scores: &mut [f32], first_query: usize, first_key: usize) {
    for (j, line) in scores.chunks_exact_mut(QUERIES).enumerate() {
        let hidden = (first_key + j).saturating_sub(first_query).min(QUERIES);
        line[..hidden].fill(f32::NEG_INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(count: usize, phase: f32) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.7 + phase).sin()).collect()
    }

    #[test]
    fn every_instruction_set_agrees_with_the_definition() {
        // The interpreter is slow.
        let large = if cfg!(miri) { (18, 17, 2, 5) } else { (70, 67, 9, 17) };
        for (queries, keys, features, values) in [(3, 5, 2, 4), large] {
            let a =
                Attention { heads: 2, queries, keys, features, values, scale: 0.5, causal: true };
            let (q, k) = (wave(2 * queries * features, 0.0), wave(2 * keys * features, 1.0));
            let v = wave(2 * keys * values, 2.0);
            let bias = wave(queries * keys, 3.0);
            let strides = [0, 0, keys, 1];
            let mask = Mask { values: MaskValues::Additive(&bias), heads: 2, strides };
            let run = |isa: Isa| {
                let (result, statistics) = forward(isa, a, (&q, &k, &v), Some(mask));
                let gradients =
                    Gradients { result: &result, gradient: &result, statistics: &statistics };
                let [dq, dk, dv] = backward(isa, a, (&q, &k, &v), Some(mask), gradients);
                [result, dq, dk, dv]
            };
            let best = run(Isa::detect());
            for isa in Isa::available() {
                let all = run(isa);
                for head in 0..2 {
                    for i in 0..queries {
                        let weight = |j: usize| {
                            let (q, k) = (
                                &q[(head * queries + i) * features..],
                                &k[(head * keys + j) * features..],
                            );
                            let dot: f32 = (0..features).map(|d| q[d] * k[d]).sum();
                            f64::from(0.5 * dot + bias[i * keys + j]).exp()
                        };
                        let seen = keys.min(i + 1);
                        let sum: f64 = (0..seen).map(weight).sum();
                        for d in 0..values {
                            let value = |j: usize| f64::from(v[(head * keys + j) * values + d]);
                            let want = (0..seen).map(|j| weight(j) * value(j)).sum::<f64>() / sum;
                            let got = f64::from(all[0][(head * queries + i) * values + d]);
                            assert!((got - want).abs() < 1e-5, "{isa:?} {a:?}");
                        }
                    }
                }
                // The best set is checked against `f64`, the others against it.
                for (a, b) in all.iter().flatten().zip(best.iter().flatten()) {
                    assert!((a - b).abs() < 1e-4, "{isa:?}");
                }
            }
        }
    }
}
