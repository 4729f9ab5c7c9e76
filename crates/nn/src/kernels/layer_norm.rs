//! Normalisation of rows of values, with a factor and an offset per channel.
//!
//! # Safety
//!
//! The contract of [`Lanes`]; the safe entries check the lengths of their slices.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use rayon::prelude::*;

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;

/// Parts over which the sums of the parameters' gradients are made.
const PARTS: usize = 16;

/// What is normalised together, and which values share a channel.
///
/// Value `i` of row `r` has the channel `(r % groups) * size / pixels + i / pixels`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Values of a row.
    pub(crate) size: usize,
    /// Values side by side that share a channel.
    pub(crate) pixels: usize,
    /// Rows after which the channels start again.
    pub(crate) groups: usize,
    /// Whether the mean is taken away.
    pub(crate) centred: bool,
    /// Added to the variance.
    pub(crate) eps: f64,
}

impl Rows {
    /// Channels of a row.
    fn channels(&self) -> usize {
        self.size / self.pixels
    }

    /// First channel of a row.
    fn first(&self, row: usize) -> usize {
        row % self.groups * self.channels()
    }

    /// All channels.
    fn all(&self) -> usize {
        self.groups * self.channels()
    }
}

/// The normalised rows and, per row, the mean and one over the standard deviation.
pub(crate) fn forward(
    isa: Isa,
    r: Rows,
    x: &[f32],
    gamma: &[f32],
    beta: Option<&[f32]>,
) -> (Vec<f32>, Vec<[f32; 2]>) {
    assert!(x.len().is_multiple_of(r.size) && r.size.is_multiple_of(r.pixels), "whole rows");
    assert!(gamma.len() == r.all() && beta.is_none_or(|b| b.len() == r.all()), "channels");
    let mut out = vec![0.0; x.len()];
    let mut statistics = vec![[0.0; 2]; x.len() / r.size];
    let task = (1_usize << 14).div_ceil(r.size);
    let parts = out.par_chunks_mut(task * r.size).zip(x.par_chunks(task * r.size));
    parts.zip(statistics.par_chunks_mut(task)).enumerate().for_each(|(part, ((out, x), to))| {
        let rows = out.chunks_exact_mut(r.size).zip(x.chunks_exact(r.size)).zip(to);
        for (i, ((out, x), to)) in rows.enumerate() {
            *to = moments(isa, r, x);
            let first = r.first(part * task + i);
            let gamma = &gamma[first..][..r.channels()];
            let beta = beta.map(|beta| &beta[first..][..r.channels()]);
            // SAFETY: rows of equal length, a factor and an offset for each of its channels.
            unsafe { normalise(isa, r.pixels, (x, *to), (gamma, beta), out) }
        }
    });
    (out, statistics)
}

/// Mean and inverse deviation of a row; partial sums of a few values in `f32`, around the
/// first value, so that a large offset does no harm.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the kernels are in f32"
)]
fn moments(isa: Isa, r: Rows, x: &[f32]) -> [f32; 2] {
    let count = x.len() as f64;
    let mean = if r.centred {
        // SAFETY: a row that is not empty.
        let sum = x.chunks(256).map(|x| f64::from(unsafe { deviations(isa, x, 0.0, false) }));
        sum.sum::<f64>() / count
    } else {
        0.0
    };
    let near = mean as f32;
    // SAFETY: as above.
    let squares = x.chunks(256).map(|x| f64::from(unsafe { deviations(isa, x, near, true) }));
    // The mean was rounded: what its error adds to every square is taken away again.
    let variance = (squares.sum::<f64>() / count - (mean - f64::from(near)).powi(2)).max(0.0);
    [near, (1.0 / (variance + r.eps).sqrt()) as f32]
}

multiversion! {
    unsafe fn deviations = deviations_body(x: &[f32], from: f32, square: bool) -> f32
}

/// The sum of `x - from`, or of its squares.
#[inline(always)]
unsafe fn deviations_body<L: Lanes>(x: &[f32], from: f32, square: bool) -> f32 {
    // SAFETY: `count` values from `at` on exist.
    unsafe {
        let offset = L::splat(from);
        let mut sum = L::splat(0.0);
        let whole = x.len() / 16 * 16;
        for at in (0..whole).step_by(16) {
            let v = L::load(x.as_ptr().wrapping_add(at)).sub(offset);
            sum = if square { v.mul_add(v, sum) } else { sum.add(v) };
        }
        let mut total = sum.sum();
        for v in &x[whole..] {
            let v = v - from;
            total += if square { v * v } else { v };
        }
        total
    }
}

multiversion! {
    unsafe fn normalise = normalise_body(
        pixels: usize, row: (&[f32], [f32; 2]), affine: (&[f32], Option<&[f32]>), out: &mut [f32],
    )
}

#[inline(always)]
unsafe fn normalise_body<L: Lanes>(
    pixels: usize,
    (x, [mean, inverse]): (&[f32], [f32; 2]),
    (gamma, beta): (&[f32], Option<&[f32]>),
    out: &mut [f32],
) {
    let (from, to) = (x.as_ptr(), out.as_mut_ptr());
    // SAFETY: `count` values from `at` on exist in all.
    unsafe {
        let (mean, inverse) = (L::splat(mean), L::splat(inverse));
        if pixels == 1 {
            for at in (0..x.len()).step_by(16) {
                let count = (x.len() - at).min(16);
                let z = L::load_first(from.wrapping_add(at), count).sub(mean).mul(inverse);
                let factor = L::load_first(gamma.as_ptr().wrapping_add(at), count);
                let offset = match beta {
                    Some(beta) => L::load_first(beta.as_ptr().wrapping_add(at), count),
                    None => L::splat(0.0),
                };
                z.mul_add(factor, offset).store_first(to.wrapping_add(at), count);
            }
            return;
        }
        for (c, factor) in gamma.iter().enumerate() {
            let factor = L::splat(*factor);
            let offset = L::splat(beta.map_or(0.0, |beta| beta[c]));
            for at in (0..pixels).step_by(16) {
                let (count, at) = ((pixels - at).min(16), c * pixels + at);
                let z = L::load_first(from.wrapping_add(at), count).sub(mean).mul(inverse);
                z.mul_add(factor, offset).store_first(to.wrapping_add(at), count);
            }
        }
    }
}

/// The gradients of `x`, gamma and beta.
pub(crate) fn backward(
    isa: Isa,
    r: Rows,
    x: &[f32],
    gamma: &[f32],
    statistics: &[[f32; 2]],
    gradient: &[f32],
) -> [Vec<f32>; 3] {
    let rows = statistics.len();
    assert!(x.len() == rows * r.size && gradient.len() == x.len(), "whole rows");
    assert!(gamma.len() == r.all(), "channels");
    let mut dx = vec![0.0; x.len()];
    let task = rows.div_ceil(PARTS);
    let parts = dx.par_chunks_mut(task * r.size).zip(x.par_chunks(task * r.size));
    let parts = parts.zip(gradient.par_chunks(task * r.size)).zip(statistics.par_chunks(task));
    let sums: Vec<Vec<f64>> = parts
        .enumerate()
        .map(|(part, (((dx, x), g), statistics))| {
            let mut total = vec![0.0; 2 * r.all()];
            // Rows are added in `f32` a few at a time.
            let mut few = vec![0.0; 2 * r.all()];
            let rows = dx.chunks_exact_mut(r.size).zip(x.chunks_exact(r.size));
            let rows = rows.zip(g.chunks_exact(r.size)).zip(statistics);
            for (i, (((dx, x), g), statistics)) in rows.enumerate() {
                let first = r.first(part * task + i);
                let gamma = &gamma[first..][..r.channels()];
                let (dgamma, dbeta) = few.split_at_mut(r.all());
                let sums =
                    (&mut dgamma[first..][..r.channels()], &mut dbeta[first..][..r.channels()]);
                // SAFETY: rows of equal length, a factor and two sums for each channel.
                unsafe { row_gradient(isa, r, (x, *statistics), (gamma, g), sums, dx) }
                if i % 32 == 31 {
                    flush(&mut few, &mut total);
                }
            }
            flush(&mut few, &mut total);
            total
        })
        .collect();
    let mut total = vec![0.0; 2 * r.all()];
    for part in &sums {
        total.iter_mut().zip(part).for_each(|(to, v)| *to += v);
    }
    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    let narrow = |v: &[f64]| v.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    [dx, narrow(&total[..r.all()]), narrow(&total[r.all()..])]
}

fn flush(few: &mut [f32], total: &mut [f64]) {
    for (few, to) in few.iter_mut().zip(total) {
        *to += f64::from(*few);
        *few = 0.0;
    }
}

multiversion! {
    unsafe fn row_gradient = row_gradient_body(
        r: Rows, row: (&[f32], [f32; 2]), factors: (&[f32], &[f32]),
        sums: (&mut [f32], &mut [f32]), dx: &mut [f32],
    )
}

/// `dx = inverse (gamma g - mean(gamma g) - z mean(gamma g z))` with `z` the normalised row.
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "rows are far shorter than 2^24 or averages")]
unsafe fn row_gradient_body<L: Lanes>(
    r: Rows,
    (x, [mean, inverse]): (&[f32], [f32; 2]),
    (gamma, g): (&[f32], &[f32]),
    (dgamma, dbeta): (&mut [f32], &mut [f32]),
    dx: &mut [f32],
) {
    // SAFETY: `count` values from `at` on exist in all.
    unsafe {
        let (mean, scale) = (L::splat(mean), L::splat(inverse));
        let (mut sum, mut dot) = (L::splat(0.0), L::splat(0.0));
        for c in 0..if r.pixels == 1 { 1 } else { gamma.len() } {
            let width = if r.pixels == 1 { x.len() } else { r.pixels };
            let (mut channel_dot, mut channel_sum) = (L::splat(0.0), L::splat(0.0));
            for at in (0..width).step_by(16) {
                let count = (width - at).min(16);
                let from = c * width + at;
                let g = L::load_first(g.as_ptr().wrapping_add(from), count);
                // Missing lanes have a gradient of zero.
                let z = L::load_first(x.as_ptr().wrapping_add(from), count).sub(mean).mul(scale);
                let gz = g.mul(z);
                if r.pixels == 1 {
                    let factor = L::load_first(gamma.as_ptr().wrapping_add(at), count);
                    (sum, dot) = (g.mul_add(factor, sum), gz.mul_add(factor, dot));
                    let to = dgamma.as_mut_ptr().wrapping_add(at);
                    L::load_first(to, count).add(gz).store_first(to, count);
                    let to = dbeta.as_mut_ptr().wrapping_add(at);
                    L::load_first(to, count).add(g).store_first(to, count);
                } else {
                    (channel_sum, channel_dot) = (channel_sum.add(g), channel_dot.add(gz));
                }
            }
            if r.pixels > 1 {
                let factor = L::splat(gamma[c]);
                (sum, dot) = (channel_sum.mul_add(factor, sum), channel_dot.mul_add(factor, dot));
                dgamma[c] += channel_dot.sum();
                dbeta[c] += channel_sum.sum();
            }
        }
        let count = x.len() as f32;
        let offset = L::splat(if r.centred { sum.sum() / count } else { 0.0 });
        let slope = L::splat(dot.sum() / count);
        for c in 0..if r.pixels == 1 { 1 } else { gamma.len() } {
            let width = if r.pixels == 1 { x.len() } else { r.pixels };
            for at in (0..width).step_by(16) {
                let count = (width - at).min(16);
                let from = c * width + at;
                let g = L::load_first(g.as_ptr().wrapping_add(from), count);
                let z = L::load_first(x.as_ptr().wrapping_add(from), count).sub(mean).mul(scale);
                let factor = if r.pixels == 1 {
                    L::load_first(gamma.as_ptr().wrapping_add(at), count)
                } else {
                    L::splat(gamma[c])
                };
                let value = z.neg_mul_add(slope, g.mul(factor).sub(offset)).mul(scale);
                value.store_first(dx.as_mut_ptr().wrapping_add(from), count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_agrees_with_the_definition() {
        for isa in Isa::available() {
            // The interpreter is slow.
            let long = if cfg!(miri) { 65 } else { 300 };
            for (size, pixels, groups) in [(5, 1, 1), (33, 1, 1), (long, 1, 1), (34, 17, 2)] {
                let r = Rows { size, pixels, groups, centred: true, eps: 1e-5 };
                let x: Vec<f32> = (0..4 * size).map(|v| (v * 7 % 23) as f32 * 0.3).collect();
                let gamma: Vec<f32> = (0..r.all()).map(|c| 1.0 + c as f32 * 0.01).collect();
                let (y, statistics) = forward(isa, r, &x, &gamma, Some(&gamma));
                for (row, line) in x.chunks_exact(size).enumerate() {
                    let wide = |v: &f32| f64::from(*v);
                    let mean = line.iter().map(wide).sum::<f64>() / size as f64;
                    let squares = line.iter().map(|v| (wide(v) - mean).powi(2)).sum::<f64>();
                    let deviation = (squares / size as f64 + 1e-5).sqrt();
                    for (i, v) in line.iter().enumerate() {
                        let factor = wide(&gamma[r.first(row) + i / pixels]);
                        let want = (wide(v) - mean) / deviation * factor + factor;
                        let got = wide(&y[row * size + i]);
                        assert!((got - want).abs() < 1e-5, "{isa:?} {r:?}");
                    }
                }
                // The best set is checked against finite differences, the others against it.
                let of = |isa: Isa| backward(isa, r, &x, &gamma, &statistics, &y);
                for (a, b) in of(isa).iter().zip(of(Isa::detect())) {
                    let near = |a: f32, b: f32| (a - b).abs() < 1e-4 * b.abs().max(1.0);
                    assert!(a.iter().zip(b).all(|(a, b)| near(*a, b)), "{isa:?} {r:?}");
                }
            }
        }
    }
}
