//! Masks of a bit per pixel.

use ndarray::{Array2, ArrayView2};

/// Pixels in a word.
const WORD: usize = 64;

/// A mask of a bit per pixel, kept within its bounds, for comparing many masks.
///
/// Two masks are compared 64 pixels at a time, and only where their bounds meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMask {
    /// Rows and columns of the raster.
    dim: (usize, usize),
    /// Top, left, bottom and right; the last two are behind the last pixel.
    bounds: [usize; 4],
    /// Words of 64 columns, aligned to multiples of 64, row by row within the bounds.
    words: Vec<u64>,
    area: u64,
}

impl BitMask {
    /// Packs a mask.
    ///
    /// # Examples
    /// ```
    /// use mapvec_postprocess::BitMask;
    /// use ndarray::array;
    ///
    /// let a = BitMask::new(array![[true, true, false]].view());
    /// let b = BitMask::new(array![[false, true, true]].view());
    /// assert_eq!((a.area(), a.shared(&b), b.bounds()), (2, 1, [0, 1, 1, 3]));
    /// ```
    #[must_use]
    pub fn new(mask: ArrayView2<'_, bool>) -> Self {
        let mut bounds = [usize::MAX, usize::MAX, 0, 0];
        for ((row, column), _) in mask.indexed_iter().filter(|(_, set)| **set) {
            bounds[0] = bounds[0].min(row);
            bounds[1] = bounds[1].min(column);
            bounds[2] = row + 1;
            bounds[3] = bounds[3].max(column + 1);
        }
        if bounds[2] == 0 {
            return Self { dim: mask.dim(), bounds: [0; 4], words: Vec::new(), area: 0 };
        }
        let [top, left, bottom, right] = bounds;
        let columns = left / WORD..right.div_ceil(WORD);
        let mut words = Vec::with_capacity((bottom - top) * columns.len());
        for row in top..bottom {
            for word in columns.clone() {
                let end = (word * WORD + WORD).min(right);
                let bits = (word * WORD..end)
                    .enumerate()
                    .filter(|(_, column)| mask[(row, *column)])
                    .fold(0_u64, |bits, (bit, _)| bits | 1 << bit);
                words.push(bits);
            }
        }
        let area = words.iter().map(|word| u64::from(word.count_ones())).sum();
        Self { dim: mask.dim(), bounds, words, area }
    }

    /// Rows and columns of the raster.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        self.dim
    }

    /// Number of pixels.
    #[must_use]
    pub fn area(&self) -> u64 {
        self.area
    }

    /// Top, left, bottom and right; the last two are behind the last pixel. All 0 for an
    /// empty mask.
    #[must_use]
    pub fn bounds(&self) -> [usize; 4] {
        self.bounds
    }

    /// The pixels as (row, column), row by row.
    pub fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let first = self.columns().start;
        let stride = self.columns().len().max(1);
        let words = self.words.iter().enumerate().filter(|(_, word)| **word > 0);
        words.flat_map(move |(at, &word)| {
            let (row, column) = (self.bounds[0] + at / stride, (first + at % stride) * WORD);
            (0..WORD).filter(move |bit| word >> bit & 1 == 1).map(move |bit| (row, column + bit))
        })
    }

    /// The mask as a raster.
    #[must_use]
    pub fn to_array(&self) -> Array2<bool> {
        let mut mask = Array2::from_elem(self.dim, false);
        self.pixels().for_each(|pixel| mask[pixel] = true);
        mask
    }

    /// Number of pixels that both masks have, place by place from the top left.
    #[must_use]
    pub fn shared(&self, other: &Self) -> u64 {
        let rows = self.bounds[0].max(other.bounds[0])..self.bounds[2].min(other.bounds[2]);
        let (mine, others) = (self.columns(), other.columns());
        let columns = mine.start.max(others.start)..mine.end.min(others.end);
        if columns.is_empty() {
            return 0;
        }
        let words = |mask: &Self, row: usize, all: &std::ops::Range<usize>| {
            let start = (row - mask.bounds[0]) * all.len() + columns.start - all.start;
            start..start + columns.len()
        };
        rows.map(|row| {
            let a = &self.words[words(self, row, &mine)];
            let b = &other.words[words(other, row, &others)];
            a.iter().zip(b).map(|(a, b)| u64::from((a & b).count_ones())).sum::<u64>()
        })
        .sum()
    }

    /// Shared pixels over all pixels of the two masks; 0 without shared ones.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let shared = self.shared(other);
        if shared == 0 {
            return 0.0;
        }
        shared as f64 / (self.area + other.area - shared) as f64
    }

    /// The words of a row that hold the bounds.
    fn columns(&self) -> std::ops::Range<usize> {
        self.bounds[1] / WORD..self.bounds[3].div_ceil(WORD)
    }
}
