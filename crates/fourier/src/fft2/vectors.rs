//! Float types and the vectors that a processor has of them.

use pulp::Simd;
use pulp::bytemuck::Pod;
use rustfft::FftNum;

/// The float types that planes are transformed in: `f32` and `f64`.
pub trait Real: FftNum + Pod + Vectors {}

impl Real for f32 {}
impl Real for f64 {}

/// Arithmetic on vectors of a float type.
#[expect(unnameable_types, reason = "nobody else implements it")]
pub trait Vectors: Sized {
    /// Some numbers.
    type Vector<S: Simd>: Pod;

    fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Vector<S>];
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn product<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn opposite<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b + c`, rounded once where the processor can.
    fn product_plus<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// Parts one and two of pairs, in any order that [`Vectors::interleave`] undoes.
    fn deinterleave<S: Simd>(simd: S, pairs: [Self::Vector<S>; 2]) -> [Self::Vector<S>; 2];
    fn interleave<S: Simd>(simd: S, parts: [Self::Vector<S>; 2]) -> [Self::Vector<S>; 2];
}

macro_rules! vectors {
    ($float:ty, $vector:ident, $slice:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $neg:ident,
     $mul_add:ident, $deinterleave:ident, $interleave:ident) => {
        // Inlined into loops that the compiler translates for each set of vector instructions.
        impl Vectors for $float {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [S::$vector] {
                S::$slice(values).0
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sub(a, b)
            }

            #[inline(always)]
            fn product<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$mul(a, b)
            }

            #[inline(always)]
            fn opposite<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$neg(a)
            }

            #[inline(always)]
            fn product_plus<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn deinterleave<S: Simd>(simd: S, pairs: [S::$vector; 2]) -> [S::$vector; 2] {
                simd.$deinterleave(pairs)
            }

            #[inline(always)]
            fn interleave<S: Simd>(simd: S, parts: [S::$vector; 2]) -> [S::$vector; 2] {
                simd.$interleave(parts)
            }
        }
    };
}

vectors!(
    f32,
    f32s,
    as_mut_simd_f32s,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_f32s,
    neg_f32s,
    mul_add_e_f32s,
    deinterleave_shfl_f32s,
    interleave_shfl_f32s
);
vectors!(
    f64,
    f64s,
    as_mut_simd_f64s,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_f64s,
    neg_f64s,
    mul_add_e_f64s,
    deinterleave_shfl_f64s,
    interleave_shfl_f64s
);
