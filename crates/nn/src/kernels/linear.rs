//! Products of matrices in blocks, one job each.
#![allow(unsafe_code, reason = "output buffers that every block fills")]

use rayon::prelude::*;

use super::matmul::{Matrix, multiply};
use super::output::Output;

/// Rows and columns of the largest block.
const BLOCK: [usize; 2] = [128, 256];
/// Rows or columns below which a block is not halved.
const SMALLEST: usize = 32;
/// Jobs that a product of some size has at least.
const JOBS: usize = 8;
/// Multiplications below which a product is one job.
const SMALL: usize = 1 << 16;

/// `a b`, or `a b + bias` in every row, with `a` of `size.0 x size.1` and `b` of
/// `size.1 x size.2` values.
pub(crate) fn product(
    size: (usize, usize, usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let (rows, depth, columns) = size;
    let mut out = Output::new(rows * columns);
    let to = out.shared();
    let [height, width] = block(size);
    let across = columns.div_ceil(width);
    (0..rows.div_ceil(height) * across).into_par_iter().for_each(|job| {
        let (i, j) = (job / across * height, job % across * width);
        let (m, n) = (height.min(rows - i), width.min(columns - j));
        let from = to.range(i * columns + j, (m - 1) * columns + n);
        if let Some(bias) = bias {
            for row in 0..m {
                // SAFETY: `n` values from column `j` of a row of this block, which no
                // other job touches; the range was checked above.
                unsafe { from.add(row * columns).copy_from(bias[j..j + n].as_ptr(), n) };
            }
        }
        let left = Matrix { data: &a.data[i * a.row..], ..a };
        let right = Matrix { data: &b.data[j * b.column..], ..b };
        // SAFETY: the blocks are disjoint and inside the output.
        unsafe { multiply((m, depth, n), left, right, from, columns, bias.is_some()) };
    });
    // SAFETY: the blocks cover all rows and columns.
    unsafe { out.filled() }
}

/// Rows and columns of a block: chosen by the sizes alone, so that the result does
/// not depend on the threads.
fn block((rows, depth, columns): (usize, usize, usize)) -> [usize; 2] {
    let [mut height, mut width] = [rows.min(BLOCK[0]), columns.min(BLOCK[1])];
    if rows.saturating_mul(columns).saturating_mul(depth) <= SMALL {
        return if rows.max(columns) <= BLOCK[0] { [rows, columns] } else { [height, width] };
    }
    while rows.div_ceil(height) * columns.div_ceil(width) < JOBS && height.max(width) > SMALLEST {
        if width >= height {
            width = width.div_ceil(2);
        } else {
            height = height.div_ceil(2);
        }
    }
    [height, width]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_match_a_plain_loop() {
        let sizes = [(1, 1, 1), (3, 5, 7), (1, 300, 600), (200, 9, 300), (70, 40, 50)];
        // Small ones for the interpreter, the last of several blocks.
        let few = [(1, 1, 1), (3, 5, 7), (130, 1, 3)];
        let sizes = if cfg!(miri) { &few[..] } else { &sizes[..] };
        for &(rows, depth, columns) in sizes {
            let a: Vec<f32> = (0..rows * depth).map(|v| (v % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..depth * columns).map(|v| (v % 5) as f32 - 2.0).collect();
            let bias: Vec<f32> = (0..columns).map(|v| v as f32).collect();
            // The right matrix by columns, as weights are.
            let left = Matrix { data: &a, row: depth, column: 1 };
            let right = Matrix { data: &b, row: 1, column: depth };
            for bias in [None, Some(&bias[..])] {
                let got = product((rows, depth, columns), left, right, bias);
                for (index, got) in got.into_iter().enumerate() {
                    let (i, j) = (index / columns, index % columns);
                    let terms = a[i * depth..][..depth].iter().zip(&b[j * depth..][..depth]);
                    let want = terms.map(|(a, b)| a * b).sum::<f32>() + bias.map_or(0.0, |v| v[j]);
                    assert!((got - want).abs() < 1e-3, "{rows} {depth} {columns}: {got} {want}");
                }
            }
        }
    }

    #[test]
    fn large_products_have_jobs_for_threads() {
        for size in [(1, 2048, 1000), (4096, 256, 256), (64, 512, 64)] {
            let [height, width] = block(size);
            let jobs = size.0.div_ceil(height) * size.2.div_ceil(width);
            assert!(jobs >= 4 && height <= size.0 && width <= size.2, "{size:?} {jobs}");
        }
    }
}
