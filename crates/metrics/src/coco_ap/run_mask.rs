//! Masks as sorted runs of pixels.

use crate::{Error, Result};

/// A mask made ready for [`mask_ious`](crate::mask_ious): the runs of its pixels, its area
/// and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMask {
    height: u32,
    width: u32,
    /// First pixel of every run inside and the one behind its last, column by column.
    runs: Vec<[u32; 2]>,
    area: u64,
    /// Left, top, right and bottom; all 0 for an empty mask.
    bounds: [u32; 4],
}

impl RunMask {
    /// Reads run lengths in the form of COCO: column by column, the first run (perhaps
    /// empty) outside the mask, then inside, outside and so on.
    ///
    /// # Examples
    /// ```
    /// use mapvec_metrics::RunMask;
    /// // Of 3 rows and 2 columns: the lower two pixels of the first, all of the second.
    /// let mask = RunMask::new(&[1, 5], 3, 2)?;
    /// assert_eq!((mask.area(), mask.bounds()), (5, [0, 0, 2, 3]));
    /// # Ok::<(), mapvec_metrics::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Runs`] if the runs do not add up to the pixels of the mask, or these are
    /// more than 2^32 - 1.
    pub fn new(counts: &[u32], height: u32, width: u32) -> Result<Self> {
        let found: u64 = counts.iter().map(|&run| u64::from(run)).sum();
        let expected = u64::from(height) * u64::from(width);
        if found != expected || expected > u64::from(u32::MAX) {
            return Err(Error::Runs { found, expected, height, width });
        }
        let mut runs = Vec::with_capacity(counts.len() / 2);
        let (mut area, mut position) = (0, 0);
        let mut bounds = [u32::MAX, u32::MAX, 0, 0];
        for pair in counts.chunks(2) {
            let start = position + pair[0];
            let length = pair.get(1).copied().unwrap_or(0);
            position = start + length;
            if length > 0 {
                runs.push([start, position]);
                area += u64::from(length);
                stretch(&mut bounds, start, position - 1, height);
            }
        }
        if area == 0 {
            bounds = [0; 4];
        }
        Ok(Self { height, width, runs, area, bounds })
    }

    /// Pixels inside.
    #[must_use]
    pub fn area(&self) -> u64 {
        self.area
    }

    /// Left, top, right and bottom of the pixels inside, px; all 0 for an empty mask.
    #[must_use]
    pub fn bounds(&self) -> [u32; 4] {
        self.bounds
    }

    /// Rows and columns.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.height, self.width)
    }

    /// Pixels that belong to both masks of one size.
    pub(super) fn common(&self, other: &Self) -> u64 {
        let ([al, at, ar, ab], [bl, bt, br, bb]) = (self.bounds, other.bounds);
        if al.max(bl) >= ar.min(br) || at.max(bt) >= ab.min(bb) {
            return 0;
        }
        let mut a = beside(&self.runs, &other.runs);
        let mut b = beside(&other.runs, &self.runs);
        let mut common = 0;
        // Which of the two runs ends first is anyone's guess: it is computed, not branched on.
        while let ([first, rest @ ..], [second, others @ ..]) = (a, b) {
            let (low, high) = (first[0].max(second[0]), first[1].min(second[1]));
            common += u64::from(high.saturating_sub(low));
            let (step_a, step_b) = (first[1] <= second[1], second[1] <= first[1]);
            a = if step_a { rest } else { a };
            b = if step_b { others } else { b };
        }
        common
    }
}

/// Widens bounds to the run from `first` to `last`.
fn stretch(bounds: &mut [u32; 4], first: u32, last: u32, height: u32) {
    let [left, top, right, bottom] = bounds;
    let (from, to) = (first / height, last / height);
    (*left, *right) = ((*left).min(from), to + 1);
    if from == to {
        *top = (*top).min(first - from * height);
        *bottom = (*bottom).max(last - from * height + 1);
    } else {
        // A run over the end of a column touches its last row and the next one's first.
        (*top, *bottom) = (0, height);
    }
}

/// The runs between the first and the last pixel of another mask.
fn beside<'a>(runs: &'a [[u32; 2]], other: &[[u32; 2]]) -> &'a [[u32; 2]] {
    let (Some(first), Some(last)) = (other.first(), other.last()) else { return &[] };
    let from = runs.partition_point(|run| run[1] <= first[0]);
    let to = runs.partition_point(|run| run[0] < last[1]);
    runs.get(from..to).unwrap_or(&[])
}
