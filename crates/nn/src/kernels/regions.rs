//! Convolutions whose taps often see the padding only, as a large dilation on a
//! small map makes them: the result falls into rectangles of pixels that see the
//! same taps, and the others cost nothing.
#![allow(unsafe_code, reason = "products and disjoint writes through raw pointers")]

use rayon::prelude::*;

use super::im2col::Geometry;
use super::matmul::{Matrix, multiply};
use super::output::{Output, SharedOut};
use super::scratch::with_scratch;

/// Pixels of a job, about. Fixed, so that results do not depend on threads.
const PIXELS: usize = 256;
/// Rectangles above which there is little left to gain.
const MOST: usize = 100;

/// Neighbouring positions along an axis that see the same taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// First position and the one behind the last.
    positions: (usize, usize),
    /// First tap and the one behind the last.
    taps: (usize, usize),
}

/// The spans of the rows and of the columns of a result.
pub(crate) struct Regions {
    rows: Vec<Span>,
    columns: Vec<Span>,
}

impl Regions {
    /// The rectangles of a convolution, if leaving out taps saves a quarter of the work.
    pub(crate) fn of(g: &Geometry) -> Option<Self> {
        if g.stride != (1, 1) || g.groups != 1 || g.is_pointwise() {
            return None;
        }
        let (rows, columns) = g.out_size();
        let regions = Self {
            rows: spans(g.size.0, rows, g.kernel.0, g.padding.0, g.dilation.0),
            columns: spans(g.size.1, columns, g.kernel.1, g.padding.1, g.dilation.1),
        };
        let work = |spans: &[Span]| -> usize {
            spans.iter().map(|s| (s.positions.1 - s.positions.0) * (s.taps.1 - s.taps.0)).sum()
        };
        let useful = work(&regions.rows) * work(&regions.columns);
        let whole = rows * columns * g.taps();
        let few = regions.rows.len() * regions.columns.len() <= MOST;
        (few && useful * 4 <= whole * 3).then_some(regions)
    }

    /// Jobs: an image, rows and columns with their taps.
    fn jobs(&self, batch: usize) -> Vec<(usize, Span, Span)> {
        let mut jobs = Vec::new();
        for image in 0..batch {
            for rows in &self.rows {
                for columns in &self.columns {
                    let width = columns.positions.1 - columns.positions.0;
                    let step = (PIXELS / width).max(1);
                    for first in (rows.positions.0..rows.positions.1).step_by(step) {
                        let positions = (first, (first + step).min(rows.positions.1));
                        jobs.push((image, Span { positions, ..*rows }, *columns));
                    }
                }
            }
        }
        jobs
    }
}

/// Cuts `count` positions where the taps that lie inside `0 .. size` change.
fn spans(size: usize, count: usize, kernel: usize, padding: usize, dilation: usize) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for at in 0..count {
        let first = padding.saturating_sub(at).div_ceil(dilation).min(kernel);
        let end = (size + padding).saturating_sub(at).div_ceil(dilation).clamp(first, kernel);
        match spans.last_mut() {
            Some(last) if last.taps == (first, end) => last.positions.1 = at + 1,
            _ => spans.push(Span { positions: (at, at + 1), taps: (first, end) }),
        }
    }
    spans
}

/// `weight` (`[outputs][inputs][taps]`) as a matrix `[outputs][inputs]` per tap.
fn by_tap(weight: &[f32], taps: usize, to: &mut [f32]) {
    let pairs = weight.len() / taps;
    for (i, kernel) in weight.chunks_exact(taps).enumerate() {
        for (tap, value) in kernel.iter().enumerate() {
            to[tap * pairs + i] = *value;
        }
    }
}

/// `x` convolved with `weight`, rectangle by rectangle.
pub(crate) fn convolve(g: &Geometry, regions: &Regions, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let (rows, columns) = g.out_size();
    let values = g.batch * g.outputs * rows * columns;
    assert_eq!(x.len(), g.batch * g.inputs * g.plane(), "input size");
    assert_eq!(weight.len(), g.outputs * g.inputs * g.taps(), "weight size");
    let mut out = Output::new(values);
    let to = out.shared();
    with_scratch([weight.len()], |[matrices]| {
        by_tap(weight, g.taps(), matrices);
        let matrices: &[f32] = matrices;
        regions.jobs(g.batch).into_par_iter().for_each(|(image, rows, columns)| {
            let x = &x[image * g.inputs * g.plane()..][..g.inputs * g.plane()];
            rectangle(g, (x, matrices), (image, rows, columns), to);
        });
    });
    // SAFETY: the rectangles of all spans cover the result.
    unsafe { out.filled() }
}

/// The pixels of one rectangle in all output channels.
fn rectangle(
    g: &Geometry,
    (x, matrices): (&[f32], &[f32]),
    (image, rows, columns): (usize, Span, Span),
    to: SharedOut<'_>,
) {
    let (height, width) = g.out_size();
    let (h, w) = (rows.positions.1 - rows.positions.0, columns.positions.1 - columns.positions.0);
    let pixels = h * w;
    let pairs = g.outputs * g.inputs;
    with_scratch([g.inputs * pixels, g.outputs * pixels], |[patches, product]| {
        let mut seen = false;
        for ky in rows.taps.0..rows.taps.1 {
            for kx in columns.taps.0..columns.taps.1 {
                let top = rows.positions.0 + ky * g.dilation.0 - g.padding.0;
                let left = columns.positions.0 + kx * g.dilation.1 - g.padding.1;
                let planes = x.chunks_exact(g.plane());
                for (patch, plane) in patches.chunks_exact_mut(pixels).zip(planes) {
                    let lines = plane.chunks_exact(g.size.1).skip(top);
                    for (line, from) in patch.chunks_exact_mut(w).zip(lines) {
                        line.copy_from_slice(&from[left..left + w]);
                    }
                }
                let tap = ky * g.kernel.1 + kx;
                let matrix =
                    Matrix { data: &matrices[tap * pairs..][..pairs], row: g.inputs, column: 1 };
                let right = Matrix { data: patches, row: pixels, column: 1 };
                let size = (g.outputs, g.inputs, pixels);
                // SAFETY: `product` holds `outputs` rows of `pixels` values.
                unsafe { multiply(size, matrix, right, product.as_mut_ptr(), pixels, seen) };
                seen = true;
            }
        }
        if !seen {
            product.fill(0.0);
        }
        for (c, plane) in product.chunks_exact(pixels).enumerate() {
            for (i, line) in plane.chunks_exact(w).enumerate() {
                let row = (image * g.outputs + c) * height + rows.positions.0 + i;
                let to = to.range(row * width + columns.positions.0, w);
                // SAFETY: the range was checked; one job alone writes a rectangle.
                unsafe { to.copy_from_nonoverlapping(line.as_ptr(), w) };
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 31) % 1009) as f32 / 500.0 - 1.0).collect()
    }

    /// The convolution by its definition.
    fn plain(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
        let (rows, columns) = g.out_size();
        let mut out = Vec::new();
        for at in 0..g.batch * g.outputs * rows * columns {
            let (plane, y, z) = (at / (rows * columns), at / columns % rows, at % columns);
            let (image, o) = (plane / g.outputs, plane % g.outputs);
            let mut sum = 0.0;
            for i in 0..g.inputs {
                for tap in 0..g.taps() {
                    let row = (y + tap / g.kernel.1 * g.dilation.0).wrapping_sub(g.padding.0);
                    let column = (z + tap % g.kernel.1 * g.dilation.1).wrapping_sub(g.padding.1);
                    if row < g.size.0 && column < g.size.1 {
                        let pixel = ((image * g.inputs + i) * g.size.0 + row) * g.size.1 + column;
                        let tap = weight[(o * g.inputs + i) * g.taps() + tap];
                        sum += f64::from(x[pixel]) * f64::from(tap);
                    }
                }
            }
            out.push(sum as f32);
        }
        out
    }

    #[test]
    fn rectangles_equal_the_sum_by_definition() {
        let cases = [
            (1, 5, 4, (8, 9), (3, 3), (6, 6), (6, 6)),
            (2, 3, 6, (7, 5), (3, 3), (9, 9), (9, 9)),
            (1, 2, 3, (6, 11), (3, 5), (5, 3), (8, 8)),
            (1, 4, 2, (5, 5), (5, 1), (3, 1), (6, 6)),
            (1, 2, 2, (4, 4), (2, 2), (7, 7), (6, 6)),
        ];
        for (batch, inputs, outputs, size, kernel, dilation, padding) in cases {
            let g = Geometry {
                batch,
                inputs,
                outputs,
                size,
                kernel,
                padding,
                stride: (1, 1),
                dilation,
                groups: 1,
            };
            let regions = Regions::of(&g).unwrap_or_else(|| panic!("{g:?} has taps to leave out"));
            let x = values(batch * inputs * g.plane(), 1);
            let w = values(outputs * inputs * g.taps(), 2);
            let got = convolve(&g, &regions, &x, &w);
            let want = plain(&g, &x, &w);
            assert_eq!(got.len(), want.len(), "{g:?}");
            for (got, want) in got.iter().zip(&want) {
                assert!((got - want).abs() < 1e-4, "{got} {want} {g:?}");
            }
        }
    }

    #[test]
    fn spans_end_where_a_tap_leaves_the_map() {
        let found = spans(32, 32, 3, 12, 12);
        let span = |positions, taps| Span { positions, taps };
        let want = [span((0, 12), (1, 3)), span((12, 20), (0, 3)), span((20, 32), (0, 2))];
        assert_eq!(found, want);
        assert_eq!(spans(32, 32, 3, 36, 36), [span((0, 32), (1, 2))]);
    }

    #[test]
    fn a_usual_convolution_has_nothing_to_leave_out() {
        let g = Geometry {
            batch: 1,
            inputs: 2,
            outputs: 2,
            size: (16, 16),
            kernel: (3, 3),
            padding: (1, 1),
            stride: (1, 1),
            dilation: (1, 1),
            groups: 1,
        };
        assert!(Regions::of(&g).is_none(), "a margin of one pixel");
        assert!(
            Regions::of(&Geometry { dilation: (12, 12), padding: (12, 12), ..g }).is_some(),
            "wide"
        );
        assert!(
            Regions::of(&Geometry { dilation: (12, 12), padding: (12, 12), stride: (2, 1), ..g })
                .is_none(),
            "stride"
        );
    }
}
