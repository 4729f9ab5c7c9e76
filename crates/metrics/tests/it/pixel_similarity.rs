use mapvec_metrics::{BinaryCounts, Error, pixel_similarity};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn picture() -> impl Strategy<Value = (Array2<bool>, Array2<f32>)> {
    (0_usize..5, 0_usize..8).prop_flat_map(|(patterns, pixels)| {
        let masks = prop::collection::vec(prop::bool::weighted(0.3), patterns * pixels);
        let predicted = prop::collection::vec(0.0_f32..1.0, pixels * pixels);
        (masks, predicted).prop_map(move |(masks, predicted)| {
            (
                Array2::from_shape_vec((patterns, pixels), masks).unwrap(),
                Array2::from_shape_vec((pixels, pixels), predicted).unwrap(),
            )
        })
    })
}

proptest! {
    #[test]
    fn as_counted_pair_by_pair((patterns, predicted) in picture(), threshold in 0.0_f32..1.0) {
        let pixels = patterns.ncols();
        let truth = |i: usize, j: usize| {
            (1..patterns.nrows()).any(|pattern| patterns[(pattern, i)] && patterns[(pattern, j)])
        };
        let mut expected = BinaryCounts::default();
        for i in (0..pixels).filter(|&i| (0..pixels).any(|j| truth(i, j))) {
            for j in 0..pixels {
                match (predicted[(i, j)] > threshold, truth(i, j)) {
                    (true, true) => expected.true_positives += 1,
                    (true, false) => expected.false_positives += 1,
                    (false, true) => expected.false_negatives += 1,
                    (false, false) => {}
                }
            }
        }
        let counts = pixel_similarity(predicted.view(), patterns.view(), threshold).unwrap();
        prop_assert_eq!(counts, expected);
        // The truth itself is found.
        let own = Array2::from_shape_fn((pixels, pixels), |(i, j)| f32::from(u8::from(truth(i, j))));
        let found = pixel_similarity(own.view(), patterns.view(), 0.5).unwrap();
        prop_assert_eq!((found.false_positives, found.false_negatives), (0, 0));
    }
}

#[test]
fn bad_input_is_refused() {
    let (patterns, predicted) = (array![[true, false], [false, true]], Array2::zeros((2, 2)));
    let run = |predicted: &Array2<f32>, threshold| {
        pixel_similarity(predicted.view(), patterns.view(), threshold)
    };
    assert!(run(&predicted, 0.5).is_ok());
    assert!(matches!(run(&Array2::zeros((3, 2)), 0.5), Err(Error::LengthMismatch { .. })));
    assert!(matches!(run(&Array2::zeros((2, 3)), 0.5), Err(Error::LengthMismatch { .. })));
    assert!(matches!(run(&predicted, f32::NAN), Err(Error::InvalidSetting { .. })));
    let wrong = array![[0.0, 1.0], [f32::NAN, 1.0]];
    assert!(matches!(run(&wrong, 0.5), Err(Error::InvalidEntry { index: 2, .. })));
}
