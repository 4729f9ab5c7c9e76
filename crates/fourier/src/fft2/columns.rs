//! Transforms of the columns of planes, several columns at once.
#![expect(clippy::inline_always, reason = "else called without vector instructions")]

use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};
use pulp::{Arch, Simd, WithSimd, bytemuck};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::butterfly::{Numbers, butterfly, root};
use super::vectors::Real;

/// Floats of a row of a block: 16 columns of complex numbers, two cache lines in `f32`.
pub(super) const FLOATS: usize = 32;

/// Rows of a block that the first level of caches holds.
const NEAR: usize = 256;

/// Columns of complex numbers, each a pair of floats, up to [`FLOATS`] of these.
pub(super) struct Block<'a, T> {
    /// Where they are read, if not in place.
    pub(super) from: Option<ArrayView2<'a, T>>,
    pub(super) to: ArrayViewMut2<'a, T>,
}

/// Forward transforms of columns of one length; the inverse swaps real and imaginary parts.
#[derive(Clone)]
pub(super) struct ColumnFft<T> {
    len: usize,
    steps: Steps<T>,
}

#[derive(Clone)]
enum Steps<T> {
    /// A length without prime factors above 5.
    Radices { stages: Vec<Stage<T>>, order: Vec<usize> },
    /// Any other one: column by column.
    Lines(Arc<dyn Fft<T>>),
}

/// A step of decimation in frequency, in place: `radix` groups of `parts` rows.
#[derive(Clone)]
struct Stage<T> {
    radix: usize,
    parts: usize,
    /// `exp(-2 pi i p k / (radix parts))` for rows `p` and `k = 1 .. radix`.
    twiddles: Vec<Complex<T>>,
}

impl<T: Real> ColumnFft<T> {
    pub(super) fn new(len: usize, planner: &mut FftPlanner<T>) -> Self {
        let steps = stages(len).map_or_else(
            || Steps::Lines(planner.plan_fft_forward(len)),
            |stages| Steps::Radices { order: order(&stages, len), stages },
        );
        Self { len, steps }
    }

    /// Transforms the columns of a block, times a factor.
    pub(super) fn process(
        &self,
        block: Block<'_, T>,
        inverse: bool,
        scale: T,
        scratch: &mut Vec<T>,
    ) {
        let of_plan = match &self.steps {
            Steps::Radices { .. } => 0,
            Steps::Lines(plan) => 2 * plan.get_inplace_scratch_len(),
        };
        scratch.resize(self.len * FLOATS + of_plan, T::zero());
        let (rows, of_plan) = scratch.split_at_mut(self.len * FLOATS);
        match &self.steps {
            Steps::Radices { stages, order } => {
                Arch::new().dispatch(InVectors { stages, order, block, inverse, scale, rows });
            }
            Steps::Lines(plan) => self.in_lines(&**plan, block, inverse, scale, [rows, of_plan]),
        }
    }

    fn in_lines(
        &self,
        plan: &dyn Fft<T>,
        mut block: Block<'_, T>,
        inverse: bool,
        scale: T,
        scratch: [&mut [T]; 2],
    ) {
        let [lines, of_plan] = scratch.map(bytemuck::cast_slice_mut::<T, Complex<T>>);
        let columns = block.row(0).len().div_ceil(2);
        let lines = &mut lines[..columns * self.len];
        for row in 0..self.len {
            for (pair, line) in block.row(row).chunks(2).zip(lines.chunks_exact_mut(self.len)) {
                let value = Complex::new(pair[0], pair.get(1).copied().unwrap_or_else(T::zero));
                line[row] = if inverse { swapped(value) } else { value };
            }
        }
        plan.process_with_scratch(lines, of_plan);
        for row in 0..self.len {
            let Some(to) = block.row_mut(row) else { continue };
            for (pair, line) in to.chunks_exact_mut(2).zip(lines.chunks_exact(self.len)) {
                let value = line[row].scale(scale);
                let value = if inverse { swapped(value) } else { value };
                pair.copy_from_slice(&[value.re, value.im]);
            }
        }
    }
}

fn swapped<T: Real>(value: Complex<T>) -> Complex<T> {
    Complex::new(value.im, value.re)
}

impl<T> Block<'_, T> {
    #[inline(always)]
    fn row(&self, row: usize) -> &[T] {
        let row = self.from.as_ref().map_or_else(|| self.to.row(row), |from| from.row(row));
        row.to_slice().unwrap_or(&[])
    }

    #[inline(always)]
    fn row_mut(&mut self, row: usize) -> Option<&mut [T]> {
        self.to.row_mut(row).into_slice()
    }
}

/// The transforms of a block in vectors.
struct InVectors<'a, 'b, T> {
    stages: &'a [Stage<T>],
    order: &'a [usize],
    block: Block<'b, T>,
    inverse: bool,
    scale: T,
    rows: &'a mut [T],
}

impl<T: Real> WithSimd for InVectors<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.load(simd);
        let far = self.stages.iter().take_while(|stage| stage.len() > NEAR).count();
        let len = self.stages.first().map_or(1, Stage::len);
        let near = self.stages.get(far).map_or(1, Stage::len);
        // The last steps of a part follow each other while it is in the cache.
        for (len, stages) in [(len, &self.stages[..far]), (near, &self.stages[far..])] {
            for part in self.rows.chunks_exact_mut(len * FLOATS) {
                for stage in stages {
                    for rows in part.chunks_exact_mut(stage.len() * FLOATS) {
                        match stage.radix {
                            2 => stage.run::<S, 2>(simd, rows),
                            3 => stage.run::<S, 3>(simd, rows),
                            4 => stage.run::<S, 4>(simd, rows),
                            5 => stage.run::<S, 5>(simd, rows),
                            _ => stage.run::<S, 8>(simd, rows),
                        }
                    }
                }
            }
        }
        self.store(simd);
    }
}

impl<T: Real> InVectors<'_, '_, T> {
    #[inline(always)]
    fn load<S: Simd>(&mut self, simd: S) {
        for (y, to) in self.rows.chunks_exact_mut(FLOATS).enumerate() {
            let from = self.block.row(y);
            // The last block may be narrow, and of a last pair the second column may be missing.
            copy(from, to);
            to[from.len()..].fill(T::zero());
            for pair in T::vectors_mut::<S>(to).chunks_exact_mut(2) {
                let [re, im] = T::deinterleave(simd, [pair[0], pair[1]]);
                pair.copy_from_slice(&if self.inverse { [im, re] } else { [re, im] });
            }
        }
    }

    #[inline(always)]
    fn store<S: Simd>(&mut self, simd: S) {
        let scale = T::splat(simd, self.scale);
        for (y, from) in self.order.iter().enumerate() {
            let from = &mut self.rows[from * FLOATS..][..FLOATS];
            for pair in T::vectors_mut::<S>(from).chunks_exact_mut(2) {
                let (re, im) = (T::product(simd, pair[0], scale), T::product(simd, pair[1], scale));
                let parts = if self.inverse { [im, re] } else { [re, im] };
                pair.copy_from_slice(&T::interleave(simd, parts));
            }
            if let Some(to) = self.block.row_mut(y) {
                copy(&from[..to.len()], to);
            }
        }
    }
}

/// Copies a row, one of the full width without a call.
#[inline(always)]
fn copy<T: Real>(from: &[T], to: &mut [T]) {
    match (<&[T; FLOATS]>::try_from(from), to.first_chunk_mut::<FLOATS>()) {
        (Ok(from), Some(to)) => *to = *from,
        _ => to[..from.len()].copy_from_slice(from),
    }
}

impl<T> Stage<T> {
    fn len(&self) -> usize {
        self.radix * self.parts
    }
}

impl<T: Real> Stage<T> {
    #[inline(always)]
    fn run<S: Simd, const R: usize>(&self, simd: S, rows: &mut [T]) {
        let (vectors, _) = T::vectors_mut::<S>(rows).as_chunks_mut::<2>();
        let of_row = vectors.len() / self.len();
        let mut groups = vectors.chunks_exact_mut(of_row * self.parts);
        let groups: [&mut [[T::Vector<S>; 2]]; R] =
            std::array::from_fn(|_| groups.next().unwrap_or_default());
        for (p, twiddles) in self.twiddles.chunks_exact(R).enumerate() {
            #[expect(clippy::needless_range_loop, reason = "an index of several groups")]
            for at in p * of_row..(p + 1) * of_row {
                // Not by `from_fn`: closures of arrays are not inlined by all settings of the compiler.
                let mut a = [Numbers::new(simd, groups[0][at]); R];
                for j in 1..R {
                    a[j] = Numbers::new(simd, groups[j][at]);
                }
                let b: [Numbers<T, S>; R] = butterfly(a);
                groups[0][at] = [b[0].re, b[0].im];
                for k in 1..R {
                    // The last step has no twiddles but one.
                    let b = if self.parts > 1 { b[k].times(twiddles[k]) } else { b[k] };
                    groups[k][at] = [b.re, b.im];
                }
            }
        }
    }
}

/// The steps for a length, none with a prime factor above 5.
fn stages<T: Real>(len: usize) -> Option<Vec<Stage<T>>> {
    let mut stages = Vec::new();
    let mut left = len;
    while left > 1 {
        let radix = [8, 4, 5, 3, 2].into_iter().find(|radix| left.is_multiple_of(*radix))?;
        let parts = left / radix;
        let twiddles =
            (0..parts).flat_map(|p| (0..radix).map(move |k| root(p * k, left))).collect();
        stages.push(Stage { radix, parts, twiddles });
        left = parts;
    }
    Some(stages)
}

/// The row where each frequency is after all steps.
fn order<T>(stages: &[Stage<T>], len: usize) -> Vec<usize> {
    let place = |frequency: usize| {
        let start = (0, frequency);
        let (row, _) = stages.iter().fold(start, |(row, rest), stage| {
            (row + rest % stage.radix * stage.parts, rest / stage.radix)
        });
        row
    };
    (0..len).map(place).collect()
}

#[cfg(test)]
mod tests {
    use mapvec_testkit::uniform;
    use ndarray::Array2;

    use super::*;

    fn run<S: Simd>(simd: S, len: usize, columns: usize) -> Array2<f64> {
        let values = uniform(len * 2 * columns, 3, -1.0, 1.0);
        let mut plane = Array2::from_shape_vec((len, 2 * columns), values).unwrap_or_default();
        let stages = stages(len).unwrap_or_default();
        let order = order(&stages, len);
        let mut rows = vec![0.0; len * FLOATS];
        for to in plane.axis_chunks_iter_mut(ndarray::Axis(1), FLOATS) {
            let block = Block { from: None, to };
            let (stages, order, rows) = (&stages[..], &order[..], &mut rows[..]);
            let work = InVectors { stages, order, block, inverse: false, scale: 2.0, rows };
            simd.vectorize(work);
        }
        plane
    }

    #[test]
    fn every_width_of_vectors_gives_the_same() {
        for (len, columns) in [(1, 3), (64, 16), (60, 21), (750, 5), (288, 33)] {
            let want = run(pulp::Scalar, len, columns);
            assert!(want.iter().any(|v| v.abs() > 0.1));
            let near =
                |found: &Array2<f64>| found.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12);
            #[cfg(target_arch = "x86_64")]
            {
                assert!(pulp::x86::V3::try_new().is_none_or(|v3| near(&run(v3, len, columns))));
                assert!(pulp::x86::V4::try_new().is_none_or(|v4| near(&run(v4, len, columns))));
            }
            #[cfg(target_arch = "aarch64")]
            assert!(pulp::aarch64::Neon::try_new().is_none_or(|v| near(&run(v, len, columns))));
        }
    }
}
