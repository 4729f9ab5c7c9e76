//! Linear maps that act on rows and columns alike: average pooling, resizing.
//!
//! Every output row is a weighted sum of a few neighbouring input rows, which runs along the
//! rows sixteen values at a time. Columns are mapped in the same way, on the transposed picture:
//! the two transpositions cost less than sums of single values.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and
//! room for what they write, which [`apply`] makes.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::output::{part, write_parts};
use super::scratch::with_scratch;
use super::transpose::{transpose, transpose_to};

/// Rows that are transposed at once, so that they stay in the cache.
const STRIP: usize = 64;

/// The weights of one axis: output `i` is a weighted sum of inputs from `first[i]` on.
#[derive(Clone, Debug)]
pub(crate) struct Taps {
    input: usize,
    first: Vec<usize>,
    /// Where the weights of every output start, and the end of the last.
    starts: Vec<usize>,
    weights: Vec<f32>,
}

impl Taps {
    /// From the inputs of every output with their weights. Inputs without weight at the ends
    /// are left out, so that what stands there cannot spoil the sum.
    #[expect(clippy::cast_possible_truncation, reason = "the kernels run in f32")]
    pub(crate) fn new(input: usize, outputs: &[Vec<(usize, f64)>]) -> Self {
        let mut taps = Self { input, first: Vec::new(), starts: vec![0], weights: Vec::new() };
        for sources in outputs {
            let used = || sources.iter().filter(|(_, weight)| *weight != 0.0).map(|(at, _)| *at);
            let first = used().min().unwrap_or(0);
            let end = used().max().map_or(0, |last| last + 1);
            assert!(end <= input, "inputs of an axis");
            let start = taps.weights.len();
            taps.weights.resize(start + end.saturating_sub(first), 0.0);
            for (at, weight) in sources.iter().filter(|(_, weight)| *weight != 0.0) {
                taps.weights[start + at - first] += *weight as f32;
            }
            taps.first.push(first);
            taps.starts.push(taps.weights.len());
        }
        taps
    }

    /// The map that carries gradients back.
    pub(crate) fn adjoint(&self) -> Self {
        let mut sources = vec![Vec::new(); self.input];
        for i in 0..self.outputs() {
            let (first, weights) = self.of(i);
            for (source, weight) in sources[first..].iter_mut().zip(weights) {
                source.push((i, f64::from(*weight)));
            }
        }
        Self::new(self.outputs(), &sources)
    }

    /// Inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.input
    }

    /// Outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.first.len()
    }

    /// The first input of output `i` and the weights from there on.
    #[inline]
    fn of(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i], &self.weights[self.starts[i]..self.starts[i + 1]])
    }

    /// The map as a matrix `[outputs][inputs]`.
    pub(crate) fn matrix(&self) -> Vec<f64> {
        let mut matrix = vec![0.0; self.outputs() * self.input];
        for (i, row) in matrix.chunks_exact_mut(self.input).enumerate() {
            let (first, weights) = self.of(i);
            for (value, weight) in row[first..].iter_mut().zip(weights) {
                *value = f64::from(*weight);
            }
        }
        matrix
    }
}

multiversion! {
    /// The rows of a picture of `width` columns through the map of an axis; `to` has room for
    /// `rows.outputs()` rows of `width` values.
    unsafe fn down = down_body(rows: &Taps, from: &[f32], width: usize, to: *mut f32)
}

#[inline(always)]
unsafe fn down_body<L: Lanes>(rows: &Taps, from: &[f32], width: usize, to: *mut f32) {
    let whole = width / 16 * 16;
    for i in 0..rows.outputs() {
        let to = to.wrapping_add(i * width);
        let (first, weights) = rows.of(i);
        let lines = &from[first * width..][..weights.len() * width];
        // SAFETY: `weights.len()` lines of `width` values, and room for one by the caller's
        // promise, of which blocks of 16 values or what is left are touched.
        unsafe {
            for at in (0..whole).step_by(16) {
                let mut sum = L::splat(0.0);
                for (k, weight) in weights.iter().enumerate() {
                    let line = L::load(lines.as_ptr().add(k * width + at));
                    sum = line.mul_add(L::splat(*weight), sum);
                }
                sum.store(to.add(at));
            }
            if whole < width {
                let mut sum = L::splat(0.0);
                for (k, weight) in weights.iter().enumerate() {
                    let line = lines.as_ptr().add(k * width + whole);
                    let line = L::load_first(line, width - whole);
                    sum = line.mul_add(L::splat(*weight), sum);
                }
                sum.store_first(to.add(whole), width - whole);
            }
        }
    }
}

/// The columns of a picture through the map of an axis; `to` has room for as many rows of
/// `columns.outputs()` values.
unsafe fn across(isa: Isa, columns: &Taps, from: &[f32], to: *mut f32) {
    let (inputs, outputs) = (columns.inputs(), columns.outputs());
    let strip = STRIP.min(from.len() / inputs);
    with_scratch([inputs * strip, outputs * strip], |[turned, mapped]| {
        for (index, from) in from.chunks(inputs * strip).enumerate() {
            let rows = from.len() / inputs;
            let (turned, mapped) = (&mut turned[..from.len()], &mut mapped[..outputs * rows]);
            transpose(isa, from, (rows, inputs), turned);
            // SAFETY: room for `outputs` rows of `rows` values here, and for the strip by the
            // caller's promise.
            unsafe {
                down(isa, columns, turned, rows, mapped.as_mut_ptr());
                transpose_to(isa, mapped, (outputs, rows), to.add(index * outputs * strip));
            }
        }
    });
}

/// Every plane of `x` through the maps of its rows and columns.
pub(crate) fn apply(isa: Isa, rows: &Taps, columns: &Taps, x: &[f32]) -> Vec<f32> {
    let fine = rows.outputs() * columns.outputs();
    let plane = rows.inputs() * columns.inputs();
    let write = |index: usize, to: *mut f32| {
        let plane = part(x, plane, index);
        // First the axis that leaves less to do for the other.
        // SAFETY: room for the outputs of both axes, and between them for those of the first.
        if rows.outputs() <= rows.inputs() {
            with_scratch([rows.outputs() * columns.inputs()], |[lines]| unsafe {
                down(isa, rows, plane, columns.inputs(), lines.as_mut_ptr());
                across(isa, columns, lines, to);
            });
        } else {
            with_scratch([rows.inputs() * columns.outputs()], |[lines]| unsafe {
                across(isa, columns, plane, lines.as_mut_ptr());
                down(isa, rows, lines, columns.outputs(), to);
            });
        }
    };
    // SAFETY: both orders write all outputs of a plane.
    unsafe { write_parts(x.len() / plane * fine, fine, write) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_go_through_both_matrices() {
        let taps = |input, outputs: usize, reach: usize| {
            let sources = |i: usize| {
                let first = i * input / outputs;
                let weight = |k: usize| (i * 3 + k * 5) as f64 / 8.0 - 1.0;
                (0..reach.min(input - first)).map(|k| (first + k, weight(k))).collect()
            };
            Taps::new(input, &(0..outputs).map(sources).collect::<Vec<_>>())
        };
        // An input that nothing sees, an output that sees nothing; more than a strip; larger and
        // smaller results.
        let gaps = Taps::new(4, &[vec![(0, 0.5), (1, 0.5)], vec![], vec![(3, 2.0)]]);
        let pairs = [
            (gaps, taps(3, 2, 2)),
            (taps(70, 9, 3), taps(5, 40, 2)),
            (taps(3, 7, 2), taps(33, 17, 2)),
        ];
        // The interpreter is slow: it skips the largest.
        let pairs = pairs.into_iter().filter(|(rows, _)| !cfg!(miri) || rows.inputs() < 70);
        for (rows, columns) in pairs {
            let (h, w, oh, ow) =
                (rows.inputs(), columns.inputs(), rows.outputs(), columns.outputs());
            let x: Vec<f32> = (0..2 * h * w).map(|v| (v * 7 % 11) as f32).collect();
            let g: Vec<f32> = (0..2 * oh * ow).map(|v| (v * 5 % 7) as f32).collect();
            let (r, c) = (rows.matrix(), columns.matrix());
            let (mut y, mut dx) = (vec![0.0; g.len()], vec![0.0; x.len()]);
            for (out, y) in y.iter_mut().enumerate() {
                let (plane, i, j) = (out / (oh * ow), out / ow % oh, out % ow);
                for (a, b) in (0..h).flat_map(|a| (0..w).map(move |b| (a, b))) {
                    let weight = r[i * h + a] * c[j * w + b];
                    *y += weight * f64::from(x[plane * h * w + a * w + b]);
                    dx[plane * h * w + a * w + b] += weight * f64::from(g[out]);
                }
            }
            let close = |got: &[f32], want: &[f64]| {
                let near =
                    |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 1e-4 * (1.0 + b.abs());
                got.len() == want.len() && got.iter().zip(want).all(near)
            };
            for isa in Isa::available() {
                assert!(close(&apply(isa, &rows, &columns, &x), &y), "{isa:?} {h} x {w}");
                let got = apply(isa, &rows.adjoint(), &columns.adjoint(), &g);
                assert!(close(&got, &dx), "{isa:?} gradient {h} x {w}");
            }
        }
    }

    #[test]
    fn what_has_no_weight_at_an_end_spoils_nothing() {
        let taps = Taps::new(3, &[vec![(0, 1.0), (1, 0.0)], vec![(1, 0.0), (2, 2.0)]]);
        let one = Taps::new(1, &[vec![(0, 1.0)]]);
        for isa in Isa::available() {
            let y = apply(isa, &one, &taps, &[1.0, f32::NAN, 3.0]);
            assert!(y == [1.0, 6.0], "{isa:?} {y:?}");
        }
    }
}
