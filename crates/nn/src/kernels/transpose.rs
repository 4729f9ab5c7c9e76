//! Transposition of matrices in squares of 16 x 16.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves; the
//! safe entries check the lengths of their slices.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use rayon::prelude::*;

use super::isa::{Isa, multiversion};
use super::lanes::{Lanes, sixteen};

/// `[rows][columns]` to `[columns][rows]`.
pub(crate) fn transpose(isa: Isa, from: &[f32], (rows, columns): (usize, usize), to: &mut [f32]) {
    assert!(from.len() == rows * columns && to.len() == from.len(), "lengths of a transposition");
    // SAFETY: the lengths were checked above.
    unsafe { transpose_to(isa, from, (rows, columns), to.as_mut_ptr()) }
}

/// `[groups][rows][columns]` to `[groups][columns][rows]`, a job per group.
pub(crate) fn transpose_groups(isa: Isa, from: &[f32], size: (usize, usize), to: &mut [f32]) {
    let groups = to.par_chunks_mut(size.0 * size.1).zip(from.par_chunks(size.0 * size.1));
    groups.for_each(|(to, from)| transpose(isa, from, size, to));
}

multiversion! {
    /// [`transpose`] to where there is room for as many values, none of them of `from`.
    pub(super) unsafe fn transpose_to = squares(from: &[f32], size: (usize, usize), to: *mut f32)
}

#[inline(always)]
unsafe fn squares<L: Lanes>(from: &[f32], (rows, columns): (usize, usize), to: *mut f32) {
    assert_eq!(from.len(), rows * columns, "length of a transposition");
    for top in (0..rows).step_by(16) {
        let height = (rows - top).min(16);
        for left in (0..columns).step_by(16) {
            let width = (columns - left).min(16);
            let corner = from.as_ptr().wrapping_add(top * columns + left);
            let target = to.wrapping_add(left * rows + top);
            // SAFETY: `height` rows of `width` values are read, `width` rows of `height` values
            // written; the former was checked, the latter
            // is the caller's promise.
            unsafe {
                let mut square = if height == 16 && width == 16 {
                    sixteen!(i => L::load(corner.wrapping_add(i * columns)))
                } else {
                    sixteen!(i => if i < height {
                        L::load_first(corner.wrapping_add(i * columns), width)
                    } else {
                        L::splat(0.0)
                    })
                };
                L::transpose(&mut square);
                if height == 16 && width == 16 {
                    let _ = sixteen!(j => square[j].store(target.wrapping_add(j * rows)));
                } else {
                    for (j, line) in square.iter().enumerate().take(width) {
                        line.store_first(target.wrapping_add(j * rows), height);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_finds_its_place_on_every_instruction_set() {
        for isa in Isa::available() {
            for (rows, columns) in [(1, 1), (16, 16), (3, 40), (33, 16), (17, 31)] {
                let from: Vec<f32> = (0..2 * rows * columns).map(|v| v as f32).collect();
                let mut to = vec![f32::NAN; from.len()];
                transpose_groups(isa, &from, (rows, columns), &mut to);
                for (k, value) in to.iter().enumerate() {
                    let (group, at) = (k / (rows * columns), k % (rows * columns));
                    let (i, j) = (at % rows, at / rows);
                    let want = group * rows * columns + i * columns + j;
                    assert!((value - want as f32).abs() < 0.5, "{isa:?} {rows} x {columns}");
                }
            }
        }
    }
}
