//! The small matrix products of every frequency.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and
//! pointers valid for the rows, columns and distances of the product; the safe entry checks them.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::super::isa::{Isa, multiversion};
use super::super::lanes::Lanes;
use super::BLOCK;

/// `d[i][j] (+)= sum over k of a[i][k] * b[k][j]`, with the distances between entries.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Product {
    /// Rows of `d`.
    pub(in crate::kernels) rows: usize,
    /// Columns of `d`, a multiple of 16.
    pub(in crate::kernels) columns: usize,
    /// Terms of a sum.
    pub(in crate::kernels) depth: usize,
    /// Distance between rows of `a`.
    pub(in crate::kernels) a_row: usize,
    /// Distance between terms of `a`.
    pub(in crate::kernels) a_term: usize,
    /// Distance between terms of `b`.
    pub(in crate::kernels) b_term: usize,
    /// Distance between rows of `d`.
    pub(in crate::kernels) d_row: usize,
    /// Whether the sums are added to what `d` holds.
    pub(in crate::kernels) accumulate: bool,
}

/// Computes the product.
pub(in crate::kernels) fn multiply(isa: Isa, p: &Product, a: &[f32], b: &[f32], d: &mut [f32]) {
    assert!(p.rows > 0 && p.depth > 0 && p.columns > 0 && p.columns.is_multiple_of(BLOCK), "sizes");
    assert!(a.len() > (p.rows - 1) * p.a_row + (p.depth - 1) * p.a_term, "a");
    assert!(b.len() >= (p.depth - 1) * p.b_term + p.columns, "b");
    assert!(d.len() >= (p.rows - 1) * p.d_row + p.columns, "d");
    // SAFETY: the lengths were checked above.
    unsafe { product(isa, p, a, b, d) }
}

multiversion! { unsafe fn product = product_body(p: &Product, a: &[f32], b: &[f32], d: &mut [f32]) }

#[inline(always)]
unsafe fn product_body<L: Lanes>(p: &Product, a: &[f32], b: &[f32], d: &mut [f32]) {
    let (a, b, d) = (a.as_ptr(), b.as_ptr(), d.as_mut_ptr());
    let mut column = 0;
    while column < p.columns {
        let pair = L::WIDE && p.columns - column >= 2 * BLOCK;
        let mut row = 0;
        while row < p.rows {
            let left = p.rows - row;
            // SAFETY: the corner of the register tile lies inside all three by `multiply`'s checks.
            row += unsafe {
                let (a, b, d) =
                    (a.add(row * p.a_row), b.add(column), d.add(row * p.d_row + column));
                match (L::WIDE, pair) {
                    (true, true) => match left {
                        12..=15 | 20.. => tile::<L, 12, 2>(p, a, b, d),
                        8.. => tile::<L, 8, 2>(p, a, b, d),
                        4.. => tile::<L, 4, 2>(p, a, b, d),
                        _ => tile::<L, 1, 2>(p, a, b, d),
                    },
                    (true, false) => match left {
                        16.. => tile::<L, 16, 1>(p, a, b, d),
                        8.. => tile::<L, 8, 1>(p, a, b, d),
                        4.. => tile::<L, 4, 1>(p, a, b, d),
                        _ => tile::<L, 1, 1>(p, a, b, d),
                    },
                    _ => match left {
                        6 | 7 | 10.. => tile::<L, 6, 1>(p, a, b, d),
                        4.. => tile::<L, 4, 1>(p, a, b, d),
                        _ => tile::<L, 1, 1>(p, a, b, d),
                    },
                }
            };
        }
        column += if pair { 2 * BLOCK } else { BLOCK };
    }
}

/// One register tile of `R` rows and `V` blocks of columns; returns `R`.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize>(
    p: &Product,
    a: *const f32,
    b: *const f32,
    d: *mut f32,
) -> usize {
    // SAFETY: the caller passes the corner of a tile that lies inside all three matrices.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; R];
        if p.accumulate {
            for (i, row) in sums.iter_mut().enumerate() {
                for (j, sum) in row.iter_mut().enumerate() {
                    *sum = L::load(d.add(i * p.d_row + j * BLOCK));
                }
            }
        }
        for k in 0..p.depth {
            let mut line = [L::splat(0.0); V];
            for (j, block) in line.iter_mut().enumerate() {
                *block = L::load(b.add(k * p.b_term + j * BLOCK));
            }
            for (i, row) in sums.iter_mut().enumerate() {
                let factor = L::splat(*a.add(i * p.a_row + k * p.a_term));
                for (sum, block) in row.iter_mut().zip(line) {
                    *sum = block.mul_add(factor, *sum);
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                sum.store(d.add(i * p.d_row + j * BLOCK));
            }
        }
    }
    R
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_match_a_plain_loop() {
        for isa in Isa::available() {
            for rows in [1, 3, 4, 7, 9, 12, 16, 19, 24, 37] {
                // The interpreter is slow.
                for columns in if cfg!(miri) { vec![16] } else { vec![16, 32, 48] } {
                    let depth = 5;
                    let a: Vec<f32> = (0..rows * depth).map(|v| (v % 7) as f32 - 3.0).collect();
                    let b: Vec<f32> = (0..depth * columns).map(|v| (v % 5) as f32 - 2.0).collect();
                    let mut d = vec![1.0; rows * columns];
                    let p = Product {
                        rows,
                        columns,
                        depth,
                        a_row: 1,
                        a_term: rows,
                        b_term: columns,
                        d_row: columns,
                        accumulate: true,
                    };
                    multiply(isa, &p, &a, &b, &mut d);
                    for i in 0..rows {
                        for j in 0..columns {
                            let want = 1.0
                                + (0..depth)
                                    .map(|k| a[k * rows + i] * b[k * columns + j])
                                    .sum::<f32>();
                            assert!(
                                (d[i * columns + j] - want).abs() < 1e-4,
                                "{isa:?} {rows} x {columns}"
                            );
                        }
                    }
                }
            }
        }
    }
}
