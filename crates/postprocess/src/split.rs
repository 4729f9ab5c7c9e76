//! Regions in several pieces become several regions.

use ndarray::{Array2, ArrayView2};

/// Gives every connected piece of a region a label of its own.
///
/// A piece is a 4-connected component of pixels of equal label. Pieces are
/// numbered 1, 2, ... in the order in which a row-by-row scan meets them; 0
/// stays 0. What traces regions one polygon per label needs this after
/// [`merge_regions`](crate::merge_regions) and [`close_lines`](crate::close_lines),
/// which may leave a region whose parts touch at a corner only.
///
/// # Examples
/// ```
/// use mapvec_postprocess::split_regions;
/// use ndarray::array;
///
/// let labels = array![[7, 0, 7], [3, 7, 7]];
/// assert_eq!(split_regions(labels.view()), array![[1, 0, 2], [3, 2, 2]]);
/// ```
#[must_use]
pub fn split_regions(labels: ArrayView2<'_, u32>) -> Array2<u32> {
    let (rows, columns) = labels.dim();
    let mut split = Array2::<u32>::zeros((rows, columns));
    let mut count = 0;
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (start, &label) in labels.indexed_iter() {
        if label == 0 || split[start] > 0 {
            continue;
        }
        count += 1;
        split[start] = count;
        open.push(start);
        while let Some((row, column)) = open.pop() {
            let neighbours = [
                (row > 0).then(|| (row - 1, column)),
                (column > 0).then(|| (row, column - 1)),
                (column + 1 < columns).then(|| (row, column + 1)),
                (row + 1 < rows).then(|| (row + 1, column)),
            ];
            for near in neighbours.into_iter().flatten() {
                if labels[near] == label && split[near] == 0 {
                    split[near] = count;
                    open.push(near);
                }
            }
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn pieces_that_meet_at_a_corner_are_two() {
        let labels = array![[4, 4, 9], [9, 9, 4], [0, 9, 4_u32]];
        assert_eq!(split_regions(labels.view()), array![[1, 1, 2], [3, 3, 4], [0, 3, 4]]);
    }

    #[test]
    fn empty_rasters_are_fine() {
        assert_eq!(split_regions(Array2::default((3, 0)).view()).dim(), (3, 0));
    }
}
