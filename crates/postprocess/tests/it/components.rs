use mapvec_postprocess::components;
use proptest::prelude::*;

use crate::naive;

proptest! {
    #[test]
    fn as_a_flood_from_every_pixel(
        mask in naive::raster(any::<bool>()),
        connectivity in naive::connectivity(),
    ) {
        let found = components(mask.view(), connectivity);
        let expected = naive::components(mask.view(), connectivity);
        prop_assert_eq!(found.areas.len(), expected.len() + 1);
        for (id, component) in (1_u32..).zip(&expected) {
            prop_assert_eq!(found.areas[id as usize] as usize, component.len());
            prop_assert!(component.iter().all(|&pixel| found.labels[pixel] == id));
        }
        let outside = found.labels.iter().filter(|&&label| label == 0).count();
        prop_assert_eq!(found.areas[0] as usize, outside);
        prop_assert_eq!(outside, mask.iter().filter(|&&inside| !inside).count());
    }

    #[test]
    fn dropping_small_ones_equals_dropping_their_pixels(
        mask in naive::raster(any::<bool>()),
        connectivity in naive::connectivity(),
        min_area in 0_u32..8,
    ) {
        let mut large = mask.clone();
        for component in naive::components(mask.view(), connectivity) {
            if component.len() < min_area as usize {
                component.iter().for_each(|&pixel| large[pixel] = false);
            }
        }
        let kept = components(mask.view(), connectivity).without_small(min_area);
        prop_assert_eq!(kept, components(large.view(), connectivity));
    }
}
