//! Focal loss of classes: value and gradient in one pass over blocks of pixels.

use candle_core::Tensor;
use mapvec_nn::{Isa, Loops};
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::block::{BLOCK, Row, blocks, chunks, part, parts_mut, sum};
use crate::error::Result;
use crate::exp_log::{exp, ln};
use crate::reduction::Reduction;
use crate::segmentation::softmax_focal::SoftmaxFocalConfig;

/// What counts as no mass of the other classes; its logarithm and its inverse are finite.
const LEAST: f32 = 1e-37;

/// The loss of contiguous logits `[B, K, ...]` with a value in single precision on the CPU.
///
/// The chunks of pixels are the same at any number of threads and their values are added in order:
/// so is every bit of the result.
pub(crate) fn fused(
    x: &Tensor,
    ids: &[u8],
    weights: Option<&[f32]>,
    config: &SoftmaxFocalConfig,
) -> Result<Tensor> {
    let (b, k) = (x.dim(0)?, x.dim(1)?);
    let pixels = ids.len() / b;
    let class_weights: Vec<f32> = match config.class_weights.as_slice() {
        [] => vec![1.0; k],
        own => own.iter().map(|&weight| weight as f32).collect(),
    };
    let weighted: Vec<f32> = ids
        .par_iter()
        .enumerate()
        .with_min_len(1 << 14)
        .map(|(pixel, &id)| {
            let own = class_weights.get(usize::from(id)).copied().unwrap_or(0.0);
            weights.map_or(own, |weights| own * weights[pixel])
        })
        .collect();
    let mass = sum(&weighted);
    let scale = if config.reduction == Reduction::Mean && mass > 0.0 { 1.0 / mass } else { 1.0 };
    let learns = x.track_op();
    let mut gradient = vec![0.0; if learns { x.elem_count() } else { 0 }];
    let isa = Isa::detect();
    let (size, gamma) = (k * pixels, config.gamma as f32);
    let total: f64 = read(x, |values| {
        let mut outs = gradient
            .chunks_exact_mut(size)
            .flat_map(|sample| parts_mut(sample, pixels))
            .collect::<Vec<_>>()
            .into_iter();
        let mut jobs = Vec::new();
        for sample in 0..b {
            jobs.extend(chunks(pixels).map(|range| (sample, range, outs.next())));
        }
        let parts: Vec<f64> = jobs
            .into_par_iter()
            .with_max_len(1)
            .map(|(sample, range, out)| {
                let logits = part(&values[sample * size..][..size], pixels, range.clone());
                let mut scratch = vec![0.0; if out.is_some() { 0 } else { k * range.len() }];
                let mut out =
                    out.unwrap_or_else(|| scratch.chunks_exact_mut(range.len()).collect());
                let at = sample * pixels + range.start..sample * pixels + range.end;
                let (target, weights) = (&ids[at.clone()], &weighted[at]);
                let (logits, gradient, scale) = (&logits, &mut out, scale as f32);
                isa.run(Chunk { logits, target, weights, gamma, scale, gradient })
            })
            .collect();
        parts.iter().sum()
    })?;
    let value = (total * scale) as f32;
    if learns { attach(x, value, gradient) } else { Ok(Tensor::new(value, x.device())?) }
}

/// The pass over a chunk, given as its part of every plane: the weighted sum of the loss; the gradient, times `scale`, is written.
struct Chunk<'a, 'b> {
    logits: &'a [&'a [f32]],
    target: &'a [u8],
    /// Of the pixels, with those of their classes.
    weights: &'a [f32],
    gamma: f32,
    scale: f32,
    gradient: &'a mut [&'b mut [f32]],
}

impl Loops for Chunk<'_, '_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Chunk { logits, target, weights, gamma, scale, gradient } = self;
        let pixels = target.len();
        let mut total = 0.0;
        let mut rows: [Row; 5] = [[0.0; BLOCK]; 5];
        for range in blocks(pixels) {
            let n = range.len();
            let [largest, own, others, chosen, cost] = rows.each_mut().map(|row| &mut row[..n]);
            let (t, weight) = (&target[range.clone()], &weights[range.clone()]);
            largest.copy_from_slice(&logits[0][range.clone()]);
            for plane in &logits[1..] {
                for (m, &x) in largest.iter_mut().zip(&plane[range.clone()]) {
                    *m = if x > *m { x } else { *m };
                }
            }
            own.fill(0.0);
            others.fill(0.0);
            chosen.fill(0.0);
            let planes = logits.iter().zip(gradient.iter_mut());
            for (class, (plane, out)) in (0_u8..).zip(planes) {
                let (x, e) = (&plane[range.clone()], &mut out[range.clone()]);
                exponentials((x, largest), (t, class), e, (own, others, chosen));
            }
            costs((own, others, chosen), (weight, gamma, scale), cost);
            total += sum(cost);
            // What is left in `others` and `chosen` are the factor of the probabilities and the
            // slope of the pixel's own class.
            for (class, out) in (0_u8..).zip(gradient.iter_mut()) {
                slopes(&mut out[range.clone()], (t, class), others, chosen);
            }
        }
        total
    }
}

/// The exponentials of a class, added to the own one of its pixels and to the others of the rest.
#[inline(always)]
fn exponentials(
    (x, largest): (&[f32], &[f32]),
    (t, class): (&[u8], u8),
    e_out: &mut [f32],
    (own, others, chosen): (&mut [f32], &mut [f32], &mut [f32]),
) {
    let n = x.len();
    let (largest, t, e_out) = (&largest[..n], &t[..n], &mut e_out[..n]);
    let (own, others, chosen) = (&mut own[..n], &mut others[..n], &mut chosen[..n]);
    for i in 0..n {
        e_out[i] = exp(x[i] - largest[i]);
    }
    for i in 0..n {
        let here = t[i] == class;
        own[i] = if here { e_out[i] } else { own[i] };
        others[i] += if here { 0.0 } else { e_out[i] };
        chosen[i] = if here { x[i] - largest[i] } else { chosen[i] };
    }
}

/// From masses to costs; `others` and `chosen` become what the gradient needs.
///
/// With `q = 1 - p` the slope of a logit is `A ([t = k] - p_k)`,
/// `A = g p q^(g - 1) ln p - q^g`.
#[inline(always)]
fn costs(
    (own, others, chosen): (&[f32], &mut [f32], &mut [f32]),
    (weight, gamma, scale): (&[f32], f32, f32),
    cost: &mut [f32],
) {
    let n = own.len();
    let (others, chosen) = (&mut others[..n], &mut chosen[..n]);
    let (weight, cost) = (&weight[..n], &mut cost[..n]);
    let square = gamma.to_bits() == 2.0_f32.to_bits();
    for i in 0..n {
        let mass = own[i] + others[i];
        let inverse = 1.0 / mass;
        let (p, q) = (own[i] * inverse, others[i] * inverse);
        let log = chosen[i] - ln(mass);
        // NaN is kept by the sum.
        let q = q + LEAST;
        let (fade, slower) = if square {
            (q * q, q)
        } else {
            let fade = exp(gamma * ln(q));
            (fade, fade / q)
        };
        cost[i] = weight[i] * fade * -log;
        let slope = scale * weight[i] * (gamma * p * slower * log - fade);
        others[i] = slope * inverse;
        chosen[i] = slope;
    }
}

/// From exponentials to the gradient.
#[inline(always)]
fn slopes(g: &mut [f32], (t, class): (&[u8], u8), factor: &[f32], own: &[f32]) {
    let n = g.len();
    let (t, factor, own) = (&t[..n], &factor[..n], &own[..n]);
    for i in 0..n {
        let here = if t[i] == class { own[i] } else { 0.0 };
        g[i] = here - g[i] * factor[i];
    }
}
