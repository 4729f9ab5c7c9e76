//! The exponential function on blocks of lanes.
//!
//! # Safety
//!
//! The contract of [`Lanes`]: the processor has the instructions of the type.
#![allow(unsafe_code, reason = "functions of lanes")]

use super::lanes::Lanes;

/// `e^x`, relative error below 2e-7 where the result is no denormal number: zero below -104, infinite above 89, NaN for NaN.
///
/// # References
///
/// The polynomial is that of `expf` in Moshier's *Cephes*.
#[inline(always)]
pub(crate) unsafe fn exp<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        // `max` gives its second argument for NaN, so NaN stays.
        let x = L::splat(-104.0).max(x);
        let zero = L::splat(0.0);
        let x = zero.sub(L::splat(-89.0).max(zero.sub(x)));
        reduced(x)
    }
}

/// `e^x` for `x <= 0`, with one clamp less.
#[inline(always)]
pub(crate) unsafe fn exp_negative<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe { reduced(L::splat(-104.0).max(x)) }
}

/// `e^x` from -104 to 89.
#[inline(always)]
unsafe fn reduced<L: Lanes>(x: L) -> L {
    /// Adding and subtracting it rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    // SAFETY: the caller promises the instructions.
    unsafe {
        let round = L::splat(ROUND);
        let n = x.mul_add(L::splat(std::f32::consts::LOG2_E), round).sub(round);
        // The logarithm of two in two parts, the first with few digits.
        let r = n.neg_mul_add(L::splat(0.693_359_4), x);
        let r = n.neg_mul_add(L::splat(-2.121_944_4e-4), r);
        let mut p = L::splat(1.987_569_1e-4);
        p = p.mul_add(r, L::splat(1.398_199_9e-3));
        p = p.mul_add(r, L::splat(8.333_452e-3));
        p = p.mul_add(r, L::splat(4.166_579_6e-2));
        p = p.mul_add(r, L::splat(1.666_666_5e-1));
        p = p.mul_add(r, L::splat(0.5));
        let value = p.mul_add(r.mul(r), r).add(L::splat(1.0));
        value.times_exp2(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, multiversion};

    multiversion! { unsafe fn apply = apply_body(x: &mut [f32; 16]) }

    #[inline(always)]
    unsafe fn apply_body<L: Lanes>(x: &mut [f32; 16]) {
        // SAFETY: an array of sixteen values.
        unsafe { exp(L::load(x.as_ptr())).store(x.as_mut_ptr()) }
    }

    fn of(isa: Isa, x: f32) -> f32 {
        let mut block = [x; 16];
        // SAFETY: nothing beyond the instruction set.
        unsafe { apply(isa, &mut block) };
        // The bits of NaN are free.
        let same = |v: &f32| v.to_bits() == block[0].to_bits() || (v.is_nan() && block[0].is_nan());
        assert!(block.iter().all(same), "lanes differ");
        block[0]
    }

    #[test]
    fn the_exponential_is_right_to_single_precision_and_at_the_ends() {
        for isa in Isa::available() {
            // The interpreter is slow.
            for step in (-8700..8800).step_by(if cfg!(miri) { 499 } else { 1 }) {
                let x = step as f32 * 0.01;
                let want = f64::from(x).exp();
                let error = (f64::from(of(isa, x)) - want).abs() / want;
                assert!(error < 2e-7, "{isa:?}: exp({x}) has relative error {error}");
            }
            for x in [-105.0, -1e4, -3e38, f32::NEG_INFINITY] {
                assert_eq!(of(isa, x).to_bits(), 0, "{isa:?}: exp({x})");
            }
            for x in [90.0, 1e4, f32::INFINITY] {
                assert!(of(isa, x).is_infinite(), "{isa:?}: exp({x})");
            }
            assert!(of(isa, f32::NAN).is_nan(), "{isa:?}");
            assert_eq!(of(isa, 0.0).to_bits(), 1.0_f32.to_bits(), "{isa:?}");
        }
    }
}
