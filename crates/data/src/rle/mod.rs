//! Masks as run lengths, in the form of COCO.

mod pixels;
mod sets;
mod text;

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::limits::ImageLimits;

/// What stands for the file in errors about the size of a mask.
const NAME: &str = "run-length mask";

/// Why run lengths describe no mask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RleFault {
    /// The runs do not fill the mask.
    #[error("the runs hold {found} pixels; they must add up to height times width")]
    Sum {
        /// Pixels in all runs, or in those up to the one that is too many.
        found: u64,
    },
    /// A character does not occur in the compressed form.
    #[error("byte {byte:#04x} at {at} of the text; those from '0' to 'o' are allowed")]
    Character {
        /// The byte.
        byte: u8,
        /// Its place in the text.
        at: usize,
    },
    /// The text ends within a number.
    #[error("the text ends within a number; it is cut off")]
    Truncated,
    /// A run is negative or longer than any mask.
    #[error("run {run} is {value} pixels long; 0 to 4294967295 are possible")]
    Run {
        /// The place of the run.
        run: usize,
        /// Its length; the largest number for one that has even more digits.
        value: i64,
    },
    /// Two masks differ in size.
    #[error("it cannot be combined with one of {height} x {width}")]
    Sizes {
        /// Rows of the other mask.
        height: u32,
        /// Columns of the other mask.
        width: u32,
    },
}

/// A mask as the lengths of its runs, column by column, the first run (perhaps empty)
/// outside the mask.
///
/// The runs add up to the size and, but for the first, none is empty: equal masks have equal
/// runs.
///
/// # Examples
///
/// ```
/// use mapvec_data::Rle;
/// let mask = ndarray::array![[0_u8, 1], [1, 1], [0, 1]];
/// let rle = Rle::encode(mask.view())?;
/// assert_eq!(rle.counts(), [1, 1, 1, 3]);
/// assert_eq!(rle.decode(), mask);
/// # Ok::<(), mapvec_data::Error>(())
/// ```
///
/// # References
///
/// The mask format of the COCO API (`maskApi.c`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rle {
    height: u32,
    width: u32,
    counts: Vec<u32>,
}

impl Rle {
    /// A mask from the uncompressed list of runs. Empty runs are merged away.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyImage`] and [`Error::ImageTooLarge`] for a size that `limits` refuse or of
    /// more than 2^32 - 1 pixels, [`Error::Rle`] when the runs do not add up to it.
    pub fn new(height: u32, width: u32, counts: Vec<u32>, limits: &ImageLimits) -> Result<Self> {
        limits.check(width, height, NAME)?;
        // Joined runs must fit a `u32`, whatever the caller allows.
        let all = u64::from(u32::MAX);
        let most = ImageLimits { max_width: u32::MAX, max_height: u32::MAX, max_pixels: all };
        most.check(width, height, NAME)?;
        let rle = Self { height, width, counts };
        let pixels = rle.pixels();
        if rle.counts.iter().map(|&run| u64::from(run)).sum::<u64>() != pixels {
            let mut found = 0_u64;
            for &run in &rle.counts {
                found += u64::from(run);
                if found > pixels {
                    break;
                }
            }
            return Err(rle.fault(RleFault::Sum { found }));
        }
        Ok(rle.normal())
    }

    /// Writes `id` into the pixels inside. A canvas of another size keeps what lies outside
    /// the smaller one.
    pub(crate) fn draw(&self, id: u32, canvas: &mut Array2<u32>) {
        let rows = self.height as usize;
        let (height, width) = canvas.dim();
        for (mut start, end) in self.runs() {
            while start < end {
                let (column, row) = (start / rows, start % rows);
                if column >= width {
                    // All that follows lies further right.
                    return;
                }
                let stop = rows.min(row + end - start);
                if row < height {
                    canvas.slice_mut(ndarray::s![row..stop.min(height), column]).fill(id);
                }
                start += stop - row;
            }
        }
    }

    /// Rows, px.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Columns, px.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Lengths of runs: outside, inside, outside and so on.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of pixels inside.
    #[must_use]
    pub fn area(&self) -> u64 {
        self.counts.as_chunks().0.iter().map(|&[_, inside]| u64::from(inside)).sum()
    }

    /// Left, top, right and bottom of the pixels inside, px; none for an empty mask.
    #[must_use]
    pub fn bounds(&self) -> Option<[u32; 4]> {
        let rows = self.height as usize;
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, rows, 0);
        for (start, end) in self.runs() {
            let (first, last) = (start / rows, (end - 1) / rows);
            (left, right) = (left.min(first), last + 1);
            if first == last {
                (top, bottom) = (top.min(start % rows), bottom.max((end - 1) % rows + 1));
            } else {
                // A run over the end of a column touches its last row and the next one's first.
                (top, bottom) = (0, rows);
            }
        }
        // Not above the sides, which fit.
        let px = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        (left < right).then(|| [left, top, right, bottom].map(px))
    }

    /// First pixel, and the one behind the last, of every run inside.
    fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut end = 0_usize;
        let ends = self.counts.iter().map(move |&run| {
            end += run as usize;
            (end - run as usize, end)
        });
        ends.skip(1).step_by(2).filter(|(start, end)| start < end)
    }

    fn pixels(&self) -> u64 {
        u64::from(self.height) * u64::from(self.width)
    }

    fn fault(&self, fault: RleFault) -> Error {
        Error::Rle { height: self.height, width: self.width, fault }
    }

    /// Without empty runs behind the first.
    fn normal(self) -> Self {
        // To the end, whatever is found, so that it is many comparisons at once.
        let gaps = self.counts.iter().skip(1).fold(false, |gaps, &run| gaps | (run == 0));
        if !gaps && !self.counts.is_empty() {
            return self;
        }
        let mut pen = Pen::default();
        for (index, &run) in self.counts.iter().enumerate() {
            pen.draw(index % 2 == 1, run);
        }
        Self { counts: pen.finish(), ..self }
    }
}

/// Writes runs, joining those of the same side.
#[derive(Default)]
struct Pen {
    counts: Vec<u32>,
    inside: bool,
    run: u32,
}

impl Pen {
    fn draw(&mut self, inside: bool, run: u32) {
        if run > 0 && inside != self.inside {
            self.counts.push(self.run);
            (self.inside, self.run) = (inside, 0);
        }
        // All runs together fit the mask.
        self.run += run;
    }

    fn finish(mut self) -> Vec<u32> {
        self.counts.push(self.run);
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_drawn_as_single_pixels_would_be(
            bits in prop::collection::vec(0_u8..2, 1..80),
            rows in 1_usize..9,
            (height, width) in (1_usize..9, 1_usize..12),
        ) {
            let columns = bits.len().div_ceil(rows);
            let mask = Array2::from_shape_fn((rows, columns), |(i, j)| {
                bits.get(i * columns + j).copied().unwrap_or(0)
            });
            let mut canvas = Array2::from_elem((height, width), 5);
            Rle::encode(mask.view()).unwrap().draw(7, &mut canvas);
            for ((i, j), id) in canvas.indexed_iter() {
                let inside = mask.get((i, j)).is_some_and(|bit| *bit == 1);
                prop_assert_eq!(*id, if inside { 7 } else { 5 });
            }
        }
    }

    #[test]
    fn sums_of_runs_fit_their_type() {
        let all = ImageLimits { max_width: u32::MAX, max_height: u32::MAX, max_pixels: u64::MAX };
        let long = Rle::new(80_000, 100_000, vec![4_000_000_000, 0, 4_000_000_000], &all);
        assert!(matches!(long, Err(Error::ImageTooLarge { .. })), "{long:?}");
    }
}
