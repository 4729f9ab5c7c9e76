//! Blocks of 16 `f32` lanes: the one vocabulary every kernel is written in.
#![allow(unsafe_code, reason = "pointer loads and stores of the portable block")]

/// Sixteen `f32` values that move through a kernel together.
///
/// # Safety
///
/// Every method is unsafe: the caller guarantees that the processor has the
/// instructions of the implementing type and that every pointer is valid for
/// the lanes named by the method. An [`Isa`](super::isa::Isa) is the proof of
/// the first part, the `multiversion!` wrappers check it once per call.
pub(crate) trait Lanes: Copy {
    /// Whether 24 blocks fit into the registers at once (else about 6).
    const WIDE: bool;

    /// All lanes equal to `value`.
    unsafe fn splat(value: f32) -> Self;
    /// Sixteen values from `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// The first `count <= 16` values from `from`, zero in the other lanes.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;
    /// Writes sixteen values.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `count <= 16` values.
    unsafe fn store_first(self, to: *mut f32, count: usize);
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self * other`.
    unsafe fn mul(self, other: Self) -> Self;
    /// `self * factor + term`; fused where the processor can.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// `term - self * factor`; fused where the processor can.
    unsafe fn neg_mul_add(self, factor: Self, term: Self) -> Self;
    /// The larger value of each lane, `other` where `self` is NaN.
    unsafe fn max(self, other: Self) -> Self;
    /// The larger value of each lane, NaN where either is.
    unsafe fn max_or_nan(self, other: Self) -> Self;
    /// `self` where `value >= bound` or `value` is NaN, else zero; and what is left of `self`.
    unsafe fn split_where_reached(self, value: Self, bound: Self) -> (Self, Self);
    /// `self[0], other[0], self[1], other[1], ...` as two blocks.
    unsafe fn interleave(self, other: Self) -> (Self, Self);
    /// The lanes of even and those of odd index of `self` and `other` behind it.
    unsafe fn deinterleave(self, other: Self) -> (Self, Self);
    /// `self` where `test > 0`, else zero.
    unsafe fn where_positive(self, test: Self) -> Self;
    /// Sum of the lanes, in a fixed order.
    unsafe fn sum(self) -> f32;
    /// Transposes a 16 x 16 square held in sixteen blocks.
    unsafe fn transpose(square: &mut [Self; 16]);
    /// `self / other`.
    unsafe fn div(self, other: Self) -> Self;
    /// `self * 2^exponent` for whole exponents from -252 to 254.
    unsafe fn times_exp2(self, exponent: Self) -> Self;
    /// `-self`.
    #[inline(always)]
    unsafe fn neg(self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::splat(0.0).sub(self) }
    }
}

/// Plain arrays; compilers vectorise them for whatever the target offers.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 16]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = [0.0; 16];
        for (o, (a, b)) in out.iter_mut().zip(self.0.iter().zip(&other.0)) {
            *o = f(*a, *b);
        }
        Self(out)
    }
}

impl Lanes for Portable {
    const WIDE: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 16])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees 16 readable values; f32 arrays have the alignment of f32.
        Self(unsafe { from.cast::<[f32; 16]>().read() })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        let mut out = [0.0; 16];
        for (i, o) in out.iter_mut().enumerate().take(count) {
            // SAFETY: the caller guarantees `count` readable values.
            *o = unsafe { *from.add(i) };
        }
        Self(out)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees room for 16 values.
        unsafe { to.cast::<[f32; 16]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        for (i, v) in self.0.iter().enumerate().take(count) {
            // SAFETY: the caller guarantees room for `count` values.
            unsafe { *to.add(i) = *v }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        self.zip(factor, |a, b| a * b).zip(term, |p, c| p + c)
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        self.zip(factor, |a, b| a * b).zip(term, |p, c| c - p)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn max_or_nan(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b || a.is_nan() { a } else { b })
    }

    #[inline(always)]
    unsafe fn split_where_reached(self, value: Self, bound: Self) -> (Self, Self) {
        let reached = value.zip(bound, |v, b| if v >= b || v.is_nan() { 1.0 } else { 0.0 });
        (
            self.zip(reached, |a, r| if r > 0.0 { a } else { 0.0 }),
            self.zip(reached, |a, r| if r > 0.0 { 0.0 } else { a }),
        )
    }

    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        let at = |k: usize| if k.is_multiple_of(2) { self.0[k / 2] } else { other.0[k / 2] };
        (Self(std::array::from_fn(at)), Self(std::array::from_fn(|k| at(16 + k))))
    }

    #[inline(always)]
    unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
        let at = |k: usize| if k < 16 { self.0[k] } else { other.0[k - 16] };
        (Self(std::array::from_fn(|k| at(2 * k))), Self(std::array::from_fn(|k| at(2 * k + 1))))
    }

    #[inline(always)]
    unsafe fn where_positive(self, test: Self) -> Self {
        self.zip(test, |a, t| if t > 0.0 { a } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut values = self.0;
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                values[i] += values[i + half];
            }
        }
        values[0]
    }

    #[inline(always)]
    unsafe fn transpose(square: &mut [Self; 16]) {
        for i in 0..16 {
            for j in 0..i {
                let upper = square[j].0[i];
                square[j].0[i] = square[i].0[j];
                square[i].0[j] = upper;
            }
        }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "exponents are small whole numbers; NaN becomes zero and the factor keeps it"
    )]
    unsafe fn times_exp2(self, exponent: Self) -> Self {
        // In two steps, since a float has no power of two beyond -126 and 127.
        let power = |e: i32| f32::from_bits(((e + 127) << 23) as u32);
        self.zip(exponent, |a, e| {
            let e = e as i32;
            let half = e >> 1;
            a * power(half) * power(e - half)
        })
    }
}

/// `[expression with J = 0, ..., expression with J = 15]`, unrolled: loops over
/// arrays of vectors are compiled to copies through memory.
macro_rules! sixteen {
    ($j:ident => $value:expr) => {{
        macro_rules! one {
            ($k:literal) => {{
                let $j: usize = $k;
                $value
            }};
        }
        [
            one!(0),
            one!(1),
            one!(2),
            one!(3),
            one!(4),
            one!(5),
            one!(6),
            one!(7),
            one!(8),
            one!(9),
            one!(10),
            one!(11),
            one!(12),
            one!(13),
            one!(14),
            one!(15),
        ]
    }};
}
pub(crate) use sixteen;
