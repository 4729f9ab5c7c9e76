//! The largest value of blocks of 2 x 2, the pooling of most networks.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and
//! room for the blocks of their rows; the safe entries cut rows of the lengths that they touch.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::output::{part, write_parts};
use super::pairs::{load_pairs, store_pairs};

/// The largest value of every block of planes of `size.0` rows and `size.1` columns; NaN wins.
pub(crate) fn max_pool(isa: Isa, size: (usize, usize), x: &[f32]) -> Vec<f32> {
    let (fine, rows, columns) = (size.0 * size.1, size.0 / 2, size.1 / 2);
    let write = |index: usize, to: *mut f32| {
        let plane = part(x, fine, index);
        for i in 0..rows {
            let (top, bottom) = plane[2 * i * size.1..][..2 * size.1].split_at(size.1);
            let (top, bottom) = (&top[..2 * columns], &bottom[..2 * columns]);
            // SAFETY: both rows have two values per block, and the part a row of `columns`.
            unsafe { row(isa, top, bottom, to.add(i * columns)) }
        }
    };
    // SAFETY: every row of blocks is written.
    unsafe { write_parts(x.len() / fine * rows * columns, rows * columns, write) }
}

/// The gradient of [`max_pool`]: each block's goes to its first largest value in
/// reading order. `pooled` is the result of the forward pass.
pub(crate) fn max_pool_gradient(
    isa: Isa,
    size: (usize, usize),
    x: &[f32],
    (pooled, gradient): (&[f32], &[f32]),
) -> Vec<f32> {
    let (fine, rows, columns) = (size.0 * size.1, size.0 / 2, size.1 / 2);
    let coarse = rows * columns;
    let write = |index: usize, to: *mut f32| {
        let plane = part(x, fine, index);
        let (pooled, gradient) = (part(pooled, coarse, index), part(gradient, coarse, index));
        for i in 0..rows {
            let at = i * columns..(i + 1) * columns;
            let (top, bottom) = plane[2 * i * size.1..][..2 * size.1].split_at(size.1);
            let x = (&top[..2 * columns], &bottom[..2 * columns]);
            // SAFETY: all rows have two values per block; a last column is in no block.
            unsafe {
                let to = to.add(2 * i * size.1);
                row_gradient(isa, x, &pooled[at.clone()], &gradient[at], [to, to.add(size.1)]);
                if size.1 % 2 == 1 {
                    to.add(size.1 - 1).write(0.0);
                    to.add(2 * size.1 - 1).write(0.0);
                }
            }
        }
        if size.0 % 2 == 1 {
            // SAFETY: the last row of the part, which is in no block.
            unsafe { to.add(2 * rows * size.1).write_bytes(0, size.1) };
        }
    };
    // SAFETY: the rows of blocks, the last column and the last row are written.
    unsafe { write_parts(x.len(), fine, write) }
}

multiversion! { unsafe fn row = row_body(top: &[f32], bottom: &[f32], to: *mut f32) }

#[inline(always)]
unsafe fn row_body<L: Lanes>(top: &[f32], bottom: &[f32], to: *mut f32) {
    let blocks = top.len() / 2;
    for at in (0..blocks).step_by(16) {
        let count = (blocks - at).min(16);
        // SAFETY: `count` blocks from `at` on exist in all rows; the caller promises the room.
        unsafe {
            let (a, b) = load_pairs::<L>(top.as_ptr().add(2 * at), count);
            let (c, d) = load_pairs::<L>(bottom.as_ptr().add(2 * at), count);
            let (even, odd) = a.max_or_nan(c).deinterleave(b.max_or_nan(d));
            let largest = even.max_or_nan(odd);
            if count == 16 {
                largest.store(to.add(at));
            } else {
                largest.store_first(to.add(at), count);
            }
        }
    }
}

multiversion! {
    unsafe fn row_gradient = row_gradient_body(
        x: (&[f32], &[f32]), best: &[f32], g: &[f32], to: [*mut f32; 2],
    )
}

#[inline(always)]
unsafe fn row_gradient_body<L: Lanes>(
    x: (&[f32], &[f32]),
    best: &[f32],
    g: &[f32],
    to: [*mut f32; 2],
) {
    for at in (0..g.len()).step_by(16) {
        let count = (g.len() - at).min(16);
        // SAFETY: `count` blocks from `at` on exist in all rows; the caller promises the room.
        unsafe {
            let (a, b) = load_pairs::<L>(x.0.as_ptr().add(2 * at), count);
            let (c, d) = load_pairs::<L>(x.1.as_ptr().add(2 * at), count);
            let (a, b) = a.deinterleave(b);
            let (c, d) = c.deinterleave(d);
            let best = L::load_first(best.as_ptr().add(at), count);
            let g = L::load_first(g.as_ptr().add(at), count);
            // Whoever reaches the largest value takes what is still there.
            let (a, g) = g.split_where_reached(a, best);
            let (b, g) = g.split_where_reached(b, best);
            let (c, g) = g.split_where_reached(c, best);
            let (d, _) = g.split_where_reached(d, best);
            store_pairs(a.interleave(b), to[0].add(2 * at), count);
            store_pairs(c.interleave(d), to[1].add(2 * at), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooled_blocks_match_plain_loops_on_every_instruction_set() {
        // Two planes of 2 x 3 blocks with a rest, then rows of more than a register.
        for size in [(5, 7), (4, 40), (3, 65), (2, 32)] {
            let (plane, rows, columns) = (size.0 * size.1, size.0 / 2, size.1 / 2);
            let mut x: Vec<f32> = (0..2 * plane).map(|i| (i * 37 % 11) as f32 - 5.0).collect();
            x[0] = f32::NAN;
            x[2 * size.1 - 1 - size.1 % 2] = f32::NAN;
            x[2] = f32::NEG_INFINITY;
            let g: Vec<f32> = (0..2 * rows * columns).map(|i| i as f32 + 1.0).collect();
            for isa in Isa::available() {
                let pooled = max_pool(isa, size, &x);
                let dx = max_pool_gradient(isa, size, &x, (&pooled, &g));
                assert_eq!((pooled.len(), dx.len()), (g.len(), x.len()), "{isa:?} {size:?}");
                let mut rest: Vec<bool> = vec![true; x.len()];
                for (k, (best, g)) in pooled.iter().zip(&g).enumerate() {
                    let (p, i, j) = (k / (rows * columns), k / columns % rows, k % columns);
                    let at = |t: usize| p * plane + (i * 2 + t / 2) * size.1 + j * 2 + t % 2;
                    let values = [0, 1, 2, 3].map(|t| x[at(t)]);
                    let nan = values.iter().position(|v| v.is_nan());
                    let largest = values.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
                    let winner = nan.or_else(|| values.iter().position(|v| *v >= largest)).unwrap();
                    assert!(
                        if nan.is_some() {
                            best.is_nan()
                        } else {
                            (best - largest).abs() < 0.5 || best.to_bits() == largest.to_bits()
                        },
                        "{isa:?} {size:?} block {k}: {best} of {values:?}"
                    );
                    for t in 0..4 {
                        let want = if t == winner { *g } else { 0.0 };
                        assert_eq!(dx[at(t)].to_bits(), want.to_bits(), "{isa:?} {size:?} {k} {t}");
                        rest[at(t)] = false;
                    }
                }
                let zero = dx.iter().zip(&rest).all(|(v, rest)| !rest || v.to_bits() == 0);
                assert!(zero, "{isa:?} {size:?}: outside of blocks");
            }
        }
    }
}
