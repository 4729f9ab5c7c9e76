use mapvec_postprocess::{Connectivity, close_lines};
use proptest::prelude::*;

use crate::naive;

proptest! {
    #[test]
    fn a_full_partition_grown_from_the_regions(
        labels in naive::raster(prop_oneof![3 => Just(0_u32), 1 => 1_u32..5]),
    ) {
        let closed = close_lines(labels.view());
        if labels.iter().all(|&label| label == 0) {
            prop_assert_eq!(&closed, &labels);
        } else {
            prop_assert!(closed.iter().all(|&label| label > 0));
        }
        for id in 1..5 {
            // Nothing is taken away, and every 4-connected piece holds a piece
            // of the region that was there before.
            for piece in naive::components(closed.mapv(|l| l == id).view(), Connectivity::Four) {
                prop_assert!(piece.iter().any(|&pixel| labels[pixel] == id));
            }
        }
        for (pixel, &label) in labels.indexed_iter() {
            prop_assert!(label == 0 || closed[pixel] == label);
        }
    }

    #[test]
    fn a_pixel_beside_a_region_takes_an_adjacent_label(
        labels in naive::raster(prop_oneof![1 => Just(0_u32), 1 => 1_u32..5]),
    ) {
        let closed = close_lines(labels.view());
        for (pixel, _) in labels.indexed_iter().filter(|(_, label)| **label == 0) {
            let near = naive::neighbours(pixel, labels.dim(), Connectivity::Four);
            let near: Vec<u32> =
                near.into_iter().map(|near| labels[near]).filter(|&label| label > 0).collect();
            prop_assert!(near.is_empty() || near.contains(&closed[pixel]));
        }
    }
}
