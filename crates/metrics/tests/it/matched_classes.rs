//! Classes of paired objects.

use mapvec_metrics::{
    Error, MatchedClasses, MatchedClassesConfig, matched_classes, paired_classes,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// The best pairs of all injections of the smaller side, by trying each.
fn least(costs: &Array2<f64>, row: usize, used: &mut Vec<usize>, best: &mut f64, sum: f64) {
    let (rows, columns) = costs.dim();
    if row == rows {
        *best = best.min(sum);
        return;
    }
    for column in 0..columns {
        if !used.contains(&column) {
            used.push(column);
            least(costs, row + 1, used, best, sum + costs[(row, column)]);
            used.pop();
        }
    }
}

/// Predictions that are objects of one line of cells, and their classes.
fn scene() -> impl Strategy<Value = (Vec<Option<usize>>, Vec<usize>, Vec<f64>)> {
    (0_usize..5, 0_usize..5).prop_flat_map(|(predictions, objects)| {
        (
            prop::collection::vec(prop::option::of(0_usize..3), predictions),
            prop::collection::vec(0_usize..3, objects),
            prop::collection::vec(0.0..2.0_f64, predictions * objects),
        )
    })
}

fn limited(classes: usize, max_cost: f64) -> MatchedClassesConfig {
    MatchedClassesConfig { classes, max_cost }
}

fn counted(
    predicted: &[Option<usize>],
    truth: &[usize],
    costs: &[f64],
    most: f64,
) -> MatchedClasses {
    let costs = Array2::from_shape_vec((predicted.len(), truth.len()), costs.to_vec()).unwrap();
    matched_classes(costs.view(), predicted, truth, &limited(3, most)).unwrap()
}

proptest! {
    #[test]
    fn nothing_is_counted_twice_or_lost((predicted, truth, costs) in scene(), most in 0.0..2.5_f64) {
        let counts = counted(&predicted, &truth, &costs, most);
        for class in 0..3 {
            let found = counts.class_counts(class);
            let objects = truth.iter().filter(|&&c| c == class).count() as u64;
            let claims = predicted.iter().filter(|&&c| c == Some(class)).count() as u64;
            prop_assert_eq!(found.true_positives + found.false_negatives, objects);
            prop_assert_eq!(found.true_positives + found.false_positives, claims);
        }
        let all = counts.counts();
        prop_assert_eq!(all.true_positives + all.false_negatives, truth.len() as u64);
        for share in [counts.mean_f1(), counts.accuracy(), all.score().f1].into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&share));
        }
    }

    #[test]
    fn the_order_does_not_matter((predicted, truth, costs) in scene(), turn in 0_usize..5) {
        let n = truth.len();
        let plain = counted(&predicted, &truth, &costs, 1.5);
        let by = turn.min(predicted.len());
        let (mut rotated, mut rows) = (predicted.clone(), costs.clone());
        rotated.rotate_left(by);
        rows.rotate_left(by * n);
        prop_assert_eq!(counted(&rotated, &truth, &rows, 1.5), plain);
    }

    /// Pairs are those of the least sum: with one class and costs that tell what is paired, the
    /// pairs below the limit are as many as a search over all finds.
    #[test]
    fn pairs_are_of_least_cost(values in prop::collection::vec(0.0..1.0_f64, 12)) {
        let costs = Array2::from_shape_vec((3, 4), values).unwrap();
        let mut best = f64::INFINITY;
        least(&costs, 0, &mut Vec::new(), &mut best, 0.0);
        // Each object is a class of its own, and so is each prediction: counts show the pairs.
        let predicted = [Some(0), Some(1), Some(2)];
        let found = matched_classes(costs.view(), &predicted, &[0, 1, 2, 3], &limited(4, 1.0)).unwrap();
        let mut sum = 0.0;
        for prediction in 0..3 {
            for object in 0..4 {
                let times = found.count(Some(object), Some(prediction));
                sum += times as f64 * costs[(prediction, object)];
            }
        }
        prop_assert!((sum - best).abs() < 1e-12, "{sum} and {best}");
    }

    #[test]
    fn pictures_add_up(a in scene(), b in scene()) {
        let mut sum = counted(&a.0, &a.1, &a.2, 1.0);
        let other = counted(&b.0, &b.1, &b.2, 1.0);
        let (first, mut turned) = (sum.clone(), other.clone());
        sum += other;
        turned += first;
        prop_assert_eq!(&sum, &turned);
        let text = serde_json::to_string(&sum).unwrap();
        prop_assert_eq!(serde_json::from_str::<MatchedClasses>(&text).unwrap(), sum);
    }
}

#[test]
fn counts_by_hand() {
    let costs = array![[0.1, 5.0], [f64::NAN, 0.2], [0.3, 0.4]];
    let counts =
        matched_classes(costs.view(), &[Some(0), Some(0), Some(1)], &[0, 1], &limited(2, 1.0))
            .unwrap();
    // (0, 0) and (1, 1) are paired, the last prediction is left.
    assert_eq!(counts.count(Some(0), Some(0)), 1);
    assert_eq!(counts.count(Some(1), Some(0)), 1);
    assert_eq!(counts.count(None, Some(1)), 1);
    assert_eq!(counts.accuracy(), Some(0.5));
    assert_eq!(counts.class_counts(0).score().f1, Some(2.0 / 3.0));
    assert_eq!(counts.class_counts(1).score().f1, Some(0.0));
    assert_eq!(counts.mean_f1(), Some(1.0 / 3.0));
    assert_eq!(counts.counts().score().f1, Some(0.4));
    // Beyond the limit nothing is a pair.
    let far = matched_classes(array![[2.0]].view(), &[Some(1)], &[1], &limited(2, 1.0)).unwrap();
    assert_eq!((far.count(Some(1), None), far.count(None, Some(1))), (1, 1));
    assert_eq!(far.accuracy(), None);
    // A prediction that says that there is nothing.
    let none = matched_classes(array![[0.0]].view(), &[None], &[1], &limited(2, 1.0)).unwrap();
    assert_eq!((none.count(Some(1), None), none.count(None, None)), (1, 0));
}

#[test]
fn a_mean_over_batches_is_another_number() {
    // One picture with one right object, one with three of which none is right.
    let right = paired_classes(&[Some(0)], &[0], &[(0, 0)], 1).unwrap();
    let wrong = paired_classes(&[Some(1); 3], &[0; 3], &[(0, 0), (1, 1), (2, 2)], 2).unwrap();
    let sum: MatchedClasses = [right, wrong].into_iter().sum();
    assert_eq!((sum.classes(), sum.count(Some(0), Some(1))), (2, 3));
    assert_eq!(sum.accuracy(), Some(0.25), "not the mean of 1 and 0");
}

#[test]
fn bad_input_is_refused() {
    let one = array![[0.5]];
    let refuse = |predicted: &[Option<usize>], truth: &[usize], setting| {
        matched_classes(one.view(), predicted, truth, &setting).unwrap_err()
    };
    assert!(matches!(
        refuse(&[], &[0], limited(2, 1.0)),
        Error::ShapeMismatch { field: "costs", .. }
    ));
    let class = refuse(&[Some(2)], &[0], limited(2, 1.0));
    assert!(matches!(class, Error::InvalidEntry { field: "predicted", index: 0, .. }));
    let class = refuse(&[Some(1)], &[7], limited(2, 1.0));
    assert!(matches!(class, Error::InvalidEntry { field: "truth", .. }));
    for (classes, most) in [(0, 1.0), (2, f64::NAN), (2, f64::INFINITY), (usize::MAX, 1.0)] {
        let setting = limited(classes, most);
        assert!(matches!(refuse(&[Some(0)], &[0], setting), Error::InvalidSetting { .. }));
    }
    for pairs in [&[(1, 0)][..], &[(0, 1)], &[(0, 0), (0, 0)]] {
        let refused = paired_classes(&[Some(0)], &[0], pairs, 2);
        assert!(matches!(refused, Err(Error::InvalidEntry { field: "pairs", .. })), "{pairs:?}");
    }
}

#[test]
fn what_is_read_must_be_whole() {
    let read = |text: &str| serde_json::from_str::<MatchedClasses>(text);
    let counts = read(r#"{"classes":2,"counts":[[null,1,3],[0,null,1],[0,1,2]]}"#).unwrap();
    assert_eq!((counts.count(None, Some(1)), counts.count(Some(0), Some(1))), (3, 2));
    for wrong in [
        "[[0,1,0]]",
        "[[null,null,1]]",
        "[[0,2,1]]",
        "[[2,null,1]]",
        "[[0,1,1],[0,1,1]]",
        "[[0,1,1],[0,null,1]]",
        "[[0,1]]",
    ] {
        let text = format!(r#"{{"classes":2,"counts":{wrong}}}"#);
        assert!(read(&text).is_err(), "{text}");
    }
    assert!(read(r#"{"classes":4097,"counts":[]}"#).is_err());
}

/// The room of counts is that of the classes that occur.
#[test]
fn many_classes_take_no_room() {
    let counts: MatchedClasses = (0..500)
        .map(|class| paired_classes(&[Some(class)], &[4095], &[(0, 0)], 4096).unwrap())
        .sum();
    assert_eq!((counts.classes(), counts.class_counts(4095).false_negatives), (4096, 500));
    assert_eq!(counts.counts().score().f1, Some(0.0));
    assert!(serde_json::to_string(&counts).unwrap().len() < 10_000);
}

#[test]
fn costs_that_are_not_finite_are_no_pairs() {
    for cost in [f64::NEG_INFINITY, f64::INFINITY, f64::NAN] {
        let costs = array![[cost, 0.5], [0.2, 0.1]];
        let counts =
            matched_classes(costs.view(), &[Some(0), Some(1)], &[0, 1], &limited(2, 1.0)).unwrap();
        assert_eq!((counts.count(Some(1), Some(0)), counts.count(Some(0), Some(1))), (1, 1));
        let alone = matched_classes(array![[cost]].view(), &[Some(0)], &[0], &limited(2, 1.0));
        let alone = alone.unwrap();
        assert_eq!((alone.count(Some(0), None), alone.count(None, Some(0))), (1, 1));
    }
}
