//! Runs from pixels and pixels from runs.

use ndarray::{Array2, ArrayView2};

use super::{NAME, Rle};
use crate::error::Result;
use crate::limits::ImageLimits;

/// Pixels that are compared at once.
const STEP: usize = 32;

impl Rle {
    /// The runs of a mask, (rows, columns). What is not 0 belongs to it.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyImage`](crate::Error::EmptyImage) and
    /// [`Error::ImageTooLarge`](crate::Error::ImageTooLarge) for an array without pixels or with
    /// more than 2^32 - 1.
    pub fn encode(mask: ArrayView2<'_, u8>) -> Result<Self> {
        let (rows, columns) = mask.dim();
        let side = |size| u32::try_from(size).unwrap_or(u32::MAX);
        let (height, width) = (side(rows), side(columns));
        let all = u64::from(u32::MAX);
        let limits = ImageLimits { max_width: u32::MAX, max_height: u32::MAX, max_pixels: all };
        limits.check(width, height, NAME)?;
        let ends = match (mask.t().as_slice(), mask.as_slice()) {
            (Some(pixels), _) => ends_in_columns(pixels),
            (None, Some(pixels)) => ends_in_rows(pixels, rows, columns),
            (None, None) => ends_in_rows(&mask.iter().copied().collect::<Vec<_>>(), rows, columns),
        };
        let mut last = 0;
        // All pixels fit a `u32`, as was checked.
        let ends = ends.into_iter().chain([height * width]);
        let counts = ends.map(|end| end - std::mem::replace(&mut last, end)).collect();
        Ok(Self { height, width, counts })
    }

    /// The mask, (rows, columns), 1 inside and 0 outside.
    #[must_use]
    pub fn decode(&self) -> Array2<u8> {
        let (rows, columns) = (self.height as usize, self.width as usize);
        let mut pixels = vec![0; rows * columns];
        // First where each column changes on the way down, then all rows at once from above.
        for (mut start, end) in self.runs() {
            while start < end {
                let (column, row) = (start / rows, start % rows);
                let stop = rows.min(row + end - start);
                pixels[row * columns + column] ^= 1;
                if stop < rows {
                    pixels[stop * columns + column] ^= 1;
                }
                start += stop - row;
            }
        }
        let mut rest = pixels.as_mut_slice();
        while rest.len() > columns {
            let (above, below) = rest.split_at_mut(columns);
            below.iter_mut().zip(above).for_each(|(pixel, above)| *pixel ^= *above);
            rest = below;
        }
        // The number of pixels is right; an empty mask could only come of a wrong one.
        Array2::from_shape_vec((rows, columns), pixels).unwrap_or_default()
    }
}

/// Where the side changes in a mask that lies column by column.
fn ends_in_columns(pixels: &[u8]) -> Vec<u32> {
    let mut ends = Vec::new();
    if pixels.first().is_some_and(|&first| first != 0) {
        ends.push(0);
    }
    let (before, after) = (pixels, pixels.get(1..).unwrap_or(&[]));
    changes(before, after, |place| ends.push(place as u32 + 1));
    ends
}

/// Where the side changes from pixel to pixel down the columns, of a mask that lies row by row.
fn ends_in_rows(pixels: &[u8], rows: usize, columns: usize) -> Vec<u32> {
    // Column and row of each change, row by row: sorted by columns they are in order.
    let mut found: Vec<[u32; 2]> = Vec::new();
    let (Some(top), Some(bottom)) = (pixels.get(..columns), pixels.rchunks(columns.max(1)).next())
    else {
        return Vec::new();
    };
    // Above a column lies the end of the one before.
    let above: Vec<u8> = [0].into_iter().chain(bottom.iter().copied()).collect();
    changes(&above, top, |column| found.push([column as u32, 0]));
    for (row, (above, below)) in
        (1..).zip(pixels.chunks(columns).zip(pixels.chunks(columns).skip(1)))
    {
        changes(above, below, |column| found.push([column as u32, row]));
    }
    let mut next = vec![0_usize; columns + 1];
    found.iter().for_each(|&[column, _]| next[column as usize + 1] += 1);
    for column in 0..columns {
        next[column + 1] += next[column];
    }
    let mut ends = vec![0; found.len()];
    for [column, row] in found {
        let place = &mut next[column as usize];
        ends[*place] = column * rows as u32 + row;
        *place += 1;
    }
    ends
}

/// Calls `found` with each place at which one of two pixels is inside and the other is not. What
/// the longer of the two has beyond is not looked at.
fn changes(before: &[u8], after: &[u8], mut found: impl FnMut(usize)) {
    let count = before.len().min(after.len());
    let (blocks, rest) = before[..count].as_chunks::<STEP>();
    let (others, more) = after[..count].as_chunks::<STEP>();
    for (block, (a, b)) in blocks.iter().zip(others).enumerate() {
        // Without an early end, so that it is one comparison of many.
        if a.iter().zip(b).fold(0, |any, (&a, &b)| any | u8::from((a != 0) != (b != 0))) == 0 {
            continue;
        }
        for (word, (a, b)) in a.as_chunks().0.iter().zip(b.as_chunks().0).enumerate() {
            let mut differ = inside(*a) ^ inside(*b);
            while differ != 0 {
                found(block * STEP + word * 8 + differ.trailing_zeros() as usize / 8);
                differ &= differ - 1;
            }
        }
    }
    for (place, (a, b)) in (count - rest.len()..).zip(rest.iter().zip(more)) {
        if (*a != 0) != (*b != 0) {
            found(place);
        }
    }
}

/// The highest bit of each byte that is not 0.
fn inside(pixels: [u8; 8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let pixels = u64::from_le_bytes(pixels);
    (((pixels & LOW) + LOW) | pixels) & !LOW
}
