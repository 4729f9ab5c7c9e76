use mapvec_metrics::{CalibrationCounts, Error, calibration};
use mapvec_testkit::uniform;
use proptest::prelude::*;

/// Made by `xtask/peers/metrics.py` with numpy.
#[test]
fn as_by_numpy() {
    let p = uniform(500, 80, 0.0, 1.0);
    let right: Vec<bool> =
        uniform(500, 81, 0.0, 1.0).iter().zip(&p).map(|(u, p)| *u < p.powf(1.5)).collect();
    let counts = calibration(&p, &right, 10).unwrap();
    let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-12;
    assert!(near(counts.expected_error(), 0.102_860_369_281_378_25));
    assert!(near(counts.largest_error(), 0.249_311_409_730_454_13));
    assert!(near(counts.brier(), 0.160_466_407_287_391_06));
}

proptest! {
    #[test]
    fn bins_bounds_and_splits(
        statements in prop::collection::vec((0.0..=1.0, any::<bool>()), 0..40),
        bins in 1_usize..12, cut in 0_usize..40,
    ) {
        let (p, right): (Vec<f64>, Vec<bool>) = statements.iter().copied().unzip();
        let counts = calibration(&p, &right, bins).unwrap();
        prop_assert_eq!(counts.count(), p.len() as u64);
        for (place, bin) in counts.bins().iter().enumerate() {
            let (low, high) = (place as f64 / bins as f64, (place + 1) as f64 / bins as f64);
            let own = |p: f64| p >= low && (p < high || place + 1 == bins);
            let expected = p.iter().filter(|p| own(**p)).count() as u64;
            prop_assert_eq!(bin.count, expected);
            prop_assert!(bin.right <= bin.count);
        }
        let scores = [counts.expected_error(), counts.largest_error(), counts.brier()];
        prop_assert!(scores.iter().all(|score| score.is_some() != p.is_empty()));
        prop_assert!(scores.into_iter().flatten().all(|score| (0.0..=1.0 + 1e-12).contains(&score)));
        prop_assert!(scores[0] <= scores[1].map(|largest| largest + 1e-12));
        let cut = cut.min(p.len());
        let parts = [(&p[cut..], &right[cut..]), (&p[..cut], &right[..cut])];
        let split: CalibrationCounts =
            parts.iter().map(|(p, right)| calibration(p, right, bins).unwrap()).sum();
        let near = |a: Option<f64>, b: Option<f64>| (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-12;
        prop_assert!(near(split.expected_error(), counts.expected_error()));
        prop_assert!(near(split.brier(), counts.brier()));
    }

    /// Bins that are put together are the bins that would have been counted.
    #[test]
    fn bins_are_put_together_by_divisors(
        statements in prop::collection::vec(
            (prop_oneof![0.0..=1.0, (0_u8..=60).prop_map(|k| f64::from(k) / 60.0)], any::<bool>()),
            1..40,
        ),
        factors in (1_usize..7, 1_usize..7),
    ) {
        let (p, right): (Vec<f64>, Vec<bool>) = statements.iter().copied().unzip();
        let bins = factors.0;
        let all = calibration(&p, &right, bins * factors.1).unwrap();
        let sum = all.coarsened(bins).unwrap();
        let expected = calibration(&p, &right, bins).unwrap();
        prop_assert_eq!(sum.bins().len(), bins);
        for (own, other) in sum.bins().iter().zip(expected.bins()) {
            prop_assert_eq!((own.count, own.right), (other.count, other.right));
            prop_assert!((own.probability - other.probability).abs() < 1e-12);
        }
        prop_assert_eq!((sum.count(), sum.brier()), (all.count(), all.brier()));
        prop_assert!(all.coarsened(bins * factors.1 + 1).is_err());
        prop_assert!(all.coarsened(0).is_err());
    }

    /// Whatever the order and the grouping, a sum has bins only if all had as many.
    #[test]
    fn different_numbers_of_bins_have_no_errors_by_bins(
        parts in prop::collection::vec((prop::collection::vec(0.0..=1.0, 0..4), 1_usize..4), 1..6),
        cut in 0_usize..6,
    ) {
        let counts: Vec<CalibrationCounts> = parts
            .iter()
            .map(|(p, bins)| calibration(p, &vec![true; p.len()], *bins).unwrap())
            .collect();
        let said = || parts.iter().filter(|(p, _)| !p.is_empty());
        let same = said().all(|(_, bins)| Some(*bins) == said().next().map(|part| part.1));
        let cut = cut.min(counts.len());
        let sum: CalibrationCounts = counts.iter().cloned().sum();
        let groups = [&counts[cut..], &counts[..cut]];
        let grouped: CalibrationCounts =
            groups.iter().map(|group| group.iter().cloned().sum::<CalibrationCounts>()).sum();
        let all: u64 = parts.iter().map(|(p, _)| p.len() as u64).sum();
        for sum in [&sum, &grouped] {
            prop_assert_eq!(sum.count(), all);
            prop_assert_eq!(sum.expected_error().is_some(), all > 0 && same);
            prop_assert_eq!(sum.largest_error().is_some(), all > 0 && same);
            prop_assert_eq!(sum.brier().is_some(), all > 0);
            prop_assert_eq!(sum.bins().is_empty(), all > 0 && !same);
            let text = serde_json::to_string(sum).unwrap();
            prop_assert_eq!(&serde_json::from_str::<CalibrationCounts>(&text).unwrap(), sum);
        }
        prop_assert!((sum.brier().unwrap_or(0.0) - grouped.brier().unwrap_or(0.0)).abs() < 1e-12);
    }
}

/// One number of bins too many must not make one bin of all silently.
#[test]
fn fifteen_and_sixteen_bins_do_not_make_one() {
    let mut sum = calibration(&[0.2, 0.9], &[false, true], 15).unwrap();
    sum += calibration(&[0.4], &[true], 16).unwrap();
    assert!(sum.bins().is_empty() && sum.thresholded().is_empty());
    assert_eq!((sum.expected_error(), sum.largest_error(), sum.count()), (None, None, 3));
    assert!((sum.brier().unwrap() - (0.04 + 0.01 + 0.36) / 3.0).abs() < 1e-12);
    let text = r#"{"bins":[{"count":0,"right":0,"probability":0.0}],"squares":0.0,"unbinned":1}"#;
    assert!(serde_json::from_str::<CalibrationCounts>(text).is_err());
}

#[test]
fn certainty_that_is_right_costs_nothing_and_bad_input_is_refused() {
    let counts = calibration(&[1.0, 0.0, 1.0], &[true, false, true], 15).unwrap();
    assert_eq!((counts.expected_error(), counts.brier()), (Some(0.0), Some(0.0)));
    for wrong in [-0.1, 1.1, f64::NAN] {
        let refused = calibration(&[0.5, wrong], &[true, true], 15);
        assert!(matches!(refused, Err(Error::InvalidEntry { index: 1, .. })));
    }
    assert!(matches!(calibration(&[0.5], &[], 15), Err(Error::LengthMismatch { .. })));
    for bins in [0, 10_001] {
        assert!(matches!(calibration(&[], &[], bins), Err(Error::InvalidSetting { .. })));
    }
    for counts in [counts, CalibrationCounts::default()] {
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<CalibrationCounts>(&text).unwrap(), counts);
    }
    let none = CalibrationCounts::default();
    assert_eq!((none.expected_error(), none.largest_error(), none.brier()), (None, None, None));
}
