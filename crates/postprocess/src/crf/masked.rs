//! The Gaussian kernel between some of the pixels of a picture, by convolution.

use std::ops::Range;

use super::config::Normalization;
use super::convolution::GridKernel;
use super::update::Rows;

/// A Gaussian kernel among chosen pixels; the others give nothing and get nothing.
///
/// All pixels are convolved, with zeros for the others: for small kernels that is cheaper than
/// a lattice of the chosen ones.
#[derive(Debug, Clone)]
pub(crate) struct MaskedGrid {
    grid: GridKernel,
    width: usize,
    /// The chosen pixels, row by row.
    pixels: Vec<usize>,
    /// The number of chosen pixels above each row, and of all.
    starts: Vec<usize>,
    /// Factors of each chosen pixel before and after the sum.
    before: Vec<f32>,
    after: Vec<f32>,
}

/// Points whose factors are found together.
const STEP: usize = 8192;

impl MaskedGrid {
    /// A kernel among `pixels`, numbers in row-major order that rise.
    pub(crate) fn new(
        size: (usize, usize),
        sigma: [f64; 2],
        normalization: Normalization,
        pixels: &[usize],
    ) -> Self {
        let (rows, width) = size;
        let starts = (0..=rows).map(|y| pixels.partition_point(|&p| p < y * width)).collect();
        let (pixels, ones) = (pixels.to_vec(), vec![1.0; pixels.len()]);
        let grid = GridKernel::new(size, sigma, Normalization::None);
        let mut kernel = Self { grid, width, pixels, starts, before: ones.clone(), after: ones };
        let ones = [vec![[1.0_f32]; kernel.pixels.len()]];
        let (mut factors, mut sums) = (Vec::with_capacity(ones[0].len()), Vec::new());
        for start in (0..kernel.pixels.len()).step_by(STEP) {
            let end = kernel.pixels.len().min(start + STEP);
            kernel.sum(&ones, 1, start..end, &mut sums);
            factors.extend(sums.iter().map(|&sum| {
                let (before, after) = normalization.factors(f64::from(sum));
                (before as f32, after as f32)
            }));
        }
        (kernel.before, kernel.after) = factors.into_iter().unzip();
        kernel
    }

    /// Writes the sums at a range of points, normalised; `bands` have the values of all points,
    /// `chunks` of `W` lanes each.
    #[inline(always)]
    pub(crate) fn sum<const W: usize>(
        &self,
        bands: &[Rows<W>],
        chunks: usize,
        range: Range<usize>,
        out: &mut Vec<f32>,
    ) {
        let lanes = chunks * W;
        out.clear();
        let (Some(first), Some(last)) =
            (self.pixels.get(range.start), self.pixels.get(range.end.wrapping_sub(1)))
        else {
            return;
        };
        let rows = first / self.width..last / self.width + 1;
        let reach = self.grid.reach(&rows);
        let length = self.width * lanes;
        let mut dense = vec![0.0; reach.len() * length];
        // All bands have as many points as the first, but the last.
        let step = (bands[0].len() / chunks).max(1);
        for point in self.starts[reach.start]..self.starts[reach.end] {
            let values = bands[point / step][point % step * chunks..][..chunks].as_flattened();
            let at = (self.pixels[point] - reach.start * self.width) * lanes;
            for (to, value) in dense[at..at + lanes].iter_mut().zip(values) {
                *to = value * self.before[point];
            }
        }
        let [ones, _] = self.grid.row_factors(lanes);
        let mut columns = Vec::new();
        self.grid.sum_columns(
            rows.clone(),
            lanes,
            &ones,
            #[inline(always)]
            |row| &dense[(row - reach.start) * length..][..length],
            &mut columns,
        );
        let pitch = self.grid.pitch(lanes);
        let mut sums = vec![0.0; length];
        for (row, columns) in rows.zip(columns.chunks_exact(pitch)) {
            self.grid.sum_row(columns, 0, lanes, &ones, &mut sums);
            let points = self.starts[row].max(range.start)..self.starts[row + 1].min(range.end);
            for point in points {
                let at = (self.pixels[point] - row * self.width) * lanes;
                let after = self.after[point];
                out.extend(sums[at..at + lanes].iter().map(|sum| sum * after));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_over_all_pairs_of_chosen_pixels() {
        let (size, sigma) = ((13, 11), [1.4_f64, 2.1]);
        let pixels: Vec<usize> = (0..143).filter(|p| (p * p) % 7 < 3 || *p == 142).collect();
        // Two values a point.
        let values: Rows<2> =
            pixels.iter().map(|&p| [(p % 5) as f32 - 1.5, (p % 3) as f32]).collect();
        let weight = |a: usize, b: usize| {
            let apart = |a: usize, b: usize, sigma: f64| (a.abs_diff(b) as f64 / sigma).powi(2);
            let square = apart(a / 11, b / 11, sigma[0]) + apart(a % 11, b % 11, sigma[1]);
            (-0.5 * square).exp()
        };
        for normalization in [Normalization::None, Normalization::Symmetric, Normalization::After] {
            let kernel = MaskedGrid::new(size, sigma, normalization, &pixels);
            // Two bands, so that a band takes rows of another.
            let step = pixels.len().div_ceil(2);
            let bands: Vec<Rows<2>> = values.chunks(step).map(<[_]>::to_vec).collect();
            let mut out = Vec::new();
            for (band, values) in bands.iter().enumerate() {
                let mut sums = Vec::new();
                kernel.sum(&bands, 1, band * step..band * step + values.len(), &mut sums);
                out.extend(sums);
            }
            let total = |i: usize| pixels.iter().map(|&p| weight(pixels[i], p)).sum::<f64>();
            let factors: Vec<_> =
                (0..pixels.len()).map(|i| normalization.factors(total(i))).collect();
            assert_eq!(out.len(), 2 * pixels.len(), "two sums a point");
            for (i, out) in out.chunks_exact(2).enumerate() {
                for (lane, &out) in out.iter().enumerate() {
                    let pairs = (0..pixels.len()).map(|j| {
                        weight(pixels[i], pixels[j]) * f64::from(values[j][lane]) * factors[j].0
                    });
                    let wanted = factors[i].1 * pairs.sum::<f64>();
                    assert!((f64::from(out) - wanted).abs() < 2e-4, "{i}: {out} {wanted}");
                }
            }
        }
    }
}
