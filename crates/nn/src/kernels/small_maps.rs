//! Convolutions of small maps: patches of all images to one column matrix.
//!
//! On maps of a few hundred pixels the weights are most of the data. A product per
//! image would read (and pack) them once per image, and give it few columns; over
//! the whole batch they are read once.
#![allow(unsafe_code, reason = "products and disjoint writes through raw pointers")]

use rayon::prelude::*;

use super::epilogue::Epilogue;
use super::im2col::{Geometry, add_tap, fill_channel};
use super::matmul::{Matrix, multiply};
use super::output::{Output, SharedOut};
use super::scratch::with_scratch;

/// Rows of a product that are computed by one job at most; each job packs the other
/// factor anew. Fixed, so that results do not depend on threads.
const ROWS: usize = 128;

/// Rows of a product of `rows` that are computed by one job: an eighth of them, if
/// that is still worth a job.
fn share_of(rows: usize) -> usize {
    rows.div_ceil(8).next_multiple_of(32).min(ROWS)
}

/// Sizes of the products.
#[derive(Clone, Copy)]
struct Sizes {
    /// Rows of the column matrix: input channels times taps.
    depth: usize,
    /// Pixels of an output plane.
    pixels: usize,
    /// Columns of the column matrix: output pixels of all images.
    columns: usize,
}

impl Sizes {
    fn of(g: &Geometry) -> Self {
        assert_eq!(g.groups, 1, "one group");
        let (rows, width) = g.out_size();
        let pixels = rows * width;
        Self { depth: g.inputs * g.taps(), pixels, columns: g.batch * pixels }
    }
}

/// Runs `body` with the patches of all images, `[channel][tap][image][pixel]`; those of
/// a single image and a kernel of one pixel are the input.
fn with_patches<R>(g: &Geometry, s: Sizes, x: &[f32], body: impl FnOnce(&[f32]) -> R) -> R {
    if g.batch == 1 && g.is_pointwise() {
        return body(x);
    }
    with_scratch([s.depth * s.columns], |[patches]| {
        fill(g, s, x, patches);
        body(patches)
    })
}

/// Runs `body` with a tensor `[image][channel][pixel]` as `[channel][image][pixel]`.
fn with_merged<R>(
    values: &[f32],
    (channels, pixels): (usize, usize),
    body: impl FnOnce(&[f32]) -> R,
) -> R {
    if values.len() == channels * pixels {
        return body(values);
    }
    with_scratch([values.len()], |[merged]| {
        merge(values, channels, pixels, merged);
        body(merged)
    })
}

fn fill(g: &Geometry, s: Sizes, x: &[f32], to: &mut [f32]) {
    let per_channel = g.taps() * s.columns;
    to.par_chunks_mut(per_channel).enumerate().for_each(|(channel, to)| {
        for (tap, line) in to.chunks_exact_mut(s.columns).enumerate() {
            for (image, line) in line.chunks_exact_mut(s.pixels).enumerate() {
                let plane = &x[(image * g.inputs + channel) * g.plane()..][..g.plane()];
                fill_channel(g, plane, (tap / g.kernel.1, tap % g.kernel.1), line);
            }
        }
    });
}

fn merge(values: &[f32], channels: usize, pixels: usize, to: &mut [f32]) {
    let batch = values.len() / (channels * pixels);
    to.par_chunks_mut(batch * pixels).enumerate().for_each(|(channel, to)| {
        for (image, to) in to.chunks_exact_mut(pixels).enumerate() {
            to.copy_from_slice(&values[(image * channels + channel) * pixels..][..pixels]);
        }
    });
}

/// The convolution and what follows it.
pub(crate) fn convolve(
    g: &Geometry,
    x: &[f32],
    weight: &[f32],
    epilogue: &Epilogue<'_>,
) -> Vec<f32> {
    let s = Sizes::of(g);
    assert_eq!(x.len(), g.batch * g.inputs * g.plane(), "input size");
    assert_eq!(weight.len(), g.outputs * s.depth, "weight size");
    epilogue.check(g.outputs, g.outputs * s.columns);
    let mut out = Output::new(g.outputs * s.columns);
    let to = out.shared();
    with_patches(g, s, x, |patches| {
        let right = Matrix { data: patches, row: s.columns, column: 1 };
        let share = share_of(g.outputs);
        (0..g.outputs.div_ceil(share)).into_par_iter().for_each(|job| {
            let first = job * share;
            let count = share.min(g.outputs - first);
            let left = Matrix { data: &weight[first * s.depth..], row: s.depth, column: 1 };
            with_scratch([count * s.columns], |[product]| {
                let size = (count, s.depth, s.columns);
                // SAFETY: `product` holds `count` rows of `columns` values.
                unsafe { multiply(size, left, right, product.as_mut_ptr(), s.columns, false) };
                for (c, line) in product.chunks_exact(s.columns).enumerate() {
                    let channel = first + c;
                    for (image, line) in line.chunks_exact(s.pixels).enumerate() {
                        let at = (image * g.outputs + channel) * s.pixels;
                        finish(epilogue, channel, at, line, to);
                    }
                }
            });
        });
    });
    // SAFETY: the jobs cover all output channels of all images.
    unsafe { out.filled() }
}

/// Writes the pixels of a plane, mapped.
fn finish(e: &Epilogue<'_>, channel: usize, at: usize, line: &[f32], to: SharedOut<'_>) {
    let scale = e.scale.map_or(1.0, |v| v[channel]);
    let shift = e.shift.map_or(0.0, |v| v[channel]);
    let add = e.add.map(|v| &v[at..at + line.len()]);
    let to = to.range(at, line.len());
    for (i, value) in line.iter().enumerate() {
        let value = value * scale + shift + add.map_or(0.0, |v| v[i]);
        // The comparison lets NaN through.
        let value = if e.relu && value < 0.0 { 0.0 } else { value };
        // SAFETY: the range was checked; one job alone writes a plane.
        unsafe { to.add(i).write(value) };
    }
}

/// The gradient of the input.
pub(crate) fn input_gradient(g: &Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let s = Sizes::of(g);
    assert_eq!(dy.len(), g.outputs * s.columns, "gradient size");
    assert_eq!(weight.len(), g.outputs * s.depth, "weight size");
    let share = (ROWS / 2 / g.taps()).clamp(1, g.inputs);
    let mut out = Output::new(g.batch * g.inputs * g.plane());
    let to = out.shared();
    with_merged(dy, (g.outputs, s.pixels), |merged| {
        let right = Matrix { data: merged, row: s.columns, column: 1 };
        (0..g.inputs.div_ceil(share)).into_par_iter().for_each(|job| {
            let first = job * share;
            let count = share.min(g.inputs - first);
            let rows = count * g.taps();
            let left = Matrix { data: &weight[first * g.taps()..], row: 1, column: s.depth };
            with_scratch([rows * s.columns, g.plane()], |[product, plane]| {
                // SAFETY: `product` holds `rows` rows of `columns` values.
                unsafe {
                    let size = (rows, g.outputs, s.columns);
                    multiply(size, left, right, product.as_mut_ptr(), s.columns, false);
                }
                for c in 0..count {
                    let lines = &product[c * g.taps() * s.columns..];
                    for image in 0..g.batch {
                        plane.fill(0.0);
                        for tap in 0..g.taps() {
                            let at = tap * s.columns + image * s.pixels;
                            let tap = (tap / g.kernel.1, tap % g.kernel.1);
                            add_tap(g, tap, &lines[at..][..s.pixels], plane);
                        }
                        let at = (image * g.inputs + first + c) * g.plane();
                        let to = to.range(at, g.plane());
                        // SAFETY: the range was checked; this job alone writes the plane.
                        unsafe { to.copy_from_nonoverlapping(plane.as_ptr(), plane.len()) };
                    }
                }
            });
        });
    });
    // SAFETY: the jobs cover all input channels of all images.
    unsafe { out.filled() }
}

/// The gradient of the weights.
pub(crate) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let s = Sizes::of(g);
    assert_eq!(x.len(), g.batch * g.inputs * g.plane(), "input size");
    assert_eq!(dy.len(), g.outputs * s.columns, "gradient size");
    let mut out = Output::new(g.outputs * s.depth);
    let to = out.shared();
    // Columns of the result per job: an eighth, or a few products' worth, since each packs `dy`.
    let share = s.depth.div_ceil(8).next_multiple_of(64).min(4 * ROWS);
    let run = |merged: &[f32], patches: &[f32]| {
        let left = Matrix { data: merged, row: s.columns, column: 1 };
        (0..s.depth.div_ceil(share)).into_par_iter().for_each(|job| {
            let first = job * share;
            let count = share.min(s.depth - first);
            let right = Matrix { data: &patches[first * s.columns..], row: 1, column: s.columns };
            let to = to.range(first, (g.outputs - 1) * s.depth + count);
            // SAFETY: the range was checked; this job alone writes these columns of the rows.
            unsafe { multiply((g.outputs, s.columns, count), left, right, to, s.depth, false) };
        });
    };
    with_merged(dy, (g.outputs, s.pixels), |merged| {
        with_patches(g, s, x, |patches| run(merged, patches));
    });
    // SAFETY: the jobs cover all columns of all rows.
    unsafe { out.filled() }
}

#[cfg(test)]
mod tests {
    use super::super::im2col;
    use super::super::isa::Isa;
    use super::*;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 31) % 1009) as f32 / 500.0 - 1.0).collect()
    }

    fn close(a: &[f32], b: &[f32]) -> bool {
        assert_eq!(a.len(), b.len(), "lengths");
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + b.abs()))
    }

    #[test]
    fn one_product_over_the_batch_equals_one_per_image() {
        let cases = [
            (1, 5, 130, (3, 4), (1, 1), 1, 1, 0),
            (3, 70, 9, (5, 3), (1, 1), 1, 1, 0),
            (2, 9, 140, (7, 6), (3, 3), 1, 1, 1),
            (3, 20, 8, (7, 8), (3, 3), 2, 1, 1),
            (2, 4, 6, (9, 9), (3, 2), 1, 3, 2),
            (1, 3, 5, (11, 10), (5, 5), 3, 1, 2),
        ];
        // Few small ones for the interpreter.
        let few = [(2, 3, 4, (4, 5), (3, 2), 1, 2, 1), (1, 3, 2, (3, 4), (1, 1), 1, 1, 0)];
        let cases = if cfg!(miri) { &few[..] } else { &cases[..] };
        for &(batch, inputs, outputs, size, kernel, stride, dilation, padding) in cases {
            let padding = (padding, padding);
            let g = Geometry {
                batch,
                inputs,
                outputs,
                size,
                kernel,
                padding,
                stride: (stride, stride),
                dilation: (dilation, dilation),
                groups: 1,
            };
            let (rows, width) = g.out_size();
            let pixels = rows * width;
            let x = values(batch * inputs * g.plane(), 1);
            let w = values(outputs * inputs * g.taps(), 2);
            let (bias, factor) = (values(outputs, 3), values(outputs, 4));
            let add = values(batch * outputs * pixels, 5);
            let dy = values(batch * outputs * pixels, 6);
            let plain = im2col::convolve(&g, &x, &w, &Epilogue::default());
            assert!(close(&convolve(&g, &x, &w, &Epilogue::default()), &plain), "{g:?}");
            let mapped: Vec<f32> = plain
                .iter()
                .enumerate()
                .map(|(i, v)| {
                    let o = i / pixels % outputs;
                    (v * factor[o] + bias[o] + add[i]).max(0.0)
                })
                .collect();
            let epilogue =
                Epilogue { scale: Some(&factor), shift: Some(&bias), add: Some(&add), relu: true };
            assert!(close(&convolve(&g, &x, &w, &epilogue), &mapped), "mapped {g:?}");
            let other = im2col::convolve(&g, &x, &w, &epilogue);
            assert!(close(&other, &mapped), "mapped patches {g:?}");
            let isa = Isa::detect();
            let want = im2col::input_gradient(&g, &dy, &w);
            assert!(close(&input_gradient(&g, &dy, &w), &want), "input {g:?}");
            let want = im2col::weight_gradient(isa, &g, &x, &dy);
            assert!(close(&weight_gradient(&g, &x, &dy), &want), "weight {g:?}");
        }
    }
}
