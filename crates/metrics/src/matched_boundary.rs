//! Borders of masks whose pixels are paired one to one.

use std::collections::VecDeque;

use ndarray::ArrayView2;

use crate::error::{check_setting, same_shape};
use crate::{BinaryCounts, Error, Result, boundary};

/// Pairs of near pixels that are kept.
const MAX_PAIRS: usize = 1 << 26;
/// No partner, and no level.
const NONE: u32 = u32::MAX;

/// Pairs the border pixels of two masks one to one, as many as can be within `tolerance` (px,
/// between the centres): pairs are right, the rest of the prediction is surplus, the rest of the
/// truth missed.
///
/// Unlike with [`boundary_counts`](crate::boundary_counts), a border that is drawn twice costs
/// precision. The published program pairs at the least sum of distances, with a cost of pixels
/// without a partner above all distances: its number of pairs is the same.
///
/// # Examples
/// ```
/// use ndarray::array;
/// let truth = array![[true, true, false, false, false, false]];
/// let predicted = array![[true, true, false, true, true, false]];
/// // One border pixel is true; three are predicted, of which two are within 2 px of it.
/// let near = mapvec_metrics::boundary_counts(predicted.view(), truth.view(), 2.0)?;
/// assert_eq!((near.predicted, near.predicted_near), (3, 2));
/// let paired = mapvec_metrics::matched_boundary_counts(predicted.view(), truth.view(), 2.0)?;
/// assert_eq!((paired.true_positives, paired.false_positives), (1, 2));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the masks differ in size; [`Error::InvalidSetting`] if `tolerance`
/// is negative or not finite; [`Error::TooMany`] if more than 2^26 pairs of pixels are near.
///
/// # References
/// D. R. Martin, C. C. Fowlkes and J. Malik, Learning to detect natural image boundaries using
/// local brightness, color, and texture cues, PAMI 2004; J. E. Hopcroft and R. M. Karp, An
/// n^5/2 algorithm for maximum matchings in bipartite graphs, SIAM J. Comput. 1973.
pub fn matched_boundary_counts(
    predicted: ArrayView2<'_, bool>,
    truth: ArrayView2<'_, bool>,
    tolerance: f64,
) -> Result<BinaryCounts> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    let right = tolerance.is_finite() && tolerance >= 0.0;
    check_setting("tolerance", tolerance, right, "finite and not negative (pixels)")?;
    // The margin takes the error of squaring the tolerance away.
    let limit = tolerance * tolerance * (1.0 + 1e-12);
    let (predicted, truth) = (pixels(predicted), pixels(truth));
    let near = Near::new(&predicted, &truth, limit, MAX_PAIRS)?;
    let pairs = near.largest_matching(truth.len());
    Ok(BinaryCounts {
        true_positives: pairs,
        false_positives: predicted.len() as u64 - pairs,
        false_negatives: truth.len() as u64 - pairs,
    })
}

/// The border pixels of a mask in reading order.
fn pixels(mask: ArrayView2<'_, bool>) -> Vec<(usize, usize)> {
    let border = boundary(mask);
    border.indexed_iter().filter(|(_, inside)| **inside).map(|(at, _)| at).collect()
}

/// For each predicted pixel the true ones within reach.
struct Near {
    /// Where the list of each pixel starts, and where the last ends.
    starts: Vec<usize>,
    lists: Vec<u32>,
}

impl Near {
    /// Both lists of pixels are in reading order.
    fn new(
        predicted: &[(usize, usize)],
        truth: &[(usize, usize)],
        limit: f64,
        most: usize,
    ) -> Result<Self> {
        let mut rows: Vec<(usize, Vec<(usize, u32)>)> = Vec::new();
        for (&(row, column), place) in truth.iter().zip(0_u32..) {
            match rows.last_mut().filter(|last| last.0 == row) {
                Some(last) => last.1.push((column, place)),
                None => rows.push((row, vec![(column, place)])),
            }
        }
        let square = |a: usize, b: usize| a.abs_diff(b) as f64 * a.abs_diff(b) as f64;
        let (mut starts, mut lists) = (vec![0], Vec::new());
        for &(row, column) in predicted {
            let first = rows.partition_point(|at| at.0 < row && square(at.0, row) > limit);
            let rows = rows.get(first..).unwrap_or(&[]);
            for (at, columns) in rows.iter().take_while(|at| square(at.0, row) <= limit) {
                let within = |c: usize| square(*at, row) + square(c, column) <= limit;
                let first = columns.partition_point(|&(c, _)| c < column && !within(c));
                let near = columns.get(first..).unwrap_or(&[]).iter();
                lists.extend(near.take_while(|&&(c, _)| within(c)).map(|&(_, place)| place));
                if lists.len() > most {
                    let (count, limit) = (lists.len() as u64, most as u64);
                    let advice = "lower `tolerance` or cut the masks into parts";
                    return Err(Error::TooMany {
                        what: "pairs of near pixels",
                        count,
                        limit,
                        advice,
                    });
                }
            }
            starts.push(lists.len());
        }
        Ok(Self { starts, lists })
    }

    /// The most pairs in which each pixel occurs once: shortest augmenting paths, many at once.
    fn largest_matching(&self, truths: usize) -> u64 {
        let count = self.starts.len() - 1;
        let mut partners = Partners { own: vec![NONE; count], of: vec![NONE; truths] };
        let mut pairs = 0;
        while let Some(mut levels) = self.levels(&partners) {
            let mut next = self.starts.clone();
            for pixel in 0..count {
                if partners.own[pixel] == NONE {
                    pairs += u64::from(self.augment(pixel, &mut partners, &mut levels, &mut next));
                }
            }
        }
        pairs
    }

    /// Steps from a pixel without a partner to each other; none if no way leads to a true one
    /// without a partner.
    fn levels(&self, partners: &Partners) -> Option<Vec<u32>> {
        let mut levels = vec![NONE; partners.own.len()];
        let free = (0..levels.len()).filter(|&pixel| partners.own[pixel] == NONE);
        let mut queue: VecDeque<usize> = free.collect();
        queue.iter().for_each(|&pixel| levels[pixel] = 0);
        let mut found = false;
        while let Some(pixel) = queue.pop_front() {
            for &truth in &self.lists[self.starts[pixel]..self.starts[pixel + 1]] {
                match partners.of[truth as usize] {
                    NONE => found = true,
                    other if levels[other as usize] == NONE => {
                        levels[other as usize] = levels[pixel] + 1;
                        queue.push_back(other as usize);
                    }
                    _ => {}
                }
            }
        }
        found.then_some(levels)
    }

    /// Follows a way of rising levels to a true pixel without a partner and turns its pairs
    /// round; `next` is where each pixel's list has been read to.
    fn augment(
        &self,
        pixel: usize,
        partners: &mut Partners,
        levels: &mut [u32],
        next: &mut [usize],
    ) -> bool {
        let mut way = vec![pixel];
        while let Some(&last) = way.last() {
            if next[last] == self.starts[last + 1] {
                // A dead end.
                levels[last] = NONE;
                way.pop();
                continue;
            }
            let other = partners.of[self.lists[next[last]] as usize];
            next[last] += 1;
            if other == NONE {
                for &pixel in &way {
                    let truth = self.lists[next[pixel] - 1];
                    partners.own[pixel] = truth;
                    // Not more pixels than fit, as their places do.
                    partners.of[truth as usize] = u32::try_from(pixel).unwrap_or(NONE);
                }
                return true;
            }
            if levels[other as usize] == levels[last] + 1 {
                way.push(other as usize);
            }
        }
        false
    }
}

/// The partners of the predicted and of the true pixels.
struct Partners {
    own: Vec<u32>,
    of: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_pixels_are_limited() {
        let all: Vec<(usize, usize)> =
            (0..20).flat_map(|row| (0..20).map(move |column| (row, column))).collect();
        let found = Near::new(&all, &all, 1e9, 1000).err();
        let Some(Error::TooMany { count, limit: 1000, .. }) = found else {
            unreachable!("160000 pairs are near")
        };
        assert!(count <= 1020, "{count}");
    }
}
