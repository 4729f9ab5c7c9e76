//! The Gaussian kernel between pixels of a picture, along rows and columns.
//!
//! A Gaussian is the sum over the nodes of a fine grid of two narrower ones, from a pixel to the
//! node and from there to the other pixel. With nodes some pixels apart that is much less work
//! than the Gaussian itself, as precise, and still the same in both directions.
//!
//! All values of a pixel or node (`lanes`) lie side by side.

use std::ops::Range;

use rayon::prelude::*;

use super::axis::Axis;
use super::config::Normalization;
use super::wide::wide;

/// Largest sigma in pixels; above it the lattice is used.
pub(crate) const MAX_SIGMA: f64 = 12.0;
/// Rows of nodes that are summed together, and of one task.
const ROWS: usize = 4;
const TASK: usize = 8 * ROWS;
/// Values that are summed together, and at the ends of runs.
const LANES: usize = 64;
const FEW_LANES: usize = 8;
/// Values of a strip of columns, of which the rows that groups share stay in the cache.
const STRIP: usize = 1024;

/// A Gaussian kernel among all or some of the pixels of a picture; the others give nothing and
/// get nothing.
#[derive(Debug, Clone)]
pub(crate) struct GridKernel {
    vertical: Axis,
    horizontal: Axis,
    /// Where the points of each row start, and the end.
    pub(crate) starts: Vec<usize>,
    /// The column of each point.
    columns: Vec<u32>,
    /// Factors of each point before and after the sum.
    before: Vec<f32>,
    after: Vec<f32>,
}

impl GridKernel {
    /// A kernel among all pixels of a part of a picture that starts at `origin`.
    pub(crate) fn new(
        size: (usize, usize),
        origin: [usize; 2],
        sigma: [f64; 2],
        normalization: Normalization,
    ) -> Self {
        let (rows, width) = size;
        let vertical = Axis::new(rows, origin[0], sigma[0]);
        let horizontal = Axis::new(width, origin[1], sigma[1]);
        let factors = |axis: &Axis| -> Vec<(f64, f64)> {
            axis.sums.iter().map(|&sum| normalization.factors(sum)).collect()
        };
        // A sum over the picture is the product of those along its axes, and so are factors.
        let along = factors(&horizontal);
        let (before, after) = factors(&vertical)
            .into_iter()
            .flat_map(|(before, after)| {
                along.iter().map(move |(b, a)| ((before * b) as f32, (after * a) as f32))
            })
            .unzip();
        let starts = (0..=rows).map(|y| y * width).collect();
        let columns = (0..rows).flat_map(|_| 0..width as u32).collect();
        Self { vertical, horizontal, starts, columns, before, after }
    }

    /// A kernel among `pixels`, numbers in row-major order that rise.
    pub(crate) fn among(
        size: (usize, usize),
        sigma: [f64; 2],
        normalization: Normalization,
        pixels: &[usize],
    ) -> Self {
        let (rows, width) = size;
        let starts: Vec<usize> =
            (0..=rows).map(|y| pixels.partition_point(|&p| p < y * width)).collect();
        let mut kernel = Self {
            vertical: Axis::new(rows, 0, sigma[0]),
            horizontal: Axis::new(width, 0, sigma[1]),
            starts,
            columns: pixels.iter().map(|&p| (p % width) as u32).collect(),
            before: vec![1.0; pixels.len()],
            after: vec![1.0; pixels.len()],
        };
        let sums = wide(
            #[inline(always)]
            || kernel.filtered(&vec![[1.0]; pixels.len()]),
        );
        (kernel.before, kernel.after) = sums
            .into_iter()
            .map(|[sum]| {
                let (before, after) = normalization.factors(f64::from(sum));
                (before as f32, after as f32)
            })
            .unzip();
        kernel
    }

    /// The normalised sums at all points, whose values are one chunk of lanes.
    #[inline(always)]
    pub(crate) fn filtered<const W: usize>(&self, values: &[[f32; W]]) -> Vec<[f32; W]> {
        let (rows, nodes) = (self.starts.len() - 1, self.row_nodes() * W);
        let mut out = vec![[0.0; W]; values.len()];
        let (mut spread, mut row) = (vec![0.0; rows * nodes], GridRow::default());
        for (y, out) in spread.chunks_exact_mut(nodes).enumerate() {
            let points = self.starts[y]..self.starts[y + 1];
            self.spread_row(y, 1, &values[points], &mut row, out);
        }
        let mut sums = vec![0.0; self.nodes() * W];
        let sources: Vec<&[f32]> = spread.chunks_exact(nodes).collect();
        self.collect(W, &sources, &mut sums);
        for y in 0..rows {
            self.fetch_row(y, W, &sums, &mut row);
            let points = self.starts[y]..self.starts[y + 1];
            self.slice::<W, false>(points.clone(), 1, &row, 1.0, &mut out[points]);
        }
        out
    }

    /// Nodes of a row.
    pub(crate) fn row_nodes(&self) -> usize {
        self.horizontal.nodes
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.vertical.nodes * self.horizontal.nodes
    }

    /// Sums the values of the points of row `y`, `chunks` of `W` lanes each, at the nodes of a row.
    #[inline(always)]
    pub(crate) fn spread_row<const W: usize>(
        &self,
        y: usize,
        chunks: usize,
        values: &[[f32; W]],
        row: &mut GridRow,
        out: &mut [f32],
    ) {
        let axis = &self.horizontal;
        let points = self.starts[y]..self.starts[y + 1];
        if points.is_empty() {
            return;
        }
        let lanes = chunks * W;
        let run = axis.run() * lanes;
        // Where no point is stays zero.
        row.padded.resize(axis.stride * run, 0.0);
        if points.len() < axis.places.len() {
            row.padded.fill(0.0);
        }
        let (columns, before) = (&self.columns[points.clone()], &self.before[points]);
        for ((values, column), before) in values.chunks_exact(chunks).zip(columns).zip(before) {
            let at = axis.start + *column as usize;
            let to = &mut row.padded[at % axis.stride * run + at / axis.stride * lanes..][..lanes];
            scaled(values, *before, to.as_chunks_mut().0);
        }
        let place = |i: usize| i % axis.stride * run + i / axis.stride * lanes;
        let taps = axis.gather.iter().enumerate().map(|(i, &weight)| (weight, place(i)));
        sum_runs(&taps.collect::<Vec<_>>(), &row.padded, out);
    }

    /// Sums the rows of nodes that [`GridKernel::spread_row`] wrote, one for each row of the
    /// picture, at all nodes.
    pub(crate) fn collect(&self, lanes: usize, sources: &[&[f32]], out: &mut [f32]) {
        let pitch = self.row_nodes() * lanes;
        out.par_chunks_mut(TASK * pitch).enumerate().for_each(|(task, out)| {
            wide(
                #[inline(always)]
                || self.collect_some(task * TASK, sources, pitch, out),
            );
        });
    }

    /// Sums rows of `pitch` values for some rows of nodes.
    #[inline(always)]
    fn collect_some(&self, first: usize, sources: &[&[f32]], pitch: usize, out: &mut [f32]) {
        let axis = &self.vertical;
        for start in (0..pitch).step_by(STRIP) {
            let strip = start..pitch.min(start + STRIP);
            for (group, out) in out.chunks_mut(ROWS * pitch).enumerate() {
                let node = first + group * ROWS;
                let reach = axis.reach(&(node..node + out.len() / pitch));
                let weights: Vec<[f32; ROWS]> = reach
                    .clone()
                    .map(|y| std::array::from_fn(|o| axis.weight(y, node + o)))
                    .collect();
                let sources: Vec<&[f32]> =
                    sources[reach].iter().map(|row| &row[strip.clone()]).collect();
                let out = &mut out[start..];
                let done = strip.len() / LANES * LANES;
                for at in (0..done).step_by(LANES) {
                    column_block::<LANES>(&weights, &sources, at, pitch, out);
                }
                for at in done..strip.len() {
                    column_block::<1>(&weights, &sources, at, pitch, out);
                }
            }
        }
    }

    /// Sums what all nodes have at all columns of row `y` of the picture.
    #[inline(always)]
    pub(crate) fn fetch_row(&self, y: usize, lanes: usize, nodes: &[f32], row: &mut GridRow) {
        let axis = &self.horizontal;
        let pitch = axis.nodes * lanes;
        row.nodes.resize(2 * pitch, 0.0);
        let (own, next) = row.nodes.split_at_mut(pitch);
        if row.next.take() == Some(y) {
            own.copy_from_slice(next);
        } else {
            self.fetch_pair(y, nodes, own, next);
            row.next = Some(y + 1);
        }
        // Places follow each other; each starts with the pixel that the first node reaches.
        row.columns.resize(axis.stride * pitch, 0.0);
        for (weights, out) in axis.scatter.iter().zip(row.columns.chunks_exact_mut(pitch)) {
            let taps = weights.iter().enumerate().map(|(i, &weight)| (weight, i * lanes));
            let out = &mut out[..pitch - (weights.len() - 1) * lanes];
            sum_runs(&taps.collect::<Vec<_>>(), own, out);
        }
    }

    /// Sums what all nodes have at row `y` of the picture and the next, which need much the same.
    #[inline(always)]
    fn fetch_pair(&self, y: usize, nodes: &[f32], one: &mut [f32], two: &mut [f32]) {
        let axis = &self.vertical;
        let pitch = one.len();
        let (first, place) = axis.places[y];
        let (then, next) = axis.places.get(y + 1).copied().unwrap_or((first, place));
        let count = axis.scatter[place].len().max(then - first + axis.scatter[next].len());
        let weights: Vec<[f32; 2]> = (0..count)
            .map(|i| {
                let own = axis.scatter[place].get(i);
                let next = i.checked_sub(then - first).and_then(|i| axis.scatter[next].get(i));
                [own.copied().unwrap_or(0.0), next.copied().unwrap_or(0.0)]
            })
            .collect();
        let nodes = &nodes[first * pitch..];
        let done = pitch / LANES * LANES;
        for at in (0..done).step_by(LANES) {
            pair_block::<LANES>(&weights, nodes, at, one, two);
        }
        for at in done..pitch {
            pair_block::<1>(&weights, nodes, at, one, two);
        }
    }

    /// The normalised sums at points of a row that [`GridKernel::fetch_row`] has fetched, times
    /// `scale`, added to `out` or put there.
    #[inline(always)]
    pub(crate) fn slice<const W: usize, const ADD: bool>(
        &self,
        points: Range<usize>,
        chunks: usize,
        row: &GridRow,
        scale: f32,
        out: &mut [[f32; W]],
    ) {
        let axis = &self.horizontal;
        let (columns, after) = (&self.columns[points.clone()], &self.after[points]);
        for ((out, column), after) in out.chunks_exact_mut(chunks).zip(columns).zip(after) {
            let (first, place) = axis.places[*column as usize];
            let sums = &row.columns[(place * axis.nodes + first) * chunks * W..][..chunks * W];
            let factor = after * scale;
            for (out, sum) in out.iter_mut().zip(sums.as_chunks::<W>().0) {
                let mut total = *out;
                for l in 0..W {
                    let value = factor * sum[l];
                    total[l] = if ADD { total[l] + value } else { value };
                }
                *out = total;
            }
        }
    }
}

/// Writes values times a factor.
#[inline(always)]
fn scaled<const W: usize>(values: &[[f32; W]], factor: f32, out: &mut [[f32; W]]) {
    for (out, value) in out.iter_mut().zip(values) {
        // A copy first, or the compiler fears that the stores change what is still to be read.
        let mut value = *value;
        for value in &mut value {
            *value *= factor;
        }
        *out = value;
    }
}

/// What one row of a picture needs.
#[derive(Debug, Default)]
pub(crate) struct GridRow {
    /// Its values with zeros at both ends, place by place.
    padded: Vec<f32>,
    /// Sums at the nodes of the row, and of the next.
    nodes: Vec<f32>,
    /// The next row, if it has been fetched.
    next: Option<usize>,
    /// Sums at the columns, place by place.
    columns: Vec<f32>,
}

impl GridRow {
    /// The nodes have changed.
    pub(crate) fn forget(&mut self) {
        self.next = None;
    }
}

/// Sums runs of values, given by their weights and where they start.
#[inline(always)]
fn sum_runs(taps: &[(f32, usize)], values: &[f32], out: &mut [f32]) {
    let (blocks, rest) = out.as_chunks_mut::<LANES>();
    for (index, block) in blocks.iter_mut().enumerate() {
        run_block(taps, &values[index * LANES..], block);
    }
    let values = &values[blocks.len() * LANES..];
    let (blocks, rest) = rest.as_chunks_mut::<FEW_LANES>();
    for (index, block) in blocks.iter_mut().enumerate() {
        run_block(taps, &values[index * FEW_LANES..], block);
    }
    let values = &values[blocks.len() * FEW_LANES..];
    for (index, out) in rest.iter_mut().enumerate() {
        run_block(taps, &values[index..], std::array::from_mut(out));
    }
}

#[inline(always)]
fn run_block<const L: usize>(taps: &[(f32, usize)], values: &[f32], out: &mut [f32; L]) {
    let mut total = [0.0; L];
    for &(weight, start) in taps {
        let run = &values[start..start + L];
        for l in 0..L {
            total[l] += weight * run[l];
        }
    }
    *out = total;
}

/// Sums rows of values, each as long as `one`, weighted in two ways.
#[inline(always)]
fn pair_block<const L: usize>(
    weights: &[[f32; 2]],
    rows: &[f32],
    start: usize,
    one: &mut [f32],
    two: &mut [f32],
) {
    let (mut first, mut second) = ([0.0; L], [0.0; L]);
    for (&[a, b], row) in weights.iter().zip(rows.chunks_exact(one.len())) {
        let values = &row[start..start + L];
        for l in 0..L {
            first[l] += a * values[l];
        }
        for l in 0..L {
            second[l] += b * values[l];
        }
    }
    one[start..start + L].copy_from_slice(&first);
    two[start..start + L].copy_from_slice(&second);
}

/// Writes the weighted sums of rows for a group of output rows, `pitch` apart.
#[inline(always)]
fn column_block<const L: usize>(
    weights: &[[f32; ROWS]],
    rows: &[&[f32]],
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
    for (row, sums) in out.chunks_mut(pitch).zip([first, second, third, fourth]) {
        row[start..start + L].copy_from_slice(&sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_over_all_pairs_of_chosen_pixels() {
        let (rows, width) = (17, 61);
        let all: Vec<usize> = (0..rows * width).collect();
        let some: Vec<usize> = (0..rows * width).filter(|p| (p * p) % 7 < 3).collect();
        // Nodes one, two, four and eight pixels apart.
        for sigma in [[1.4_f64, 2.1], [3.0, 2.0], [4.4, 6.5], [12.0, 0.3]] {
            for (pixels, origin) in [(&all, [0, 0]), (&all, [5, 3]), (&some, [0, 0])] {
                for normalization in
                    [Normalization::None, Normalization::Symmetric, Normalization::After]
                {
                    let kernel = if pixels.len() == all.len() {
                        GridKernel::new((rows, width), origin, sigma, normalization)
                    } else {
                        GridKernel::among((rows, width), sigma, normalization, pixels)
                    };
                    let value = |p: usize| [(p % 5) as f32 - 1.5, (p % 3) as f32];
                    let values: Vec<[f32; 2]> = pixels.iter().map(|&p| value(p)).collect();
                    let weight = |a: usize, b: usize| {
                        let y = (a / width).abs_diff(b / width) as f64 / sigma[0];
                        let x = (a % width).abs_diff(b % width) as f64 / sigma[1];
                        (-0.5 * (x * x + y * y)).exp()
                    };
                    let factors: Vec<(f64, f64)> = (pixels.iter())
                        .map(|&p| pixels.iter().map(|&q| weight(p, q)).sum())
                        .map(|sum| normalization.factors(sum))
                        .collect();
                    for (i, out) in kernel.filtered(&values).iter().enumerate() {
                        for lane in 0..2 {
                            let given = |j: usize| f64::from(values[j][lane]) * factors[j].0;
                            let parts = (0..pixels.len())
                                .map(|j| weight(pixels[i], pixels[j]) * given(j) * factors[i].1);
                            let (sum, size) =
                                parts.fold((0.0, 0.0), |(sum, size), v| (sum + v, size + v.abs()));
                            let apart = (f64::from(out[lane]) - sum).abs();
                            assert!(apart < 1e-4 * size + 1e-6, "{sigma:?} {i}: {out:?} {sum}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn parts_of_a_picture_have_the_nodes_of_the_whole() {
        let sigma = [6.5, 4.4];
        let whole = GridKernel::new((150, 160), [0; 2], sigma, Normalization::None);
        let part = GridKernel::new((130, 141), [13, 9], sigma, Normalization::None);
        let value = |y: usize, x: usize| [((y * 7 + x * 3) % 11) as f32, (y % 4) as f32];
        let field = |rows: Range<usize>, columns: Range<usize>| -> Vec<[f32; 2]> {
            rows.flat_map(|y| columns.clone().map(move |x| value(y, x))).collect()
        };
        let large = whole.filtered(&field(0..150, 0..160));
        let small = part.filtered(&field(13..143, 9..150));
        // Where both see the same pixels.
        for y in 50..100 {
            for x in 50..110 {
                let (large, small) = (large[y * 160 + x], small[(y - 13) * 141 + x - 9]);
                assert!((large[0] - small[0]).abs() < 2e-6 * large[0], "{large:?} {small:?}");
                assert!((large[1] - small[1]).abs() < 2e-6 * large[1], "{large:?} {small:?}");
            }
        }
    }
}
