//! The 16-lane block on x86-64: one AVX-512 register, or two AVX registers.
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
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "lane counts are at most 16"
)]

use std::arch::x86_64::*;

use super::lanes::Lanes;

/// AVX-512F: one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

/// AVX2 with FMA: two registers, low lanes first.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256, __m256);

/// The mask of the first `count` lanes.
#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    if count >= 16 { 0xffff } else { (1 << count) - 1 }
}

impl Lanes for Avx512 {
    const WIDE: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(_mm512_set1_ps(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(_mm512_loadu_ps(from))
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        Self(_mm512_maskz_loadu_ps(first_lanes(count), from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm512_storeu_ps(to, self.0);
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        _mm512_mask_storeu_ps(to, first_lanes(count), self.0);
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(_mm512_add_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(_mm512_sub_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(_mm512_mul_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(_mm512_fmadd_ps(self.0, factor.0, term.0))
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        Self(_mm512_fnmadd_ps(self.0, factor.0, term.0))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(_mm512_max_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn max_or_nan(self, other: Self) -> Self {
        // `max` gives its second argument where either is NaN.
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
        Self(_mm512_mask_mov_ps(_mm512_max_ps(self.0, other.0), nan, self.0))
    }

    #[inline(always)]
    unsafe fn split_where_reached(self, value: Self, bound: Self) -> (Self, Self) {
        let reached = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(value.0, bound.0)
            | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value.0, value.0);
        (Self(_mm512_maskz_mov_ps(reached, self.0)), Self(_mm512_maskz_mov_ps(!reached, self.0)))
    }

    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        (
            Self(_mm512_permutex2var_ps(self.0, low, other.0)),
            Self(_mm512_permutex2var_ps(self.0, high, other.0)),
        )
    }

    #[inline(always)]
    unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
        let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        (
            Self(_mm512_permutex2var_ps(self.0, even, other.0)),
            Self(_mm512_permutex2var_ps(self.0, odd, other.0)),
        )
    }

    #[inline(always)]
    unsafe fn where_positive(self, test: Self) -> Self {
        let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(test.0, _mm512_setzero_ps());
        Self(_mm512_maskz_mov_ps(positive, self.0))
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        _mm512_reduce_add_ps(self.0)
    }

    #[inline(always)]
    unsafe fn transpose(square: &mut [Self; 16]) {
        // Pairs of rows, then pairs of pairs inside 128-bit quarters, then the quarters.
        let zero = _mm512_setzero_ps();
        let mut t = [zero; 16];
        for i in 0..8 {
            t[2 * i] = _mm512_unpacklo_ps(square[2 * i].0, square[2 * i + 1].0);
            t[2 * i + 1] = _mm512_unpackhi_ps(square[2 * i].0, square[2 * i + 1].0);
        }
        let mut q = [zero; 16];
        for i in 0..4 {
            let (a, b) = (_mm512_castps_pd(t[4 * i]), _mm512_castps_pd(t[4 * i + 2]));
            let (c, d) = (_mm512_castps_pd(t[4 * i + 1]), _mm512_castps_pd(t[4 * i + 3]));
            q[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            q[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
            q[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(c, d));
            q[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(c, d));
        }
        for i in 0..4 {
            t[i] = _mm512_shuffle_f32x4::<0x88>(q[i], q[i + 4]);
            t[i + 4] = _mm512_shuffle_f32x4::<0xdd>(q[i], q[i + 4]);
            t[i + 8] = _mm512_shuffle_f32x4::<0x88>(q[i + 8], q[i + 12]);
            t[i + 12] = _mm512_shuffle_f32x4::<0xdd>(q[i + 8], q[i + 12]);
        }
        for i in 0..8 {
            square[i] = Self(_mm512_shuffle_f32x4::<0x88>(t[i], t[i + 8]));
            square[i + 8] = Self(_mm512_shuffle_f32x4::<0xdd>(t[i], t[i + 8]));
        }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(_mm512_div_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn times_exp2(self, exponent: Self) -> Self {
        Self(_mm512_scalef_ps(self.0, exponent.0))
    }
}

/// The masks of the first `count` of 16 lanes as two registers of sign bits.
#[inline(always)]
unsafe fn half_masks(count: usize) -> (__m256i, __m256i) {
    let low = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    let high = _mm256_set_epi32(15, 14, 13, 12, 11, 10, 9, 8);
    let limit = _mm256_set1_epi32(count as i32);
    (_mm256_cmpgt_epi32(limit, low), _mm256_cmpgt_epi32(limit, high))
}

/// `a * 2^exponent` in two steps, since a float has no power of two beyond -126 and 127.
#[inline(always)]
unsafe fn times_exp2(a: __m256, exponent: __m256) -> __m256 {
    let e = _mm256_cvtps_epi32(exponent);
    let half = _mm256_srai_epi32::<1>(e);
    let bias = _mm256_set1_epi32(127);
    let low = _mm256_slli_epi32::<23>(_mm256_add_epi32(half, bias));
    let high = _mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_sub_epi32(e, half), bias));
    _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(low)), _mm256_castsi256_ps(high))
}

/// The larger value of each lane, NaN where either is.
#[inline(always)]
unsafe fn max_or_nan(a: __m256, b: __m256) -> __m256 {
    // `max` gives its second argument where either is NaN.
    _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a))
}

/// Where `value >= bound` or `value` is NaN.
#[inline(always)]
unsafe fn reached(value: __m256, bound: __m256) -> __m256 {
    let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(value, value);
    _mm256_or_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(value, bound), nan)
}

/// Lanes of `a` and `b` in turn.
#[inline(always)]
unsafe fn interleave8(a: __m256, b: __m256) -> Avx2 {
    // Pairs 0, 1, 4, 5 and 2, 3, 6, 7.
    let (outer, inner) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    Avx2(_mm256_permute2f128_ps::<0x20>(outer, inner), _mm256_permute2f128_ps::<0x31>(outer, inner))
}

/// The lanes of even and those of odd index of a block.
#[inline(always)]
unsafe fn deinterleave8(block: Avx2) -> (__m256, __m256) {
    // Inside quarters first, then the quarters into their order.
    let even = _mm256_castps_pd(_mm256_shuffle_ps::<0x88>(block.0, block.1));
    let odd = _mm256_castps_pd(_mm256_shuffle_ps::<0xdd>(block.0, block.1));
    (
        _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(even)),
        _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(odd)),
    )
}

/// Transposes an 8 x 8 square.
#[inline(always)]
unsafe fn transpose8(r: [__m256; 8]) -> [__m256; 8] {
    let t0 = _mm256_unpacklo_ps(r[0], r[1]);
    let t1 = _mm256_unpackhi_ps(r[0], r[1]);
    let t2 = _mm256_unpacklo_ps(r[2], r[3]);
    let t3 = _mm256_unpackhi_ps(r[2], r[3]);
    let t4 = _mm256_unpacklo_ps(r[4], r[5]);
    let t5 = _mm256_unpackhi_ps(r[4], r[5]);
    let t6 = _mm256_unpacklo_ps(r[6], r[7]);
    let t7 = _mm256_unpackhi_ps(r[6], r[7]);
    let u0 = _mm256_shuffle_ps::<0x44>(t0, t2);
    let u1 = _mm256_shuffle_ps::<0xee>(t0, t2);
    let u2 = _mm256_shuffle_ps::<0x44>(t1, t3);
    let u3 = _mm256_shuffle_ps::<0xee>(t1, t3);
    let u4 = _mm256_shuffle_ps::<0x44>(t4, t6);
    let u5 = _mm256_shuffle_ps::<0xee>(t4, t6);
    let u6 = _mm256_shuffle_ps::<0x44>(t5, t7);
    let u7 = _mm256_shuffle_ps::<0xee>(t5, t7);
    [
        _mm256_permute2f128_ps::<0x20>(u0, u4),
        _mm256_permute2f128_ps::<0x20>(u1, u5),
        _mm256_permute2f128_ps::<0x20>(u2, u6),
        _mm256_permute2f128_ps::<0x20>(u3, u7),
        _mm256_permute2f128_ps::<0x31>(u0, u4),
        _mm256_permute2f128_ps::<0x31>(u1, u5),
        _mm256_permute2f128_ps::<0x31>(u2, u6),
        _mm256_permute2f128_ps::<0x31>(u3, u7),
    ]
}

impl Lanes for Avx2 {
    const WIDE: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(_mm256_set1_ps(value), _mm256_set1_ps(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8)))
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        let (low, high) = half_masks(count);
        // The high half may lie beyond the buffer; masked lanes are not touched.
        Self(_mm256_maskload_ps(from, low), _mm256_maskload_ps(from.wrapping_add(8), high))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm256_storeu_ps(to, self.0);
        _mm256_storeu_ps(to.add(8), self.1);
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        let (low, high) = half_masks(count);
        _mm256_maskstore_ps(to, low, self.0);
        _mm256_maskstore_ps(to.wrapping_add(8), high, self.1);
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(_mm256_fmadd_ps(self.0, factor.0, term.0), _mm256_fmadd_ps(self.1, factor.1, term.1))
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        Self(_mm256_fnmadd_ps(self.0, factor.0, term.0), _mm256_fnmadd_ps(self.1, factor.1, term.1))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn max_or_nan(self, other: Self) -> Self {
        Self(max_or_nan(self.0, other.0), max_or_nan(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn split_where_reached(self, value: Self, bound: Self) -> (Self, Self) {
        let (low, high) = (reached(value.0, bound.0), reached(value.1, bound.1));
        (
            Self(_mm256_and_ps(low, self.0), _mm256_and_ps(high, self.1)),
            Self(_mm256_andnot_ps(low, self.0), _mm256_andnot_ps(high, self.1)),
        )
    }

    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        (interleave8(self.0, other.0), interleave8(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
        let (low, high) = (deinterleave8(self), deinterleave8(other));
        (Self(low.0, high.0), Self(low.1, high.1))
    }

    #[inline(always)]
    unsafe fn where_positive(self, test: Self) -> Self {
        let zero = _mm256_setzero_ps();
        let low = _mm256_cmp_ps::<_CMP_GT_OQ>(test.0, zero);
        let high = _mm256_cmp_ps::<_CMP_GT_OQ>(test.1, zero);
        Self(_mm256_and_ps(self.0, low), _mm256_and_ps(self.1, high))
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let eight = _mm256_add_ps(self.0, self.1);
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }

    #[inline(always)]
    unsafe fn transpose(square: &mut [Self; 16]) {
        let s = *square;
        let a = transpose8([s[0].0, s[1].0, s[2].0, s[3].0, s[4].0, s[5].0, s[6].0, s[7].0]);
        let b = transpose8([s[0].1, s[1].1, s[2].1, s[3].1, s[4].1, s[5].1, s[6].1, s[7].1]);
        let c = transpose8([s[8].0, s[9].0, s[10].0, s[11].0, s[12].0, s[13].0, s[14].0, s[15].0]);
        let d = transpose8([s[8].1, s[9].1, s[10].1, s[11].1, s[12].1, s[13].1, s[14].1, s[15].1]);
        for i in 0..8 {
            square[i] = Self(a[i], c[i]);
            square[i + 8] = Self(b[i], d[i]);
        }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1))
    }

    #[inline(always)]
    unsafe fn times_exp2(self, exponent: Self) -> Self {
        Self(times_exp2(self.0, exponent.0), times_exp2(self.1, exponent.1))
    }
}
