use geo_types::LineString;
use mapvec_geometry::hausdorff;
use mapvec_metrics::{Error, LineDistances, line_distances};
use proptest::prelude::*;

fn lines() -> impl Strategy<Value = Vec<LineString<f64>>> {
    let line = prop::collection::vec((0.0..40.0, 0.0..40.0), 2..5).prop_map(LineString::from);
    prop::collection::vec(line, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn near_the_hausdorff_distance(a in lines(), b in lines()) {
        let step = 0.25;
        let distances = line_distances(&a, &b, step).unwrap();
        let exact = hausdorff(&a, &b, 1e-6).unwrap();
        // A point is at most half a step from the next sample.
        let largest = distances.predicted.largest.max(distances.truth.largest);
        prop_assert!(largest <= exact + 1e-6 && largest >= exact - step / 2.0 - 1e-6);
        let at_95 = distances.hausdorff_95().unwrap();
        prop_assert!(at_95 <= largest * 1.006 && at_95 >= 0.0);
        let turned = line_distances(&b, &a, step).unwrap();
        prop_assert_eq!((&turned.truth, &turned.predicted), (&distances.predicted, &distances.truth));
        let itself = line_distances(&a, &a, step).unwrap();
        prop_assert!(itself.predicted.largest < 1e-9);
    }
}

#[test]
fn by_hand() {
    let line = |points: &[(f64, f64)]| LineString::from(points.to_vec());
    let flat = [line(&[(0.0, 0.0), (100.0, 0.0)])];
    // Nine tenths of it at 1, the rest rises to 11.
    let bent = [line(&[(0.0, 1.0), (90.0, 1.0), (90.0, 11.0)])];
    let distances = line_distances(&bent, &flat, 1.0).unwrap();
    assert_eq!(distances.predicted.count, 100);
    assert!((distances.predicted.mean().unwrap() - (90.0 + 60.0) / 100.0).abs() < 1e-9);
    // The 95th of 100 points in order is at 1 + 4.5.
    assert!((distances.predicted.quantile(0.95).unwrap() - 5.5).abs() < 0.03);
    let point = line_distances(&[line(&[(5.0, 2.0)])], &flat, 1.0).unwrap();
    assert_eq!((point.predicted.count, point.predicted.sum), (1, 2.0));
    let nothing = line_distances(&[], &flat, 1.0).unwrap();
    assert_eq!((nothing.undefined, nothing.hausdorff_95()), (1, None));
    assert_eq!(line_distances(&[], &[], 1.0).unwrap(), LineDistances::default());
    for step in [0.0, -1.0, f64::NAN] {
        assert!(matches!(line_distances(&flat, &flat, step), Err(Error::InvalidSetting { .. })));
    }
    assert!(matches!(line_distances(&flat, &flat, 1e-9), Err(Error::TooMany { .. })));
    // Many segments of 2^20 points each are refused before any is looked at.
    let back_and_forth =
        [line(&(0..64).map(|k| (f64::from(k % 2) * 1_048_576.0, 0.0)).collect::<Vec<_>>())];
    assert!(matches!(line_distances(&back_and_forth, &flat, 1.0), Err(Error::TooMany { .. })));
    let wrong = [flat[0].clone(), line(&[(0.0, 0.0), (f64::NAN, 0.0)])];
    let refused = line_distances(&flat, &wrong, 1.0);
    assert!(matches!(refused, Err(Error::Shape { what: "true lines", index: 1, .. })));
}
