//! Mean and variance of channels.
//!
//! # Safety
//!
//! The unsafe function needs the instructions of its `Lanes` type, which an [`Isa`] proves.
#![allow(unsafe_code, reason = "vector loads behind checked lengths")]

use rayon::prelude::*;

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::norm::{Planes, RUN};

multiversion! { unsafe fn centred_sums = centred_sums_body(x: &[f32], centre: f32) -> (f64, f64) }

/// Sums of `x - centre` and of its square.
#[inline(always)]
unsafe fn centred_sums_body<L: Lanes>(x: &[f32], centre: f32) -> (f64, f64) {
    let (mut total, mut squares) = (0.0, 0.0);
    for run in x.chunks(RUN) {
        // SAFETY: every load lies inside `run`: four times 16 values below `whole`, a
        // multiple of 64 that is at most its length, then the `n` values that are left.
        // `ends` holds 16.
        unsafe {
            let (zero, centre) = (L::splat(0.0), L::splat(centre));
            let (mut sum, mut square) = ([zero; 4], [zero; 4]);
            let whole = run.len() / 64 * 64;
            for at in (0..whole).step_by(64) {
                for q in 0..4 {
                    let v = L::load(run.as_ptr().add(at + q * 16)).sub(centre);
                    sum[q] = sum[q].add(v);
                    square[q] = v.mul_add(v, square[q]);
                }
            }
            let (mut sum, mut square) = (
                sum[0].add(sum[1]).add(sum[2].add(sum[3])),
                square[0].add(square[1]).add(square[2].add(square[3])),
            );
            let mut at = whole;
            while at < run.len() {
                let n = (run.len() - at).min(16);
                let from = run.as_ptr().add(at);
                let mut ends = [0.0; 16];
                ends[..n].fill(1.0);
                let v = L::load_first(from, n).sub(centre).where_positive(L::load(ends.as_ptr()));
                sum = sum.add(v);
                square = v.mul_add(v, square);
                at += n;
            }
            total += f64::from(sum.sum());
            squares += f64::from(square.sum());
        }
    }
    (total, squares)
}

/// Mean and biased variance of every channel: two passes, the second around the
/// mean of the first, partial sums added in `f64`.
pub(crate) fn moments(isa: Isa, p: Planes, x: &[f32]) -> Vec<(f64, f64)> {
    assert_eq!(x.len(), p.len(), "tensor size");
    (0..p.channels).into_par_iter().map(|c| channel_moments(isa, p, x, c)).collect()
}

fn channel_moments(isa: Isa, p: Planes, x: &[f32], c: usize) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = (p.batch * p.pixels) as f64;
    let sums = |centre: f32| {
        (0..p.batch).fold((0.0, 0.0), |total, b| {
            // SAFETY: a slice.
            let part = unsafe { centred_sums(isa, p.of(x, b, c), centre) };
            (total.0 + part.0, total.1 + part.1)
        })
    };
    #[expect(clippy::cast_possible_truncation, reason = "a centre, not a result")]
    let centre = (sums(p.of(x, 0, c)[0]).0 / count + f64::from(p.of(x, 0, c)[0])) as f32;
    let (sum, squares) = sums(centre);
    let rest = sum / count;
    (f64::from(centre) + rest, (squares / count - rest * rest).max(0.0))
}

/// The same from sums and sums of squares that were taken while `x` was written.
///
/// Where the mean is large against the deviation their difference has lost digits
/// (or is not finite): those channels are read again.
pub(crate) fn moments_of_sums(
    isa: Isa,
    p: Planes,
    x: &[f32],
    sums: &[(f64, f64)],
) -> Vec<(f64, f64)> {
    assert_eq!(x.len(), p.len(), "tensor size");
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = (p.batch * p.pixels) as f64;
    sums.par_iter()
        .take(p.channels)
        .enumerate()
        .map(|(c, (sum, squares))| {
            let mean = sum / count;
            let variance = squares / count - mean * mean;
            if variance.is_finite() && mean * mean <= 8.0 * variance {
                (mean, variance)
            } else {
                channel_moments(isa, p, x, c)
            }
        })
        .collect()
}

/// Sums of every channel.
pub(crate) fn channel_sums(isa: Isa, p: Planes, x: &[f32]) -> Vec<f64> {
    assert_eq!(x.len(), p.len(), "tensor size");
    (0..p.channels)
        .into_par_iter()
        // SAFETY: slices.
        .map(|c| (0..p.batch).map(|b| unsafe { centred_sums(isa, p.of(x, b, c), 0.0) }.0).sum())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rough values around `offset`.
    fn values(count: usize, offset: f32) -> Vec<f32> {
        (0..count).map(|i| offset + ((i * 7919 + 13) % 1009) as f32 / 100.0 - 5.0).collect()
    }

    #[test]
    fn moments_hold_for_large_offsets_on_every_instruction_set() {
        for isa in Isa::available() {
            for (pixels, offset) in [(1, 0.0), (15, 3.0), (1500, 1e4), (4096, -1e5)] {
                // The interpreter is slow.
                let pixels = if cfg!(miri) { pixels.min(70) } else { pixels };
                let p = Planes { batch: 2, channels: 3, pixels };
                let x = values(p.len(), offset);
                for (c, (mean, variance)) in moments(isa, p, &x).into_iter().enumerate() {
                    let all: Vec<f64> =
                        (0..2).flat_map(|b| p.of(&x, b, c).iter().map(|v| f64::from(*v))).collect();
                    let m = all.iter().sum::<f64>() / all.len() as f64;
                    let v = all.iter().map(|x| (x - m).powi(2)).sum::<f64>() / all.len() as f64;
                    assert!((mean - m).abs() <= 1e-6 * (1.0 + v), "{isa:?} mean {mean} {m}");
                    assert!((variance - v).abs() <= 2e-6 * v, "{isa:?} variance {variance} {v}");
                }
            }
        }
    }
}
