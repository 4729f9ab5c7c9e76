//! The Gaussian kernel on the grid of a picture, by two passes over columns and rows.

use super::config::Normalization;

/// Standard deviations after which the kernel is cut off: what is lost is below 10^-5.
const REACH: f64 = 4.5;
/// Largest sigma in pixels; above it the lattice is faster.
pub(crate) const MAX_SIGMA: f64 = 12.0;
/// Values that one block of a row computes: enough that no sum waits for itself.
const BLOCK: usize = 64;
/// Values and rows that one block of the sums over columns computes.
const LANES: usize = 16;
pub(crate) const ROWS: usize = 4;

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

    /// Adds the convolution of up to [`ROWS`] rows from `first`, times `factor`.
    ///
    /// `row_at` gives the values of any row of the picture; `padded` is work space.
    #[inline(always)]
    pub(crate) fn add_rows<'v>(
        &self,
        first: usize,
        row_at: impl Fn(usize) -> &'v [f32],
        factor: f32,
        padded: &mut [Vec<f32>; ROWS],
        out: &mut [f32],
    ) {
        let (width, height) = (self.horizontal.after.len(), self.vertical.after.len());
        let (radius, margin) = (self.vertical.radius(), self.horizontal.radius());
        let sources = first.saturating_sub(radius)..height.min(first + ROWS + radius);
        // For each row around the group its weight for each row of the group.
        let rows: Vec<(&[f32], [f32; ROWS])> = sources
            .map(|row| {
                let weight = |o: usize| self.vertical.weights.get(row.abs_diff(first + o));
                let weights: [f32; ROWS] =
                    std::array::from_fn(|o| weight(o).copied().unwrap_or(0.0));
                (row_at(row), weights.map(|weight| weight * self.vertical.before[row]))
            })
            .collect();
        let end = margin + width.next_multiple_of(BLOCK);
        for row in padded.iter_mut() {
            row.resize(end + margin, 0.0);
            row[..margin].fill(0.0);
            row[margin + width..].fill(0.0);
        }
        let before = &self.horizontal.before;
        let whole = width / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let sums = column_block::<LANES>(&rows, start);
            let scale = &before[start..start + LANES];
            for (row, sums) in padded.iter_mut().zip(&sums) {
                let row = &mut row[margin + start..][..LANES];
                for l in 0..LANES {
                    row[l] = sums[l] * scale[l];
                }
            }
        }
        for at in whole..width {
            let sums = column_block::<1>(&rows, at);
            for (row, [sum]) in padded.iter_mut().zip(&sums) {
                row[margin + at] = sum * before[at];
            }
        }
        for ((y, out), row) in (first..).zip(out.chunks_exact_mut(width)).zip(padded.iter()) {
            let factor = self.vertical.after[y] * factor;
            add_row(&self.horizontal, row, factor, out);
        }
    }
}

/// The weighted sums of rows for a group of output rows.
#[inline(always)]
fn column_block<const L: usize>(rows: &[(&[f32], [f32; ROWS])], start: usize) -> [[f32; L]; ROWS] {
    // One variable per output row: an array of them would not stay in registers.
    let mut first = [0.0; L];
    let mut second = [0.0; L];
    let mut third = [0.0; L];
    let mut fourth = [0.0; L];
    for &(row, [a, b, c, d]) in rows {
        let values = &row[start..start + L];
        for l in 0..L {
            first[l] = values[l].mul_add(a, first[l]);
        }
        for l in 0..L {
            second[l] = values[l].mul_add(b, second[l]);
        }
        for l in 0..L {
            third[l] = values[l].mul_add(c, third[l]);
        }
        for l in 0..L {
            fourth[l] = values[l].mul_add(d, fourth[l]);
        }
    }
    [first, second, third, fourth]
}

/// Adds the convolution of one row, whose ends are padded with zeros.
#[inline(always)]
fn add_row(axis: &AxisKernel, padded: &[f32], factor: f32, out: &mut [f32]) {
    let radius = axis.radius();
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    let (scales, last) = axis.after.as_chunks::<BLOCK>();
    let done = blocks.len() * BLOCK;
    for ((index, block), scale) in blocks.iter_mut().enumerate().zip(scales) {
        let sums = row_block(&axis.weights, padded, radius + index * BLOCK);
        for l in 0..BLOCK {
            block[l] = sums[l].mul_add(scale[l] * factor, block[l]);
        }
    }
    if !rest.is_empty() {
        let sums = row_block(&axis.weights, padded, radius + done);
        for ((out, sum), scale) in rest.iter_mut().zip(&sums).zip(last) {
            *out = sum.mul_add(scale * factor, *out);
        }
    }
}

#[inline(always)]
fn row_block(weights: &[f32], padded: &[f32], center: usize) -> [f32; BLOCK] {
    let own = &padded[center..center + BLOCK];
    let mut total = [0.0; BLOCK];
    for l in 0..BLOCK {
        total[l] = weights[0] * own[l];
    }
    for (t, weight) in (1..).zip(&weights[1..]) {
        let left = &padded[center - t..][..BLOCK];
        let right = &padded[center + t..][..BLOCK];
        for l in 0..BLOCK {
            total[l] = (left[l] + right[l]).mul_add(*weight, total[l]);
        }
    }
    total
}
