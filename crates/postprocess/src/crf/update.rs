//! One band of points in the mean field.

use std::ops::Range;

use ndarray::ArrayView2;

use super::coupling::Coupling;
use super::kernel::{Filter, Kernel};
use super::lattice::{slice_point, splat_point};
use super::layout::logits_of;
use super::softmax::softmax;

/// Values of points that are updated together; they stay in the nearest cache.
const BLOCK: usize = 1536;
/// Rows of a picture whose sums over columns are taken together; they stay in the next cache.
const SLAB: usize = 16;

/// The kernels with their weights in the form that the loops want.
#[derive(Debug)]
pub(crate) struct Parts<'a, const W: usize> {
    pub(crate) kernels: &'a [Kernel],
    /// Unary energies, [class][point].
    pub(crate) unary: ArrayView2<'a, f32>,
    pub(crate) classes: usize,
    /// Chunks of `W` lanes that hold the classes.
    pub(crate) chunks: usize,
    /// Columns of the picture, or all points.
    width: usize,
    couplings: Vec<Coupling>,
    /// Points of a block.
    step: usize,
    /// Per kernel on the grid the factors along a row, before and after the sum.
    row_factors: Vec<[Vec<f32>; 2]>,
}

impl<'a, const W: usize> Parts<'a, W> {
    pub(crate) fn new(kernels: &'a [Kernel], width: usize, unary: ArrayView2<'a, f32>) -> Self {
        let classes = unary.nrows();
        let chunks = classes.div_ceil(W);
        let lanes = chunks * W;
        let step = (BLOCK / lanes).max(1);
        let coupling = |kernel: &Kernel| Coupling::new(&kernel.compatibility, classes, lanes, step);
        let row_factors = |kernel: &Kernel| match &kernel.filter {
            Filter::Grid(grid) => grid.row_factors(lanes),
            _ => [Vec::new(), Vec::new()],
        };
        Self {
            kernels,
            unary,
            classes,
            chunks,
            width,
            step,
            couplings: kernels.iter().map(coupling).collect(),
            row_factors: kernels.iter().map(row_factors).collect(),
        }
    }
}

/// Values of points or lattice points in chunks of lanes, [point][class].
pub(crate) type Rows<const W: usize> = Vec<[f32; W]>;

/// What one band holds.
#[derive(Debug)]
pub(crate) struct BandState<const W: usize> {
    pub(crate) range: Range<usize>,
    index: usize,
    /// Minus the unary energies.
    own: Rows<W>,
    pub(crate) probabilities: Rows<W>,
    /// Per kernel on a lattice what the points spread, and what comes back.
    pub(crate) spread: Vec<Rows<W>>,
    pub(crate) fetched: Vec<Rows<W>>,
    /// Per kernel on the grid the sums over columns of a slab, among chosen pixels all sums.
    columns: Vec<Vec<f32>>,
    /// What the others add to the logits of a block of points, and what one kernel gives.
    added: Rows<W>,
    filtered: Rows<W>,
    /// The smallest of the largest logits.
    pub(crate) lowest: f32,
    pub(crate) largest: f32,
    pub(crate) change: f64,
    pub(crate) energy: f64,
}

/// What an update does besides the probabilities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// Spread them on the lattices for the next one.
    pub(crate) splat: bool,
    /// Sum the free energy of the old ones.
    pub(crate) energy: bool,
}

/// A block of points, side by side in one row of the picture.
struct Block {
    /// In the band.
    points: Range<usize>,
    /// Row of the slab and first column.
    row: usize,
    column: usize,
}

impl<const W: usize> BandState<W> {
    pub(crate) fn new(parts: &Parts<'_, W>, index: usize, range: Range<usize>) -> Self {
        let places = |kernel: &Kernel| match &kernel.filter {
            Filter::Lattice { lattice, .. } => {
                vec![[0.0; W]; lattice.bands[index].vertices.len() * parts.chunks]
            }
            _ => Vec::new(),
        };
        Self {
            own: logits_of(parts.unary, range.clone()),
            probabilities: vec![[0.0; W]; range.len() * parts.chunks],
            range,
            index,
            spread: parts.kernels.iter().map(places).collect(),
            fetched: parts.kernels.iter().map(places).collect(),
            columns: vec![Vec::new(); parts.kernels.len()],
            added: vec![[0.0; W]; parts.step * parts.chunks],
            filtered: vec![[0.0; W]; parts.step * parts.chunks],
            lowest: 0.0,
            largest: 0.0,
            change: 0.0,
            energy: 0.0,
        }
    }

    /// The softmax of the unary, spread.
    #[inline(always)]
    pub(crate) fn start(&mut self, parts: &Parts<'_, W>) {
        self.sweep(parts, None, Task { splat: true, energy: false });
    }

    /// One update; `old` has the probabilities of all bands.
    #[inline(always)]
    pub(crate) fn update(&mut self, parts: &Parts<'_, W>, old: &[Rows<W>], task: Task) {
        self.sweep(parts, Some(old), task);
    }

    /// Updates block by block from the old probabilities if there are some, and spreads the
    /// result if asked.
    #[inline(always)]
    fn sweep(&mut self, parts: &Parts<'_, W>, old: Option<&[Rows<W>]>, task: Task) {
        for spread in &mut self.spread {
            spread.fill([0.0; W]);
        }
        (self.lowest, self.largest, self.change, self.energy) = (f32::INFINITY, 0.0, 0.0, 0.0);
        let width = parts.width.min(self.range.len());
        for slab in (0..self.range.len()).step_by(SLAB * width.max(1)) {
            let end = self.range.len().min(slab + SLAB * width);
            if let Some(old) = old {
                self.sum_columns(parts, old, slab..end);
            }
            for (row, start) in (slab..end).step_by(width).enumerate() {
                for column in (0..width).step_by(parts.step) {
                    let points = start + column..start + width.min(column + parts.step);
                    let block = Block { points, row, column };
                    // With a constant number of chunks, sums stay in registers.
                    match parts.chunks {
                        1 => self.update_block(parts, 1, old, &block, task),
                        3 => self.update_block(parts, 3, old, &block, task),
                        chunks => self.update_block(parts, chunks, old, &block, task),
                    }
                }
            }
        }
    }

    /// Sums over columns for the kernels on the grid.
    #[inline(always)]
    fn sum_columns(&mut self, parts: &Parts<'_, W>, old: &[Rows<W>], slab: Range<usize>) {
        let row = |point: usize| (self.range.start + point) / parts.width;
        for (k, kernel) in parts.kernels.iter().enumerate() {
            if let Filter::Grid(grid) = &kernel.filter {
                grid.sum_columns(
                    row(slab.start)..row(slab.end),
                    parts.chunks * W,
                    &parts.row_factors[k][0],
                    #[inline(always)]
                    |row| row_of(old, row, parts.width * parts.chunks),
                    &mut self.columns[k],
                );
            }
            if let Filter::Masked(grid) = &kernel.filter {
                // Chosen pixels are one row, so a slab is a band.
                grid.sum(old, parts.chunks, self.range.clone(), &mut self.columns[k]);
            }
        }
    }

    #[inline(always)]
    fn update_block(
        &mut self,
        parts: &Parts<'_, W>,
        chunks: usize,
        old: Option<&[Rows<W>]>,
        block: &Block,
        task: Task,
    ) {
        let rows = block.points.start * chunks..block.points.end * chunks;
        let added = &mut self.added[..rows.len()];
        added.fill([0.0; W]);
        if let Some(old) = old {
            for (k, coupling) in parts.couplings.iter().enumerate() {
                self.filter(parts, k, chunks, old, block);
                let filtered = self.filtered[..rows.len()].as_flattened();
                let added = self.added[..rows.len()].as_flattened_mut();
                coupling.apply(filtered, chunks * W, added);
            }
            if task.energy {
                self.energy += self.energy_of(&old[self.index][rows.clone()], rows.clone());
            }
        }
        let own = &self.own[rows.clone()];
        let out = &mut self.probabilities[rows.clone()];
        let lowest = softmax(own, &mut self.added[..rows.len()], chunks, out);
        self.lowest = if lowest < self.lowest { lowest } else { self.lowest };
        if let Some(old) = old {
            self.compare(&old[self.index][rows.clone()], rows);
        }
        if task.splat {
            self.splat(parts, chunks, &block.points);
        }
    }

    /// Filters the old probabilities by one kernel, normalised.
    #[inline(always)]
    fn filter(
        &mut self,
        parts: &Parts<'_, W>,
        k: usize,
        chunks: usize,
        old: &[Rows<W>],
        block: &Block,
    ) {
        let points = block.points.clone();
        let out = &mut self.filtered[..points.len() * chunks];
        match &parts.kernels[k].filter {
            Filter::Grid(grid) => {
                let lanes = chunks * W;
                let pitch = grid.pitch(lanes);
                let row = &self.columns[k][block.row * pitch..][..pitch];
                let [_, after] = &parts.row_factors[k];
                grid.sum_row(row, block.column * lanes, lanes, after, out.as_flattened_mut());
            }
            Filter::Masked(_) => {
                let lanes = chunks * W;
                let sums = &self.columns[k][points.start * lanes..points.end * lanes];
                out.as_flattened_mut().copy_from_slice(sums);
            }
            Filter::Lattice { lattice, after, .. } => {
                let band = &lattice.bands[self.index];
                let after = &after[self.range.clone()][points.clone()];
                for ((point, sums), after) in points.zip(out.chunks_exact_mut(chunks)).zip(after) {
                    slice_point(band, point, *after, &self.fetched[k], sums);
                }
            }
            Filter::Matrix(matrix) => {
                out.fill([0.0; W]);
                // Such a field has one band.
                let sources = old[self.index].chunks_exact(chunks);
                for (weights, values) in matrix.chunks_exact(self.range.len()).zip(sources) {
                    let weights = &weights[points.clone()];
                    for (sums, weight) in out.chunks_exact_mut(chunks).zip(weights) {
                        for (sum, value) in sums.iter_mut().zip(values) {
                            for l in 0..W {
                                sum[l] += weight * value[l];
                            }
                        }
                    }
                }
            }
        }
    }

    /// How far the probabilities of a block have moved.
    #[inline(always)]
    fn compare(&mut self, old: &[[f32; W]], rows: Range<usize>) {
        let (new, more) = self.probabilities[rows].as_flattened().as_chunks::<16>();
        let (old, rest) = old.as_flattened().as_chunks::<16>();
        let (mut sums, mut largest) = ([0.0; 16], [0.0; 16]);
        for (new, old) in new.iter().zip(old) {
            for l in 0..16 {
                let moved = (new[l] - old[l]).abs();
                sums[l] += moved;
                largest[l] = if moved > largest[l] { moved } else { largest[l] };
            }
        }
        for (l, (new, old)) in more.iter().zip(rest).enumerate() {
            let moved = (new - old).abs();
            sums[l] += moved;
            largest[l] = if moved > largest[l] { moved } else { largest[l] };
        }
        self.change += f64::from(sums.iter().sum::<f32>());
        self.largest = largest.iter().fold(self.largest, |m, &v| m.max(v));
    }

    /// Spreads a block of new probabilities on the lattices.
    #[inline(always)]
    fn splat(&mut self, parts: &Parts<'_, W>, chunks: usize, points: &Range<usize>) {
        for (k, kernel) in parts.kernels.iter().enumerate() {
            let Filter::Lattice { lattice, before, .. } = &kernel.filter else { continue };
            let band = &lattice.bands[self.index];
            let before = &before[self.range.clone()];
            let spread = &mut self.spread[k];
            let rows = &self.probabilities[points.start * chunks..points.end * chunks];
            for (point, row) in points.clone().zip(rows.chunks_exact(chunks)) {
                splat_point(band, point, before[point], row, spread);
            }
        }
    }

    /// Expected energy minus entropy of the old probabilities of a block.
    fn energy_of(&self, old: &[[f32; W]], rows: Range<usize>) -> f64 {
        let own = self.own[rows].as_flattened().iter();
        let values = old.as_flattened().iter().zip(self.added.as_flattened()).zip(own);
        let mut sum = 0.0;
        for ((&q, &added), &own) in values {
            if q > 0.0 {
                let q = f64::from(q);
                sum += q * (q.ln() - f64::from(own) - 0.5 * f64::from(added));
            }
        }
        sum
    }
}

/// A row of the picture among the values of all bands.
#[inline(always)]
fn row_of<const W: usize>(bands: &[Rows<W>], row: usize, length: usize) -> &[f32] {
    // All bands have as many rows as the first, but the last, which may have fewer.
    let step = bands[0].len() / length;
    bands[row / step][row % step * length..][..length].as_flattened()
}
