//! One band of points in the mean field.

use std::ops::Range;

use ndarray::ArrayView2;

use super::config::InferenceConfig;
use super::convolution::GridRow;
use super::coupling::Coupling;
use super::kernel::{Filter, Kernel};
use super::lattice::{fetch, slice_point, splat_point};
use super::layout::logits_of;
use super::softmax::softmax;
use crate::Result;

/// Values of points that are updated together; they stay in the nearest cache.
const BLOCK: usize = 1536;

/// The kernels with their weights in the form that the loops want.
#[derive(Debug)]
pub(crate) struct Parts<'a, const W: usize> {
    pub(crate) kernels: &'a [Kernel],
    /// Unary energies, [class][point].
    pub(crate) unary: ArrayView2<'a, f32>,
    pub(crate) classes: usize,
    /// Chunks of `W` lanes that hold the classes.
    pub(crate) chunks: usize,
    /// Where the points of each row of the picture start, and the end; without rows, the bands.
    starts: Vec<usize>,
    couplings: Vec<Coupling>,
    /// Points of a block.
    step: usize,
    /// Whether an update needs all probabilities of the one before.
    keep: bool,
    /// Whether it sums how far they moved.
    pub(crate) changes: bool,
}

impl<'a, const W: usize> Parts<'a, W> {
    pub(crate) fn new(
        kernels: &'a [Kernel],
        bands: &[Range<usize>],
        unary: ArrayView2<'a, f32>,
        config: &InferenceConfig,
    ) -> Self {
        let classes = unary.nrows();
        let chunks = classes.div_ceil(W);
        let lanes = chunks * W;
        let step = (BLOCK / lanes).max(1);
        let coupling = |kernel: &Kernel| Coupling::new(&kernel.compatibility, classes, lanes, step);
        let rows = kernels.iter().find_map(|kernel| match &kernel.filter {
            Filter::Grid(grid) => Some(grid.starts.clone()),
            _ => None,
        });
        let ends = || [0].into_iter().chain(bands.iter().map(|band| band.end)).collect();
        let starts = rows.unwrap_or_else(ends);
        let all_pairs = |kernel: &Kernel| matches!(kernel.filter, Filter::Matrix(_));
        let changes = config.measures();
        let keep = changes || config.free_energy || kernels.iter().any(all_pairs);
        Self {
            kernels,
            unary,
            classes,
            chunks,
            starts,
            step,
            keep,
            changes,
            couplings: kernels.iter().map(coupling).collect(),
        }
    }

    /// The rows of a band.
    fn rows(&self, range: &Range<usize>) -> Range<usize> {
        let row = |point: usize| self.starts.partition_point(|&start| start < point);
        let last = range.end == self.unary.ncols();
        row(range.start)..if last { self.starts.len() - 1 } else { row(range.end) }
    }
}

/// Values of points or lattice points in chunks of lanes, [point][class].
pub(crate) type Rows<const W: usize> = Vec<[f32; W]>;

/// What one band holds.
#[derive(Debug)]
pub(crate) struct BandState<const W: usize> {
    pub(crate) range: Range<usize>,
    index: usize,
    rows: Range<usize>,
    /// Minus the unary energies.
    own: Rows<W>,
    /// All of the last update where they are kept, or after the last one; else those of a row.
    pub(crate) probabilities: Rows<W>,
    /// Per kernel what the points give: on a lattice at the lattice points of the band, on the
    /// grid at the nodes of its rows.
    pub(crate) spread: Vec<Rows<W>>,
    /// Per kernel what comes back: on a lattice at its points, for all pairs at all points.
    pub(crate) fetched: Vec<Rows<W>>,
    /// The logits of a block of points, and what one kernel gives them.
    logits: Rows<W>,
    filtered: Rows<W>,
    /// Per kernel on the grid what comes back to a row.
    grid_rows: Vec<GridRow>,
    /// The smallest of the largest logits.
    pub(crate) lowest: f32,
    pub(crate) largest: f32,
    pub(crate) change: f64,
    pub(crate) energy: f64,
}

/// What an update does besides the probabilities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// Spread them on the lattices for the next one; without a next one they are kept.
    pub(crate) splat: bool,
    /// Sum the free energy of the old ones.
    pub(crate) energy: bool,
}

impl<const W: usize> BandState<W> {
    #[inline(always)]
    pub(crate) fn new(parts: &Parts<'_, W>, index: usize, range: Range<usize>) -> Result<Self> {
        let own = logits_of(parts.unary, range.clone())?;
        let rows = parts.rows(&range);
        let (mut spread, mut fetched) = (Vec::new(), Vec::new());
        for kernel in parts.kernels {
            let (give, get) = match &kernel.filter {
                Filter::Lattice { lattice, .. } => {
                    let places = lattice.bands[index].vertices.len();
                    (places, places)
                }
                Filter::Grid(grid) => (rows.len() * grid.row_nodes(), 0),
                Filter::Matrix(_) => (0, range.len()),
            };
            spread.push(vec![[0.0; W]; give * parts.chunks]);
            fetched.push(vec![[0.0; W]; get * parts.chunks]);
        }
        Ok(Self {
            own,
            probabilities: Vec::new(),
            range,
            index,
            rows,
            spread,
            fetched,
            logits: Vec::with_capacity(parts.step * parts.chunks),
            filtered: vec![[0.0; W]; parts.step * parts.chunks],
            grid_rows: parts.kernels.iter().map(|_| GridRow::default()).collect(),
            lowest: 0.0,
            largest: 0.0,
            change: 0.0,
            energy: 0.0,
        })
    }

    /// The softmax of the unary, spread if asked.
    #[inline(always)]
    pub(crate) fn start(&mut self, parts: &Parts<'_, W>, splat: bool) {
        self.sweep(parts, None, Task { splat, energy: false });
    }

    /// One update; `gathered` has per kernel what all bands have spread.
    #[inline(always)]
    pub(crate) fn update(&mut self, parts: &Parts<'_, W>, gathered: &[&[[f32; W]]], task: Task) {
        for ((kernel, all), own) in parts.kernels.iter().zip(gathered).zip(&mut self.fetched) {
            match &kernel.filter {
                Filter::Lattice { lattice, .. } => {
                    fetch(&lattice.bands[self.index], parts.chunks, all, own);
                }
                // Such a field has one band.
                Filter::Matrix(matrix) => {
                    multiply(matrix, parts.chunks, &self.probabilities, own);
                }
                Filter::Grid(_) => {}
            }
        }
        self.sweep(parts, Some(gathered), task);
    }

    /// Updates row by row and block by block if there is something to update from, and spreads
    /// the result if asked.
    #[inline(always)]
    fn sweep(&mut self, parts: &Parts<'_, W>, gathered: Option<&[&[[f32; W]]]>, task: Task) {
        for (kernel, spread) in parts.kernels.iter().zip(&mut self.spread) {
            if matches!(kernel.filter, Filter::Lattice { .. }) && task.splat {
                spread.fill([0.0; W]);
            }
        }
        self.grid_rows.iter_mut().for_each(GridRow::forget);
        (self.lowest, self.largest, self.change, self.energy) = (f32::INFINITY, 0.0, 0.0, 0.0);
        let whole = parts.keep || !task.splat;
        if gathered.is_none() || !parts.keep {
            self.probabilities.clear();
            let points = if whole { self.range.len() } else { 0 };
            self.probabilities.reserve_exact(points * parts.chunks);
        }
        for y in self.rows.clone() {
            let start = parts.starts[y] - self.range.start;
            let end = parts.starts[y + 1] - self.range.start;
            if start == end {
                continue;
            }
            for (k, all) in gathered.into_iter().flatten().enumerate() {
                if let Filter::Grid(grid) = &parts.kernels[k].filter {
                    let lanes = parts.chunks * W;
                    grid.fetch_row(y, lanes, all.as_flattened(), &mut self.grid_rows[k]);
                }
            }
            if !whole {
                self.probabilities.clear();
            }
            for first in (start..end).step_by(parts.step) {
                let points = first..end.min(first + parts.step);
                let again = gathered.is_some();
                // With a constant number of chunks, sums stay in registers.
                match parts.chunks {
                    1 => self.update_block(parts, 1, again, &points, task),
                    3 => self.update_block(parts, 3, again, &points, task),
                    chunks => self.update_block(parts, chunks, again, &points, task),
                }
            }
            if task.splat {
                let kept = if whole { start..end } else { 0..end - start };
                match parts.chunks {
                    1 => self.spread_row(parts, 1, y, kept),
                    3 => self.spread_row(parts, 3, y, kept),
                    chunks => self.spread_row(parts, chunks, y, kept),
                }
            }
        }
    }

    /// Updates some points of a row.
    #[inline(always)]
    fn update_block(
        &mut self,
        parts: &Parts<'_, W>,
        chunks: usize,
        again: bool,
        points: &Range<usize>,
        task: Task,
    ) {
        let rows = points.start * chunks..points.end * chunks;
        // New probabilities are made where they stay, or beside the old ones.
        let mut place = if again && parts.keep {
            let mut place = std::mem::take(&mut self.logits);
            place.clear();
            place
        } else {
            std::mem::take(&mut self.probabilities)
        };
        let before = place.len();
        place.extend_from_slice(&self.own[rows.clone()]);
        let sums = &mut place[before..];
        if again {
            for (k, coupling) in parts.couplings.iter().enumerate() {
                match coupling {
                    // With one chunk, a pass of its own over all values is faster.
                    Coupling::Saving(saving) if chunks > 1 => {
                        self.filter::<true>(parts, (k, *saving), chunks, points, sums);
                    }
                    _ => {
                        let mut filtered = std::mem::take(&mut self.filtered);
                        let values = &mut filtered[..rows.len()];
                        self.filter::<false>(parts, (k, 1.0), chunks, points, values);
                        coupling.apply(values.as_flattened(), chunks * W, sums.as_flattened_mut());
                        self.filtered = filtered;
                    }
                }
            }
            if task.energy {
                self.energy += self.energy_of(rows.clone(), sums);
            }
        }
        let lowest = softmax(sums, chunks);
        self.lowest = if lowest < self.lowest { lowest } else { self.lowest };
        if task.splat {
            self.splat(parts, chunks, points, sums);
        }
        if again && parts.keep {
            self.replace(rows, sums, parts.changes);
            self.logits = place;
        } else {
            self.probabilities = place;
        }
    }

    /// Filters the old probabilities by one kernel, normalised, times `scale`; they are added to
    /// `sums` or put there.
    #[inline(always)]
    fn filter<const ADD: bool>(
        &self,
        parts: &Parts<'_, W>,
        (k, scale): (usize, f32),
        chunks: usize,
        points: &Range<usize>,
        sums: &mut [[f32; W]],
    ) {
        let all = self.range.start + points.start..self.range.start + points.end;
        match &parts.kernels[k].filter {
            Filter::Grid(grid) => {
                grid.slice::<W, ADD>(all, chunks, &self.grid_rows[k], scale, sums);
            }
            Filter::Lattice { lattice, after, .. } => {
                let band = &lattice.bands[self.index];
                let factors = points.clone().zip(&after[all]);
                for ((point, after), sums) in factors.zip(sums.chunks_exact_mut(chunks)) {
                    slice_point::<W, ADD>(band, point, after * scale, &self.fetched[k], sums);
                }
            }
            Filter::Matrix(_) => {
                let values = &self.fetched[k][points.start * chunks..points.end * chunks];
                for (sum, value) in sums.iter_mut().zip(values) {
                    for l in 0..W {
                        let value = scale * value[l];
                        sum[l] = if ADD { sum[l] + value } else { value };
                    }
                }
            }
        }
    }

    /// Puts new probabilities of a block in the place of the old and sums how far they moved, if
    /// asked.
    #[inline(always)]
    fn replace(&mut self, rows: Range<usize>, new: &[[f32; W]], changes: bool) {
        if !changes {
            self.probabilities[rows].copy_from_slice(new);
            return;
        }
        let (new, more) = new.as_flattened().as_chunks::<16>();
        let (old, rest) = self.probabilities[rows].as_flattened_mut().as_chunks_mut::<16>();
        let (mut sums, mut largest) = ([0.0; 16], [0.0; 16]);
        for (new, old) in new.iter().zip(old) {
            for l in 0..16 {
                let moved = (new[l] - old[l]).abs();
                sums[l] += moved;
                largest[l] = if moved > largest[l] { moved } else { largest[l] };
            }
            *old = *new;
        }
        for (l, (new, old)) in more.iter().zip(rest).enumerate() {
            let moved = (new - *old).abs();
            sums[l] += moved;
            largest[l] = if moved > largest[l] { moved } else { largest[l] };
            *old = *new;
        }
        self.change += f64::from(sums.iter().sum::<f32>());
        self.largest = largest.iter().fold(self.largest, |m, &v| m.max(v));
    }

    /// Spreads a block of new probabilities on the lattices.
    #[inline(always)]
    fn splat(
        &mut self,
        parts: &Parts<'_, W>,
        chunks: usize,
        points: &Range<usize>,
        probabilities: &[[f32; W]],
    ) {
        for (k, kernel) in parts.kernels.iter().enumerate() {
            let Filter::Lattice { lattice, before, .. } = &kernel.filter else { continue };
            let band = &lattice.bands[self.index];
            let before = &before[self.range.clone()];
            let spread = &mut self.spread[k];
            for (point, row) in points.clone().zip(probabilities.chunks_exact(chunks)) {
                splat_point(band, point, before[point], row, spread);
            }
        }
    }

    /// Spreads a row of new probabilities on the grids; it is kept at `points`.
    #[inline(always)]
    fn spread_row(&mut self, parts: &Parts<'_, W>, chunks: usize, y: usize, points: Range<usize>) {
        for (k, kernel) in parts.kernels.iter().enumerate() {
            if let Filter::Grid(grid) = &kernel.filter {
                let nodes = grid.row_nodes() * chunks;
                let out = &mut self.spread[k][(y - self.rows.start) * nodes..][..nodes];
                let rows = &self.probabilities[points.start * chunks..points.end * chunks];
                let scratch = &mut self.grid_rows[k];
                grid.spread_row(y, chunks, rows, scratch, out.as_flattened_mut());
            }
        }
    }

    /// Expected energy minus entropy of the old probabilities of a block, from what they give.
    fn energy_of(&self, rows: Range<usize>, logits: &[[f32; W]]) -> f64 {
        let own = self.own[rows.clone()].as_flattened().iter();
        let old = &self.probabilities[rows];
        let values = old.as_flattened().iter().zip(logits.as_flattened()).zip(own);
        let mut sum = 0.0;
        for ((&q, &logit), &own) in values {
            if q > 0.0 {
                let q = f64::from(q);
                // Half of what the others add, which is counted from both sides.
                sum += q * (q.ln() - 0.5 * (f64::from(own) + f64::from(logit)));
            }
        }
        sum
    }
}

/// Multiplies a matrix of all pairs with the values of all points.
#[inline(always)]
fn multiply<const W: usize>(
    matrix: &[f32],
    chunks: usize,
    values: &[[f32; W]],
    out: &mut [[f32; W]],
) {
    out.fill([0.0; W]);
    let points = values.len() / chunks;
    for (weights, values) in matrix.chunks_exact(points).zip(values.chunks_exact(chunks)) {
        for (sums, weight) in out.chunks_exact_mut(chunks).zip(weights) {
            for (sum, value) in sums.iter_mut().zip(values) {
                for l in 0..W {
                    sum[l] += weight * value[l];
                }
            }
        }
    }
}
