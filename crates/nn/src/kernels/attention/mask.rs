//! Masks of scores, read block by block through strides.

use super::QUERIES;

/// The values of a mask.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MaskValues<'a> {
    /// Added to the scores.
    Additive(&'a [f32]),
    /// Zero hides a key.
    Boolean(&'a [u8]),
}

/// A mask of `[B, Hd, N, M]`; a stride of zero repeats values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask<'a> {
    /// The values, from the first on.
    pub(crate) values: MaskValues<'a>,
    /// Heads of an image.
    pub(crate) heads: usize,
    /// Distances between images, heads, queries and keys.
    pub(crate) strides: [usize; 4],
}

impl Mask<'_> {
    /// Adds the mask to scores of `keys` (lines) by `queries` (lanes).
    pub(super) fn add(
        &self,
        head: usize,
        queries: std::ops::Range<usize>,
        keys: std::ops::Range<usize>,
        scores: &mut [f32],
    ) {
        let [image, per_head, row, column] = self.strides;
        let start = head / self.heads * image + head % self.heads * per_head;
        // A few queries at a time: their lines of the mask stay in the cache.
        for (j, line) in keys.zip(scores.chunks_exact_mut(QUERIES)) {
            let from = start + queries.start * row + j * column;
            let line = &mut line[..queries.len()];
            match self.values {
                MaskValues::Additive(values) if row == 0 => {
                    let value = values[from];
                    line.iter_mut().for_each(|s| *s += value);
                }
                MaskValues::Additive(values) => {
                    for (s, value) in line.iter_mut().zip(values[from..].iter().step_by(row)) {
                        *s += value;
                    }
                }
                MaskValues::Boolean(values) if row == 0 => {
                    if values[from] == 0 {
                        line.fill(f32::NEG_INFINITY);
                    }
                }
                MaskValues::Boolean(values) => {
                    for (s, value) in line.iter_mut().zip(values[from..].iter().step_by(row)) {
                        *s = if *value == 0 { f32::NEG_INFINITY } else { *s };
                    }
                }
            }
        }
    }
}
