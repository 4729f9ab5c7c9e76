use mapvec_postprocess::{Connectivity, hysteresis};
use proptest::prelude::*;

use crate::naive;

proptest! {
    #[test]
    fn as_growth_from_strong_pixels(score in naive::raster(0_u8..10), low in 0_u8..10, gap in 0_u8..4) {
        let high = low + gap;
        let kept = hysteresis(score.mapv(f32::from).view(), f32::from(low), f32::from(high)).unwrap();

        let mut expected = score.mapv(|s| s >= high);
        loop {
            let mut grown = expected.clone();
            for (pixel, &s) in score.indexed_iter() {
                let near = naive::neighbours(pixel, score.dim(), Connectivity::Eight);
                grown[pixel] |= s >= low && near.into_iter().any(|near| expected[near]);
            }
            if grown == expected {
                break;
            }
            expected = grown;
        }
        prop_assert_eq!(kept, expected);
    }
}
