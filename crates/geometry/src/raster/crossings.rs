//! Crossings of edges with the centre lines of pixel rows.

use crate::{
    box_tree::Bounds,
    grid::{ceil_index, centres},
};
use geo_types::Coord;
use std::ops::Range;

/// Words of working memory; rows beyond it make another band.
const WORDS: usize = 1 << 17;

/// Marks the first pixel centre right of each crossing, one bit for every pixel.
///
/// Bits of a row are read from left to right, so nothing is sorted. Two crossings in the
/// same place cancel out, as they do by the even-odd rule.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    /// Rows of the band.
    rows: Range<usize>,
    /// First and last column that can be marked; the last may lie beyond the raster.
    columns: [usize; 2],
    /// Rows of `stride` words; all zero from one band to the next.
    words: Vec<u64>,
    stride: usize,
}

impl Crossings {
    /// Turns to shapes within `bounds` on a raster of some width; returns how many rows
    /// a band may have.
    pub(super) fn reach(&mut self, bounds: &Bounds, width: usize) -> usize {
        self.columns = [bounds.low.x, bounds.high.x].map(|x| ceil_index(x - 0.5, width));
        self.stride = (self.columns[1] - self.columns[0]) / 64 + 1;
        (WORDS / self.stride).max(1)
    }

    /// Begins a band.
    pub(super) fn start(&mut self, rows: Range<usize>) {
        self.words.resize(self.stride * rows.len(), 0);
        self.rows = rows;
    }

    /// Marks the crossings of an edge within the bounds, the end with the smaller y first.
    ///
    /// Both owners of a shared edge compute the same crossings.
    #[inline]
    pub(super) fn add(&mut self, a: Coord<f64>, b: Coord<f64>) {
        let rows = centres(a.y, b.y, self.rows.end);
        let rows = rows.start.max(self.rows.start)..rows.end;
        if rows.is_empty() {
            return;
        }
        let slope = (b.x - a.x) / (b.y - a.y);
        let [first, last] = self.columns;
        // Rounding does not lead beyond the ends of the edge.
        let column = |x: f64| ceil_index(x - 0.5, last).max(first) as f64;
        let (low, high) = (column(a.x.min(b.x)), column(a.x.max(b.x)));
        let start = (rows.start - self.rows.start) * self.stride;
        let mut row = rows.start as f64;
        for words in self.words[start..].chunks_exact_mut(self.stride).take(rows.len()) {
            let x = a.x + (row + 0.5 - a.y) * slope - 0.5;
            row += 1.0;
            // Edges of almost no height may cross at no number at all: take the lower end.
            let x = if x > low { x } else { low };
            let x = if x < high { x } else { high };
            let bit = ceil_index(x, last) - first;
            words[bit / 64] ^= 1 << (bit % 64);
        }
    }

    /// Calls `visit(row, columns)` with every run of pixels between two crossings, and
    /// clears the band.
    pub(super) fn drain(&mut self, mut visit: impl FnMut(usize, Range<usize>)) {
        let lines = self.words.chunks_exact_mut(self.stride);
        for (row, words) in self.rows.clone().zip(lines) {
            let mut open = None;
            let mut base = self.columns[0];
            for word in words {
                let mut bits = std::mem::take(word);
                while bits != 0 {
                    let column = base + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    // A closed ring crosses a row an even number of times.
                    match open.take() {
                        Some(left) => visit(row, left..column),
                        None => open = Some(column),
                    }
                }
                base += 64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Rows of several words, in bands of any height.
        #[test]
        fn runs_lie_between_sorted_crossings(
            ring in proptest::collection::vec((-40.0..240.0_f64, -4.0..30.0_f64), 3..12),
            band in 1_usize..30,
        ) {
            const SIZE: (usize, usize) = (24, 200);
            let point = |k: usize| Coord { x: ring[k % ring.len()].0, y: ring[k % ring.len()].1 };
            let edges: Vec<_> = (0..ring.len())
                .map(|k| (point(k), point(k + 1)))
                .map(|(a, b)| if a.y <= b.y { (a, b) } else { (b, a) })
                .collect();
            let bounds = edges.iter().map(|&(a, b)| Bounds::of(a, b)).reduce(Bounds::join);
            let mut drawn = vec![false; SIZE.0 * SIZE.1];
            let mut crossings = Crossings::default();
            crossings.reach(&bounds.unwrap(), SIZE.1);
            for top in (0..SIZE.0).step_by(band) {
                crossings.start(top..SIZE.0.min(top + band));
                edges.iter().for_each(|&(a, b)| crossings.add(a, b));
                crossings.drain(|row, columns| {
                    for cell in &mut drawn[row * SIZE.1..][columns] {
                        assert!(!std::mem::replace(cell, true), "drawn twice");
                    }
                });
            }
            for (index, &found) in drawn.iter().enumerate() {
                let (row, column) = (index / SIZE.1, index % SIZE.1);
                let p = Coord { x: column as f64 + 0.5, y: row as f64 + 0.5 };
                let left = |&&(a, b): &&(Coord<f64>, Coord<f64>)| {
                    let x = a.x + (p.y - a.y) * ((b.x - a.x) / (b.y - a.y));
                    a.y <= p.y && p.y < b.y && x <= p.x
                };
                prop_assert_eq!(found, edges.iter().filter(left).count() % 2 == 1);
            }
        }
    }
}
