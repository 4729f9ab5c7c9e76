//! The loss of matched pairs.

use candle_core::{DType, Tensor, Var};
use mapvec_losses::{
    BoxForm, HungarianLossConfig, MatchCostConfig, MatchSettings, Objects, TrueObjects,
    hungarian_loss, match_costs, match_objects,
};
use mapvec_nn::{GradcheckConfig, gradcheck};
use mapvec_testkit::{integers, normal, uniform};

use super::{all_terms, converted, listed, objects, one_hot, picked, run};
use crate::support::{assert_near, tensor, values};

/// Objects of the recorded values below, made by `torch` in double precision.
fn recorded() -> (Objects, Objects, Vec<TrueObjects>) {
    let corners = |b: usize, n: usize, seed: u64| objects(seed - 1, (b, n), 1, false).boxes;
    let masks = normal(2 * 6 * 256, 61003).into_iter().map(|x| 2.0 * x).collect();
    let prediction = Objects {
        classes: Some(tensor(normal(36, 61000), &[2, 6, 3])),
        boxes: corners(2, 6, 61001),
        masks: Some(tensor(masks, &[2, 6, 16, 16])),
        vectors: None,
    };
    let masks = uniform(2 * 4 * 256, 61004, 0.0, 1.0);
    let masks = masks.into_iter().map(|u| f64::from(u8::from(u < 0.4))).collect();
    let truth = Objects {
        classes: Some(tensor(one_hot(&integers(8, 61005, 0, 3), 3), &[2, 4, 3])),
        boxes: corners(2, 4, 61002),
        masks: Some(tensor(masks, &[2, 4, 16, 16])),
        vectors: None,
    };
    let some = picked(&truth, &[&[0, 1, 2, 3], &[0, 2]]);
    (prediction, truth, some)
}

#[test]
fn the_joint_loss_as_recorded() {
    let (prediction, truth, some) = recorded();
    let leaf = |tensor: &Option<Tensor>| Var::from_tensor(tensor.as_ref().unwrap()).unwrap();
    let leaves = [leaf(&prediction.classes), leaf(&prediction.boxes), leaf(&prediction.masks)];
    let prediction = Objects {
        classes: Some(leaves[0].as_tensor().clone()),
        boxes: Some(leaves[1].as_tensor().clone()),
        masks: Some(leaves[2].as_tensor().clone()),
        vectors: None,
    };
    let config = HungarianLossConfig::default();
    let found = hungarian_loss(&prediction, &some, &config).unwrap();
    assert_eq!(found.objects.pairs[0], [(1, 1), (3, 0), (4, 2), (5, 3)]);
    assert_eq!(found.objects.pairs[1], [(0, 0), (2, 1)]);
    let loss = values(&found.loss);
    assert_near(loss[0], 0.465_417_738_854_229_2, 1e-10);
    assert_near(loss[1], 0.408_464_883_543_552, 1e-10);
    let sum: f64 = found.terms.iter().map(|(_, mean)| mean).sum();
    assert_near(sum / 3.0, f64::midpoint(loss[0], loss[1]), 1e-12);
    let gradients = found.loss.sum_all().unwrap().backward().unwrap();
    let expected = [
        (0.076_241_144_877_666_16, 0.115_767_212_644_677_51),
        (0.350_925_247_362_164_07, 0.022_460_554_064_880_664),
        (0.005_455_855_753_225_27, -0.032_822_613_174_740_13),
    ];
    for (leaf, (norm, sum)) in leaves.iter().zip(expected) {
        let gradient = values(gradients.get(leaf.as_tensor()).unwrap());
        assert_near(gradient.iter().map(|g| g * g).sum::<f64>().sqrt(), norm, 1e-8);
        assert_near(gradient.iter().sum(), sum, 1e-8);
    }
    let costs = match_costs(&prediction, &listed(&truth), &MatchCostConfig::default()).unwrap();
    assert_near(costs.iter().map(ndarray::Array2::sum).sum(), 21.843_859_102_626_435, 1e-10);
    let by_masks = match_objects(&prediction, &listed(&truth), &MatchCostConfig::masks()).unwrap();
    assert_eq!(by_masks[0], [(0, 3), (2, 1), (4, 2), (5, 0)]);
    assert_eq!(by_masks[1], [(1, 0), (3, 2), (4, 3), (5, 1)]);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let (prediction, truth) = (objects(5, (2, 5), 6, true), objects(25, (2, 3), 6, false));
    let truth = picked(&truth, &[&[0, 1], &[0, 1, 2]]);
    let inputs = [&prediction.classes, &prediction.boxes, &prediction.masks, &prediction.vectors];
    let inputs = inputs.map(|tensor| tensor.clone().unwrap());
    for unmatched_classes in [false, true] {
        let mut config = HungarianLossConfig { unmatched_classes, ..all_terms() };
        config.matching.rank = if unmatched_classes { 2.0 } else { 1.0 };
        config.matching.focal_gamma = if unmatched_classes { 2.0 } else { 5.0 };
        let loss = |x: &[Tensor]| {
            let prediction = Objects {
                classes: Some(x[0].clone()),
                boxes: Some(x[1].clone()),
                masks: Some(x[2].clone()),
                vectors: Some(x[3].clone()),
            };
            let found = hungarian_loss(&prediction, &truth, &config);
            found.map(|found| found.loss).map_err(candle_core::Error::wrap)
        };
        let worst = gradcheck(&inputs, loss, &GradcheckConfig::default()).unwrap();
        assert!(worst < 1e-5, "{worst}");
    }
}

#[test]
fn the_extremes_have_finite_values_and_gradients() {
    for (logit, p, t) in [(200.0, 4, 3), (-200.0, 2, 3), (0.0, 3, 0), (0.0, 0, 3), (0.0, 0, 0)] {
        let leaf = Var::from_tensor(&tensor(vec![logit; p * 64], &[1, p, 8, 8])).unwrap();
        // Boxes without area at one place, vectors of length 0.
        let zeros = |n: usize, dims: &[usize]| tensor(vec![0.0; n], dims);
        let boxes = Var::from_tensor(&zeros(p * 4, &[1, p, 4])).unwrap();
        let prediction = Objects {
            classes: Some(tensor(vec![logit; p * 3], &[1, p, 3])),
            boxes: Some(boxes.as_tensor().clone()),
            masks: Some(leaf.as_tensor().clone()),
            vectors: Some(zeros(p * 4, &[1, p, 2, 2])),
        };
        let truth = Objects {
            classes: Some(zeros(t * 3, &[1, t, 3])),
            boxes: Some(zeros(t * 4, &[1, t, 4])),
            masks: Some(zeros(t * 64, &[1, t, 8, 8])),
            vectors: Some(zeros(t * 4, &[1, t, 2, 2])),
        };
        let config = HungarianLossConfig { unmatched_classes: true, ..all_terms() };
        let found = hungarian_loss(&prediction, &listed(&truth), &config).unwrap();
        assert!(values(&found.loss)[0].is_finite());
        let found = run(&prediction, &truth);
        assert_eq!(found.objects.pairs[0].len(), p.min(t));
        let loss = values(&found.loss)[0];
        assert!(loss.is_finite() && (p.min(t) > 0 || loss == 0.0), "{loss}");
        let gradients = found.loss.sum_all().unwrap().backward().unwrap();
        for leaf in [&leaf, &boxes] {
            let gradient = gradients.get(leaf.as_tensor()).map(values).unwrap_or_default();
            assert!(gradient.iter().all(|g| g.is_finite()));
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let (prediction, truth) = (objects(5, (2, 5), 8, true), objects(25, (2, 3), 8, false));
    let of = |x: &Objects| Objects {
        masks: x.masks.as_ref().map(|masks| (masks * 100.0).unwrap()),
        classes: x.classes.as_ref().map(|classes| (classes * 200.0).unwrap()),
        ..x.clone()
    };
    for prediction in [prediction.clone(), of(&prediction)] {
        for unmatched_classes in [false, true] {
            let config = HungarianLossConfig { unmatched_classes, ..all_terms() };
            let run = |dtype| {
                let leaves = converted(&prediction, dtype);
                let leaf = |x: &Option<Tensor>| Var::from_tensor(x.as_ref().unwrap()).unwrap();
                let leaves =
                    [&leaves.classes, &leaves.boxes, &leaves.masks, &leaves.vectors].map(leaf);
                let [classes, boxes, masks, vectors] =
                    leaves.each_ref().map(|leaf| Some(leaf.as_tensor().clone()));
                let prediction = Objects { classes, boxes, masks, vectors };
                let found =
                    hungarian_loss(&prediction, &listed(&converted(&truth, dtype)), &config)
                        .unwrap();
                let gradients = found.loss.sum_all().unwrap().backward().unwrap();
                let gradients =
                    leaves.each_ref().map(|x| values(gradients.get(x.as_tensor()).unwrap()));
                (found.objects.pairs, values(&found.loss), gradients)
            };
            let (pairs, loss, gradients) = run(DType::F32);
            let (exact_pairs, exact_loss, exact_gradients) = run(DType::F64);
            assert_eq!(pairs, exact_pairs);
            for (a, b) in loss.iter().zip(&exact_loss) {
                assert_near(*a, *b, 1e-5);
            }
            for (found, exact) in gradients.iter().zip(&exact_gradients) {
                let scale = exact.iter().fold(1e-9_f64, |most, g| most.max(g.abs()));
                for (a, b) in found.iter().zip(exact) {
                    assert!((a - b).abs() < 1e-4 * scale, "{a} and {b} of {scale}");
                }
            }
        }
    }
}

#[test]
fn tiny_boxes_and_vectors_have_finite_gradients() {
    for dtype in [DType::F32, DType::F64] {
        for size in [1e-6, 1e-12, 1e-20, 1e-30] {
            for (box_form, rank) in [(BoxForm::Corners, 1.0), (BoxForm::Center, 1.5)] {
                let scaled = |x: &Option<Tensor>| {
                    let x = (x.as_ref().unwrap() * size).unwrap().to_dtype(dtype).unwrap();
                    Var::from_tensor(&x).unwrap()
                };
                let (prediction, truth) =
                    (objects(1, (1, 4), 4, true), objects(2, (1, 3), 4, false));
                let (boxes, vectors) = (scaled(&prediction.boxes), scaled(&prediction.vectors));
                let prediction = Objects {
                    boxes: Some(boxes.as_tensor().clone()),
                    vectors: Some(vectors.as_tensor().clone()),
                    ..converted(&prediction, dtype)
                };
                let truth = Objects {
                    boxes: Some(scaled(&truth.boxes).as_detached_tensor()),
                    ..converted(&truth, dtype)
                };
                let matching = MatchSettings { box_form, rank, ..MatchSettings::default() };
                let config = HungarianLossConfig { matching, ..all_terms() };
                let found = hungarian_loss(&prediction, &listed(&truth), &config).unwrap();
                assert!(values(&found.loss)[0].is_finite(), "{dtype:?}, {size}");
                let gradients = found.loss.sum_all().unwrap().backward().unwrap();
                for leaf in [&boxes, &vectors] {
                    let gradient = values(gradients.get(leaf.as_tensor()).unwrap());
                    assert!(gradient.iter().all(|g| g.is_finite()), "{dtype:?}, {size}");
                }
            }
        }
    }
}

#[test]
fn classes_of_unmatched_predictions_by_hand() {
    let ln3 = 3_f64.ln();
    let prediction = Objects {
        classes: Some(tensor(vec![0.0, ln3, ln3, 0.0], &[1, 2, 2])),
        ..Objects::default()
    };
    let truth = Objects { classes: Some(tensor(vec![1.0, 0.0], &[1, 1, 2])), ..Objects::default() };
    let (half, right, wrong) = (2_f64.ln(), (4.0_f64 / 3.0).ln(), 4_f64.ln());
    let only = HungarianLossConfig { box_weight: 0.0, mask_weight: 0.0, ..Default::default() };
    let matched = f64::midpoint(right, half);
    for (unmatched_classes, no_object, rest) in [
        (false, Some(1), 0.0),
        (true, Some(1), f64::midpoint(half, right)),
        (true, None, f64::midpoint(half, wrong)),
    ] {
        let config = HungarianLossConfig { unmatched_classes, no_object, ..only.clone() };
        let found = hungarian_loss(&prediction, &listed(&truth), &config).unwrap();
        assert_eq!(found.objects.pairs[0], [(1, 0)]);
        assert_near(values(&found.loss)[0], matched + rest, 1e-12);
    }
}

#[test]
fn boxes_by_center_by_hand() {
    let of = |numbers: [f64; 4]| Objects {
        boxes: Some(tensor(numbers.to_vec(), &[1, 1, 4])),
        ..Objects::default()
    };
    // Corners (0, 0) to (2, 2) and (1, 1) to (3, 3).
    let (prediction, truth) = (of([1.0, 1.0, 2.0, 2.0]), of([2.0, 2.0, 2.0, 2.0]));
    let matching = MatchSettings { box_form: BoxForm::Center, ..MatchSettings::default() };
    let config =
        HungarianLossConfig { class_weight: 0.0, mask_weight: 0.0, matching, ..Default::default() };
    let found = hungarian_loss(&prediction, &listed(&truth), &config).unwrap();
    assert_near(values(&found.loss)[0], 0.5 * (6.0 / 7.0) + 0.5 * 0.5, 1e-12);
}

/// Objects that find no prediction count in the mean, as in the reference.
#[test]
fn more_objects_than_predictions_divide_by_the_objects() {
    let (prediction, truth) = (objects(7, (1, 2), 4, true), objects(8, (1, 5), 4, false));
    let all = picked(&truth, &[&[0, 1, 2, 3, 4]]);
    let found = hungarian_loss(&prediction, &all, &all_terms()).unwrap();
    let [first, second] = [0, 1].map(|i| found.objects.pairs[0][i].1 as u32);
    let only = hungarian_loss(&prediction, &picked(&truth, &[&[first, second]]), &all_terms());
    assert_near(values(&found.loss)[0], values(&only.unwrap().loss)[0] * 2.0 / 5.0, 1e-12);
}
