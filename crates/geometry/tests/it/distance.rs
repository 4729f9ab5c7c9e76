//! Distance transforms against a scan of all pixels.

use mapvec_geometry::{distance_transform, nearest_true};
use ndarray::Array2;
use proptest::prelude::*;

fn mask() -> impl Strategy<Value = Array2<bool>> {
    (1_usize..20, 1_usize..20, 1_u32..60).prop_flat_map(|(height, width, rarity)| {
        proptest::collection::vec(0..rarity, height * width).prop_map(move |cells| {
            Array2::from_shape_fn((height, width), |(i, j)| cells[i * width + j] == 0)
        })
    })
}

proptest! {
    #[test]
    fn matches_brute_force(mask in mask()) {
        let distance = distance_transform(mask.view());
        let nearest = nearest_true(mask.view());
        for ((i, j), &d) in distance.indexed_iter() {
            let squares = mask.indexed_iter().filter(|&(_, &set)| set);
            let best = squares.map(|((y, x), _)| y.abs_diff(i).pow(2) + x.abs_diff(j).pow(2)).min();
            match (best, &nearest) {
                (Some(best), Some(nearest)) => {
                    prop_assert!((d - (best as f32).sqrt()).abs() < 1e-6);
                    let (y, x) = nearest[[i, j]];
                    let (y, x) = (y as usize, x as usize);
                    prop_assert!(mask[[y, x]]);
                    prop_assert_eq!(y.abs_diff(i).pow(2) + x.abs_diff(j).pow(2), best);
                }
                (None, None) => prop_assert!(d.is_infinite()),
                _ => prop_assert!(false, "the two transforms disagree on emptiness"),
            }
        }
    }
}
