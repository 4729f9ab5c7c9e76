//! One band of points in the mean field.

use std::ops::Range;

use ndarray::ArrayView2;

use super::convolution::{GridKernel, ROWS};
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
    /// Points that are updated together: their logits stay in the cache.
    step: usize,
}

/// About so many.
const STEP: usize = 4096;

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
        // Whole groups of rows for the convolution.
        let width = |kernel: &Kernel| match &kernel.filter {
            Filter::Grid(grid) => Some(grid.horizontal.after.len()),
            _ => None,
        };
        let width = kernels.iter().find_map(width).unwrap_or(1).max(1);
        let step = (STEP / width / ROWS).max(1) * ROWS * width;
        Self { kernels, unary, classes, chunks, savings, matrices, step }
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

/// What one band holds. Values of points are in planes, [class][point]; logits and filtered
/// values of a part of the band at a time.
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
    /// Padded rows, for the convolution.
    padded: [Vec<f32>; ROWS],
    /// A block of points: planes for the softmax, with zeros for lanes without a class, and
    /// chunks for the lattice.
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
        let part = range.len().min(parts.step) * parts.classes;
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
            logits: vec![0.0; part],
            probabilities: vec![0.0; values],
            filtered: vec![0.0; if matrices { part } else { 0 }],
            spread: parts.kernels.iter().map(places).collect(),
            fetched: parts.kernels.iter().map(places).collect(),
            padded: std::array::from_fn(|_| Vec::new()),
            planes: vec![[0.0; BLOCK]; parts.chunks * W],
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
        let zeros = vec![0.0; self.probabilities.len()];
        self.begin();
        for part in self.split(parts.step) {
            self.start_logits(parts, &part);
            self.sweep(parts, &zeros, (Sweep { slice: false, splat: true }, part), false);
        }
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
        self.begin();
        for part in self.split(parts.step) {
            self.start_logits(parts, &part);
            for k in 0..parts.kernels.len() {
                self.add_kernel(parts, old, k, &part);
            }
            self.sweep(parts, &old[self.index], (Sweep { slice: true, splat }, part), energy);
        }
    }

    /// The parts of the band, counted from its start.
    fn split(&self, step: usize) -> impl Iterator<Item = Range<usize>> + use<W> {
        let n = self.range.len();
        (0..n).step_by(step).map(move |start| start..n.min(start + step))
    }

    #[inline(always)]
    fn start_logits(&mut self, parts: &Parts<'_, W>, part: &Range<usize>) {
        let first = self.range.start;
        for (class, logits) in
            self.logits.chunks_exact_mut(part.len()).take(parts.classes).enumerate()
        {
            let own = parts.unary.row(class);
            let own = own.slice(ndarray::s![first + part.start..first + part.end]);
            match own.as_slice() {
                Some(own) => logits.iter_mut().zip(own).for_each(|(l, u)| *l = -u),
                None => logits.iter_mut().zip(own).for_each(|(l, u)| *l = -u),
            }
        }
    }

    /// Adds the convolution of one class to the logits, or to the filtered values.
    #[inline(always)]
    fn convolve(
        &mut self,
        grid: &GridKernel,
        old: &[Vec<f32>],
        (class, classes): (usize, usize),
        (factor, mixed): (f32, bool),
        part: &Range<usize>,
    ) {
        let n = part.len();
        let width = grid.horizontal.after.len();
        let first = (self.range.start + part.start) / width;
        let out = if mixed { &mut self.filtered } else { &mut self.logits };
        let out = &mut out[class * n..(class + 1) * n];
        let row_at = |row: usize| row_of(old, (class, classes), row, width);
        for (row, out) in (first..).step_by(ROWS).zip(out.chunks_mut(width * ROWS)) {
            grid.add_rows(row, row_at, factor, &mut self.padded, out);
        }
    }

    /// Adds one kernel to the logits, unless the sweep after does.
    #[inline(always)]
    fn add_kernel(
        &mut self,
        parts: &Parts<'_, W>,
        old: &[Vec<f32>],
        k: usize,
        part: &Range<usize>,
    ) {
        let n = part.len();
        let savings = parts.savings[k].as_deref();
        let mixed = savings.is_none();
        if mixed {
            self.filtered.fill(0.0);
        }
        let factor = |class: usize| savings.map_or(1.0, |savings| savings[class]);
        match &parts.kernels[k].filter {
            Filter::Grid(grid) => {
                for class in 0..parts.classes {
                    let how = (factor(class), mixed);
                    self.convolve(grid, old, (class, parts.classes), how, part);
                }
            }
            Filter::Matrix(matrix) => {
                let all = self.range.len().max(1);
                let planes = old[self.index].chunks_exact(all);
                let out = if mixed { &mut self.filtered } else { &mut self.logits };
                for ((class, out), values) in out.chunks_exact_mut(n).enumerate().zip(planes) {
                    let factor = factor(class);
                    for (row, value) in matrix.chunks_exact(all).zip(values) {
                        let value = value * factor;
                        for (out, weight) in out.iter_mut().zip(&row[part.clone()]) {
                            *out = weight.mul_add(value, *out);
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
                    let own = part.start + points.start..part.start + points.end;
                    slice_block(band, own.clone(), &self.fetched[k], &mut self.block);
                    let scales = (ones.as_slice(), &after[own]);
                    let planes = self.filtered.chunks_exact_mut(n);
                    add_block(&self.block, scales, planes.map(|plane| &mut plane[points.clone()]));
                }
            }
            Filter::Lattice { .. } => {}
        }
        if mixed {
            self.mix(&parts.matrices[k], parts.classes, n);
        }
    }

    /// Subtracts the energies that a matrix of labels gives.
    #[inline(always)]
    fn mix(&mut self, matrix: &[f32], classes: usize, n: usize) {
        for (logits, weights) in self.logits.chunks_exact_mut(n).zip(matrix.chunks_exact(classes)) {
            for (filtered, weight) in self.filtered.chunks_exact(n).zip(weights) {
                for (logit, value) in logits.iter_mut().zip(filtered) {
                    *logit -= weight * value;
                }
            }
        }
    }

    /// Before the parts of a sweep.
    fn begin(&mut self) {
        for spread in &mut self.spread {
            spread.fill([0.0; W]);
        }
        (self.lowest, self.largest, self.change, self.energy) = (f32::INFINITY, 0.0, 0.0, 0.0);
    }

    /// Adds what comes back from the lattices to the logits, takes the softmax, and spreads it.
    #[inline(always)]
    fn sweep(
        &mut self,
        parts: &Parts<'_, W>,
        old: &[f32],
        (sweep, part): (Sweep, Range<usize>),
        energy: bool,
    ) {
        let n = part.len();
        for start in (0..n).step_by(BLOCK) {
            let count = BLOCK.min(n - start);
            let points = part.start + start..part.start + start + count;
            for (plane, logits) in self.planes.iter_mut().zip(self.logits.chunks_exact(n)) {
                plane[..count].copy_from_slice(&logits[start..start + count]);
            }
            if sweep.slice {
                for (k, kernel) in parts.kernels.iter().enumerate() {
                    let Filter::Lattice { lattice, after, .. } = &kernel.filter else { continue };
                    let Some(savings) = &parts.savings[k] else { continue };
                    let band = &lattice.bands[self.index];
                    slice_block(band, points.clone(), &self.fetched[k], &mut self.block);
                    let after = &after[self.range.clone()][points.clone()];
                    let planes = self.planes.iter_mut().map(|plane| &mut plane[..count]);
                    add_block(&self.block, (savings, after), planes);
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
        if let Some(parts) = energy {
            self.energy += self.energy_of(parts, before, points.clone());
        }
        let classes = before.len() / n.max(1);
        let top = softmax(&mut self.planes[..classes]);
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
        for (class, plane) in self.planes.iter().take(parts.classes).enumerate() {
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

/// Adds a block to planes, times a scale per class and one per point.
#[inline(always)]
fn add_block<'p, const W: usize>(
    block: &[[f32; W]],
    (classes, after): (&[f32], &[f32]),
    planes: impl Iterator<Item = &'p mut [f32]>,
) {
    let chunks = block.len() / BLOCK;
    for ((class, plane), scale) in planes.enumerate().zip(classes) {
        let rows = block[class / W..].iter().step_by(chunks);
        for ((out, row), after) in plane.iter_mut().zip(rows).zip(after) {
            *out = row[class % W].mul_add(scale * after, *out);
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
