//! The 16-lane block on 64-bit Arm: four NEON registers.
//!
//! # Safety
//!
//! The contract of [`Lanes`](super::lanes::Lanes): the processor has the instructions, and
//! pointers are valid for the lanes named.
#![allow(unsafe_code, reason = "vector instructions")]
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "the contract of `Lanes` (the processor has the instructions, pointers are valid for \
              the lanes named) is the whole justification of every line here"
)]

use std::arch::aarch64::*;

use super::lanes::Lanes;

/// Four registers, low lanes first.
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t, float32x4_t, float32x4_t, float32x4_t);

impl Neon {
    /// The block of an array.
    #[inline(always)]
    unsafe fn of(values: &[f32; 16]) -> Self {
        Self::load(values.as_ptr())
    }

    /// The lanes as an array.
    #[inline(always)]
    unsafe fn array(self) -> [f32; 16] {
        let mut values = [0.0; 16];
        self.store(values.as_mut_ptr());
        values
    }
}

/// `a` where `a > b`, else `b`, which is also what comes where `a` is NaN.
#[inline(always)]
unsafe fn larger(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    vbslq_f32(vcgtq_f32(a, b), a, b)
}

/// `a` where `test > 0`, else zero.
#[inline(always)]
unsafe fn gated(a: float32x4_t, test: float32x4_t) -> float32x4_t {
    vbslq_f32(vcgtzq_f32(test), a, vdupq_n_f32(0.0))
}

/// `a` where `value >= bound` or `value` is NaN, else zero; and what is left of `a`.
#[inline(always)]
unsafe fn split(
    a: float32x4_t,
    value: float32x4_t,
    bound: float32x4_t,
) -> (float32x4_t, float32x4_t) {
    // NaN is the one value that does not equal itself.
    let number = vceqq_f32(value, value);
    let reached = vorrq_u32(vcgeq_f32(value, bound), vmvnq_u32(number));
    let zero = vdupq_n_f32(0.0);
    (vbslq_f32(reached, a, zero), vbslq_f32(reached, zero, a))
}

/// `a * 2^exponent` in two steps, since a float has no power of two beyond -126 and 127.
#[inline(always)]
unsafe fn times_exp2(a: float32x4_t, exponent: float32x4_t) -> float32x4_t {
    let e = vcvtq_s32_f32(exponent);
    let half = vshrq_n_s32::<1>(e);
    let bias = vdupq_n_s32(127);
    let low = vshlq_n_s32::<23>(vaddq_s32(half, bias));
    let high = vshlq_n_s32::<23>(vaddq_s32(vsubq_s32(e, half), bias));
    vmulq_f32(vmulq_f32(a, vreinterpretq_f32_s32(low)), vreinterpretq_f32_s32(high))
}

/// Transposes a 4 x 4 square.
#[inline(always)]
unsafe fn transpose4(r: [float32x4_t; 4]) -> [float32x4_t; 4] {
    let (a, b) = (vtrn1q_f32(r[0], r[1]), vtrn2q_f32(r[0], r[1]));
    let (c, d) = (vtrn1q_f32(r[2], r[3]), vtrn2q_f32(r[2], r[3]));
    let (a, b) = (vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b));
    let (c, d) = (vreinterpretq_f64_f32(c), vreinterpretq_f64_f32(d));
    [
        vreinterpretq_f32_f64(vtrn1q_f64(a, c)),
        vreinterpretq_f32_f64(vtrn1q_f64(b, d)),
        vreinterpretq_f32_f64(vtrn2q_f64(a, c)),
        vreinterpretq_f32_f64(vtrn2q_f64(b, d)),
    ]
}

impl Lanes for Neon {
    const WIDE: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        let v = vdupq_n_f32(value);
        Self(v, v, v, v)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(
            vld1q_f32(from),
            vld1q_f32(from.add(4)),
            vld1q_f32(from.add(8)),
            vld1q_f32(from.add(12)),
        )
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        let mut values = [0.0; 16];
        for (i, value) in values.iter_mut().enumerate().take(count) {
            *value = *from.add(i);
        }
        Self::of(&values)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        vst1q_f32(to, self.0);
        vst1q_f32(to.add(4), self.1);
        vst1q_f32(to.add(8), self.2);
        vst1q_f32(to.add(12), self.3);
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        for (i, value) in self.array().iter().enumerate().take(count) {
            *to.add(i) = *value;
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(
            vaddq_f32(self.0, other.0),
            vaddq_f32(self.1, other.1),
            vaddq_f32(self.2, other.2),
            vaddq_f32(self.3, other.3),
        )
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(
            vsubq_f32(self.0, other.0),
            vsubq_f32(self.1, other.1),
            vsubq_f32(self.2, other.2),
            vsubq_f32(self.3, other.3),
        )
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(
            vmulq_f32(self.0, other.0),
            vmulq_f32(self.1, other.1),
            vmulq_f32(self.2, other.2),
            vmulq_f32(self.3, other.3),
        )
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(
            vfmaq_f32(term.0, self.0, factor.0),
            vfmaq_f32(term.1, self.1, factor.1),
            vfmaq_f32(term.2, self.2, factor.2),
            vfmaq_f32(term.3, self.3, factor.3),
        )
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        Self(
            vfmsq_f32(term.0, self.0, factor.0),
            vfmsq_f32(term.1, self.1, factor.1),
            vfmsq_f32(term.2, self.2, factor.2),
            vfmsq_f32(term.3, self.3, factor.3),
        )
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(
            larger(self.0, other.0),
            larger(self.1, other.1),
            larger(self.2, other.2),
            larger(self.3, other.3),
        )
    }

    #[inline(always)]
    unsafe fn max_or_nan(self, other: Self) -> Self {
        Self(
            vmaxq_f32(self.0, other.0),
            vmaxq_f32(self.1, other.1),
            vmaxq_f32(self.2, other.2),
            vmaxq_f32(self.3, other.3),
        )
    }

    #[inline(always)]
    unsafe fn split_where_reached(self, value: Self, bound: Self) -> (Self, Self) {
        let quarters = [
            split(self.0, value.0, bound.0),
            split(self.1, value.1, bound.1),
            split(self.2, value.2, bound.2),
            split(self.3, value.3, bound.3),
        ];
        let [a, b, c, d] = quarters;
        (Self(a.0, b.0, c.0, d.0), Self(a.1, b.1, c.1, d.1))
    }

    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        (
            Self(
                vzip1q_f32(self.0, other.0),
                vzip2q_f32(self.0, other.0),
                vzip1q_f32(self.1, other.1),
                vzip2q_f32(self.1, other.1),
            ),
            Self(
                vzip1q_f32(self.2, other.2),
                vzip2q_f32(self.2, other.2),
                vzip1q_f32(self.3, other.3),
                vzip2q_f32(self.3, other.3),
            ),
        )
    }

    #[inline(always)]
    unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
        (
            Self(
                vuzp1q_f32(self.0, self.1),
                vuzp1q_f32(self.2, self.3),
                vuzp1q_f32(other.0, other.1),
                vuzp1q_f32(other.2, other.3),
            ),
            Self(
                vuzp2q_f32(self.0, self.1),
                vuzp2q_f32(self.2, self.3),
                vuzp2q_f32(other.0, other.1),
                vuzp2q_f32(other.2, other.3),
            ),
        )
    }

    #[inline(always)]
    unsafe fn where_positive(self, test: Self) -> Self {
        Self(
            gated(self.0, test.0),
            gated(self.1, test.1),
            gated(self.2, test.2),
            gated(self.3, test.3),
        )
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        vaddvq_f32(vaddq_f32(vaddq_f32(self.0, self.1), vaddq_f32(self.2, self.3)))
    }

    #[inline(always)]
    unsafe fn transpose(square: &mut [Self; 16]) {
        let mut done = [Self::splat(0.0); 16];
        for i in 0..4 {
            // Rows 4 i .. 4 i + 4 become columns 4 i .. of all rows.
            let r = [square[4 * i], square[4 * i + 1], square[4 * i + 2], square[4 * i + 3]];
            let quarters = [
                transpose4([r[0].0, r[1].0, r[2].0, r[3].0]),
                transpose4([r[0].1, r[1].1, r[2].1, r[3].1]),
                transpose4([r[0].2, r[1].2, r[2].2, r[3].2]),
                transpose4([r[0].3, r[1].3, r[2].3, r[3].3]),
            ];
            for (q, quarter) in quarters.iter().enumerate() {
                for (k, values) in quarter.iter().enumerate() {
                    let row = &mut done[4 * q + k];
                    match i {
                        0 => row.0 = *values,
                        1 => row.1 = *values,
                        2 => row.2 = *values,
                        _ => row.3 = *values,
                    }
                }
            }
        }
        *square = done;
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(
            vdivq_f32(self.0, other.0),
            vdivq_f32(self.1, other.1),
            vdivq_f32(self.2, other.2),
            vdivq_f32(self.3, other.3),
        )
    }

    #[inline(always)]
    unsafe fn times_exp2(self, exponent: Self) -> Self {
        Self(
            times_exp2(self.0, exponent.0),
            times_exp2(self.1, exponent.1),
            times_exp2(self.2, exponent.2),
            times_exp2(self.3, exponent.3),
        )
    }
}
