use std::collections::BTreeSet;

use mapvec_postprocess::{Connectivity, split_regions};
use ndarray::Array2;
use proptest::prelude::*;

use crate::naive;

proptest! {
    #[test]
    fn as_a_flood_of_every_label(
        labels in naive::raster(prop_oneof![0_u32..4, Just(u32::MAX)]),
    ) {
        let ids: BTreeSet<u32> = labels.iter().copied().filter(|&label| label > 0).collect();
        let mut pieces: Vec<BTreeSet<naive::Pixel>> = ids
            .into_iter()
            .flat_map(|id| naive::components(labels.mapv(|l| l == id).view(), Connectivity::Four))
            .collect();
        // In scan order, which is the order of their first pixels.
        pieces.sort_by_key(|piece| piece.first().copied());
        let mut expected = Array2::<u32>::zeros(labels.dim());
        for (id, piece) in (1..).zip(&pieces) {
            piece.iter().for_each(|&pixel| expected[pixel] = id);
        }
        prop_assert_eq!(split_regions(labels.view()), expected);
    }
}
