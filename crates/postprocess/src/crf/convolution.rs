//! The Gaussian kernel on the grid of a picture, by two passes over columns and rows.
//!
//! Values are interleaved: all those of a pixel (`lanes`) lie side by side.

use std::ops::Range;

use super::config::Normalization;

/// Standard deviations after which the kernel is cut off: what is lost is below 10^-5.
const REACH: f64 = 4.5;
/// Largest sigma in pixels; above it the lattice is faster.
pub(crate) const MAX_SIGMA: f64 = 12.0;
/// Values that one block of a row computes.
const BLOCK: usize = 64;
/// Values and rows that one block of the sums over columns computes.
const LANES: usize = 64;
const ROWS: usize = 4;
/// Values of a strip of columns.
const STRIP: usize = 1024;

/// Weights and normalisation along one axis.
#[derive(Debug, Clone)]
pub(crate) struct AxisKernel {
    /// Weights at distances 0, 1, ...
    weights: Vec<f32>,
    /// Factors before and after the sum at each position.
    before: Vec<f32>,
    after: Vec<f32>,
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

    fn radius(&self) -> usize {
        self.weights.len() - 1
    }
}

/// A Gaussian kernel on a picture; sums are products of sums over rows and columns.
#[derive(Debug, Clone)]
pub(crate) struct GridKernel {
    vertical: AxisKernel,
    horizontal: AxisKernel,
}

impl GridKernel {
    pub(crate) fn new(size: (usize, usize), sigma: [f64; 2], normalization: Normalization) -> Self {
        Self {
            vertical: AxisKernel::new(size.0, sigma[0], normalization),
            horizontal: AxisKernel::new(size.1, sigma[1], normalization),
        }
    }

    /// The factors of a row before and after the sum along it, repeated for all `lanes` values
    /// of a point.
    pub(crate) fn row_factors(&self, lanes: usize) -> [Vec<f32>; 2] {
        let repeated = |factors: &[f32]| {
            factors.iter().flat_map(|&factor| std::iter::repeat_n(factor, lanes)).collect()
        };
        [repeated(&self.horizontal.before), repeated(&self.horizontal.after)]
    }

    /// The rows that sums at some rows reach.
    pub(crate) fn reach(&self, rows: &Range<usize>) -> Range<usize> {
        let radius = self.vertical.radius();
        rows.start.saturating_sub(radius)..self.vertical.before.len().min(rows.end + radius)
    }

    /// Values from row to row of what [`GridKernel::sum_columns`] writes: zeros at both ends.
    pub(crate) fn pitch(&self, lanes: usize) -> usize {
        (self.horizontal.before.len() + 2 * self.horizontal.radius()) * lanes
    }

    /// Sums over columns, for some rows of the picture; `source` gives its rows, of as many
    /// values as `factors`, by which the sums are multiplied.
    #[inline(always)]
    pub(crate) fn sum_columns<'a>(
        &self,
        rows: Range<usize>,
        lanes: usize,
        factors: &[f32],
        source: impl Fn(usize) -> &'a [f32],
        out: &mut Vec<f32>,
    ) {
        let (pitch, margin) = (self.pitch(lanes), self.horizontal.radius() * lanes);
        let (height, radius) = (self.vertical.before.len(), self.vertical.radius());
        // Only the zeros at the ends of rows are read before they are written.
        out.resize(rows.len() * pitch, 0.0);
        // Strip by strip, so that the rows which groups share stay in the cache.
        for start in (0..factors.len()).step_by(STRIP) {
            let strip = start..factors.len().min(start + STRIP);
            for (first, out) in rows.clone().step_by(ROWS).zip(out.chunks_mut(ROWS * pitch)) {
                let reach = first.saturating_sub(radius)..height.min(first + ROWS + radius);
                let sources: Vec<&[f32]> =
                    reach.clone().map(|row| &source(row)[strip.clone()]).collect();
                let weights: Vec<[f32; ROWS]> =
                    reach.map(|row| self.column_weights(row, first)).collect();
                let out = &mut out[margin + start..];
                let factors = &factors[strip.clone()];
                let done = strip.len() / LANES * LANES;
                for at in (0..done).step_by(LANES) {
                    column_block::<LANES>(&weights, &sources, factors, at, pitch, out);
                }
                for at in done..strip.len() {
                    column_block::<1>(&weights, &sources, factors, at, pitch, out);
                }
            }
        }
    }

    /// The weights of a row in the sums of the rows from `first` on.
    fn column_weights(&self, row: usize, first: usize) -> [f32; ROWS] {
        let axis = &self.vertical;
        std::array::from_fn(|o| {
            let weight = axis.weights.get(row.abs_diff(first + o)).copied().unwrap_or(0.0);
            let after = axis.after.get(first + o).copied().unwrap_or(0.0);
            axis.before[row] * weight * after
        })
    }

    /// Sums along a row that [`GridKernel::sum_columns`] has written, from a value on, times
    /// `factors`.
    #[inline(always)]
    pub(crate) fn sum_row(
        &self,
        row: &[f32],
        first: usize,
        lanes: usize,
        factors: &[f32],
        out: &mut [f32],
    ) {
        let weights = &self.horizontal.weights;
        let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
        let done = first + blocks.len() * BLOCK;
        for (index, block) in blocks.iter_mut().enumerate() {
            let at = first + index * BLOCK;
            row_block(weights, row, at, lanes, factors, block);
        }
        for (i, out) in rest.iter_mut().enumerate() {
            row_block(weights, row, done + i, lanes, factors, std::array::from_mut(out));
        }
    }
}

/// Writes the weighted sums of rows for a group of output rows, `pitch` apart.
#[inline(always)]
fn column_block<const L: usize>(
    weights: &[[f32; ROWS]],
    rows: &[&[f32]],
    factors: &[f32],
    start: usize,
    pitch: usize,
    out: &mut [f32],
) {
    // One variable per output row: an array of them would not stay in registers.
    let mut first = [0.0; L];
    let mut second = [0.0; L];
    let mut third = [0.0; L];
    let mut fourth = [0.0; L];
    for (row, &[a, b, c, d]) in rows.iter().zip(weights) {
        let values = &row[start..start + L];
        for l in 0..L {
            first[l] += a * values[l];
        }
        for l in 0..L {
            second[l] += b * values[l];
        }
        for l in 0..L {
            third[l] += c * values[l];
        }
        for l in 0..L {
            fourth[l] += d * values[l];
        }
    }
    let factors = &factors[start..start + L];
    for (row, sums) in out.chunks_mut(pitch).zip([first, second, third, fourth]) {
        let row = &mut row[start..start + L];
        for l in 0..L {
            row[l] = sums[l] * factors[l];
        }
    }
}

/// Sums of values that lie `lanes` apart, for neighbouring values.
#[inline(always)]
fn row_block<const B: usize>(
    weights: &[f32],
    row: &[f32],
    start: usize,
    lanes: usize,
    factors: &[f32],
    out: &mut [f32; B],
) {
    let center = start + (weights.len() - 1) * lanes;
    let own = &row[center..center + B];
    let mut total = [0.0; B];
    for l in 0..B {
        total[l] = weights[0] * own[l];
    }
    for (t, weight) in (1..).zip(&weights[1..]) {
        let left = &row[center - t * lanes..][..B];
        let right = &row[center + t * lanes..][..B];
        for l in 0..B {
            total[l] += weight * (left[l] + right[l]);
        }
    }
    let factors = &factors[start..start + B];
    for l in 0..B {
        out[l] = total[l] * factors[l];
    }
}
