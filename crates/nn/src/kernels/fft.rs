//! Fourier transforms of planes of complex numbers, in the memory of the result.
#![allow(unsafe_code, reason = "pairs seen as complex numbers, columns written by several threads")]

use std::marker::PhantomData;

use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftNum};

/// Columns that are gathered into lines together: a cache line and more.
const COLUMNS: usize = 16;

/// Rows of a task.
const ROWS: usize = 16;

/// The transforms along rows and columns of planes.
pub(crate) struct Planes<'a, T> {
    /// Along the rows, as long as they are.
    pub(crate) rows: &'a dyn Fft<T>,
    /// Along the columns.
    pub(crate) columns: &'a dyn Fft<T>,
    /// Factor of the result.
    pub(crate) scale: T,
}

/// All planes of `values`, pairs of real and imaginary parts.
pub(crate) fn transform<T: FftNum>(planes: &Planes<'_, T>, values: &[T]) -> Vec<T> {
    let (w, h) = (planes.rows.len(), planes.columns.len());
    assert!(values.len().is_multiple_of(2 * w * h), "whole planes");
    let mut out = vec![T::zero(); values.len()];
    let (from, to) = (pairs(values), pairs_mut(&mut out));
    to.par_chunks_mut(h * w).zip(from.par_chunks(h * w)).for_each(|(plane, from)| {
        let scratch = || zeros(planes.rows.get_immutable_scratch_len());
        let lines = plane.par_chunks_mut(ROWS * w).zip(from.par_chunks(ROWS * w));
        lines.for_each_init(scratch, |scratch, (to, from)| {
            planes.rows.process_immutable_with_scratch(from, to, scratch);
        });
        let shared = SharedPlane { start: plane.as_mut_ptr(), len: plane.len(), life: PhantomData };
        let buffers = || (zeros(COLUMNS * h), zeros(planes.columns.get_inplace_scratch_len()));
        (0..w.div_ceil(COLUMNS)).into_par_iter().for_each_init(
            buffers,
            |(lines, scratch), block| {
                let first = block * COLUMNS;
                let count = COLUMNS.min(w - first);
                let lines = &mut lines[..count * h];
                for y in 0..h {
                    let row = shared.range(y * w + first, count);
                    for (x, line) in lines.chunks_exact_mut(h).enumerate() {
                        // SAFETY: inside the range; this job alone uses these columns.
                        line[y] = unsafe { *row.wrapping_add(x) };
                    }
                }
                planes.columns.process_with_scratch(lines, scratch);
                for y in 0..h {
                    let row = shared.range(y * w + first, count);
                    for (x, line) in lines.chunks_exact(h).enumerate() {
                        // SAFETY: as above.
                        unsafe { *row.wrapping_add(x) = line[y].scale(planes.scale) };
                    }
                }
            },
        );
    });
    out
}

fn zeros<T: FftNum>(count: usize) -> Vec<Complex<T>> {
    vec![Complex::new(T::zero(), T::zero()); count]
}

fn pairs<T>(values: &[T]) -> &[Complex<T>] {
    // SAFETY: `Complex` is `repr(C)` with two fields `T`, so it has the layout of a pair of them,
    // and a last single value is left out.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len() / 2) }
}

fn pairs_mut<T>(values: &mut [T]) -> &mut [Complex<T>] {
    // SAFETY: as above; the borrow is handed on.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len() / 2) }
}

/// A plane whose columns several threads use, each its own.
struct SharedPlane<'a, T> {
    start: *mut Complex<T>,
    len: usize,
    life: PhantomData<&'a mut [Complex<T>]>,
}

// SAFETY: the handle only hands out addresses after a bounds check; those who use them promise
// that no other thread does (`SharedPlane::range`).
unsafe impl<T: Send> Sync for SharedPlane<'_, T> {}

impl<T> SharedPlane<'_, T> {
    /// The address of `from .. from + count`, which is checked to lie inside.
    fn range(&self, from: usize, count: usize) -> *mut Complex<T> {
        assert!(from + count <= self.len, "plane range {from} + {count} exceeds {}", self.len);
        self.start.wrapping_add(from)
    }
}

#[cfg(test)]
mod tests {
    use rustfft::FftPlannerScalar;

    use super::*;

    #[test]
    fn planes_go_through_both_transforms() {
        // More columns than a block, a single row, a single column.
        for (h, w) in [(3, 18), (1, 4), (5, 1)] {
            let values: Vec<f64> = (0..4 * h * w).map(|i| (i * 37 % 101) as f64 / 50.0).collect();
            let mut planner = FftPlannerScalar::new();
            let (rows, columns) = (planner.plan_fft_forward(w), planner.plan_fft_forward(h));
            let planes = Planes { rows: &*rows, columns: &*columns, scale: 0.5 };
            let out = transform(&planes, &values);
            for (to, from) in pairs(&out).chunks(h * w).zip(pairs(&values).chunks(h * w)) {
                for (k, to) in to.iter().enumerate() {
                    let (u, v) = (k / w, k % w);
                    let mut want = Complex::new(0.0, 0.0);
                    for (i, from) in from.iter().enumerate() {
                        let (y, x) = (i / w, i % w);
                        let turns = (u * y) as f64 / h as f64 + (v * x) as f64 / w as f64;
                        want += from * Complex::from_polar(0.5, -std::f64::consts::TAU * turns);
                    }
                    assert!((to - want).norm() < 1e-9, "{h} x {w} at {k}");
                }
            }
        }
    }
}
