//! Products of two matrices along their contiguous dimension, as weight
//! gradients need: packing for a usual product would cost more than the product.
//!
//! # Safety
//!
//! Every unsafe function here needs the instructions of its `Lanes` type, which an [`Isa`] proves,
//! and pointers to the rows and columns that its size argument names; the one safe entry checks
//! the lengths of its slices.
#![allow(unsafe_code, reason = "vector loads behind checked lengths")]

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::matmul::Matrix;

/// Sizes of `to[i][j] += sum over k of a[i][k] * b[j][k]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dots {
    /// Rows of `a` and of the result.
    pub(crate) rows: usize,
    /// Rows of `b`, columns of the result.
    pub(crate) columns: usize,
    /// Terms of a sum.
    pub(crate) depth: usize,
}

/// Adds the product to `to`, whose rows lie one behind the other. The terms of
/// both matrices are contiguous, `column` of them is not read.
pub(crate) fn add_dots(isa: Isa, d: Dots, a: Matrix<'_>, b: Matrix<'_>, to: &mut [f32]) {
    assert!(d.rows > 0 && d.columns > 0 && d.depth > 0, "sizes");
    assert!(a.data.len() >= (d.rows - 1) * a.row + d.depth, "left matrix");
    assert!(b.data.len() >= (d.columns - 1) * b.row + d.depth, "right matrix");
    assert!(to.len() >= d.rows * d.columns, "result");
    // SAFETY: the lengths were checked above.
    unsafe { dots(isa, d, (a.data, a.row), (b.data, b.row), to) }
}

multiversion! {
    unsafe fn dots = dots_body(d: Dots, a: (&[f32], usize), b: (&[f32], usize), to: &mut [f32])
}

#[inline(always)]
unsafe fn dots_body<L: Lanes>(d: Dots, a: (&[f32], usize), b: (&[f32], usize), to: &mut [f32]) {
    let (a, a_row) = (a.0.as_ptr(), a.1);
    let (b, b_row) = (b.0.as_ptr(), b.1);
    let mut i = 0;
    while i < d.rows {
        let tall = if d.rows - i >= 4 { 4 } else { 1 };
        let mut j = 0;
        while j < d.columns {
            let left = d.columns - j;
            let to = &mut to[i * d.columns + j..];
            // SAFETY: rows i .. and j .. of both matrices exist by `add_dots`'s checks.
            j += unsafe {
                let (a, b) = ((a.add(i * a_row), a_row), (b.add(j * b_row), b_row));
                match (tall, L::WIDE) {
                    (4, true) if left >= 6 => tile::<L, 4, 6>(d, a, b, to),
                    (4, true) if left >= 3 => tile::<L, 4, 3>(d, a, b, to),
                    (4, _) => tile::<L, 4, 1>(d, a, b, to),
                    _ if left >= 3 => tile::<L, 1, 3>(d, a, b, to),
                    _ => tile::<L, 1, 1>(d, a, b, to),
                }
            };
        }
        i += tall;
    }
}

/// `R x C` sums, the lanes being partial ones; returns `C`.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const C: usize>(
    d: Dots,
    a: (*const f32, usize),
    b: (*const f32, usize),
    to: &mut [f32],
) -> usize {
    // SAFETY: the caller passes the first of `R` and `C` rows of `depth` values.
    unsafe {
        let mut sums = [[L::splat(0.0); C]; R];
        let whole = d.depth / 16 * 16;
        let mut k = 0;
        while k < d.depth {
            let n = (d.depth - k).min(16);
            let mut line = [L::splat(0.0); C];
            for (j, block) in line.iter_mut().enumerate() {
                let from = b.0.add(j * b.1 + k);
                *block = if k < whole { L::load(from) } else { L::load_first(from, n) };
            }
            for (i, row) in sums.iter_mut().enumerate() {
                let from = a.0.add(i * a.1 + k);
                let factor = if k < whole { L::load(from) } else { L::load_first(from, n) };
                for (sum, block) in row.iter_mut().zip(line) {
                    *sum = block.mul_add(factor, *sum);
                }
            }
            k += 16;
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                to[i * d.columns + j] += sum.sum();
            }
        }
    }
    C
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_match_a_plain_loop_on_every_instruction_set() {
        for isa in Isa::available() {
            for (rows, columns, depth) in
                [(1, 1, 1), (3, 5, 16), (4, 6, 17), (9, 13, 40), (5, 27, 3)]
            {
                let a: Vec<f32> = (0..rows * depth).map(|v| (v % 7) as f32 - 3.0).collect();
                let b: Vec<f32> = (0..columns * depth).map(|v| (v % 5) as f32 - 2.0).collect();
                let mut to = vec![1.0; rows * columns];
                let left = Matrix { data: &a, row: depth, column: 1 };
                let right = Matrix { data: &b, row: depth, column: 1 };
                add_dots(isa, Dots { rows, columns, depth }, left, right, &mut to);
                for i in 0..rows {
                    for j in 0..columns {
                        let terms = a[i * depth..][..depth].iter().zip(&b[j * depth..][..depth]);
                        let want = 1.0 + terms.map(|(a, b)| a * b).sum::<f32>();
                        let got = to[i * columns + j];
                        assert!((got - want).abs() < 1e-4, "{isa:?} {rows} {columns} {depth}");
                    }
                }
            }
        }
    }
}
