//! The general convolution: patches to columns, then matrix products.
//!
//! Any kernel, stride, padding, dilation and number of groups. A 1x1 kernel of
//! stride 1 without padding skips the copy: the input is the matrix.
#![allow(unsafe_code, reason = "output buffers that every part fills")]

use rayon::prelude::*;

use super::dot::{Dots, add_dots};
use super::epilogue::Epilogue;
use super::isa::Isa;
use super::matmul::{Matrix, multiply};
use super::norm::{Planes, finish_in_place, finish_line};
use super::output::{Output, SharedOut};
use super::regions::{self, Regions};
use super::scratch::with_scratch;

/// Parts of a weight gradient. Fixed, so that results do not depend on threads.
const PARTS: usize = 8;
/// Values of a column buffer, to stay in the second-level cache.
const COLUMN_VALUES: usize = 96 << 10;

/// Sizes of a convolution. Heights and widths may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Images.
    pub(crate) batch: usize,
    /// Input channels.
    pub(crate) inputs: usize,
    /// Output channels.
    pub(crate) outputs: usize,
    /// Rows and columns of the input.
    pub(crate) size: (usize, usize),
    /// Rows and columns of the kernel.
    pub(crate) kernel: (usize, usize),
    /// Zeros around the input: rows above and below, columns left and right.
    pub(crate) padding: (usize, usize),
    /// Distance between patches: rows, columns.
    pub(crate) stride: (usize, usize),
    /// Distance between the taps of a kernel: rows, columns.
    pub(crate) dilation: (usize, usize),
    /// Groups of channels that do not see each other.
    pub(crate) groups: usize,
}

impl Geometry {
    /// Rows and columns of the output; zero where the kernel does not fit.
    pub(crate) fn out_size(&self) -> (usize, usize) {
        let Self { size, kernel, padding, stride, dilation, .. } = *self;
        let out = |size: usize, kernel: usize, padding: usize, stride: usize, dilation: usize| {
            let reach = dilation.checked_mul(kernel - 1)?.checked_add(1)?;
            let room = padding.checked_mul(2)?.checked_add(size)?.checked_sub(reach)?;
            Some(room / stride + 1)
        };
        (
            out(size.0, kernel.0, padding.0, stride.0, dilation.0).unwrap_or(0),
            out(size.1, kernel.1, padding.1, stride.1, dilation.1).unwrap_or(0),
        )
    }

    /// Whether the input itself is the column matrix.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel == (1, 1) && self.stride == (1, 1) && self.padding == (0, 0)
    }

    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Input channels of a group.
    fn group_inputs(&self) -> usize {
        self.inputs / self.groups
    }

    /// Output channels of a group.
    fn group_outputs(&self) -> usize {
        self.outputs / self.groups
    }

    /// Terms of a sum.
    fn depth(&self) -> usize {
        self.group_inputs() * self.taps()
    }

    /// Pixels of an input plane.
    pub(super) fn plane(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Output rows per job.
    fn job_rows(&self) -> usize {
        let (rows, columns) = self.out_size();
        (COLUMN_VALUES / (self.depth() * columns).max(1))
            .clamp(256_usize.div_ceil(columns), 1024_usize.div_ceil(columns))
            .clamp(1, rows)
    }

    /// Jobs: (image, group, first row, end row).
    fn jobs(&self) -> Vec<[usize; 4]> {
        let (rows, step) = (self.out_size().0, self.job_rows());
        let mut jobs = Vec::new();
        for image in 0..self.batch {
            for group in 0..self.groups {
                for first in (0..rows).step_by(step) {
                    jobs.push([image, group, first, (first + step).min(rows)]);
                }
            }
        }
        jobs
    }

    /// The input planes of a group of an image.
    fn planes<'a>(&self, x: &'a [f32], image: usize, group: usize) -> &'a [f32] {
        let per_group = self.group_inputs() * self.plane();
        &x[(image * self.groups + group) * per_group..][..per_group]
    }
}

/// Copies the patches of output rows `rows.0 .. rows.1` into `columns`, one row
/// per (channel, tap), one column per output pixel.
fn fill_columns(x: &[f32], g: &Geometry, rows: (usize, usize), columns: &mut [f32]) {
    let pixels = (rows.1 - rows.0) * g.out_size().1;
    for (index, line) in columns.chunks_exact_mut(pixels).enumerate().take(g.depth()) {
        let (channel, tap) = (index / g.taps(), index % g.taps());
        let plane = &x[channel * g.plane()..][..g.plane()];
        fill_rows(g, plane, (tap / g.kernel.1, tap % g.kernel.1), rows.0, line);
    }
}

/// The values that a tap sees in all output rows of one plane.
pub(super) fn fill_channel(g: &Geometry, plane: &[f32], tap: (usize, usize), line: &mut [f32]) {
    fill_rows(g, plane, tap, 0, line);
}

/// The values that a tap sees in output rows from `first` on, as many as `line` holds.
fn fill_rows(g: &Geometry, plane: &[f32], tap: (usize, usize), first: usize, line: &mut [f32]) {
    let width = g.out_size().1;
    let (h, w) = (g.size.0.cast_signed(), g.size.1.cast_signed());
    let left = (tap.1 * g.dilation.1).cast_signed() - g.padding.1.cast_signed();
    let (start, end) = inside(left, w, g.stride.1, width);
    for (i, to) in line.chunks_exact_mut(width).enumerate() {
        let y = ((first + i) * g.stride.0 + tap.0 * g.dilation.0).cast_signed()
            - g.padding.0.cast_signed();
        if y < 0 || y >= h || end == start {
            to.fill(0.0);
            continue;
        }
        let from = &plane[y.cast_unsigned() * g.size.1..][..g.size.1];
        to[..start].fill(0.0);
        to[end..].fill(0.0);
        let from = &from[(start * g.stride.1).wrapping_add_signed(left)..];
        match g.stride.1 {
            1 => to[start..end].copy_from_slice(&from[..end - start]),
            2 => {
                // Pairs, so that it vectorises; the last value may have no partner.
                let pairs = from.as_chunks::<2>().0;
                for (value, pair) in to[start..end].iter_mut().zip(pairs) {
                    *value = pair[0];
                }
                if end - start > pairs.len() {
                    to[end - 1] = from[2 * (end - start - 1)];
                }
            }
            stride => {
                for (value, x) in to[start..end].iter_mut().zip(from.iter().step_by(stride)) {
                    *value = *x;
                }
            }
        }
    }
}

/// The positions `j` of a line of `width` for which `j * stride + left` lies in `0 .. w`.
fn inside(left: isize, w: isize, stride: usize, width: usize) -> (usize, usize) {
    let start = (-left).max(0).cast_unsigned().div_ceil(stride).min(width);
    let end = (w - left).max(0).cast_unsigned().div_ceil(stride).clamp(start, width);
    (start, end)
}

/// Runs `body` with the column matrix of a job.
fn with_columns<R>(
    x: &[f32],
    g: &Geometry,
    job: [usize; 4],
    body: impl FnOnce(Matrix<'_>) -> R,
) -> R {
    let [image, group, first, end] = job;
    let planes = g.planes(x, image, group);
    if g.is_pointwise() {
        let data = &planes[first * g.size.1..];
        return body(Matrix { data, row: g.plane(), column: 1 });
    }
    let pixels = (end - first) * g.out_size().1;
    with_scratch([g.depth() * pixels], |[columns]| {
        fill_columns(planes, g, (first, end), columns);
        body(Matrix { data: columns, row: pixels, column: 1 })
    })
}

/// `x` (`[batch][inputs][h][w]`) convolved with `weight`
/// (`[outputs][inputs / groups][kh][kw]`), and what follows.
pub(crate) fn convolve(
    g: &Geometry,
    x: &[f32],
    weight: &[f32],
    epilogue: &Epilogue<'_>,
) -> Vec<f32> {
    let (rows, width) = g.out_size();
    let (pixels, depth, count) = (rows * width, g.depth(), g.group_outputs());
    assert_eq!(weight.len(), g.outputs * depth, "weight size");
    epilogue.check(g.outputs, g.batch * g.outputs * pixels);
    let planes = Planes { batch: g.batch, channels: g.outputs, pixels };
    if let Some(regions) = Regions::of(g) {
        let mut out = regions::convolve(g, &regions, x, weight);
        if !epilogue.is_empty() {
            finish_in_place(Isa::detect(), planes, &mut out, epilogue);
        }
        return out;
    }
    let isa = Isa::detect();
    let mut out = Output::new(planes.len());
    let to: SharedOut<'_> = out.shared();
    g.jobs().into_par_iter().for_each(|job| {
        let [image, group, first, end] = job;
        let n = (end - first) * width;
        let start = (image * g.outputs + group * count) * pixels + first * width;
        let to = to.range(start, (count - 1) * pixels + n);
        let left = Matrix { data: &weight[group * count * depth..], row: depth, column: 1 };
        with_columns(x, g, job, |columns| {
            // SAFETY: the range was checked; this job alone owns these rows.
            unsafe { multiply((count, depth, n), left, columns, to, pixels, false) }
        });
        if epilogue.is_empty() {
            return;
        }
        for c in 0..count {
            let at = start + c * pixels;
            // SAFETY: as above; the values have just been written.
            unsafe {
                let line = std::slice::from_raw_parts_mut(to.add(c * pixels), n);
                finish_line(isa, group * count + c, at, line, epilogue);
            }
        }
    });
    // SAFETY: the jobs cover all rows of all images and groups.
    unsafe { out.filled() }
}

/// Weights above which a weight gradient is split over input channels: a copy per
/// part would cost more than the products.
const WIDE: usize = 1 << 15;

/// The gradient of the weights.
pub(crate) fn weight_gradient(isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (rows, width) = g.out_size();
    let (pixels, depth, count) = (rows * width, g.depth(), g.group_outputs());
    assert_eq!(dy.len(), g.batch * g.outputs * pixels, "gradient size");
    if g.outputs * depth > WIDE {
        return wide_weight_gradient(isa, g, x, dy);
    }
    let jobs = g.jobs();
    let parts = jobs.len().min(PARTS);
    let sums: Vec<Vec<f32>> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let mut sum = vec![0.0; g.outputs * depth];
            for job in &jobs[part * jobs.len() / parts..(part + 1) * jobs.len() / parts] {
                let [image, group, first, end] = *job;
                let n = (end - first) * width;
                let start = (image * g.outputs + group * count) * pixels + first * width;
                let left = Matrix { data: &dy[start..], row: pixels, column: 1 };
                let to = &mut sum[group * count * depth..][..count * depth];
                let size = Dots { rows: count, columns: depth, depth: n };
                with_columns(x, g, *job, |columns| add_dots(isa, size, left, columns, to));
            }
            sum
        })
        .collect();
    let mut sums = sums.into_iter();
    let mut total = sums.next().unwrap_or_else(|| vec![0.0; g.outputs * depth]);
    for part in sums {
        for (t, p) in total.iter_mut().zip(part) {
            *t += p;
        }
    }
    total
}

/// The same, where every job has some input channels of a group and all pixels.
fn wide_weight_gradient(isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (rows, width) = g.out_size();
    let (pixels, depth, count) = (rows * width, g.depth(), g.group_outputs());
    let share = (96 / g.taps()).clamp(1, g.group_inputs());
    let shares = g.group_inputs().div_ceil(share);
    let mut out = Output::new(g.outputs * depth);
    let to = out.shared();
    (0..g.groups * shares).into_par_iter().for_each(|job| {
        let (group, first) = (job / shares, job % shares * share);
        let channels = share.min(g.group_inputs() - first);
        let columns = channels * g.taps();
        // The same convolution of these channels alone.
        let own = Geometry { batch: 1, inputs: channels, outputs: count, groups: 1, ..*g };
        let mut sum = vec![0.0; count * columns];
        for image in 0..g.batch {
            let plane = image * g.inputs + group * g.group_inputs() + first;
            let x = &x[plane * g.plane()..][..channels * g.plane()];
            for [.., top, end] in own.jobs() {
                let n = (end - top) * width;
                let start = (image * g.outputs + group * count) * pixels + top * width;
                let left = Matrix { data: &dy[start..], row: pixels, column: 1 };
                let size = Dots { rows: count, columns, depth: n };
                with_columns(x, &own, [0, 0, top, end], |right| {
                    add_dots(isa, size, left, right, &mut sum);
                });
            }
        }
        for (o, line) in sum.chunks_exact(columns).enumerate() {
            let at = (group * count + o) * depth + first * g.taps();
            let to = to.range(at, columns);
            // SAFETY: the range was checked; this job alone writes these channels.
            unsafe { to.copy_from_nonoverlapping(line.as_ptr(), columns) };
        }
    });
    // SAFETY: the jobs cover all channels of all groups.
    unsafe { out.filled() }
}

/// The gradient of the input.
pub(crate) fn input_gradient(g: &Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let reach = (g.dilation.0 * (g.kernel.0 - 1), g.dilation.1 * (g.kernel.1 - 1));
    if g.is_pointwise() && g.groups == 1 {
        return pointwise_input_gradient(g, dy, weight);
    }
    if g.stride == (1, 1) && reach.0 >= g.padding.0 && reach.1 >= g.padding.1 {
        let back = Geometry {
            inputs: g.outputs,
            outputs: g.inputs,
            size: g.out_size(),
            padding: (reach.0 - g.padding.0, reach.1 - g.padding.1),
            ..*g
        };
        return convolve(&back, dy, &rotated(g, weight), &Epilogue::default());
    }
    scatter_gradient(g, dy, weight, None)
}

/// A product with the weights as they are, their rows and columns swapped.
fn pointwise_input_gradient(g: &Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let back = Geometry { inputs: g.outputs, outputs: g.inputs, ..*g };
    let pixels = g.plane();
    let mut out = Output::new(g.batch * g.inputs * pixels);
    let to = out.shared();
    back.jobs().into_par_iter().for_each(|job| {
        let [image, _, first, end] = job;
        let n = (end - first) * g.size.1;
        let start = image * g.inputs * pixels + first * g.size.1;
        let to = to.range(start, (g.inputs - 1) * pixels + n);
        let left = Matrix { data: weight, row: 1, column: g.inputs };
        with_columns(dy, &back, job, |right| {
            // SAFETY: the range was checked; this job alone owns these rows.
            unsafe { multiply((g.inputs, g.outputs, n), left, right, to, pixels, false) }
        });
    });
    // SAFETY: the jobs cover all rows of all images.
    unsafe { out.filled() }
}

/// Weights of the convolution that carries gradients back at stride 1: rotated
/// by half a turn, input and output channels of each group swapped.
fn rotated(g: &Geometry, weight: &[f32]) -> Vec<f32> {
    let (inputs, outputs, taps) = (g.group_inputs(), g.group_outputs(), g.taps());
    let mut back = vec![0.0; weight.len()];
    for group in 0..g.groups {
        let base = group * inputs * outputs * taps;
        for o in 0..outputs {
            for i in 0..inputs {
                let from = &weight[base + (o * inputs + i) * taps..][..taps];
                let to = &mut back[base + (i * outputs + o) * taps..][..taps];
                for (value, tap) in to.iter_mut().zip(from.iter().rev()) {
                    *value = *tap;
                }
            }
        }
    }
    back
}

/// Rows of a product of [`scatter_gradient`], about.
const SCATTER_ROWS: usize = 64;

/// Products per tap, then added where the patches came from. Also the transposed
/// convolution: `bias` is where the sums of a channel start.
pub(crate) fn scatter_gradient(
    g: &Geometry,
    dy: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let (rows, width) = g.out_size();
    let pixels = rows * width;
    let (count, depth, taps) = (g.group_outputs(), g.depth(), g.taps());
    assert_eq!(dy.len(), g.batch * g.outputs * pixels, "gradient size");
    assert_eq!(weight.len(), g.outputs * depth, "weight size");
    // Channels whose products are computed together, in jobs of one group of one image.
    let share = (SCATTER_ROWS / taps).clamp(1, g.group_inputs());
    let shares = g.group_inputs().div_ceil(share);
    let mut gradient = Output::new(g.batch * g.inputs * g.plane());
    let to = gradient.shared();
    (0..g.batch * g.groups * shares).into_par_iter().for_each(|job| {
        let (image, group, part) = (job / shares / g.groups, job / shares % g.groups, job % shares);
        let channel = part * share;
        let channels = share.min(g.group_inputs() - channel);
        let left = Matrix {
            data: &weight[group * count * depth + channel * taps..],
            row: 1,
            column: depth,
        };
        let right = Matrix {
            data: &dy[(image * g.outputs + group * count) * pixels..],
            row: pixels,
            column: 1,
        };
        let first = group * g.group_inputs() + channel;
        let to = to.range((image * g.inputs + first) * g.plane(), channels * g.plane());
        with_scratch([channels * taps * pixels], |[columns]| {
            let size = (channels * taps, count, pixels);
            // SAFETY: `columns` holds as many rows of `pixels` values; this job alone owns the
            // planes, whose range was checked, and writes them before it reads them.
            let planes = unsafe {
                multiply(size, left, right, columns.as_mut_ptr(), pixels, false);
                for c in 0..channels {
                    let value = bias.map_or(0.0, |bias| bias[first + c]);
                    for i in 0..g.plane() {
                        to.add(c * g.plane() + i).write(value);
                    }
                }
                std::slice::from_raw_parts_mut(to, channels * g.plane())
            };
            let lines = columns.chunks_exact(taps * pixels);
            for (plane, lines) in planes.chunks_exact_mut(g.plane()).zip(lines) {
                for (tap, line) in lines.chunks_exact(pixels).enumerate() {
                    add_tap(g, (tap / g.kernel.1, tap % g.kernel.1), line, plane);
                }
            }
        });
    });
    // SAFETY: the jobs cover all planes.
    unsafe { gradient.filled() }
}

/// Adds the values of one tap to the pixels they came from.
pub(super) fn add_tap(g: &Geometry, tap: (usize, usize), line: &[f32], plane: &mut [f32]) {
    let width = g.out_size().1;
    let (h, w) = (g.size.0.cast_signed(), g.size.1.cast_signed());
    for (i, from) in line.chunks_exact(width).enumerate() {
        let y = (i * g.stride.0 + tap.0 * g.dilation.0).cast_signed() - g.padding.0.cast_signed();
        if y < 0 || y >= h {
            continue;
        }
        let to = &mut plane[y.cast_unsigned() * g.size.1..][..g.size.1];
        let left = (tap.1 * g.dilation.1).cast_signed() - g.padding.1.cast_signed();
        let (start, end) = inside(left, w, g.stride.1, width);
        if end > start {
            let first = (start * g.stride.1).wrapping_add_signed(left);
            for (t, value) in to[first..].iter_mut().step_by(g.stride.1).zip(&from[start..end]) {
                *t += value;
            }
        }
    }
}
