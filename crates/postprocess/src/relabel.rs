//! Renumbering of label maps.

/// Renumbers the labels of a flat raster 1, 2, ... in the order in which a
/// scan meets them; 0 stays 0. Every label must be below `bound`.
pub(crate) fn scan_order(labels: &mut [u32], bound: usize) {
    let mut new_ids = vec![0_u32; bound];
    let mut count = 0;
    for label in labels.iter_mut().filter(|label| **label > 0) {
        let id = &mut new_ids[*label as usize];
        if *id == 0 {
            count += 1;
            *id = count;
        }
        *label = *id;
    }
}

/// Makes large labels small, keeping their order and 0, and returns a bound
/// above all of them that is at most one more than the number of pixels.
pub(crate) fn dense(labels: &mut [u32]) -> usize {
    let largest = labels.iter().max().map_or(0, |&label| label as usize);
    if largest <= labels.len() {
        return largest + 1;
    }
    let mut ids: Vec<u32> = labels.iter().copied().filter(|&label| label > 0).collect();
    ids.sort_unstable();
    ids.dedup();
    for label in labels.iter_mut() {
        // Ids hold no 0, so a label's rank from 1 is the number of ids up to it.
        *label = ids.partition_point(|id| id <= label) as u32;
    }
    ids.len() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_the_scan() {
        let mut labels = [0, 7, 7, 2, 0, 9, 2];
        scan_order(&mut labels, 10);
        assert_eq!(labels, [0, 1, 1, 2, 0, 3, 2]);
    }

    #[test]
    fn dense_labels_keep_their_order() {
        let mut labels = [u32::MAX, 0, 5, 1_000_000, 5];
        assert_eq!(dense(&mut labels), 4);
        assert_eq!(labels, [3, 0, 1, 2, 1]);
        let mut small = [3, 0, 2];
        assert_eq!(dense(&mut small), 4);
        assert_eq!(small, [3, 0, 2]);
    }
}
