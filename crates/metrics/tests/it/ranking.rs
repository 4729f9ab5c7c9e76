//! Average precision of scores against scikit-learn 1.9.1 and by hand.

use mapvec_metrics::{BinaryCounts, best_threshold, counts_from, ranked_precision};
use mapvec_testkit::uniform;
use proptest::prelude::*;

/// Scores, and answers that are right more often where scores are high.
fn drawn() -> (Vec<f64>, Vec<bool>) {
    let (scores, chances) = (uniform(500, 1, 0.0, 1.0), uniform(500, 2, 0.0, 1.0));
    let right = scores.iter().zip(chances).map(|(score, chance)| chance < 0.15 + 0.3 * score);
    let right = right.collect();
    (scores, right)
}

#[test]
fn scores_are_those_of_scikit_learn() {
    let (scores, right) = drawn();
    let in_eighths: Vec<f64> = scores.iter().map(|score| (score * 8.0).floor()).collect();
    for (scores, expected, f1, threshold) in [
        (&scores, 0.468_923_912_704_310_3, 0.505_353_319_057_815_9, 0.347_819_225_468_968_04),
        (&in_eighths, 0.418_787_522_835_085_36, 0.492_307_692_307_692_3, 3.0),
    ] {
        let found = ranked_precision(scores, &right).unwrap().unwrap();
        assert!((found - expected).abs() < 1e-12, "{found}");
        let best = best_threshold(scores, &right).unwrap().unwrap();
        assert!((best.counts.f_beta(1.0).unwrap() - f1).abs() < 1e-12, "{best:?}");
        assert!((best.threshold - threshold).abs() < 1e-6, "{best:?}");
        assert_eq!(counts_from(best.threshold, scores, &right).unwrap(), best.counts);
    }
}

proptest! {
    #[test]
    fn the_order_of_equals_does_not_matter(
        pairs in prop::collection::vec((0_u8..6, any::<bool>()), 1..40), seed in any::<u64>(),
    ) {
        let split = |pairs: &[(u8, bool)]| -> (Vec<f64>, Vec<bool>) {
            pairs.iter().map(|(score, right)| (f64::from(*score), *right)).unzip()
        };
        let (scores, right) = split(&pairs);
        let keys = uniform(pairs.len(), seed, 0.0, 1.0);
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        let turned: Vec<_> = order.into_iter().map(|at| pairs[at]).collect();
        let (other_scores, other_right) = split(&turned);
        let found = ranked_precision(&scores, &right).unwrap();
        prop_assert_eq!(found, ranked_precision(&other_scores, &other_right).unwrap());
        prop_assert_eq!(found.is_some(), right.contains(&true));
        // The best threshold is the best of all.
        let f1 = |counts: BinaryCounts| counts.f_beta(1.0).unwrap_or(0.0);
        let best = best_threshold(&scores, &right).unwrap().map_or(0.0, |best| f1(best.counts));
        let each = scores.iter().map(|score| f1(counts_from(*score, &scores, &right).unwrap()));
        prop_assert_eq!(best, each.fold(0.0, f64::max));
    }
}

#[test]
fn perfect_and_empty_rankings() {
    let right = [true, true, false];
    assert_eq!(ranked_precision(&[3.0, 2.0, 1.0], &right).unwrap(), Some(1.0));
    // All equal: precision is the share of what is right.
    assert_eq!(ranked_precision(&[0.0, -0.0, 0.0], &right).unwrap(), Some(2.0 / 3.0));
    assert_eq!(ranked_precision(&[1.0], &[false]).unwrap(), None);
    assert_eq!(best_threshold(&[1.0], &[false]).unwrap(), None);
    assert_eq!(ranked_precision(&[], &[]).unwrap(), None);
    let message = ranked_precision(&[1.0, f64::NAN], &[true, false]).unwrap_err().to_string();
    assert!(message.contains("entry 1 of `scores`"), "{message}");
    assert!(counts_from(0.5, &[1.0], &[]).is_err());
}
