use mapvec_metrics::{Error, box_ious, mean_box_iou};
use proptest::prelude::*;

fn boxes() -> impl Strategy<Value = Vec<([f64; 4], [f64; 4], f64)>> {
    let one = || (0.0..20.0, 0.0..20.0, 0.5..15.0, 0.5..15.0).prop_map(|(x, y, w, h)| [x, y, w, h]);
    prop::collection::vec((one(), one(), 0.0..2.0), 1..8)
}

proptest! {
    #[test]
    fn as_the_matrix_of_all_pairs(all in boxes()) {
        let predicted: Vec<[f64; 4]> = all.iter().map(|pair| pair.0).collect();
        let truth: Vec<[f64; 4]> = all.iter().map(|pair| pair.1).collect();
        let weights: Vec<f64> = all.iter().map(|pair| pair.2).collect();
        let ious = box_ious(&predicted, &truth, &vec![false; truth.len()]).unwrap();
        let mean = mean_box_iou(&predicted, &truth, Some(&weights)).unwrap();
        let expected: f64 = ious.diag().iter().zip(&weights).map(|(iou, weight)| iou * weight).sum();
        prop_assert!((mean.sum - expected).abs() < 1e-9);
        prop_assert_eq!(mean.count, all.len() as u64);
        let turned = mean_box_iou(&truth, &predicted, Some(&weights)).unwrap();
        prop_assert!((mean.sum - turned.sum).abs() < 1e-12);
        let itself = mean_box_iou(&truth, &truth, None).unwrap();
        prop_assert!((itself.mean().unwrap() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn nothing_and_bad_input() {
    let (good, point) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 0.0, 0.0]);
    assert_eq!(mean_box_iou(&[point, good], &[point, point], None).unwrap().mean(), Some(0.0));
    assert_eq!(mean_box_iou(&[], &[], None).unwrap().mean(), None);
    for wrong in [[f64::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 1.0, 1e200]] {
        let refused = mean_box_iou(&[good, good], &[good, wrong], None);
        assert!(matches!(refused, Err(Error::InvalidEntry { field: "truth", index: 1, .. })));
    }
    assert!(matches!(mean_box_iou(&[good], &[], None), Err(Error::LengthMismatch { .. })));
    let refused = mean_box_iou(&[good], &[good], Some(&[-1.0]));
    assert!(matches!(refused, Err(Error::InvalidEntry { field: "weights", .. })));
}
