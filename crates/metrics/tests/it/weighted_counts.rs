use mapvec_metrics::{Error, WeightedCounts, binary_counts, soft_counts, weighted_counts};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::rasters;

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    a.is_some() == b.is_some() && (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-9
}

fn alike(a: WeightedCounts, b: WeightedCounts) -> bool {
    let (a, b) = (a.score(), b.score());
    let pairs = [(a.precision, b.precision), (a.recall, b.recall), (a.f1, b.f1), (a.iou, b.iou)];
    pairs.into_iter().all(|(a, b)| near(a, b))
}

proptest! {
    #[test]
    fn a_whole_weight_is_as_many_pixels(maps in rasters((any::<bool>(), any::<bool>(), 0_u8..4), 1)) {
        let (predicted, truth) = (maps[0].mapv(|(p, ..)| p), maps[0].mapv(|(_, t, _)| t));
        let weights = maps[0].mapv(|(.., weight)| f32::from(weight));
        let counts = weighted_counts(predicted.view(), truth.view(), Some(weights.view())).unwrap();
        let repeated: Vec<(bool, bool)> = maps[0]
            .iter()
            .flat_map(|&(p, t, weight)| std::iter::repeat_n((p, t), usize::from(weight)))
            .collect();
        let (p, t): (Vec<bool>, Vec<bool>) = repeated.into_iter().unzip();
        let line = |line: Vec<bool>| Array2::from_shape_vec((1, line.len()), line).unwrap();
        let plain = binary_counts(line(p).view(), line(t).view(), None).unwrap();
        prop_assert!(alike(counts, plain.into()), "{counts:?} {plain:?}");
        let score = plain.score();
        prop_assert!(near(counts.score().f1, score.f1) && near(counts.score().iou, score.iou));
        // Certain probabilities are masks.
        let sure = |mask: &Array2<bool>| mask.mapv(|inside| f32::from(u8::from(inside)));
        let (p, t) = (sure(&predicted), sure(&truth));
        let soft = soft_counts(p.view(), t.view(), Some(weights.view())).unwrap();
        prop_assert!(alike(counts, soft));
    }

    #[test]
    fn probabilities_are_expected_counts(maps in rasters((0.0_f32..=1.0, any::<bool>()), 2)) {
        let (predicted, truth) = (maps[0].mapv(|(p, _)| p), maps[1].mapv(|(_, t)| f32::from(u8::from(t))));
        let counts = soft_counts(predicted.view(), truth.view(), None).unwrap();
        let inside: f64 = predicted.iter().map(|&p| f64::from(p)).sum();
        let all: f64 = truth.iter().map(|&t| f64::from(t)).sum();
        prop_assert!((counts.true_positives + counts.false_positives - inside).abs() < 1e-9);
        prop_assert!((counts.true_positives + counts.false_negatives - all).abs() < 1e-9);
        let turned = soft_counts(truth.view(), predicted.view(), None).unwrap();
        prop_assert!(near(counts.score().f1, turned.score().f1));
        let twice: WeightedCounts = [counts, counts].into_iter().sum();
        prop_assert!(alike(twice, counts));
    }
}

#[test]
fn bad_input_is_refused() {
    let (half, wide) = (array![[0.5_f32]], array![[0.5_f32, 0.5]]);
    assert!(matches!(
        soft_counts(half.view(), wide.view(), None),
        Err(Error::ShapeMismatch { .. })
    ));
    let weights = Some(wide.view());
    assert!(matches!(
        soft_counts(half.view(), half.view(), weights),
        Err(Error::ShapeMismatch { field: "weights", .. })
    ));
    for wrong in [f32::NAN, -0.1, 1.1] {
        let wrong = array![[wrong]];
        assert!(matches!(
            soft_counts(half.view(), wrong.view(), None),
            Err(Error::InvalidEntry { field: "truth", index: 0, .. })
        ));
    }
    let negative = array![[-1.0_f32]];
    let refused = soft_counts(half.view(), half.view(), Some(negative.view()));
    assert!(matches!(refused, Err(Error::InvalidEntry { field: "weights", .. })));
    assert_eq!(WeightedCounts::default().score().f1, None);
}
