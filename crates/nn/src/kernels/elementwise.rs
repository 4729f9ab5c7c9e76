//! Functions of one value and their derivatives, sixteen values at a time.
//!
//! # Safety
//!
//! The contract of [`Lanes`]; the safe entries check the lengths of their slices.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::exp::{exp, exp_negative};
use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::output::{part, write_parts};

/// Values of a task.
const TASK: usize = 1 << 14;

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Function {
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `x sigmoid(x)`.
    Silu,
    /// `x` times the normal distribution function.
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x` or, below zero, the slope times `x`.
    LeakyRelu(f32),
}

/// The function of every value.
pub(crate) fn values(isa: Isa, function: Function, x: &[f32]) -> Vec<f32> {
    let write = |index: usize, out: *mut f32| {
        // SAFETY: the part has room for as many values.
        unsafe { forward(isa, function, part(x, TASK, index), out) }
    };
    // SAFETY: every value of a part is written.
    unsafe { write_parts(x.len(), TASK, write) }
}

/// The derivative at every value, times the gradient.
pub(crate) fn gradient(isa: Isa, function: Function, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    assert_eq!(x.len(), gradient.len(), "lengths");
    let write = |index: usize, out: *mut f32| {
        let (x, g) = (part(x, TASK, index), part(gradient, TASK, index));
        // SAFETY: equally long, and the part has room for as many values.
        unsafe { backward(isa, function, x, g, out) }
    };
    // SAFETY: every value of a part is written.
    unsafe { write_parts(x.len(), TASK, write) }
}

multiversion! { unsafe fn forward = forward_body(f: Function, x: &[f32], out: *mut f32) }

#[inline(always)]
unsafe fn forward_body<L: Lanes>(f: Function, x: &[f32], out: *mut f32) {
    for at in (0..x.len()).step_by(16) {
        let count = (x.len() - at).min(16);
        // SAFETY: `count` values from `at` on exist in both.
        unsafe {
            let x = L::load_first(x.as_ptr().wrapping_add(at), count);
            value(f, x).store_first(out.wrapping_add(at), count);
        }
    }
}

multiversion! {
    unsafe fn backward = backward_body(f: Function, x: &[f32], g: &[f32], out: *mut f32)
}

#[inline(always)]
unsafe fn backward_body<L: Lanes>(f: Function, x: &[f32], g: &[f32], out: *mut f32) {
    for at in (0..x.len()).step_by(16) {
        let count = (x.len() - at).min(16);
        // SAFETY: `count` values from `at` on exist in all.
        unsafe {
            let x = L::load_first(x.as_ptr().wrapping_add(at), count);
            let g = L::load_first(g.as_ptr().wrapping_add(at), count);
            slope(f, x).mul(g).store_first(out.wrapping_add(at), count);
        }
    }
}

#[inline(always)]
unsafe fn value<L: Lanes>(f: Function, x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        match f {
            Function::Sigmoid => sigmoid(x),
            Function::Silu => x.mul(sigmoid(x)),
            Function::Gelu => x.mul(normal(x)),
            Function::GeluTanh => x.mul(sigmoid(tanh_argument(x))),
            Function::Softplus => {
                let zero = L::splat(0.0);
                zero.max(x).add(log_one_plus(exp_negative(size(x).neg())))
            }
            Function::LeakyRelu(slope) => {
                // Each part on its own: infinity minus infinity is NaN. `max` keeps a NaN that is its second.
                let below = L::splat(0.0).max(x.neg()).neg();
                x.where_positive(x).add(below.mul(L::splat(slope)))
            }
        }
    }
}

#[inline(always)]
unsafe fn slope<L: Lanes>(f: Function, x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let one = L::splat(1.0);
        match f {
            Function::Sigmoid => {
                // `s (1 - s)` without cancellation: the sigmoids of both signs.
                sigmoid(x).mul(sigmoid(x.neg()))
            }
            Function::Silu => {
                let s = sigmoid(x);
                x.mul(sigmoid(x.neg())).mul_add(s, s)
            }
            Function::Gelu => {
                let density = exp(x.mul(x).mul(L::splat(-0.5))).mul(L::splat(0.398_942_3));
                bounded(x).mul_add(density, normal(x))
            }
            Function::GeluTanh => {
                let u = tanh_argument(x);
                let s = sigmoid(u);
                let near = bounded(x);
                let square = near.mul(near);
                // The derivative of the argument is `c (1 + 3 a x^2)`.
                let inner = square.mul_add(L::splat(3.0 * 0.044_715), one).mul(L::splat(TANH));
                near.mul(inner).mul(s.mul(sigmoid(u.neg()))).add(s)
            }
            Function::Softplus => sigmoid(x),
            Function::LeakyRelu(slope) => {
                let positive = one.where_positive(x);
                one.sub(positive).mul_add(L::splat(slope), positive)
            }
        }
    }
}

/// Twice the root of two over pi.
const TANH: f32 = 1.595_769;

#[inline(always)]
unsafe fn tanh_argument<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let near = bounded(x);
        let square = near.mul(near);
        square.mul_add(L::splat(0.044_715), L::splat(1.0)).mul(near).mul(L::splat(TANH))
    }
}

/// `x` cut to where squares and cubes stay finite and functions have reached their ends.
#[inline(always)]
unsafe fn bounded<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe { L::splat(-100.0).max(L::splat(-100.0).max(x).neg()).neg() }
}

#[inline(always)]
unsafe fn size<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe { x.neg().max(x) }
}

/// By the exponential of the negative size; for negative values `e / (1 + e)`.
#[inline(always)]
unsafe fn sigmoid<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let one = L::splat(1.0);
        let e = exp_negative(size(x).neg());
        let positive = one.where_positive(x);
        // One where positive, else `e`.
        let top = one.sub(positive).mul_add(e, positive);
        top.div(one.add(e))
    }
}

/// `ln(1 + e)` for `e` from 0 to 1: twice the inverse hyperbolic tangent of `e / (2 + e)`.
#[inline(always)]
unsafe fn log_one_plus<L: Lanes>(e: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let z = e.div(e.add(L::splat(2.0)));
        let square = z.mul(z);
        let mut sum = L::splat(2.0 / 15.0);
        for denominator in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
            sum = sum.mul_add(square, L::splat(2.0 / denominator));
        }
        sum.mul(z)
    }
}

/// The distribution function of the normal distribution.
///
/// # References
///
/// Press et al., *Numerical Recipes*, 6.2: the complementary error function with a relative
/// error below 1.2e-7.
#[inline(always)]
unsafe fn normal<L: Lanes>(x: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let one = L::splat(1.0);
        let z = size(bounded(x)).mul(L::splat(std::f32::consts::FRAC_1_SQRT_2));
        let t = one.div(z.mul_add(L::splat(0.5), one));
        let mut p = L::splat(0.170_872_77);
        for c in [
            -0.822_152_23,
            1.488_515_9,
            -1.135_204,
            0.278_868_07,
            -0.186_288_06,
            0.096_784_18,
            0.374_091_96,
            1.000_023_7,
            -1.265_512_2,
        ] {
            p = p.mul_add(t, L::splat(c));
        }
        // Half of the error function's complement: the tail beyond the size of `x`.
        let tail = exp_negative(z.neg_mul_add(z, p)).mul(t).mul(L::splat(0.5));
        let positive = one.where_positive(x);
        // `1 - tail` where positive, else the tail.
        positive.sub(positive.mul(tail)).add(one.sub(positive).mul(tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_agrees_with_the_definition() {
        // The interpreter is slow.
        let step = if cfg!(miri) { 41 } else { 1 };
        let x: Vec<f32> = (-400..421).step_by(step).map(|v| v as f32 * 0.02).collect();
        let g = vec![1.0; x.len()];
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        for isa in Isa::available() {
            let y = values(isa, Function::Silu, &x);
            let soft = values(isa, Function::Softplus, &x);
            let slope = gradient(isa, Function::Softplus, &x, &g);
            for (i, v) in x.iter().map(|v| f64::from(*v)).enumerate() {
                let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6 * b.abs().max(1e-2);
                assert!(near(y[i], v * sigmoid(v)), "{isa:?}: silu({v})");
                assert!(near(soft[i], v.exp().ln_1p()), "{isa:?}: softplus({v})");
                assert!(near(slope[i], sigmoid(v)), "{isa:?}: slope at {v}");
            }
            let leaky = values(isa, Function::LeakyRelu(0.5), &[-2.0, 0.0, 3.0]);
            assert!(
                leaky.iter().zip([-1.0, 0.0, 3.0]).all(|(a, b)| (a - b).abs() <= 0.0),
                "{leaky:?}"
            );
            // The difference quotient of the function itself.
            for f in [Function::Gelu, Function::GeluTanh] {
                let (a, b) = (values(isa, f, &[0.69]), values(isa, f, &[0.71]));
                let slope = gradient(isa, f, &[0.7], &[1.0])[0];
                assert!(((b[0] - a[0]) / 0.02 - slope).abs() < 1e-4, "{isa:?} {f:?}");
            }
        }
    }
}
