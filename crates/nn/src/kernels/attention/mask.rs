//! Masks of scores, read block by block through strides.
//!
//! # Safety
//!
//! The contract of [`Lanes`]; the safe entry checks the lengths of its slices.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::super::isa::{Isa, multiversion};
use super::super::lanes::{Lanes, sixteen};
use super::super::scratch::with_scratch;
use super::{KEYS, QUERIES};

/// The values of a mask.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MaskValues<'a> {
    /// Added to the scores.
    Additive(&'a [f32]),
    /// Zero hides a key.
    Boolean(&'a [u8]),
}

/// A mask of `[B, Hd, N, M]`; a stride of zero repeats values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask<'a> {
    /// The values, from the first on.
    pub(crate) values: MaskValues<'a>,
    /// Heads of an image.
    pub(crate) heads: usize,
    /// Distances between images, heads, queries and keys.
    pub(crate) strides: [usize; 4],
}

impl Mask<'_> {
    /// Adds the mask to scores of `keys` (lines) by `queries` (lanes).
    pub(super) fn add(
        &self,
        isa: Isa,
        head: usize,
        queries: std::ops::Range<usize>,
        keys: std::ops::Range<usize>,
        scores: &mut [f32],
    ) {
        let [image, per_head, row, column] = self.strides;
        let start = head / self.heads * image + head % self.heads * per_head;
        if row != 0 && column == 1 {
            let from = start + queries.start * row + keys.start;
            let size = (queries.len(), keys.len());
            return match self.values {
                MaskValues::Additive(values) => {
                    add_transposed(isa, size, (&values[from..], row), scores);
                }
                MaskValues::Boolean(values) => with_scratch([QUERIES * KEYS], |[block]| {
                    for (i, to) in block.chunks_exact_mut(KEYS).enumerate().take(size.0) {
                        for (to, value) in to.iter_mut().zip(&values[from + i * row..][..size.1]) {
                            *to = if *value == 0 { f32::NEG_INFINITY } else { 0.0 };
                        }
                    }
                    add_transposed(isa, size, (block, KEYS), scores);
                }),
            };
        }
        for (j, line) in keys.zip(scores.chunks_exact_mut(QUERIES)) {
            let from = start + queries.start * row + j * column;
            let line = &mut line[..queries.len()];
            match self.values {
                MaskValues::Additive(values) if row == 0 => {
                    let value = values[from];
                    line.iter_mut().for_each(|s| *s += value);
                }
                MaskValues::Additive(values) => {
                    for (s, value) in line.iter_mut().zip(values[from..].iter().step_by(row)) {
                        *s += value;
                    }
                }
                MaskValues::Boolean(values) if row == 0 => {
                    if values[from] == 0 {
                        line.fill(f32::NEG_INFINITY);
                    }
                }
                MaskValues::Boolean(values) => {
                    for (s, value) in line.iter_mut().zip(values[from..].iter().step_by(row)) {
                        *s = if *value == 0 { f32::NEG_INFINITY } else { *s };
                    }
                }
            }
        }
    }
}

/// Adds rows of `size.1` values, a row per query, to scores with the queries in the lanes.
fn add_transposed(isa: Isa, size: (usize, usize), rows: (&[f32], usize), scores: &mut [f32]) {
    let (queries, keys) = size;
    assert!(queries > 0 && queries <= QUERIES && keys > 0, "sizes");
    assert!(rows.0.len() >= (queries - 1) * rows.1 + keys, "rows of the mask");
    assert!(scores.len() >= keys * QUERIES, "scores");
    // SAFETY: the lengths were checked above.
    unsafe { add_squares(isa, size, rows, scores) }
}

multiversion! {
    unsafe fn add_squares = add_squares_body(
        size: (usize, usize), rows: (&[f32], usize), scores: &mut [f32],
    )
}

#[inline(always)]
unsafe fn add_squares_body<L: Lanes>(
    (queries, keys): (usize, usize),
    (rows, stride): (&[f32], usize),
    scores: &mut [f32],
) {
    for first in (0..queries).step_by(16) {
        for key in (0..keys).step_by(16) {
            let count = (keys - key).min(16);
            let corner = rows.as_ptr().wrapping_add(first * stride + key);
            let to = scores.as_mut_ptr().wrapping_add(key * QUERIES + first);
            // SAFETY: only rows of queries and their first `count` values are read; the lines of
            // `count` keys hold 16 lanes from `first` on, since `QUERIES` is a multiple of 16.
            unsafe {
                let mut square = sixteen!(i => if first + i < queries {
                    L::load_first(corner.wrapping_add(i * stride), count)
                } else {
                    L::splat(0.0)
                });
                L::transpose(&mut square);
                for (j, line) in square.iter().enumerate().take(count) {
                    let to = to.wrapping_add(j * QUERIES);
                    L::load(to).add(*line).store(to);
                }
            }
        }
    }
}
