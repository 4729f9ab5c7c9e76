//! One band of points in the mean field.

use std::ops::Range;

use ndarray::ArrayView2;

use super::convolution::GridKernel;
use super::kernel::{Filter, Kernel};
use super::lattice::{Band, slice_point, splat_point};
use super::softmax::{BLOCK, softmax};
use crate::{Error, Result};

/// The kernels with their weights in the form that the loops want.
#[derive(Debug)]
pub(crate) struct Parts<'a, const W: usize> {
    pub(crate) kernels: &'a [Kernel],
    /// Unary energies, [class][point].
    pub(crate) unary: ArrayView2<'a, f32>,
    pub(crate) classes: usize,
    /// Chunks of `W` lanes that hold the classes.
    pub(crate) chunks: usize,
    /// Per kernel what each class saves; none where labels have a matrix.
    savings: Vec<Option<Vec<f32>>>,
    /// Per kernel the matrix of labels; empty where there are savings.
    matrices: Vec<Vec<f32>>,
}

impl<'a, const W: usize> Parts<'a, W> {
    pub(crate) fn new(kernels: &'a [Kernel], unary: ArrayView2<'a, f32>) -> Self {
        let classes = unary.nrows();
        let savings: Vec<_> = kernels.iter().map(|k| k.compatibility.diagonal(classes)).collect();
        let matrix = |(kernel, savings): (&Kernel, &Option<Vec<f32>>)| match savings {
            Some(_) => Vec::new(),
            None => kernel.compatibility.matrix(classes),
        };
        let matrices = kernels.iter().zip(&savings).map(matrix).collect();
        let chunks = classes.div_ceil(W);
        Self { kernels, unary, classes, chunks, savings, matrices }
    }
}

/// What a sweep over a band does besides the softmax.
#[derive(Debug, Clone, Copy)]
struct Sweep {
    /// Add what comes back from the lattices.
    slice: bool,
    /// Spread the result.
    splat: bool,
}

/// What one band holds. Values of points are in planes, [class][point].
#[derive(Debug)]
pub(crate) struct BandState<const W: usize> {
    pub(crate) range: Range<usize>,
    index: usize,
    logits: Vec<f32>,
    pub(crate) probabilities: Vec<f32>,
    /// Filtered values of a kernel whose labels have a matrix.
    filtered: Vec<f32>,
    /// Per kernel what the points spread on the lattice, and what comes back.
    pub(crate) spread: Vec<Vec<[f32; W]>>,
    pub(crate) fetched: Vec<Vec<[f32; W]>>,
    /// A padded row, and the convolved rows of one class, for the convolution.
    padded: Vec<f32>,
    rows: Vec<f32>,
    /// A block of points: planes for the softmax, chunks for the lattice.
    planes: Vec<[f32; BLOCK]>,
    block: Vec<[f32; W]>,
    /// The smallest of the largest logits.
    pub(crate) lowest: f32,
    pub(crate) largest: f32,
    pub(crate) change: f64,
    pub(crate) energy: f64,
}

impl<const W: usize> BandState<W> {
    pub(crate) fn new(parts: &Parts<'_, W>, index: usize, range: Range<usize>) -> Self {
        let values = range.len() * parts.classes;
        let places = |kernel: &Kernel| match &kernel.filter {
            Filter::Lattice { lattice, .. } => {
                vec![[0.0; W]; lattice.bands[index].vertices.len() * parts.chunks]
            }
            _ => Vec::new(),
        };
        let matrices = parts.savings.iter().any(Option::is_none);
        Self {
            range,
            index,
            logits: vec![0.0; values],
            probabilities: vec![0.0; values],
            filtered: vec![0.0; if matrices { values } else { 0 }],
            spread: parts.kernels.iter().map(places).collect(),
            fetched: parts.kernels.iter().map(places).collect(),
            padded: Vec::new(),
            rows: Vec::new(),
            planes: vec![[0.0; BLOCK]; parts.classes],
            block: vec![[0.0; W]; BLOCK * parts.chunks],
            lowest: 0.0,
            largest: 0.0,
            change: 0.0,
            energy: 0.0,
        }
    }

    /// The softmax of the unary.
    #[inline(always)]
    pub(crate) fn start(&mut self, parts: &Parts<'_, W>) {
        for class in 0..parts.classes {
            self.start_logits(parts, class);
        }
        let zeros = vec![0.0; self.probabilities.len()];
        self.sweep(parts, &zeros, Sweep { slice: false, splat: true }, false);
    }

    /// One update; `old` has the probabilities of all bands.
    #[inline(always)]
    pub(crate) fn update(
        &mut self,
        parts: &Parts<'_, W>,
        old: &[Vec<f32>],
        splat: bool,
        energy: bool,
    ) {
        for class in 0..parts.classes {
            self.start_logits(parts, class);
            // While the logits of the class are in the cache.
            for (k, kernel) in parts.kernels.iter().enumerate() {
                if let (Filter::Grid(grid), Some(savings)) = (&kernel.filter, &parts.savings[k]) {
                    self.convolve(grid, old, (class, parts.classes), savings[class], false);
                }
            }
        }
        for k in 0..parts.kernels.len() {
            self.add_kernel(parts, old, k);
        }
        self.sweep(parts, &old[self.index], Sweep { slice: true, splat }, energy);
    }

    #[inline(always)]
    fn start_logits(&mut self, parts: &Parts<'_, W>, class: usize) {
        let n = self.range.len();
        let logits = &mut self.logits[class * n..(class + 1) * n];
        let own = parts.unary.row(class);
        let own = own.slice(ndarray::s![self.range.clone()]);
        match own.as_slice() {
            Some(own) => logits.iter_mut().zip(own).for_each(|(l, u)| *l = -u),
            None => logits.iter_mut().zip(own).for_each(|(l, u)| *l = -u),
        }
    }

    /// Adds the convolution of one class to the logits, or to the filtered values.
    ///
    /// Rows of neighbouring bands that the kernel reaches are convolved again: that costs less
    /// than to keep the convolved rows of all classes, which no cache holds.
    #[inline(always)]
    fn convolve(
        &mut self,
        grid: &GridKernel,
        old: &[Vec<f32>],
        (class, classes): (usize, usize),
        factor: f32,
        mixed: bool,
    ) {
        let n = self.range.len();
        let width = grid.horizontal.after.len();
        let height = grid.vertical.after.len();
        let (pitch, radius) = (grid.pitch(), grid.vertical.radius());
        let first = self.range.start / width;
        let count = grid.rows_for(n / width);
        self.rows.resize(count * pitch, 0.0);
        for (row, out) in (first..first + count).zip(self.rows.chunks_exact_mut(pitch)) {
            match row.checked_sub(radius).filter(|row| *row < height) {
                Some(row) => {
                    let values = row_of(old, (class, classes), row, width);
                    grid.filter_row(row, values, &mut self.padded, &mut out[..width]);
                }
                None => out.fill(0.0),
            }
        }
        let out = if mixed { &mut self.filtered } else { &mut self.logits };
        let out = &mut out[class * n..(class + 1) * n];
        grid.add_column_sums(first, &self.rows, factor, out);
    }

    /// Adds one kernel to the logits, unless the convolution before or the sweep after does.
    #[inline(always)]
    fn add_kernel(&mut self, parts: &Parts<'_, W>, old: &[Vec<f32>], k: usize) {
        let n = self.range.len();
        let savings = parts.savings[k].as_deref();
        let mixed = savings.is_none();
        if mixed {
            self.filtered.fill(0.0);
        }
        let factor = |class: usize| savings.map_or(1.0, |savings| savings[class]);
        match &parts.kernels[k].filter {
            Filter::Grid(grid) if mixed => {
                for class in 0..parts.classes {
                    self.convolve(grid, old, (class, parts.classes), 1.0, true);
                }
            }
            Filter::Grid(_) => {}
            Filter::Matrix(matrix) => {
                let planes = old[self.index].chunks_exact(n.max(1));
                let out = if mixed { &mut self.filtered } else { &mut self.logits };
                for ((class, out), values) in out.chunks_exact_mut(n.max(1)).enumerate().zip(planes)
                {
                    let factor = factor(class);
                    for (row, value) in matrix.chunks_exact(n).zip(values) {
                        let value = value * factor;
                        for (out, weight) in out.iter_mut().zip(row) {
                            *out += weight * value;
                        }
                    }
                }
            }
            Filter::Lattice { lattice, after, .. } if mixed => {
                let band = &lattice.bands[self.index];
                let after = &after[self.range.clone()];
                let ones = vec![1.0; parts.classes];
                for start in (0..n).step_by(BLOCK) {
                    let points = start..n.min(start + BLOCK);
                    slice_block(band, points.clone(), &self.fetched[k], &mut self.block);
                    add_block(&self.block, points, n, (&ones, after), &mut self.filtered);
                }
            }
            Filter::Lattice { .. } => {}
        }
        if mixed {
            self.mix(&parts.matrices[k], parts.classes);
        }
    }

    /// Subtracts the energies that a matrix of labels gives.
    #[inline(always)]
    fn mix(&mut self, matrix: &[f32], classes: usize) {
        let n = self.range.len().max(1);
        for (logits, weights) in self.logits.chunks_exact_mut(n).zip(matrix.chunks_exact(classes)) {
            for (filtered, weight) in self.filtered.chunks_exact(n).zip(weights) {
                for (logit, value) in logits.iter_mut().zip(filtered) {
                    *logit -= weight * value;
                }
            }
        }
    }

    /// Adds what comes back from the lattices to the logits, takes the softmax, and spreads it.
    #[inline(always)]
    fn sweep(&mut self, parts: &Parts<'_, W>, old: &[f32], sweep: Sweep, energy: bool) {
        let n = self.range.len();
        for spread in &mut self.spread {
            spread.fill([0.0; W]);
        }
        (self.lowest, self.largest, self.change, self.energy) = (f32::INFINITY, 0.0, 0.0, 0.0);
        for start in (0..n).step_by(BLOCK) {
            let points = start..n.min(start + BLOCK);
            if sweep.slice {
                for (k, kernel) in parts.kernels.iter().enumerate() {
                    let Filter::Lattice { lattice, after, .. } = &kernel.filter else { continue };
                    let Some(savings) = &parts.savings[k] else { continue };
                    let band = &lattice.bands[self.index];
                    let after = &after[self.range.clone()];
                    slice_block(band, points.clone(), &self.fetched[k], &mut self.block);
                    let scales = (savings.as_slice(), after);
                    add_block(&self.block, points.clone(), n, scales, &mut self.logits);
                }
            }
            self.normalize(points.clone(), old, energy.then_some(parts));
            if sweep.splat {
                self.splat(parts, points);
            }
        }
    }

    /// Takes the softmax of a block of points and compares it with the old probabilities.
    #[inline(always)]
    fn normalize(&mut self, points: Range<usize>, before: &[f32], energy: Option<&Parts<'_, W>>) {
        let n = self.range.len();
        let count = points.len();
        for (plane, logits) in self.planes.iter_mut().zip(self.logits.chunks_exact(n)) {
            plane[..count].copy_from_slice(&logits[points.clone()]);
        }
        if let Some(parts) = energy {
            self.energy += self.energy_of(parts, before, points.clone());
        }
        let top = softmax(&mut self.planes);
        for &top in &top[..count] {
            self.lowest = if top < self.lowest { top } else { self.lowest };
        }
        let mut changes = [0.0; BLOCK];
        let mut largest = [0.0; BLOCK];
        let mut old = [0.0; BLOCK];
        let planes = self.planes.iter().zip(before.chunks_exact(n));
        for ((plane, before), out) in planes.zip(self.probabilities.chunks_exact_mut(n)) {
            old[..count].copy_from_slice(&before[points.clone()]);
            for p in 0..BLOCK {
                let moved = (plane[p] - old[p]).abs();
                changes[p] += moved;
                largest[p] = if moved > largest[p] { moved } else { largest[p] };
            }
            out[points.clone()].copy_from_slice(&plane[..count]);
        }
        let mut sum = 0.0_f32;
        for p in 0..count {
            sum += changes[p];
            self.largest = if largest[p] > self.largest { largest[p] } else { self.largest };
        }
        self.change += f64::from(sum);
    }

    /// Spreads a block of new probabilities on the lattices.
    #[inline(always)]
    fn splat(&mut self, parts: &Parts<'_, W>, points: Range<usize>) {
        let chunks = parts.chunks;
        for (class, plane) in self.planes.iter().enumerate() {
            let rows = self.block[class / W..].iter_mut().step_by(chunks);
            for (row, value) in rows.zip(plane) {
                row[class % W] = *value;
            }
        }
        for class in parts.classes..chunks * W {
            for row in self.block[class / W..].iter_mut().step_by(chunks) {
                row[class % W] = 0.0;
            }
        }
        for (k, kernel) in parts.kernels.iter().enumerate() {
            let Filter::Lattice { lattice, before, .. } = &kernel.filter else { continue };
            let band = &lattice.bands[self.index];
            let before = &before[self.range.clone()];
            let spread = &mut self.spread[k];
            for (point, values) in points.clone().zip(self.block.chunks_exact(chunks)) {
                match chunks {
                    1 => splat_point(band, point, before[point], &values[..1], spread),
                    3 => splat_point(band, point, before[point], &values[..3], spread),
                    _ => splat_point(band, point, before[point], values, spread),
                }
            }
        }
    }

    /// Expected energy minus entropy of the old probabilities of a block.
    fn energy_of(&self, parts: &Parts<'_, W>, old: &[f32], points: Range<usize>) -> f64 {
        let n = self.range.len();
        let mut sum = 0.0;
        for (class, plane) in self.planes.iter().enumerate() {
            for (point, &logit) in points.clone().zip(plane) {
                let q = f64::from(old[class * n + point]);
                if q > 0.0 {
                    let unary = f64::from(parts.unary[(class, self.range.start + point)]);
                    sum += q * (q.ln() + 0.5 * (unary - f64::from(logit)));
                }
            }
        }
        sum
    }
}

/// A row of one class among the probabilities of all bands.
fn row_of(
    bands: &[Vec<f32>],
    (class, classes): (usize, usize),
    row: usize,
    width: usize,
) -> &[f32] {
    // All bands have as many rows as the first, but the last, which may have fewer.
    let step = bands[0].len() / (width * classes);
    let values = &bands[row / step];
    let height = values.len() / (width * classes);
    &values[(class * height + row % step) * width..][..width]
}

/// Reads a block of points back from the lattice.
#[inline(always)]
fn slice_block<const W: usize>(
    band: &Band,
    points: Range<usize>,
    fetched: &[[f32; W]],
    block: &mut [[f32; W]],
) {
    let chunks = block.len() / BLOCK;
    for (point, sums) in points.zip(block.chunks_exact_mut(chunks)) {
        sums.fill([0.0; W]);
        match chunks {
            1 => slice_point(band, point, fetched, &mut sums[..1]),
            3 => slice_point(band, point, fetched, &mut sums[..3]),
            _ => slice_point(band, point, fetched, sums),
        }
    }
}

/// Adds a block to planes of `n` points, times a scale per class and one per point.
#[inline(always)]
fn add_block<const W: usize>(
    block: &[[f32; W]],
    points: Range<usize>,
    n: usize,
    (classes, after): (&[f32], &[f32]),
    out: &mut [f32],
) {
    let chunks = block.len() / BLOCK;
    let after = &after[points.clone()];
    for ((class, plane), scale) in out.chunks_exact_mut(n).enumerate().zip(classes) {
        let rows = block[class / W..].iter().step_by(chunks);
        for ((out, row), after) in plane[points.clone()].iter_mut().zip(rows).zip(after) {
            *out += row[class % W] * (scale * after);
        }
    }
}

/// Refuses NaN, minus infinity, and points without a possible class.
pub(crate) fn check_unary(unary: ArrayView2<'_, f32>, range: Range<usize>) -> Result<()> {
    let part = unary.slice(ndarray::s![.., range.clone()]);
    let wrong = |value: f32| value.is_nan() | (value == f32::NEG_INFINITY);
    let any = |row: ndarray::ArrayView1<'_, f32>| match row.as_slice() {
        Some(row) => row.iter().fold(false, |any, &value| any | wrong(value)),
        None => row.iter().fold(false, |any, &value| any | wrong(value)),
    };
    if part.rows().into_iter().any(any) {
        for ((class, point), &value) in part.indexed_iter() {
            if wrong(value) {
                return Err(Error::InvalidUnary { class, point: range.start + point, value });
            }
        }
    }
    Ok(())
}

/// The first point of which all classes are ruled out.
pub(crate) fn first_impossible(unary: ArrayView2<'_, f32>, range: Range<usize>) -> usize {
    let impossible =
        |point: &usize| unary.column(*point).iter().all(|&value| value == f32::INFINITY);
    range.clone().find(impossible).unwrap_or(range.start)
}
