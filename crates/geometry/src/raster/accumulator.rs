//! Sums of signed heights of edges, from which covered areas follow.

use crate::grid::{ceil_index, floor_index};
use geo_types::Coord;
use std::ops::Range;

/// Units of a pixel's height and of its area: whole numbers add up exactly, and up to this
/// one they are numbers of 32 bits with a fraction, too.
const ONE: f64 = 16_777_216.0;
/// Width in pixels up to which a piece stands upright; one over it is finite.
const UPRIGHT: f64 = 1e-100;
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
                self.add_span(row, [p.min(q), (p - q).abs()], rise, inverse);
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
        let factor = if width > UPRIGHT { 0.5 * rise / width } else { 0.0 };
        let mut start = rows.start * self.stride;
        let mut y = rows.start as f64;
        for row in rows {
            let low = (at + y * slope).max(0.0).min(limit);
            self.add_two(row, start, [low, width], [rise, factor]);
            start += self.stride;
            y += 1.0;
        }
    }

    /// Adds a piece that passes two cells at most, from its left end, its width, its rise
    /// and half of the rise over the width (0 for no width).
    #[inline]
    fn add_two(&mut self, row: usize, start: usize, [low, width]: [f64; 2], by: [f64; 2]) {
        let [rise, factor] = by;
        let (left, first) = floor(low);
        let room = left + 1.0 - low;
        let beyond = (width - room).max(0.0);
        // Shares of the first and the second cell.
        let one = if beyond > 0.0 { factor * room * room } else { rise * (room - 0.5 * width) };
        let two = rise - factor * beyond * beyond;
        let (one, two) = (fixed(one), fixed(two));
        if let Some([a, b, c]) = self.cells.get_mut(start + first..start + first + 3) {
            *a = a.wrapping_add(one);
            *b = b.wrapping_add(two.wrapping_sub(one));
            *c = c.wrapping_add(fixed(rise).wrapping_sub(two));
        }
        self.mark(row, first / BLOCK);
        self.mark(row, (first + 2) / BLOCK);
    }

    /// Sets the bit of a block.
    #[inline]
    fn mark(&mut self, row: usize, block: usize) {
        if let Some(word) = self.written.get_mut(row * self.words + block / 64) {
            *word |= 1 << (block % 64);
        }
    }

    /// Adds a piece that lies in one row and ends in it.
    fn add_part(&mut self, row: usize, [top, bottom]: [f64; 2], [p, q]: [f64; 2], sign: f64) {
        let top_of_row = row as f64;
        let units = |y: f64| ((y - top_of_row) * ONE + ROUNDER) - ROUNDER;
        let rise = sign * (units(bottom) - units(top));
        let (low, width) = (p.min(q), (p - q).abs());
        let inverse = if width > UPRIGHT { 1.0 / width } else { 0.0 };
        self.add_span(row, [low, width], rise, inverse);
    }

    /// Spreads the signed height `rise` of a piece in one row over its cells.
    #[inline]
    fn add_span(&mut self, row: usize, [low, width]: [f64; 2], rise: f64, inverse: f64) {
        let start = row * self.stride;
        let factor = 0.5 * rise * inverse;
        let (left, first) = floor(low);
        let room = left + 1.0 - low;
        if width <= room + 1.0 {
            self.add_two(row, start, [low, width], [rise, factor]);
            return;
        }
        let high = low + width;
        let last = ceil_index(high, self.width) - 1;
        let all = fixed(rise);
        let Some(cells) = self.cells.get_mut(start + first..start + last + 2) else { return };
        // In between, the share grows evenly from cell to cell.
        let mut share = factor * (1.0 + 2.0 * room);
        let (mut before, mut next) = (0, fixed(factor * room * room));
        let (count, end) = (cells.len(), high - last as f64);
        for (index, cell) in cells.iter_mut().enumerate() {
            *cell = cell.wrapping_add(next.wrapping_sub(before));
            before = next;
            next = if index + 3 < count {
                fixed(share)
            } else if index + 3 == count {
                fixed(rise - factor * end * end)
            } else {
                all
            };
            share += 2.0 * factor;
        }
        for block in first / BLOCK..=(last + 1) / BLOCK {
            self.mark(row, block);
        }
    }

    /// Sums the rows up, combines them with lines of the raster and clears them.
    pub(super) fn drain<'a>(&mut self, lines: impl Iterator<Item = &'a mut [f32]>) {
        let rows = self.cells.chunks_exact_mut(self.stride);
        let written = self.written.chunks_exact_mut(self.words);
        for ((cells, written), line) in rows.zip(written).zip(lines) {
            drain_row(cells, written, line);
        }
    }
}

/// Sums one row up, combines it with the raster and clears it.
#[inline]
fn drain_row(cells: &mut [i32], written: &mut [u64], line: &mut [f32]) {
    // Between written blocks the sum does not change.
    let (mut sum, mut from) = (0_i32, 0);
    let mut base = 0;
    for bits in written {
        let mut left = std::mem::take(bits);
        while left != 0 {
            let at = base + BLOCK * left.trailing_zeros() as usize;
            left &= left - 1;
            if sum > 0 && from < at {
                raise(line, from..at, sum);
            }
            from = at + BLOCK;
            let Some(cells) =
                cells.get_mut(at..).and_then(|cells| cells.first_chunk_mut::<BLOCK>())
            else {
                break;
            };
            // The last cells lie beyond the raster.
            let line = line.get_mut(at..).unwrap_or_default();
            match line.first_chunk_mut::<BLOCK>() {
                Some(line) => sum = combine(line, cells, sum),
                None => sum = combine(line, cells, sum),
            }
            *cells = [0; BLOCK];
        }
        base += 64 * BLOCK;
    }
}

/// The whole number below a position in a row.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "positions in rows are not negative")]
fn floor(position: f64) -> (f64, usize) {
    let whole = position as i64;
    (whole as f64, whole as usize)
}

/// Rounds to whole units.
#[inline]
fn fixed(value: f64) -> i32 {
    (value + ROUNDER).to_bits() as i32
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
