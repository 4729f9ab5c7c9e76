use mapvec_metrics::{BufferedCounts, buffered_lines};
use ndarray::Array2;
use proptest::prelude::*;

use crate::rasters;

fn near(mask: &Array2<bool>, other: &Array2<bool>, tolerance: f64) -> (u64, u64) {
    let pixels = |mask: &Array2<bool>| -> Vec<(usize, usize)> {
        mask.indexed_iter().filter(|(_, inside)| **inside).map(|(at, _)| at).collect()
    };
    let (all, others) = (pixels(mask), pixels(other));
    let is_near = |&(row, column): &(usize, usize)| {
        others.iter().any(|&(r, c)| {
            let (dr, dc) = (row.abs_diff(r) as f64, column.abs_diff(c) as f64);
            dr.hypot(dc) <= tolerance + 1e-9
        })
    };
    (all.len() as u64, all.iter().filter(|at| is_near(at)).count() as u64)
}

proptest! {
    #[test]
    fn as_measured_between_all_pixels(
        masks in rasters(prop_oneof![4 => Just(false), 1 => Just(true)], 2),
        tolerance in prop_oneof![(0_u8..5).prop_map(f64::from), 0.0..4.0, Just(2_f64.sqrt())],
    ) {
        let found = buffered_lines(masks[0].view(), masks[1].view(), tolerance).unwrap();
        let (predicted, predicted_near) = near(&masks[0], &masks[1], tolerance);
        let (truth, truth_near) = near(&masks[1], &masks[0], tolerance);
        let expected = BufferedCounts { predicted, predicted_near, truth, truth_near };
        prop_assert_eq!(found, expected);
        prop_assert_eq!(found, [expected, BufferedCounts::default()].into_iter().sum());
        let score = found.score();
        prop_assert_eq!(score.precision.is_some(), predicted > 0);
        prop_assert_eq!(score.recall.is_some(), truth > 0);
        prop_assert_eq!(score.f1.is_some(), predicted + truth > 0);
    }
}
