//! The backward pass of attention: the scores are computed again, block by block.

use rayon::prelude::*;

use super::super::isa::Isa;
use super::super::scratch::with_scratch;
use super::softmax::score_gradients;
use super::{Attention, KEYS, Mask, QUERIES, hide_later, pack_lanes, product};

/// Parts of the keys that may run at once, all heads together.
const PARTS: usize = 16;

/// What the backward pass needs besides queries, keys and values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gradients<'a> {
    /// The result of the forward pass.
    pub(crate) result: &'a [f32],
    /// Its gradient.
    pub(crate) gradient: &'a [f32],
    /// Largest score and inverse sum of every query.
    pub(crate) statistics: &'a [[f32; 2]],
}

/// The gradients of queries, keys and values.
///
/// The keys of a head are split into parts, by the sizes alone; every part has its own sum
/// of the gradient of the queries, and the sums are added in order.
pub(crate) fn backward(
    isa: Isa,
    a: Attention,
    (q, k, v): (&[f32], &[f32], &[f32]),
    mask: Option<Mask<'_>>,
    gradients: Gradients<'_>,
) -> [Vec<f32>; 3] {
    let parts = (PARTS / a.heads).clamp(1, a.keys.div_ceil(KEYS));
    let part = a.keys.div_ceil(KEYS).div_ceil(parts) * KEYS;
    let parts = a.keys.div_ceil(part);
    let blocks = a.queries.div_ceil(QUERIES);
    let width = a.features * QUERIES;
    let mut dk = vec![0.0; a.heads * a.keys * a.features];
    let mut dv = vec![0.0; a.heads * a.keys * a.values];
    let mut sums = vec![0.0; a.heads * parts * blocks * width];
    let heads = dk.par_chunks_mut(a.keys * a.features).zip(dv.par_chunks_mut(a.keys * a.values));
    let heads = heads.zip(sums.par_chunks_mut(parts * blocks * width)).enumerate();
    heads.for_each(|(head, ((dk, dv), sums))| {
        let head = Head::new(isa, a, head, (q, k, v), mask, gradients);
        let parts = dk.par_chunks_mut(part * a.features).zip(dv.par_chunks_mut(part * a.values));
        let parts = parts.zip(sums.par_chunks_mut(blocks * width)).enumerate();
        parts.for_each(|(index, ((dk, dv), dq))| head.run(index * part, dk, dv, dq));
    });
    let mut dq = vec![0.0; a.heads * a.queries * a.features];
    let heads = dq.par_chunks_mut(a.queries * a.features);
    heads.zip(sums.par_chunks(parts * blocks * width)).for_each(|(dq, sums)| {
        for (block, rows) in dq.chunks_mut(QUERIES * a.features).enumerate() {
            for sums in sums.chunks_exact(blocks * width) {
                let sums = &sums[block * width..][..width];
                for (i, row) in rows.chunks_exact_mut(a.features).enumerate() {
                    for (d, to) in row.iter_mut().enumerate() {
                        *to += a.scale * sums[d * QUERIES + i];
                    }
                }
            }
        }
    });
    [dq, dk, dv]
}

/// One head of a backward pass.
struct Head<'a> {
    isa: Isa,
    a: Attention,
    head: usize,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    mask: Option<Mask<'a>>,
    gradients: Gradients<'a>,
}

/// The queries of a head as the products want them, block by block.
struct Packed<'a> {
    /// Scaled queries in lanes.
    q_lanes: &'a [f32],
    /// Queries in rows of whole blocks of lanes.
    q_rows: &'a [f32],
    /// Gradients over the sum of the weights, in lanes.
    g_lanes: &'a [f32],
    /// The same in rows.
    g_rows: &'a [f32],
    /// Largest scores.
    largest: &'a [f32],
    /// Products of result and gradient, over the sum of the weights.
    mean: &'a [f32],
}

impl<'a> Head<'a> {
    fn new(
        isa: Isa,
        a: Attention,
        head: usize,
        (q, k, v): (&'a [f32], &'a [f32], &'a [f32]),
        mask: Option<Mask<'a>>,
        g: Gradients<'a>,
    ) -> Self {
        let of = |x: &'a [f32], len: usize| &x[head * len..][..len];
        let gradients = Gradients {
            result: of(g.result, a.queries * a.values),
            gradient: of(g.gradient, a.queries * a.values),
            statistics: &g.statistics[head * a.queries..][..a.queries],
        };
        let q = of(q, a.queries * a.features);
        Self {
            isa,
            a,
            head,
            q,
            k: of(k, a.keys * a.features),
            v: of(v, a.keys * a.values),
            mask,
            gradients,
        }
    }

    /// Keys from `first` on, as many as `dk` and `dv` hold.
    fn run(&self, first: usize, dk: &mut [f32], dv: &mut [f32], dq: &mut [f32]) {
        let Attention { features, values, queries, .. } = self.a;
        let padded = queries.next_multiple_of(QUERIES);
        let (wide_f, wide_v) = (features.next_multiple_of(16), values.next_multiple_of(16));
        let lengths =
            [features * padded, wide_f * padded, values * padded, wide_v * padded, padded, padded];
        with_scratch(lengths, |[q_lanes, q_rows, g_lanes, g_rows, largest, mean]| {
            self.pack([q_lanes, q_rows, g_lanes, g_rows, largest, mean]);
            let packed = Packed { q_lanes, q_rows, g_lanes, g_rows, largest, mean };
            let blocks = dk.chunks_mut(KEYS * features).zip(dv.chunks_mut(KEYS * values));
            for (index, (dk, dv)) in blocks.enumerate() {
                self.keys(first + index * KEYS, &packed, dk, dv, dq);
            }
        });
    }

    fn pack(&self, [q_lanes, q_rows, g_lanes, g_rows, largest, mean]: [&mut [f32]; 6]) {
        let Attention { features, values, scale, .. } = self.a;
        let Gradients { result, gradient, statistics } = self.gradients;
        let blocks = q_lanes.chunks_exact_mut(features * QUERIES);
        for (rows, to) in self.q.chunks(features * QUERIES).zip(blocks) {
            pack_lanes(rows, features, |_| scale, to);
        }
        let blocks = g_lanes.chunks_exact_mut(values * QUERIES).enumerate();
        for (rows, (block, to)) in gradient.chunks(values * QUERIES).zip(blocks) {
            pack_lanes(rows, values, |i| statistics[block * QUERIES + i][1], to);
        }
        pad_rows(self.q, features, |_| 1.0, q_rows);
        pad_rows(gradient, values, |i| statistics[i][1], g_rows);
        // Lanes without a query: all weights are zero.
        largest.fill(f32::INFINITY);
        mean.fill(0.0);
        let rows = result.chunks_exact(values).zip(gradient.chunks_exact(values));
        for (i, (o, g)) in rows.enumerate() {
            let dot = o.iter().zip(g).map(|(o, g)| o * g).sum::<f32>();
            (largest[i], mean[i]) = (statistics[i][0], dot * statistics[i][1]);
        }
    }

    /// One block of keys against all queries that see it.
    fn keys(&self, first: usize, p: &Packed<'_>, dk: &mut [f32], dv: &mut [f32], dq: &mut [f32]) {
        let Attention { features, values, queries, causal, .. } = self.a;
        let count = dk.len() / features;
        let (wide_f, wide_v) = (features.next_multiple_of(16), values.next_multiple_of(16));
        let (k, v) = (&self.k[first * features..], &self.v[first * values..]);
        let lengths = [count * QUERIES, count * QUERIES, count * wide_f, count * wide_v];
        with_scratch(lengths, |[scores, weights_gradient, dk_sum, dv_sum]| {
            dk_sum.fill(0.0);
            dv_sum.fill(0.0);
            let start = if causal { first / QUERIES * QUERIES } else { 0 };
            for start in (start..queries).step_by(QUERIES) {
                let n = (queries - start).min(QUERIES);
                let q_lanes = &p.q_lanes[start * features..][..features * QUERIES];
                let g_lanes = &p.g_lanes[start * values..][..values * QUERIES];
                product(
                    self.isa,
                    (count, features, QUERIES),
                    (k, features, 1),
                    q_lanes,
                    scores,
                    false,
                );
                product(
                    self.isa,
                    (count, values, QUERIES),
                    (v, values, 1),
                    g_lanes,
                    weights_gradient,
                    false,
                );
                if let Some(mask) = self.mask {
                    mask.add(self.isa, self.head, start..start + n, first..first + count, scores);
                }
                if causal && first + count > start {
                    hide_later(scores, start, first);
                }
                let (largest, mean) = (&p.largest[start..][..QUERIES], &p.mean[start..][..QUERIES]);
                score_gradients(self.isa, scores, weights_gradient, largest, mean);
                let rows = &p.g_rows[start * wide_v..][..QUERIES * wide_v];
                product(self.isa, (count, n, wide_v), (scores, QUERIES, 1), rows, dv_sum, true);
                let rows = &p.q_rows[start * wide_f..][..QUERIES * wide_f];
                let ds: &[f32] = weights_gradient;
                product(self.isa, (count, n, wide_f), (ds, QUERIES, 1), rows, dk_sum, true);
                let dq = &mut dq[start * features..][..features * QUERIES];
                product(self.isa, (features, count, QUERIES), (k, 1, features), ds, dq, true);
            }
            for (row, sums) in dk.chunks_exact_mut(features).zip(dk_sum.chunks_exact(wide_f)) {
                for (to, sum) in row.iter_mut().zip(sums) {
                    *to = self.a.scale * sum;
                }
            }
            for (row, sums) in dv.chunks_exact_mut(values).zip(dv_sum.chunks_exact(wide_v)) {
                row.copy_from_slice(&sums[..values]);
            }
        });
    }
}

/// Rows of `width` values, times `factor(row)`, in rows of whole blocks of lanes.
fn pad_rows(rows: &[f32], width: usize, factor: impl Fn(usize) -> f32, to: &mut [f32]) {
    let padded = to.chunks_exact_mut(width.next_multiple_of(16));
    let mut padded = padded.enumerate();
    for (row, (i, to)) in rows.chunks_exact(width).zip(padded.by_ref()) {
        let factor = factor(i);
        for (to, v) in to.iter_mut().zip(row) {
            *to = v * factor;
        }
        to[width..].fill(0.0);
    }
    padded.for_each(|(_, to)| to.fill(0.0));
}
