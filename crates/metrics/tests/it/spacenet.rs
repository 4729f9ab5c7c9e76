use geo_types::{MultiPolygon, polygon};
use mapvec_metrics::{BinaryCounts, Error, SpacenetConfig, match_polygons};
use proptest::prelude::*;

fn rectangle(x: f64, y: f64, w: f64, h: f64) -> MultiPolygon<f64> {
    polygon![(x: x, y: y), (x: x + w, y: y), (x: x + w, y: y + h), (x: x, y: y + h)].into()
}

fn counts(true_positives: u64, false_positives: u64, false_negatives: u64) -> BinaryCounts {
    BinaryCounts { true_positives, false_positives, false_negatives }
}

#[test]
fn by_hand() {
    let config = SpacenetConfig::default();
    let truth = [
        rectangle(0.0, 0.0, 10.0, 10.0),
        rectangle(20.0, 0.0, 10.0, 10.0),
        // 16 px^2: left out.
        rectangle(40.0, 0.0, 4.0, 4.0),
        MultiPolygon(Vec::new()),
    ];
    let predicted = [
        // 80 of 100: right.
        rectangle(0.0, 0.0, 10.0, 8.0),
        // The better fit, but it comes too late.
        rectangle(0.0, 0.0, 10.0, 9.0),
        // 40 of 160: wrong.
        rectangle(26.0, 0.0, 10.0, 10.0),
        // Too small to count, like the truth below it.
        rectangle(40.0, 0.0, 4.0, 4.0),
        MultiPolygon(Vec::new()),
    ];
    let found = match_polygons(&predicted, &[0.9, 0.8, 0.7, 0.6, 1.0], &truth, &config).unwrap();
    assert_eq!(found.counts, counts(1, 2, 1));
    assert_eq!((found.pairs.len(), found.pairs[0].predicted, found.pairs[0].truth), (1, 0, 0));
    assert!((found.pairs[0].iou - 0.8).abs() < 1e-6);
    let score = found.counts.score();
    assert_eq!((score.precision, score.recall), (Some(1.0 / 3.0), Some(0.5)));
    assert!((score.f1.unwrap() - 0.4).abs() < 1e-12);
    // The surer one first.
    let found = match_polygons(&predicted, &[0.8, 0.9, 0.7, 0.6, 1.0], &truth, &config).unwrap();
    assert_eq!(found.pairs[0].predicted, 1);
    // With all sizes the small one is right as well.
    let all = SpacenetConfig { min_area: 0.0, ..config };
    let found = match_polygons(&predicted, &[0.9, 0.8, 0.7, 0.6, 1.0], &truth, &all).unwrap();
    assert_eq!(found.counts, counts(2, 2, 1));
}

#[test]
fn a_bow_tie_is_repaired() {
    let bow = polygon![(x: 0.0, y: 0.0), (x: 10.0, y: 10.0), (x: 10.0, y: 0.0), (x: 0.0, y: 10.0)];
    let left = polygon![(x: 0.0, y: 0.0), (x: 5.0, y: 5.0), (x: 0.0, y: 10.0)];
    let config = SpacenetConfig::default();
    let found = match_polygons(&[bow.into()], &[1.0], &[left.into()], &config).unwrap();
    // One of its two triangles of 25 px^2.
    assert_eq!(found.counts, counts(1, 0, 0));
    assert!((found.pairs[0].iou - 0.5).abs() < 1e-6);
}

#[test]
fn of_equal_ones_the_first_is_taken() {
    let (left, right) = (rectangle(0.0, 0.0, 10.0, 10.0), rectangle(4.0, 0.0, 10.0, 10.0));
    let middle = [rectangle(2.0, 0.0, 10.0, 10.0)];
    let config = SpacenetConfig::default();
    for truth in [[left.clone(), right.clone()], [right, left]] {
        let found = match_polygons(&middle, &[1.0], &truth, &config).unwrap();
        assert_eq!(found.pairs[0].truth, 0);
    }
    // Both zeros are one confidence.
    let [one] = middle.clone();
    let twice = [one.clone(), one];
    let found = match_polygons(&twice, &[-0.0, 0.0], &middle, &config);
    assert_eq!(found.unwrap().pairs[0].predicted, 0);
}

#[test]
fn bad_input_is_refused() {
    let one = [rectangle(0.0, 0.0, 9.0, 9.0)];
    let config = SpacenetConfig::default();
    let run = |confidence: &[f64], config: &SpacenetConfig| {
        match_polygons(&one, confidence, &one, config).unwrap_err()
    };
    assert!(matches!(run(&[], &config), Error::LengthMismatch { .. }));
    assert!(matches!(run(&[f64::NAN], &config), Error::InvalidEntry { .. }));
    for min_iou in [0.0, 1.1, f64::NAN] {
        let wrong = SpacenetConfig { min_iou, ..config };
        assert!(matches!(run(&[1.0], &wrong), Error::InvalidSetting { field: "min_iou", .. }));
    }
    let wrong = [rectangle(f64::NAN, 0.0, 9.0, 9.0)];
    assert!(matches!(
        match_polygons(&one, &[1.0], &wrong, &config),
        Err(Error::Shape { what: "true polygon", index: 0, .. })
    ));
}

fn shapes() -> impl Strategy<Value = Vec<(f64, f64, f64, f64)>> {
    prop::collection::vec((0.0..30.0, 0.0..30.0, 2.0..14.0, 2.0..14.0), 0..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_and_copies(predicted in shapes(), truth in shapes(), turn in 0_usize..7) {
        let all = |boxes: &[(f64, f64, f64, f64)]| -> Vec<MultiPolygon<f64>> {
            boxes.iter().map(|&(x, y, w, h)| rectangle(x, y, w, h)).collect()
        };
        let (predicted, truth) = (all(&predicted), all(&truth));
        // Different confidences: the order in the list does not matter.
        let confidences: Vec<f64> =
            (0..predicted.len()).map(|place| ((place * 5) % 7) as f64).collect();
        let config = SpacenetConfig::default();
        let found = match_polygons(&predicted, &confidences, &truth, &config).unwrap();
        let turn = |count: usize| if count > 0 { turn % count } else { 0 };
        let (mut other, mut sure, mut targets) = (predicted.clone(), confidences.clone(), truth.clone());
        other.rotate_left(turn(predicted.len()));
        sure.rotate_left(turn(predicted.len()));
        targets.rotate_left(turn(truth.len()));
        let turned = match_polygons(&other, &sure, &targets, &config).unwrap();
        prop_assert_eq!(found.counts, turned.counts);
        let large = |shapes: &[MultiPolygon<f64>]| {
            shapes.iter().filter(|shape| mapvec_geometry::polygon_area(&shape.0[0]) > 20.0).count() as u64
        };
        let BinaryCounts { true_positives, false_positives, false_negatives } = found.counts;
        prop_assert_eq!(true_positives + false_positives, large(&predicted));
        prop_assert_eq!(true_positives + false_negatives, large(&truth));
        prop_assert_eq!(true_positives, found.pairs.len() as u64);
        prop_assert!(found.pairs.iter().all(|pair| pair.iou >= 0.5 && pair.iou <= 1.0));
        // The truth itself is right, even where polygons overlap.
        let itself = match_polygons(&truth, &vec![0.5; truth.len()], &truth, &config).unwrap();
        prop_assert_eq!(itself.counts, counts(large(&truth), 0, 0));
    }
}
