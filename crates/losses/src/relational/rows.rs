//! Similarities row by row, in single precision on the CPU.

use candle_core::Tensor;
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::block::sum;
use crate::error::Result;
use crate::exp_log::{exp, ln};
use crate::relational::pixel_pairs::{EDGE, Pair};
use crate::relational::similarity_cross_entropy::{PixelWeights, SimilarityForm};
use crate::singular::TINY;

/// Masks of the patterns of pictures, and how much every pixel's row counts.
#[derive(Debug)]
pub(crate) struct Masks {
    pub(crate) b: usize,
    pub(crate) p: usize,
    pub(crate) n: usize,
    /// `[b, p, n]`.
    pub(crate) values: Vec<f64>,
    /// `[b, n]`, with the sum 1 in every picture, or 0.
    pub(crate) weights: Vec<f64>,
    /// Factor of the products of every pattern, `[b, p]`.
    pub(crate) scales: Vec<f64>,
}

impl Masks {
    /// Weights of rows with the sum 1.
    pub(crate) fn weigh(&mut self, form: PixelWeights) {
        if self.n == 0 {
            return;
        }
        let pictures = self.weights.chunks_exact_mut(self.n).enumerate();
        for (picture, weights) in pictures {
            if form == PixelWeights::PatternArea {
                let mut shares = vec![0.0; self.n];
                let all = &self.values[picture * self.p * self.n..][..self.p * self.n];
                for mask in all.chunks_exact(self.n) {
                    let area = mask.iter().sum::<f64>() + 1e-6;
                    for (share, value) in shares.iter_mut().zip(mask) {
                        *share += value / area;
                    }
                }
                for (weight, share) in weights.iter_mut().zip(shares) {
                    *weight *= share;
                }
            }
            let total: f64 = weights.iter().sum();
            // NaN goes on.
            if total != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= total);
            }
        }
    }

    /// Divides the products of every pattern by its area.
    pub(crate) fn by_area(&mut self) {
        if self.n == 0 {
            return;
        }
        for (scale, mask) in self.scales.iter_mut().zip(self.values.chunks_exact(self.n)) {
            let area: f64 = mask.iter().sum();
            *scale = if area == 0.0 { 0.0 } else { 1.0 / area };
        }
    }
}

/// Value and gradient; the sum over pictures times `scale`.
///
/// Every row is one task and the rows' values are added in order: the result is the same bits
/// at any number of threads.
pub(crate) fn fused(prediction: &Tensor, masks: &Masks, pair: Pair, scale: f64) -> Result<Tensor> {
    let Masks { p, n, .. } = *masks;
    let learns = prediction.track_op();
    let mut gradient = vec![0.0; if learns { prediction.elem_count() } else { 0 }];
    let narrow: Vec<f32> = masks.values.iter().map(|&value| value as f32).collect();
    let total: f64 = read(prediction, |values| {
        let run = |row: usize, gradient: Option<&mut [f32]>, buffers: &mut [Vec<f32>; 2]| -> f64 {
            let weight = masks.weights[row] * scale / n as f64;
            if weight == 0.0 {
                return 0.0;
            }
            let [target, costs] = buffers;
            let (picture, pixel) = (row / n, row % n);
            let own = &narrow[picture * p * n..][..p * n];
            similar(target, own, &masks.scales[picture * p..][..p], pixel);
            let prediction = &values[row * n..][..n];
            value(costs, target, prediction, pair);
            if let Some(gradient) = gradient {
                slope(gradient, target, prediction, pair, weight as f32);
            }
            weight * sum(costs)
        };
        let buffers = || [vec![0.0; n], vec![0.0; n]];
        let parts: Vec<f64> = if learns {
            gradient
                .par_chunks_exact_mut(n)
                .enumerate()
                .map_init(buffers, |buffers, (row, gradient)| run(row, Some(gradient), buffers))
                .collect()
        } else {
            (0..values.len() / n)
                .into_par_iter()
                .map_init(buffers, |buffers, row| run(row, None, buffers))
                .collect()
        };
        parts.iter().sum()
    })?;
    if learns {
        return attach(prediction, total as f32, gradient);
    }
    Ok(Tensor::new(total as f32, prediction.device())?)
}

/// The similarity of one pixel to all.
fn similar(target: &mut [f32], masks: &[f32], scales: &[f64], pixel: usize) {
    target.fill(0.0);
    for (mask, &scale) in masks.chunks_exact(target.len()).zip(scales) {
        let factor = mask[pixel] * scale as f32;
        // Most patterns do not hold the pixel.
        if factor != 0.0 {
            for (sum, value) in target.iter_mut().zip(mask) {
                *sum += factor * value;
            }
        }
    }
}

/// The loss of every pair of a row.
fn value(costs: &mut [f32], target: &[f32], prediction: &[f32], pair: Pair) {
    let rows = costs.iter_mut().zip(target).zip(prediction);
    match pair {
        Pair::Power(gamma) => {
            for ((cost, &a), &y) in rows {
                let r = (y - a).abs();
                *cost = if gamma < 1.0 && r < TINY as f32 {
                    r * TINY.powf(gamma - 1.0) as f32
                } else {
                    raise(r, gamma)
                };
            }
        }
        Pair::CrossEntropy { form: SimilarityForm::Logits, smoothing } => {
            let (share, half) = smoothed(smoothing);
            for ((cost, &a), &z) in rows {
                let a = share * a + half;
                let positive = if z < 0.0 { 0.0 } else { z };
                *cost = positive - z * a + ln(1.0 + exp(-z.abs()));
            }
        }
        Pair::CrossEntropy { form: SimilarityForm::Probabilities, smoothing } => {
            let (share, half) = smoothed(smoothing);
            for ((cost, &a), &q) in rows {
                let a = share * a + half;
                let q = inside(q);
                *cost = -a * ln(q) - (1.0 - a) * ln(1.0 - q);
            }
        }
    }
}

/// The gradient of a row, times `weight`.
fn slope(gradient: &mut [f32], target: &[f32], prediction: &[f32], pair: Pair, weight: f32) {
    let rows = gradient.iter_mut().zip(target).zip(prediction);
    match pair {
        Pair::Power(gamma) => {
            for ((gradient, &a), &y) in rows {
                let r = y - a;
                let steep = if gamma < 1.0 && r.abs() < TINY as f32 {
                    TINY.powf(gamma - 1.0) as f32
                } else {
                    gamma as f32 * raise(r.abs(), gamma - 1.0)
                };
                let steep = weight * steep;
                *gradient = if r == 0.0 { 0.0 } else { steep.copysign(r) };
            }
        }
        Pair::CrossEntropy { form: SimilarityForm::Logits, smoothing } => {
            let (share, half) = smoothed(smoothing);
            for ((gradient, &a), &z) in rows {
                let a = share * a + half;
                let e = exp(-z.abs());
                let sigmoid = if z < 0.0 { e } else { 1.0 } / (1.0 + e);
                *gradient = weight * (sigmoid - a);
            }
        }
        Pair::CrossEntropy { form: SimilarityForm::Probabilities, smoothing } => {
            let (share, half) = smoothed(smoothing);
            for ((gradient, &a), &q) in rows {
                let a = share * a + half;
                let steep = weight * (q - a) / (q * (1.0 - q));
                let outside = q < EDGE as f32 || q > 1.0 - EDGE as f32;
                *gradient = if outside { 0.0 } else { steep };
            }
        }
    }
}

/// `r^gamma`, without a call for the usual exponents.
fn raise(r: f32, gamma: f64) -> f32 {
    let is = |exponent: f64| (gamma - exponent).abs() < f64::EPSILON;
    if is(0.0) {
        1.0
    } else if is(1.0) {
        r
    } else if is(2.0) {
        r * r
    } else {
        r.powf(gamma as f32)
    }
}

/// Factor and summand of a smoothed target.
fn smoothed(smoothing: f64) -> (f32, f32) {
    ((1.0 - smoothing) as f32, (0.5 * smoothing) as f32)
}

/// A probability not too near to 0 or 1; NaN goes on.
fn inside(q: f32) -> f32 {
    let low = EDGE as f32;
    if q < low {
        low
    } else if q > 1.0 - low {
        1.0 - low
    } else {
        q
    }
}
