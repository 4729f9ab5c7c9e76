//! Sums of signed heights of edges, from which covered areas follow.

use crate::grid::{ceil_index, floor_index};
use geo_types::Coord;
use std::ops::Range;

/// Units of a pixel's height and of its area: whole numbers add up exactly, and up to this
/// one they are numbers of 32 bits with a fraction, too.
const ONE: f64 = 16_777_216.0;
/// Adding it to a number rounds that to the lowest bits of the sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Cells that are summed up together.
const BLOCK: usize = 8;

/// Differences of coverage along each row of a band, in whole units.
///
/// What the edges of a closed ring add to a row cancels out exactly.
#[derive(Debug)]
pub(super) struct Accumulator {
    width: usize,
    rows: usize,
    /// `rows` x `stride`: an edge on the right border writes three cells beyond it.
    cells: Vec<i32>,
    stride: usize,
    /// Per row, words with a bit for each block that was written to.
    written: Vec<u64>,
    /// Words of a row.
    words: usize,
}

impl Accumulator {
    pub(super) fn new(width: usize, rows: usize) -> Self {
        let stride = (width + 3).next_multiple_of(BLOCK);
        let words = (stride / BLOCK).div_ceil(64);
        let (cells, written) = (vec![0; stride * rows], vec![0; words * rows]);
        Self { width, rows, cells, stride, written, words }
    }

    /// Adds one edge, cut where it leaves the band or crosses its side borders.
    pub(super) fn add_edge(&mut self, p: Coord<f64>, q: Coord<f64>, sign: f64) {
        // Upwards edges have the interior on their right: they open the coverage.
        let (a, b, sign) = if p.y < q.y { (p, q, -sign) } else { (q, p, sign) };
        let (top, bottom) = (a.y.max(0.0), b.y.min(self.rows as f64));
        if top >= bottom {
            return;
        }
        let slope = (b.x - a.x) / (b.y - a.y);
        if !slope.is_finite() {
            // Lower than 1e-200: no share of a pixel.
            return;
        }
        let limit = self.width as f64;
        let inside = a.x.min(b.x) >= 0.0 && a.x.max(b.x) <= limit;
        if inside {
            self.add_piece((a.x + (top - a.y) * slope, top), bottom, slope, sign);
            return;
        }
        let mut cuts = [top, bottom, bottom, bottom];
        if slope.abs() > 0.0 {
            cuts[1] = (a.y + (0.0 - a.x) / slope).clamp(top, bottom);
            cuts[2] = (a.y + (limit - a.x) / slope).clamp(top, bottom);
            if cuts[1] > cuts[2] {
                cuts.swap(1, 2);
            }
        }
        let x_at = |y: f64| (a.x + (y - a.y) * slope).clamp(0.0, limit);
        for pair in cuts.windows(2) {
            let (y0, y1) = (pair[0], pair[1]);
            if y0 < y1 {
                // A piece outside collapses onto the border it lies beyond.
                let (x0, x1) = (x_at(y0), x_at(y1));
                self.add_piece((x0, y0), y1, (x1 - x0) / (y1 - y0), sign);
            }
        }
    }

    /// Adds a downwards piece inside the band, row by row.
    fn add_piece(&mut self, (x, y): (f64, f64), end: f64, slope: f64, sign: f64) {
        let limit = self.width as f64;
        let x_at = |to: f64| (x + (to - y) * slope).max(0.0).min(limit);
        let whole = ceil_index(y, self.rows)..floor_index(end, self.rows);
        if whole.start > whole.end {
            // Within one row.
            self.add_part(whole.end, [y, end], [x_at(y), x_at(end)], sign);
            return;
        }
        let [first, last] = [whole.start as f64, whole.end as f64];
        if y < first {
            self.add_part(whole.start - 1, [y, first], [x_at(y), x_at(first)], sign);
        }
        if end > last {
            self.add_part(whole.end, [last, end], [x_at(last), x_at(end)], sign);
        }
        if whole.is_empty() {
            return;
        }
        let rise = sign * ONE;
        let (width, inverse) = (slope.abs(), 1.0 / slope.abs());
        if width > 1.0 {
            for row in whole {
                let (p, q) = (x_at(row as f64), x_at((row + 1) as f64));
                self.add_span(row, [p.min(q), p.max(q)], rise, inverse);
            }
        } else {
            let x = x + slope.min(0.0);
            self.add_steep(whole, (x - y * slope, slope), rise);
        }
    }

    /// Adds a piece that passes some rows from top to bottom and no more than two cells
    /// of each; its left end in a row is at `at + row * slope`.
    #[inline]
    fn add_steep(&mut self, rows: Range<usize>, (at, slope): (f64, f64), rise: f64) {
        let (width, limit) = (slope.abs(), self.width as f64);
        // Of an upright piece nothing lies beyond a cell.
        let factor = if width > 0.0 { 0.5 * rise / width } else { 0.0 };
        let all = fixed(rise);
        let cells = self.cells[rows.start * self.stride..].chunks_exact_mut(self.stride);
        let written = self.written[rows.start * self.words..].chunks_exact_mut(self.words);
        for ((row, cells), written) in rows.zip(cells).zip(written) {
            let low = (at + row as f64 * slope).max(0.0).min(limit);
            let first = floor_index(low, self.width);
            let room = (first + 1) as f64 - low;
            let beyond = (width - room).max(0.0);
            // Shares of the first and the second cell.
            let share = if beyond > 0.0 {
                factor * room * room
            } else {
                rise * (room - 0.5 * width)
            };
            let (share, second) = (fixed(share), fixed(rise - factor * beyond * beyond));
            if let Some([a, b, c]) = cells.get_mut(first..first + 3) {
                *a = a.wrapping_add(share);
                *b = b.wrapping_add(second.wrapping_sub(share));
                *c = c.wrapping_add(all.wrapping_sub(second));
            }
            mark(written, first / BLOCK);
            mark(written, (first + 2) / BLOCK);
        }
    }

    /// Adds a piece that lies in one row and ends in it.
    fn add_part(&mut self, row: usize, [top, bottom]: [f64; 2], [p, q]: [f64; 2], sign: f64) {
        let units = |y: f64| ((y - row as f64) * ONE + ROUNDER) - ROUNDER;
        let rise = sign * (units(bottom) - units(top));
        let (low, high) = (p.min(q), p.max(q));
        self.add_span(row, [low, high], rise, 1.0 / (high - low));
    }

    /// Spreads the signed height `rise` of a piece in one row over its cells.
    #[inline]
    fn add_span(&mut self, row: usize, [low, high]: [f64; 2], rise: f64, inverse: f64) {
        let first = floor_index(low, self.width);
        let last = ceil_index(high, self.width).max(first + 1) - 1;
        let start = row * self.stride;
        let cells = &mut self.cells[start + first..start + last + 2];
        let mut before = 0;
        let density = rise * inverse;
        let single = [cells.len() - 2, 0];
        for (offset, cell) in cells.iter_mut().enumerate() {
            let from = (first + offset) as f64;
            let share = match [offset, single[0]] {
                [0, 0] => rise * (from + 1.0 - 0.5 * (low + high)),
                [0, _] => 0.5 * density * (from + 1.0 - low) * (from + 1.0 - low),
                [at, last] if at < last => density * (from + 0.5 - low),
                [at, last] if at == last => rise - 0.5 * density * (high - from) * (high - from),
                _ => rise,
            };
            let share = fixed(share);
            *cell = cell.wrapping_add(share.wrapping_sub(before));
            before = share;
        }
        let written = &mut self.written[row * self.words..(row + 1) * self.words];
        for block in first / BLOCK..=(last + 1) / BLOCK {
            mark(written, block);
        }
    }

    /// Sums one row up, combines it with the raster and clears it.
    pub(super) fn drain_row(&mut self, row: usize, line: &mut [f32]) {
        let start = row * self.stride;
        let cells = &mut self.cells[start..start + self.stride];
        let written = &mut self.written[row * self.words..(row + 1) * self.words];
        // Between written blocks the sum does not change.
        let (mut sum, mut from) = (0_i32, 0);
        for (word, bits) in written.iter_mut().enumerate() {
            let mut left = std::mem::take(bits);
            while left != 0 {
                let block = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                let at = block * BLOCK;
                if sum > 0 {
                    raise(line, from..at, sum);
                }
                from = at + BLOCK;
                let Some(cells) = cells[at..].first_chunk_mut::<BLOCK>() else { break };
                // The last cells lie beyond the raster.
                let line = line.get_mut(at..).unwrap_or_default();
                match line.first_chunk_mut::<BLOCK>() {
                    Some(line) => sum = combine(line, cells, sum),
                    None => sum = combine(line, cells, sum),
                }
                *cells = [0; BLOCK];
            }
        }
    }
}

/// Rounds to whole units.
#[inline]
fn fixed(value: f64) -> i32 {
    (value + ROUNDER).to_bits() as i32
}

/// Sets the bit of a block.
#[inline]
fn mark(written: &mut [u64], block: usize) {
    if let Some(word) = written.get_mut(block / 64) {
        *word |= 1 << (block % 64);
    }
}

/// The share that a sum stands for.
#[inline]
fn share(sum: i32) -> f32 {
    let share = sum as f32 * (1.0 / ONE as f32);
    let share = if share > 0.0 { share } else { 0.0 };
    if share < 1.0 { share } else { 1.0 }
}

/// Sums up from `sum` on, combines with pixels by maximum and returns the new sum.
#[inline]
fn combine(line: &mut [f32], cells: &[i32; BLOCK], mut sum: i32) -> i32 {
    for (cell, &change) in line.iter_mut().zip(cells) {
        sum = sum.wrapping_add(change);
        let share = share(sum);
        *cell = if share > *cell { share } else { *cell };
    }
    sum
}

/// Combines one sum with a run of pixels by maximum.
#[inline]
fn raise(line: &mut [f32], run: Range<usize>, sum: i32) {
    let end = run.end.min(line.len());
    let Some(run) = line.get_mut(run.start..end) else { return };
    let share = share(sum);
    if share >= 1.0 {
        run.fill(1.0);
    } else {
        for cell in run {
            *cell = cell.max(share);
        }
    }
}
