use mapvec_metrics::{Error, WeightedMean, weighted_mean};
use proptest::prelude::*;

proptest! {
    #[test]
    fn parts_add_up_to_the_whole(
        pairs in prop::collection::vec((-9.0..9.0, prop_oneof![Just(0.0), 0.0..3.0]), 0..20),
        cut in 0_usize..20,
    ) {
        let (values, weights): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let cut = cut.min(values.len());
        let of = |values: &[f64], weights: &[f64]| weighted_mean(values, Some(weights)).unwrap();
        let parts = [of(&values[..cut], &weights[..cut]), of(&values[cut..], &weights[cut..])];
        let whole: WeightedMean = parts.into_iter().sum();
        prop_assert_eq!(whole.count, values.len() as u64);
        let sum: f64 = pairs.iter().map(|(value, weight)| value * weight).sum();
        let weight: f64 = weights.iter().sum();
        prop_assert_eq!(whole.mean().is_some(), weight > 0.0);
        prop_assert_eq!(whole.per_value().is_some(), !values.is_empty());
        if let (Some(mean), Some(per_value)) = (whole.mean(), whole.per_value()) {
            prop_assert!((mean - sum / weight).abs() < 1e-9 * (1.0 + 1.0 / weight));
            prop_assert!((per_value - sum / values.len() as f64).abs() < 1e-9);
        }
    }
}

#[test]
fn a_mean_is_not_one_of_means() {
    let mut mean = weighted_mean(&[1.0], None).unwrap();
    mean += weighted_mean(&[4.0, 4.0, 4.0], None).unwrap();
    assert_eq!((mean.mean(), mean.per_value()), (Some(3.25), Some(3.25)));
    for (values, weights) in
        [([f64::NAN, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, -1.0]), ([1.0, 1.0], [f64::NAN, 1.0])]
    {
        let refused = weighted_mean(&values, Some(&weights));
        assert!(matches!(refused, Err(Error::InvalidEntry { .. })));
    }
    assert!(matches!(weighted_mean(&[1.0], Some(&[])), Err(Error::LengthMismatch { .. })));
}
