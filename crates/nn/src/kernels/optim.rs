//! Passes of the optimisers over one parameter, in place.
//!
//! No multiplication is fused with an addition and every value is on its own, so the results are
//! equal bit for bit on every instruction set.
#![allow(unsafe_code, reason = "calls of functions compiled for one instruction set")]

use rayon::prelude::*;

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;

/// Values a thread takes at once. Handing fewer to another thread costs more than their pass.
const CHUNK: usize = 1 << 16;

/// Factors of one step of Adam.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamFactors {
    /// Weights of the old and the new value in the first moment.
    pub(crate) first: (f32, f32),
    /// Weights of the old and the new value in the second moment.
    pub(crate) second: (f32, f32),
    /// Learning rate over the bias correction of the first moment.
    pub(crate) rate: f32,
    /// One over the square root of the bias correction of the second moment.
    pub(crate) correction: f32,
    /// Added to the denominator.
    pub(crate) eps: f32,
    /// Factor of the parameter before the step: one minus rate times decoupled decay.
    pub(crate) keep: f32,
    /// Factor of the gradient.
    pub(crate) scale: f32,
    /// Factor of the parameter that is added to the gradient.
    pub(crate) penalty: f32,
}

/// Factors of one step of gradient descent with momentum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SgdFactors {
    /// Factor of the old momentum.
    pub(crate) momentum: f32,
    /// Factor of the gradient in the momentum.
    pub(crate) fresh: f32,
    /// Whether the step looks ahead along the momentum.
    pub(crate) nesterov: bool,
    /// Learning rate.
    pub(crate) rate: f32,
    /// Factor of the gradient.
    pub(crate) scale: f32,
    /// Factor of the parameter that is added to the gradient.
    pub(crate) penalty: f32,
}

/// Updates the parameter and both moments.
pub(crate) fn adam(
    f: &AdamFactors,
    parameter: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let isa = Isa::detect();
    if parameter.len() <= CHUNK {
        // SAFETY: the body is safe code.
        return unsafe { adam_chunk(isa, f, parameter, gradient, (first, second)) };
    }
    let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
    let values = parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    values.zip(moments).for_each(|((p, g), (m, v))| {
        // SAFETY: the body is safe code.
        unsafe { adam_chunk(isa, f, p, g, (m, v)) }
    });
}

multiversion! {
    unsafe fn adam_chunk =
        adam_body(f: &AdamFactors, p: &mut [f32], g: &[f32], moments: (&mut [f32], &mut [f32]))
}

#[inline(always)]
unsafe fn adam_body<L: Lanes>(
    f: &AdamFactors,
    parameter: &mut [f32],
    gradient: &[f32],
    (first, second): (&mut [f32], &mut [f32]),
) {
    let moments = first.iter_mut().zip(second);
    for ((p, g), (m, v)) in parameter.iter_mut().zip(gradient).zip(moments) {
        let g = f.scale * g;
        let g = if f.penalty > 0.0 { g + f.penalty * *p } else { g };
        *m = f.first.0 * *m + f.first.1 * g;
        *v = f.second.0 * *v + f.second.1 * g * g;
        *p = f.keep * *p - f.rate * *m / (v.sqrt() * f.correction + f.eps);
    }
}

/// Updates the parameter and its momentum.
pub(crate) fn sgd_momentum(
    f: &SgdFactors,
    parameter: &mut [f32],
    gradient: &[f32],
    momentum: &mut [f32],
) {
    let isa = Isa::detect();
    if parameter.len() <= CHUNK {
        // SAFETY: the body is safe code.
        return unsafe { sgd_momentum_chunk(isa, f, parameter, gradient, momentum) };
    }
    let values = parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    values.zip(momentum.par_chunks_mut(CHUNK)).for_each(|((p, g), m)| {
        // SAFETY: the body is safe code.
        unsafe { sgd_momentum_chunk(isa, f, p, g, m) }
    });
}

multiversion! {
    unsafe fn sgd_momentum_chunk =
        sgd_momentum_body(f: &SgdFactors, p: &mut [f32], g: &[f32], m: &mut [f32])
}

#[inline(always)]
unsafe fn sgd_momentum_body<L: Lanes>(
    f: &SgdFactors,
    parameter: &mut [f32],
    gradient: &[f32],
    momentum: &mut [f32],
) {
    for ((p, g), m) in parameter.iter_mut().zip(gradient).zip(momentum) {
        let g = f.scale * g;
        let g = if f.penalty > 0.0 { g + f.penalty * *p } else { g };
        *m = f.momentum * *m + f.fresh * g;
        let direction = if f.nesterov { g + f.momentum * *m } else { *m };
        *p -= f.rate * direction;
    }
}

/// Updates the parameter along the gradient alone.
pub(crate) fn sgd(f: &SgdFactors, parameter: &mut [f32], gradient: &[f32]) {
    let isa = Isa::detect();
    if parameter.len() <= CHUNK {
        // SAFETY: the body is safe code.
        return unsafe { sgd_chunk(isa, f, parameter, gradient) };
    }
    parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).for_each(|(p, g)| {
        // SAFETY: the body is safe code.
        unsafe { sgd_chunk(isa, f, p, g) }
    });
}

multiversion! {
    unsafe fn sgd_chunk = sgd_body(f: &SgdFactors, p: &mut [f32], g: &[f32])
}

#[inline(always)]
unsafe fn sgd_body<L: Lanes>(f: &SgdFactors, parameter: &mut [f32], gradient: &[f32]) {
    for (p, g) in parameter.iter_mut().zip(gradient) {
        let g = f.scale * g;
        let g = if f.penalty > 0.0 { g + f.penalty * *p } else { g };
        *p -= f.rate * g;
    }
}

/// Moves every average by `share` of its distance to the value.
pub(crate) fn lerp(share: f32, average: &mut [f32], values: &[f32]) {
    let isa = Isa::detect();
    if average.len() <= CHUNK {
        // SAFETY: the body is safe code.
        return unsafe { lerp_chunk(isa, share, average, values) };
    }
    average.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(a, x)| {
        // SAFETY: the body is safe code.
        unsafe { lerp_chunk(isa, share, a, x) }
    });
}

multiversion! {
    unsafe fn lerp_chunk = lerp_body(share: f32, average: &mut [f32], values: &[f32])
}

#[inline(always)]
unsafe fn lerp_body<L: Lanes>(share: f32, average: &mut [f32], values: &[f32]) {
    for (a, x) in average.iter_mut().zip(values) {
        *a += share * (x - *a);
    }
}

/// The sum of squares in `f64`, infinite or NaN if a value is.
///
/// The terms are added in eight interleaved sums per fixed chunk, so that the additions overlap.
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let chunk = |values: &[f32]| {
        let (groups, rest) = values.as_chunks::<8>();
        let mut sums = [0.0_f64; 8];
        for group in groups {
            for (sum, v) in sums.iter_mut().zip(group) {
                *sum += f64::from(*v) * f64::from(*v);
            }
        }
        let rest: f64 = rest.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
        sums.iter().sum::<f64>() + rest
    };
    if values.len() <= CHUNK {
        return chunk(values);
    }
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(chunk).collect();
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from -1 to 1 without a pattern.
    fn ramp(count: usize, factor: usize) -> Vec<f32> {
        (0..count).map(|i| (i * factor % 1009) as f32 / 504.5 - 1.0).collect()
    }

    /// More than one chunk and a rest, unless interpreted.
    fn count() -> usize {
        if cfg!(miri) { 37 } else { 2 * CHUNK + 37 }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let count = count();
        let f = AdamFactors {
            first: (0.9, 0.1),
            second: (0.999, 0.001),
            rate: 0.01,
            correction: 3.0,
            eps: 1e-8,
            keep: 0.999,
            scale: 0.7,
            penalty: 0.1,
        };
        let s = SgdFactors {
            momentum: 0.9,
            fresh: 0.8,
            nesterov: true,
            rate: 0.1,
            scale: 0.7,
            penalty: 0.01,
        };
        let run = |isa: Isa| {
            let (mut p, g) = (ramp(count, 7919), ramp(count, 104_729));
            let (mut m, mut v) = (ramp(count, 31), vec![0.25; count]);
            // SAFETY: the bodies are safe code.
            unsafe {
                adam_chunk(isa, &f, &mut p, &g, (&mut m, &mut v));
                sgd_momentum_chunk(isa, &s, &mut p, &g, &mut m);
                sgd_chunk(isa, &s, &mut p, &g);
                lerp_chunk(isa, 0.1, &mut v, &p);
            }
            [p, m, v].map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let all: Vec<_> = Isa::available().into_iter().map(run).collect();
        assert!(all.windows(2).all(|w| w[0] == w[1]), "bits differ");
    }

    #[test]
    fn chunks_cover_every_value() {
        let count = count();
        let (mut p, g) = (vec![0.0; count], vec![1.0; count]);
        let f = SgdFactors {
            momentum: 0.0,
            fresh: 1.0,
            nesterov: false,
            rate: 0.5,
            scale: 1.0,
            penalty: 0.0,
        };
        sgd(&f, &mut p, &g);
        sgd_momentum(&f, &mut p, &g, &mut vec![0.0; count]);
        assert!(p.iter().all(|v| v.to_bits() == (-1.0_f32).to_bits()), "one step each");
        lerp(0.5, &mut p, &g);
        assert!(p.iter().all(|v| v.to_bits() == 0), "half way");
    }

    #[test]
    fn the_sum_of_squares_is_that_of_a_plain_loop() {
        let values = ramp(count(), 7919);
        let plain: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!((sum_of_squares(&values) / plain - 1.0).abs() < 1e-12);
        assert!(!sum_of_squares(&[1.0, f32::NAN]).is_finite());
    }
}
