//! Giving the lines between regions away.

use std::collections::VecDeque;

use ndarray::{Array2, ArrayView2};

/// Turns regions with lines into a full partition.
///
/// Every 0 pixel takes the label of a region next to it, nearest first
/// (breadth-first over the four neighbours, in scan order among equals), so a
/// 4-connected region stays 4-connected. Pixels stay 0 only if there is no
/// region at all.
#[must_use]
pub fn close_lines(labels: ArrayView2<'_, u32>) -> Array2<u32> {
    let (rows, columns) = labels.dim();
    let mut closed: Vec<u32> = labels.iter().copied().collect();
    let neighbours = |pixel: usize| {
        let (row, column) = (pixel / columns, pixel % columns);
        [
            (row > 0).then(|| pixel - columns),
            (column > 0).then(|| pixel - 1),
            (column + 1 < columns).then(|| pixel + 1),
            (row + 1 < rows).then(|| pixel + columns),
        ]
        .into_iter()
        .flatten()
    };
    let on_rim =
        |&pixel: &usize| closed[pixel] > 0 && neighbours(pixel).any(|near| closed[near] == 0);
    let mut queue: VecDeque<usize> = (0..closed.len()).filter(on_rim).collect();
    while let Some(pixel) = queue.pop_front() {
        for near in neighbours(pixel) {
            if closed[near] == 0 {
                closed[near] = closed[pixel];
                queue.push_back(near);
            }
        }
    }
    // The length is that of the raster it was collected from.
    Array2::from_shape_vec((rows, columns), closed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn lines_go_to_an_adjacent_region() {
        let labels = array![[1, 0, 2], [0, 0, 0], [3, 0, 0_u32]];
        let closed = close_lines(labels.view());
        assert_eq!(closed, array![[1, 1, 2], [1, 1, 2], [3, 3, 2]]);
    }

    #[test]
    fn without_a_region_nothing_changes() {
        let lines = Array2::<u32>::zeros((2, 3));
        assert_eq!(close_lines(lines.view()), lines);
        assert_eq!(close_lines(Array2::default((0, 3)).view()).dim(), (0, 3));
    }
}
