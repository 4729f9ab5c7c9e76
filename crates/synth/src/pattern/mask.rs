//! Sets of pixels as bits.

use std::ops::Range;

/// A set of pixels of a square canvas, a bit per pixel. Only the rows between the first and the
/// last one with a pixel are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMask {
    size: usize,
    words: usize,
    top: usize,
    bits: Vec<u64>,
}

impl BitMask {
    /// No pixels of a canvas of `size` x `size`, with room for some rows.
    pub(crate) fn empty(size: usize, rows: Range<usize>) -> Self {
        let words = size.div_ceil(64);
        let rows = rows.start.min(size)..rows.end.min(size);
        Self { size, words, top: rows.start, bits: vec![0; rows.len() * words] }
    }

    /// Side of the canvas, px.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The rows that may have pixels.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.top..self.top + self.bits.len() / self.words
    }

    /// The bits of a row of [`BitMask::rows`].
    fn row(&self, y: usize) -> &[u64] {
        &self.bits[(y - self.top) * self.words..][..self.words]
    }

    fn row_mut(&mut self, y: usize) -> &mut [u64] {
        &mut self.bits[(y - self.top) * self.words..][..self.words]
    }

    /// Adds the pixels from column `first` to `last`, both included, of a row; what lies outside
    /// is left out.
    pub(crate) fn add_span(&mut self, y: i64, first: i64, last: i64) {
        let rows = self.rows();
        let Ok(y) = usize::try_from(y) else { return };
        let Ok(last) = usize::try_from(last) else { return };
        let (first, last) = (usize::try_from(first).unwrap_or(0), last.min(self.size - 1));
        if !rows.contains(&y) || first > last {
            return;
        }
        let row = self.row_mut(y);
        for (word, bits) in row.iter_mut().enumerate().take(last / 64 + 1).skip(first / 64) {
            let low = if word == first / 64 { first % 64 } else { 0 };
            let high = if word == last / 64 { last % 64 } else { 63 };
            *bits |= (u64::MAX >> (63 - high)) & (u64::MAX << low);
        }
    }

    /// Number of pixels.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is no pixel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    /// Whether it has the pixel at row `y`, column `x`.
    #[must_use]
    pub fn contains(&self, y: usize, x: usize) -> bool {
        self.rows().contains(&y) && x < self.size && self.row(y)[x / 64] >> (x % 64) & 1 == 1
    }

    /// Adds all pixels of `other`, a mask of the same canvas whose rows lie inside these.
    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, |a, b| a | b);
    }

    /// Takes away all pixels of `other`, of the same canvas.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.combine(other, |a, b| a & !b);
    }

    fn combine(&mut self, other: &Self, f: impl Fn(u64, u64) -> u64) {
        let (mine, theirs) = (self.rows(), other.rows());
        for y in mine.start.max(theirs.start)..mine.end.min(theirs.end) {
            for (a, b) in self.row_mut(y).iter_mut().zip(other.row(y)) {
                *a = f(*a, *b);
            }
        }
    }

    /// The pixels that are also in `other`, of the same canvas.
    #[must_use]
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for y in self.rows() {
            let theirs = other.rows().contains(&y).then(|| other.row(y));
            for (word, a) in both.row_mut(y).iter_mut().enumerate() {
                *a &= theirs.map_or(0, |row| row[word]);
            }
        }
        both
    }

    /// Visits the pixels row by row: `visit(row, column)`.
    pub fn each(&self, mut visit: impl FnMut(usize, usize)) {
        for (i, row) in self.bits.chunks_exact(self.words).enumerate() {
            for (word, bits) in row.iter().enumerate() {
                let mut bits = *bits;
                while bits != 0 {
                    visit(self.top + i, word * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                }
            }
        }
    }

    /// First and last row, first and last column with a pixel; none if there is no pixel.
    #[must_use]
    pub fn extent(&self) -> Option<[usize; 4]> {
        let mut rows: Option<(usize, usize)> = None;
        let (mut few, mut many) = ([0_u64; 16], Vec::new());
        let columns = if let Some(few) = few.get_mut(..self.words) {
            few
        } else {
            many.resize(self.words, 0);
            &mut many[..]
        };
        for (i, row) in self.bits.chunks_exact(self.words).enumerate() {
            if row.iter().any(|word| *word != 0) {
                rows = Some((rows.map_or(self.top + i, |r| r.0), self.top + i));
                for (all, word) in columns.iter_mut().zip(row) {
                    *all |= word;
                }
            }
        }
        let (top, bottom) = rows?;
        let left = columns.iter().position(|word| *word != 0)?;
        let right = columns.iter().rposition(|word| *word != 0)?;
        Some([
            top,
            bottom,
            left * 64 + columns[left].trailing_zeros() as usize,
            right * 64 + 63 - columns[right].leading_zeros() as usize,
        ])
    }

    /// Adds to every cell of `cell` x `cell` pixels how many of them there are, row by row;
    /// `cell` is a power of two up to 64 that divides the size.
    pub(crate) fn count_cells(&self, cell: usize, counts: &mut [u32]) {
        let columns = self.size / cell;
        let low = u64::MAX >> (64 - cell);
        for (i, row) in self.bits.chunks_exact(self.words).enumerate() {
            let first = (self.top + i) / cell * columns;
            for (word, bits) in row.iter().enumerate().filter(|(_, bits)| **bits != 0) {
                for part in 0..64 / cell {
                    let count = (bits >> (part * cell) & low).count_ones();
                    if count > 0 {
                        counts[first + word * (64 / cell) + part] += count;
                    }
                }
            }
        }
    }

    /// Writes `value` to the pixels of a plane of the canvas's size, row by row.
    pub fn paint<T: Copy>(&self, value: T, plane: &mut [T]) {
        self.each(|y, x| plane[y * self.size + x] = value);
    }
}

/// The masks of a canvas as planes of 0 and 1, one after the other.
pub(crate) fn stack<'a>(size: usize, masks: impl Iterator<Item = &'a BitMask>) -> Vec<u8> {
    let (masks, area): (Vec<&BitMask>, _) = (masks.collect(), size * size);
    let mut planes = vec![0; masks.len() * area];
    for (plane, mask) in planes.chunks_exact_mut(area).zip(masks) {
        mask.paint(1, plane);
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_clipped_and_counted() {
        for size in [16, 64, 65, 200] {
            let last = i64::try_from(size).unwrap() - 1;
            let mut mask = BitMask::empty(size, 0..size);
            mask.add_span(3, -5, 2);
            mask.add_span(5, last - 1, last + 9);
            mask.add_span(7, 0, last);
            mask.add_span(-1, 0, 3);
            mask.add_span(last + 1, 0, 3);
            mask.add_span(9, 4, 3);
            mask.add_span(9, last + 1, last + 3);
            assert_eq!(mask.count(), 3 + 2 + size, "size {size}");
            assert_eq!(mask.extent(), Some([3, 7, 0, size - 1]), "size {size}");
            let mut seen = 0;
            mask.each(|y, x| {
                assert!(mask.contains(y, x) && x < size, "size {size}: {y} {x}");
                seen += 1;
            });
            assert_eq!(seen, mask.count(), "size {size}");
            assert!(!mask.contains(3, 3) && !mask.contains(size, 0), "size {size}");
        }
    }

    #[test]
    fn sets_combine_where_their_rows_meet() {
        let mut a = BitMask::empty(70, 2..6);
        let mut b = BitMask::empty(70, 4..9);
        for y in 0..10 {
            a.add_span(y, 10, 68);
            b.add_span(y, 60, 69);
        }
        let both = a.intersection(&b);
        assert_eq!((a.count(), b.count(), both.count()), (4 * 59, 5 * 10, 2 * 9));
        let mut rest = a.clone();
        rest.subtract(&b);
        assert_eq!(rest.count(), a.count() - both.count());
        let mut all = BitMask::empty(70, 0..70);
        all.add(&a);
        all.add(&b);
        assert_eq!(all.count(), a.count() + b.count() - both.count());
        assert!(BitMask::empty(16, 3..5).extent().is_none());
    }

    #[test]
    fn cells_are_counted() {
        for (size, cell) in [(128, 4), (96, 32), (64, 64), (40, 1), (72, 8)] {
            let mut mask = BitMask::empty(size, 3..size - 2);
            for y in 0..i64::try_from(size).unwrap() {
                mask.add_span(y, y / 2, y * 3 % 50);
            }
            let mut want = vec![0; (size / cell) * (size / cell)];
            mask.each(|y, x| want[y / cell * (size / cell) + x / cell] += 1);
            let mut counts = vec![0; want.len()];
            mask.count_cells(cell, &mut counts);
            assert_eq!(counts, want, "size {size} cell {cell}");
        }
    }
}
