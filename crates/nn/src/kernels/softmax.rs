//! Softmax of lines of values that lie side by side or a stride apart.
//!
//! # Safety
//!
//! The contract of [`Lanes`]; the safe entries check the lengths of their slices.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::exp::exp_negative;
use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::output::{fill_parts, part};

/// Values of a task, about.
const TASK: usize = 1 << 14;

/// Lines of `size` values, `inner` apart; `size * inner` values make a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    /// Values of a line.
    pub(crate) size: usize,
    /// Distance between them, and number of lines side by side.
    pub(crate) inner: usize,
}

/// What is made of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The shares.
    Softmax,
    /// Their logarithms.
    LogSoftmax,
}

impl Lines {
    /// Values of a task: whole blocks.
    fn task(&self) -> usize {
        let block = self.size * self.inner;
        TASK.div_ceil(block) * block
    }
}

/// The softmax of every line, or its logarithm.
pub(crate) fn forward(isa: Isa, lines: Lines, kind: Kind, x: &[f32]) -> Vec<f32> {
    assert!(x.len().is_multiple_of(lines.size * lines.inner), "whole blocks");
    let task = lines.task();
    fill_parts(x.len(), task, |index, out| {
        // SAFETY: equal lengths of whole blocks.
        unsafe { forward_lanes(isa, lines, kind, part(x, task, index), out) }
    })
}

/// The gradient of `x` by that of the result `y`.
pub(crate) fn gradient(isa: Isa, lines: Lines, kind: Kind, y: &[f32], g: &[f32]) -> Vec<f32> {
    assert!(y.len() == g.len() && y.len().is_multiple_of(lines.size * lines.inner), "whole blocks");
    let task = lines.task();
    fill_parts(y.len(), task, |index, out| {
        let (y, g) = (part(y, task, index), part(g, task, index));
        // SAFETY: equal lengths of whole blocks.
        unsafe { gradient_lanes(isa, lines, kind, y, g, out) }
    })
}

multiversion! {
    unsafe fn forward_lanes = forward_body(lines: Lines, kind: Kind, x: &[f32], out: &mut [f32])
}

multiversion! {
    unsafe fn gradient_lanes = gradient_body(
        lines: Lines, kind: Kind, y: &[f32], g: &[f32], out: &mut [f32],
    )
}

#[inline(always)]
unsafe fn forward_body<L: Lanes>(lines: Lines, kind: Kind, x: &[f32], out: &mut [f32]) {
    let Lines { size, inner } = lines;
    for block in (0..x.len()).step_by(size * inner) {
        let (x, out) = (&x[block..][..size * inner], &mut out[block..][..size * inner]);
        if inner == 1 {
            // SAFETY: one line of `size` values.
            unsafe { forward_row::<L>(kind, x, out) }
            continue;
        }
        for lane in (0..inner).step_by(16) {
            // SAFETY: `count` lines side by side, `inner` values apart.
            unsafe { forward_columns::<L>(lines, kind, lane, x, out) }
        }
    }
}

/// One line whose values lie side by side.
#[inline(always)]
unsafe fn forward_row<L: Lanes>(kind: Kind, x: &[f32], out: &mut [f32]) {
    let (n, to) = (x.len(), out.as_mut_ptr());
    // SAFETY: `count` values from `at` on exist in both; the missing lanes add zeros.
    unsafe {
        let mut top = L::splat(f32::MIN);
        let whole = n / 16 * 16;
        for at in (0..whole).step_by(16) {
            top = L::load(x.as_ptr().wrapping_add(at)).max(top);
        }
        let mut tops = [0.0; 16];
        top.store(tops.as_mut_ptr());
        let mut largest = f32::MIN;
        for v in tops.iter().chain(&x[whole..]) {
            largest = if *v > largest { *v } else { largest };
        }
        let top = L::splat(largest);
        let mut sum = L::splat(0.0);
        for at in (0..n).step_by(16) {
            let count = (n - at).min(16);
            let e = exp_negative(L::load_first(x.as_ptr().wrapping_add(at), count).sub(top));
            e.store_first(to.wrapping_add(at), count);
            sum = sum.add(L::load_first(to.wrapping_add(at), count));
        }
        let total = sum.sum();
        // NaN is no zero.
        let total = if total <= 0.0 { 1.0 } else { total };
        match kind {
            Kind::Softmax => {
                let inverse = L::splat(1.0 / total);
                for at in (0..n).step_by(16) {
                    let (count, to) = ((n - at).min(16), to.wrapping_add(at));
                    L::load_first(to, count).mul(inverse).store_first(to, count);
                }
            }
            Kind::LogSoftmax => {
                let log = L::splat(total.ln());
                for at in (0..n).step_by(16) {
                    let count = (n - at).min(16);
                    let x = L::load_first(x.as_ptr().wrapping_add(at), count);
                    x.sub(top).sub(log).store_first(to.wrapping_add(at), count);
                }
            }
        }
    }
}

/// Up to sixteen lines side by side.
#[inline(always)]
unsafe fn forward_columns<L: Lanes>(
    Lines { size, inner }: Lines,
    kind: Kind,
    lane: usize,
    x: &[f32],
    out: &mut [f32],
) {
    let count = (inner - lane).min(16);
    let (x, to) = (x.as_ptr().wrapping_add(lane), out.as_mut_ptr().wrapping_add(lane));
    // SAFETY: `count` lanes of `size` lines of `inner` values exist in both.
    unsafe {
        let mut top = L::splat(f32::MIN);
        for k in 0..size {
            top = L::load_first(x.wrapping_add(k * inner), count).max(top);
        }
        let mut sum = L::splat(0.0);
        for k in 0..size {
            let e = exp_negative(L::load_first(x.wrapping_add(k * inner), count).sub(top));
            e.store_first(to.wrapping_add(k * inner), count);
            sum = sum.add(e);
        }
        let mut totals = [0.0; 16];
        sum.store(totals.as_mut_ptr());
        for total in &mut totals {
            *total = if *total <= 0.0 { 1.0 } else { *total };
            if kind == Kind::LogSoftmax {
                *total = total.ln();
            }
        }
        let total = L::load(totals.as_ptr());
        for at in (0..size).map(|k| k * inner) {
            let to = to.wrapping_add(at);
            match kind {
                Kind::Softmax => L::load_first(to, count).div(total),
                Kind::LogSoftmax => L::load_first(x.wrapping_add(at), count).sub(top).sub(total),
            }
            .store_first(to, count);
        }
    }
}

#[inline(always)]
unsafe fn gradient_body<L: Lanes>(lines: Lines, kind: Kind, y: &[f32], g: &[f32], out: &mut [f32]) {
    let Lines { size, inner } = lines;
    for block in (0..y.len()).step_by(size * inner) {
        let lane_step = if inner == 1 { 1 } else { 16 };
        for lane in (0..inner).step_by(lane_step) {
            let (y, g) = (&y[block..][..size * inner], &g[block..][..size * inner]);
            let out = &mut out[block..][..size * inner];
            // SAFETY: the block holds `size` lines of `inner` values.
            unsafe {
                if inner == 1 {
                    gradient_row::<L>(kind, y, g, out);
                } else {
                    gradient_columns::<L>(lines, kind, lane, (y, g), out);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn gradient_row<L: Lanes>(kind: Kind, y: &[f32], g: &[f32], out: &mut [f32]) {
    let n = y.len();
    // SAFETY: `count` values from `at` on exist in all.
    unsafe {
        let mut sum = L::splat(0.0);
        for at in (0..n).step_by(16) {
            let count = (n - at).min(16);
            let g = L::load_first(g.as_ptr().wrapping_add(at), count);
            let y = L::load_first(y.as_ptr().wrapping_add(at), count);
            sum = if kind == Kind::Softmax { y.mul_add(g, sum) } else { sum.add(g) };
        }
        let sum = L::splat(sum.sum());
        for at in (0..n).step_by(16) {
            let count = (n - at).min(16);
            let g = L::load_first(g.as_ptr().wrapping_add(at), count);
            let y = L::load_first(y.as_ptr().wrapping_add(at), count);
            combine(kind, y, g, sum).store_first(out.as_mut_ptr().wrapping_add(at), count);
        }
    }
}

#[inline(always)]
unsafe fn gradient_columns<L: Lanes>(
    Lines { size, inner }: Lines,
    kind: Kind,
    lane: usize,
    (y, g): (&[f32], &[f32]),
    out: &mut [f32],
) {
    let count = (inner - lane).min(16);
    let (y, g) = (y.as_ptr().wrapping_add(lane), g.as_ptr().wrapping_add(lane));
    let out = out.as_mut_ptr().wrapping_add(lane);
    // SAFETY: `count` lanes of `size` lines of `inner` values exist in all.
    unsafe {
        let mut sum = L::splat(0.0);
        for at in (0..size).map(|k| k * inner) {
            let g = L::load_first(g.wrapping_add(at), count);
            let y = L::load_first(y.wrapping_add(at), count);
            sum = if kind == Kind::Softmax { y.mul_add(g, sum) } else { sum.add(g) };
        }
        for at in (0..size).map(|k| k * inner) {
            let g = L::load_first(g.wrapping_add(at), count);
            let y = L::load_first(y.wrapping_add(at), count);
            combine(kind, y, g, sum).store_first(out.wrapping_add(at), count);
        }
    }
}

/// The gradient of an entry by its result, its own gradient and the sum over the line.
#[inline(always)]
unsafe fn combine<L: Lanes>(kind: Kind, y: L, g: L, sum: L) -> L {
    // SAFETY: the caller promises the instructions.
    unsafe {
        match kind {
            Kind::Softmax => g.sub(sum).mul(y),
            Kind::LogSoftmax => exp_negative(y).neg_mul_add(sum, g),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_agrees_with_the_definition() {
        for isa in Isa::available() {
            for (size, inner) in [(1, 1), (5, 1), (16, 1), (37, 1), (3, 2), (7, 16), (4, 21)] {
                let x: Vec<f32> =
                    (0..2 * size * inner).map(|v| (v * 7 % 23) as f32 * 0.3).collect();
                let lines = Lines { size, inner };
                let y = forward(isa, lines, Kind::Softmax, &x);
                let log = forward(isa, lines, Kind::LogSoftmax, &x);
                let dx = gradient(isa, lines, Kind::Softmax, &y, &x);
                for line in (0..2 * inner).map(|l| l / inner * size * inner + l % inner) {
                    let at = |k: usize| line + k * inner;
                    let e = |k: usize| f64::from(x[at(k)]).exp();
                    let sum: f64 = (0..size).map(e).sum();
                    let mean: f64 = (0..size).map(|k| e(k) / sum * f64::from(x[at(k)])).sum();
                    for k in 0..size {
                        let want = e(k) / sum;
                        let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 2e-6;
                        assert!(near(y[at(k)], want), "{isa:?} {lines:?}");
                        assert!(near(log[at(k)], want.ln()), "{isa:?} {lines:?}");
                        let slope = want * (f64::from(x[at(k)]) - mean);
                        assert!(near(dx[at(k)], slope), "{isa:?} {lines:?}");
                    }
                }
            }
        }
    }
}
