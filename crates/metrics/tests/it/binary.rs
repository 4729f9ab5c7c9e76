use mapvec_metrics::{
    BinaryCounts, Error, MatchedClassesConfig, RunMask, binary_counts, mask_ious, matched_classes,
};
use ndarray::Array2;
use proptest::prelude::*;

use crate::rasters;

proptest! {
    #[test]
    fn as_counted_with_sets(masks in rasters(any::<bool>(), 3)) {
        let [p, t, m] = [&masks[0], &masks[1], &masks[2]];
        let counts = binary_counts(p.view(), t.view(), Some(m.view())).unwrap();
        let count = |f: &dyn Fn(bool, bool) -> bool| {
            p.iter().zip(t).zip(m).filter(|((p, t), m)| **m && f(**p, **t)).count() as u64
        };
        let expected = BinaryCounts {
            true_positives: count(&|p, t| p && t),
            false_positives: count(&|p, t| p && !t),
            false_negatives: count(&|p, t| !p && t),
        };
        prop_assert_eq!(counts, expected);
        // The mask and what it leaves out are the whole.
        let rest = m.mapv(|inside| !inside);
        let rest = binary_counts(p.view(), t.view(), Some(rest.view())).unwrap();
        let whole = binary_counts(p.view(), t.view(), None).unwrap();
        prop_assert_eq!([counts, rest].into_iter().sum::<BinaryCounts>(), whole);
    }

    #[test]
    fn laws_of_the_scores(tp in 0_u64..50, fp in 0_u64..50, missed in 0_u64..50, beta in 0.0..4.0) {
        let counts = BinaryCounts { true_positives: tp, false_positives: fp, false_negatives: missed };
        let turned = BinaryCounts { true_positives: tp, false_positives: missed, false_negatives: fp };
        let (score, other) = (counts.score(), turned.score());
        prop_assert_eq!((score.precision, score.recall), (other.recall, other.precision));
        prop_assert_eq!(score.iou, other.iou);
        if let (Some(iou), Some(dice), Some(f1)) = (score.iou, counts.dice(), score.f1) {
            prop_assert!((iou - dice / (2.0 - dice)).abs() < 1e-12);
            prop_assert!((dice - f1).abs() < 1e-12);
            let f = counts.f_beta(beta).unwrap();
            prop_assert!((0.0..=1.0).contains(&f));
            // Changing sides is the same as weighing the other way.
            if beta > 1e-3 {
                prop_assert!((f - turned.f_beta(1.0 / beta).unwrap()).abs() < 1e-9);
            }
            if let (Some(p), Some(r)) = (score.precision, score.recall) {
                prop_assert!(f >= p.min(r) - 1e-12 && f <= p.max(r) + 1e-12);
            }
        } else {
            prop_assert_eq!(tp + fp + missed, 0);
        }
    }
}

#[test]
fn nothing_is_undefined_and_bad_input_refused() {
    let none = BinaryCounts::default();
    assert_eq!((none.dice(), none.f_beta(1.0), none.score().precision), (None, None, None));
    let one = BinaryCounts { true_positives: 3, false_positives: 1, false_negatives: 2 };
    // 5 * 3 / (5 * 3 + 4 * 2 + 1), by hand.
    assert!((one.f_beta(2.0).unwrap() - 15.0 / 24.0).abs() < 1e-12);
    for beta in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(one.f_beta(beta), None);
    }
    let missed = BinaryCounts { false_negatives: 4, ..none };
    assert_eq!((missed.score().precision, missed.score().f1), (None, Some(0.0)));
    let (a, b) = (Array2::default((2, 3)), Array2::default((3, 2)));
    assert!(matches!(binary_counts(a.view(), b.view(), None), Err(Error::ShapeMismatch { .. })));
}

/// The message names the side that the size comes from.
#[test]
fn sizes_in_messages() {
    let (a, b) = (Array2::default((2, 3)), Array2::default((2, 4)));
    let refused = binary_counts(a.view(), b.view(), None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`truth` has 2 rows and 4 columns, but must have 2 and 3: the size of `predicted`; crop or pad one of them"
    );
    let costs = Array2::zeros((2, 2));
    let config = MatchedClassesConfig::default();
    let refused = matched_classes(costs.view(), &[Some(0)], &[0], &config).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`costs` has 2 rows and 2 columns, but must have 1 and 1: a row per prediction and a column per object"
    );
    let masks = [[4, 0], [6, 0]].map(|runs: [u32; 2]| RunMask::new(&runs, runs[0] / 2, 2).unwrap());
    let refused = mask_ious(&masks[..1], &masks[1..], &[false]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`truths` has 3 rows and 2 columns, but must have 2 and 2: the size of the first mask"
    );
}
