//! The Gaussian kernel on the grid of a picture, by two passes over rows and columns.

use super::config::Normalization;

/// Standard deviations after which the kernel is cut off: what is lost is below 10^-5.
const REACH: f64 = 4.5;
/// Largest sigma in pixels; above it the lattice is faster.
pub(crate) const MAX_SIGMA: f64 = 12.0;
/// Values that one block of a row computes.
const BLOCK: usize = 32;
/// Values and rows that one block of the sums over columns computes.
const LANES: usize = 16;
const ROWS: usize = 4;

/// Weights and normalisation along one axis.
#[derive(Debug, Clone)]
pub(crate) struct AxisKernel {
    /// Weights at distances 0, 1, ...
    pub(crate) weights: Vec<f32>,
    /// Factors before and after the sum at each position.
    pub(crate) before: Vec<f32>,
    pub(crate) after: Vec<f32>,
}

impl AxisKernel {
    pub(crate) fn new(size: usize, sigma: f64, normalization: Normalization) -> Self {
        let radius =
            (((REACH * sigma).ceil() as i64).cast_unsigned() as usize).min(size.saturating_sub(1));
        let weight = |t: usize| (-0.5 * (t as f64 / sigma).powi(2)).exp();
        let weights: Vec<f64> = (0..=radius).map(weight).collect();
        let (before, after) = (0..size)
            .map(|i| {
                let left: f64 = weights[1..=radius.min(i)].iter().sum();
                let right: f64 = weights[1..=radius.min(size - 1 - i)].iter().sum();
                let (before, after) = normalization.factors(weights[0] + left + right);
                (before as f32, after as f32)
            })
            .unzip();
        Self { weights: weights.iter().map(|&w| w as f32).collect(), before, after }
    }

    pub(crate) fn radius(&self) -> usize {
        self.weights.len() - 1
    }
}

/// A Gaussian kernel on a picture; sums are products of sums over rows and columns.
#[derive(Debug, Clone)]
pub(crate) struct GridKernel {
    pub(crate) vertical: AxisKernel,
    pub(crate) horizontal: AxisKernel,
}

impl GridKernel {
    pub(crate) fn new(size: (usize, usize), sigma: [f64; 2], normalization: Normalization) -> Self {
        Self {
            vertical: AxisKernel::new(size.0, sigma[0], normalization),
            horizontal: AxisKernel::new(size.1, sigma[1], normalization),
        }
    }

    /// Convolves one row; `padded` is work space.
    #[inline(always)]
    pub(crate) fn filter_row(
        &self,
        row: usize,
        values: &[f32],
        padded: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let axis = &self.horizontal;
        let width = axis.before.len();
        let margin = axis.radius();
        padded.resize(width + 2 * margin, 0.0);
        let factor = self.vertical.before[row];
        // A kernel of another reach may have left values there.
        padded[..margin].fill(0.0);
        padded[margin + width..].fill(0.0);
        let inner = &mut padded[margin..margin + width];
        for ((inner, value), before) in inner.iter_mut().zip(values).zip(&axis.before) {
            *inner = value * (before * factor);
        }
        convolve_row(&axis.weights, padded, out);
    }

    /// Values from row to row of the convolved rows: whole blocks, and an odd number of cache
    /// lines, so that rows do not push each other out of the cache.
    pub(crate) fn pitch(&self) -> usize {
        (self.horizontal.after.len().div_ceil(LANES) | 1) * LANES
    }

    /// The number of rows that [`GridKernel::add_column_sums`] wants for `rows` of output.
    pub(crate) fn rows_for(&self, rows: usize) -> usize {
        rows.next_multiple_of(ROWS) + 2 * self.vertical.radius()
    }

    /// Adds the sums over columns of one class, times `factor`.
    ///
    /// `rows` have the pitch and start as many rows before the output as the kernel reaches.
    #[inline(always)]
    pub(crate) fn add_column_sums(
        &self,
        first_row: usize,
        rows: &[f32],
        factor: f32,
        out: &mut [f32],
    ) {
        let (width, pitch) = (self.horizontal.after.len(), self.pitch());
        let reach = 2 * self.vertical.radius() + ROWS;
        // For each row around a group of output rows its weight for each of them.
        let weights: Vec<[f32; ROWS]> = (0..reach)
            .map(|j| {
                let mut weights = [0.0; ROWS];
                for (o, weight) in weights.iter_mut().enumerate() {
                    let away = j.abs_diff(self.vertical.radius() + o);
                    *weight = self.vertical.weights.get(away).copied().unwrap_or(0.0);
                }
                weights
            })
            .collect();
        let after = &self.vertical.after[first_row..];
        for (group, out) in out.chunks_mut(width * ROWS).enumerate() {
            let rows = &rows[group * ROWS * pitch..][..reach * pitch];
            for start in (0..width).step_by(LANES) {
                let sums = column_block(&weights, rows, pitch, start);
                let end = width.min(start + LANES);
                let scale = &self.horizontal.after[start..end];
                for (y, (out, sums)) in out.chunks_exact_mut(width).zip(&sums).enumerate() {
                    let factor = after[group * ROWS + y] * factor;
                    for ((out, sum), scale) in out[start..end].iter_mut().zip(sums).zip(scale) {
                        *out += sum * (scale * factor);
                    }
                }
            }
        }
    }
}

/// The weighted sums of rows for a group of output rows.
#[inline(always)]
fn column_block(
    weights: &[[f32; ROWS]],
    rows: &[f32],
    pitch: usize,
    start: usize,
) -> [[f32; LANES]; ROWS] {
    // One variable per output row: an array of them would not stay in registers.
    let mut first = [0.0; LANES];
    let mut second = [0.0; LANES];
    let mut third = [0.0; LANES];
    let mut fourth = [0.0; LANES];
    for (row, &[a, b, c, d]) in rows.chunks_exact(pitch).zip(weights) {
        let values = &row[start..start + LANES];
        for l in 0..LANES {
            first[l] += a * values[l];
        }
        for l in 0..LANES {
            second[l] += b * values[l];
        }
        for l in 0..LANES {
            third[l] += c * values[l];
        }
        for l in 0..LANES {
            fourth[l] += d * values[l];
        }
    }
    [first, second, third, fourth]
}

/// One row, whose ends are padded with zeros.
#[inline(always)]
fn convolve_row(weights: &[f32], padded: &[f32], out: &mut [f32]) {
    let radius = weights.len() - 1;
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    let done = blocks.len() * BLOCK;
    for (index, block) in blocks.iter_mut().enumerate() {
        *block = row_block(weights, padded, radius + index * BLOCK);
    }
    for (i, out) in rest.iter_mut().enumerate() {
        [*out] = row_block(weights, padded, radius + done + i);
    }
}

#[inline(always)]
fn row_block<const B: usize>(weights: &[f32], padded: &[f32], center: usize) -> [f32; B] {
    let own = &padded[center..center + B];
    let mut total = [0.0; B];
    for l in 0..B {
        total[l] = weights[0] * own[l];
    }
    for (t, weight) in (1..).zip(&weights[1..]) {
        let left = &padded[center - t..][..B];
        let right = &padded[center + t..][..B];
        for l in 0..B {
            total[l] += weight * (left[l] + right[l]);
        }
    }
    total
}
