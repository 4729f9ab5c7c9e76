//! The forward pass of attention.

use rayon::prelude::*;

use super::super::isa::Isa;
use super::super::scratch::with_scratch;
use super::softmax::accumulate;
use super::{Attention, KEYS, Mask, QUERIES, hide_later, pack_lanes, product};

/// The result and, per query, the largest score and one over the sum of the weights
/// relative to it (zero where every key is hidden).
pub(crate) fn forward(
    isa: Isa,
    a: Attention,
    (q, k, v): (&[f32], &[f32], &[f32]),
    mask: Option<Mask<'_>>,
) -> (Vec<f32>, Vec<[f32; 2]>) {
    let mut out = vec![0.0; a.heads * a.queries * a.values];
    let mut statistics = vec![[0.0; 2]; a.heads * a.queries];
    let heads = out.par_chunks_mut(a.queries * a.values);
    heads.zip(statistics.par_chunks_mut(a.queries)).enumerate().for_each(
        |(head, (out, statistics))| {
            let k = &k[head * a.keys * a.features..][..a.keys * a.features];
            let v = &v[head * a.keys * a.values..][..a.keys * a.values];
            let q = &q[head * a.queries * a.features..][..a.queries * a.features];
            let blocks = out.par_chunks_mut(QUERIES * a.values);
            let blocks = blocks.zip(statistics.par_chunks_mut(QUERIES)).enumerate();
            blocks.for_each(|(block, (out, statistics))| {
                let block = Block { isa, a, head, first: block * QUERIES, mask };
                block.run((q, k, v), out, statistics);
            });
        },
    );
    (out, statistics)
}

/// A block of queries of one head.
struct Block<'a> {
    isa: Isa,
    a: Attention,
    head: usize,
    first: usize,
    mask: Option<Mask<'a>>,
}

impl Block<'_> {
    fn run(
        &self,
        (q, k, v): (&[f32], &[f32], &[f32]),
        out: &mut [f32],
        statistics: &mut [[f32; 2]],
    ) {
        let Attention { features, values, scale, causal, .. } = self.a;
        let count = statistics.len();
        let lengths = [features * QUERIES, values * QUERIES, KEYS * QUERIES, QUERIES, QUERIES];
        with_scratch(lengths, |[packed, result, scores, largest, sum]| {
            let rows = &q[self.first * features..][..count * features];
            pack_lanes(rows, features, |_| scale, packed);
            result.fill(0.0);
            largest.fill(f32::MIN);
            sum.fill(0.0);
            let seen = self.a.seen(self.first + count);
            for start in (0..seen).step_by(KEYS) {
                let keys = start..(start + KEYS).min(seen);
                let scores = &mut scores[..keys.len() * QUERIES];
                let block = (&k[start * features..], features, 1);
                product(self.isa, (keys.len(), features, QUERIES), block, packed, scores, false);
                if let Some(mask) = self.mask {
                    mask.add(
                        self.isa,
                        self.head,
                        self.first..self.first + count,
                        keys.clone(),
                        scores,
                    );
                }
                if causal && keys.end > self.first {
                    hide_later(scores, self.first, start);
                }
                accumulate(self.isa, scores, (largest, sum), result);
                let block = (&v[start * values..], 1, values);
                product(self.isa, (values, keys.len(), QUERIES), block, scores, result, true);
            }
            for (i, (row, to)) in out.chunks_exact_mut(values).zip(statistics).enumerate() {
                let inverse = if sum[i] > 0.0 || sum[i].is_nan() { 1.0 / sum[i] } else { 0.0 };
                for (d, o) in row.iter_mut().enumerate() {
                    *o = result[d * QUERIES + i] * inverse;
                }
                *to = [largest[i], inverse];
            }
        });
    }
}
