//! Matching of predicted with true objects, and the loss of the pairs.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_assignment::assign;
use mapvec_losses::{
    BoxForm, Error, HungarianLossConfig, MatchCostConfig, MatchSettings, MatchSolver, MatchTerm,
    MatchedLoss, Objects, hungarian_loss, match_costs, match_objects,
};
use mapvec_nn::{GradcheckConfig, gradcheck};
use mapvec_testkit::{integers, normal, uniform};
use proptest::prelude::*;

use crate::support::{assert_near, tensor, values};

const CPU: Device = Device::Cpu;

fn one_hot(classes: &[i64], k: usize) -> Vec<f64> {
    let share = |&class: &i64| (0_i64..).take(k).map(move |c| f64::from(u8::from(c == class)));
    classes.iter().flat_map(share).collect()
}

/// Random objects; predictions are logits.
fn objects(seed: u64, (b, n): (usize, usize), side: usize, predicted: bool) -> Objects {
    let corners = |place: usize| {
        let u = uniform(4 * b * n, seed + 1, 0.0, 1.0);
        let [y, x, h, w] = [0, 1, 2, 3].map(|k| u[4 * place + k]);
        [0.5 * y, 0.5 * x, 0.5 * y + 0.1 + 0.4 * h, 0.5 * x + 0.1 + 0.4 * w]
    };
    let cells = b * n * side * side;
    let (classes, masks) = if predicted {
        let masks = normal(cells, seed + 2).into_iter().map(|x| 2.0 * x).collect();
        (normal(b * n * 3, seed), masks)
    } else {
        let masks = uniform(cells, seed + 2, 0.0, 1.0);
        let masks = masks.into_iter().map(|u| f64::from(u8::from(u < 0.4))).collect();
        (one_hot(&integers(b * n, seed + 3, 0, 3), 3), masks)
    };
    Objects {
        classes: Some(tensor(classes, &[b, n, 3])),
        boxes: Some(tensor((0..b * n).flat_map(corners).collect(), &[b, n, 4])),
        masks: Some(tensor(masks, &[b, n, side, side])),
        vectors: Some(tensor(uniform(b * n * 4, seed + 4, 0.0, 1.0), &[b, n, 2, 2])),
    }
}

fn all_terms() -> HungarianLossConfig {
    HungarianLossConfig { vector_weight: 0.5, ..HungarianLossConfig::default() }
}

/// `scipy`, `torch` and torchvision on the same numbers.
#[test]
fn the_cost_of_detr_as_recorded() {
    let (q, t) = (40, 12);
    let boxes = |n: usize, seed: u64| {
        let (at, size) = (uniform(2 * n, seed, 0.2, 0.8), uniform(2 * n, seed + 1, 0.05, 0.3));
        let row = |k: usize| [at[2 * k], at[2 * k + 1], size[2 * k], size[2 * k + 1]];
        tensor((0..n).flat_map(row).collect(), &[1, n, 4])
    };
    let prediction = Objects {
        classes: Some(tensor(normal(q * 6, 50300), &[1, q, 6])),
        boxes: Some(boxes(q, 50301)),
        ..Objects::default()
    };
    let truth = Objects {
        classes: Some(tensor(one_hot(&integers(t, 50303, 0, 5), 6), &[1, t, 6])),
        boxes: Some(boxes(t, 50304)),
        ..Objects::default()
    };
    let config = MatchCostConfig::detr();
    let costs = &match_costs(&prediction, &truth, &config).unwrap()[0];
    assert_near(costs.sum(), 1_589.562_773_424_865_6, 1e-12);
    assert_near(costs[(0, 0)], 4.385_591_29, 1e-8);
    assert_near(costs[(0, 2)], 2.103_452_87, 1e-8);
    assert_near(costs[(39, 10)], -0.441_163_34, 1e-7);
    let pairs = &match_objects(&prediction, &truth, None, &config).unwrap()[0];
    let rows = [3, 9, 10, 16, 18, 19, 21, 22, 26, 32, 37, 39];
    let columns = [11, 9, 4, 7, 3, 1, 0, 8, 2, 6, 5, 10];
    assert_eq!(pairs, &rows.into_iter().zip(columns).collect::<Vec<_>>());
    let cost: f64 = pairs.iter().map(|&pair| costs[pair]).sum();
    assert_near(cost, 2.972_406_285_347_871_4, 1e-12);
}

/// Objects of the recorded values below, made by `torch` in double precision.
fn recorded() -> (Objects, Objects, Tensor) {
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
    let present = tensor(vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0], &[2, 4]);
    (prediction, truth, present)
}

#[test]
fn the_joint_loss_as_recorded() {
    let (prediction, truth, present) = recorded();
    let leaf = |tensor: &Option<Tensor>| Var::from_tensor(tensor.as_ref().unwrap()).unwrap();
    let leaves = [leaf(&prediction.classes), leaf(&prediction.boxes), leaf(&prediction.masks)];
    let prediction = Objects {
        classes: Some(leaves[0].as_tensor().clone()),
        boxes: Some(leaves[1].as_tensor().clone()),
        masks: Some(leaves[2].as_tensor().clone()),
        vectors: None,
    };
    let config = HungarianLossConfig::default();
    let found = hungarian_loss(&prediction, &truth, Some(&present), &config).unwrap();
    assert_eq!(found.pairs[0], [(1, 1), (3, 0), (4, 2), (5, 3)]);
    assert_eq!(found.pairs[1], [(0, 0), (2, 2)]);
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
    let costs = match_costs(&prediction, &truth, &MatchCostConfig::default()).unwrap();
    assert_near(costs.iter().map(ndarray::Array2::sum).sum(), 21.843_859_102_626_435, 1e-10);
    let by_masks = match_objects(&prediction, &truth, None, &MatchCostConfig::masks()).unwrap();
    assert_eq!(by_masks[0], [(0, 3), (2, 1), (4, 2), (5, 0)]);
    assert_eq!(by_masks[1], [(1, 0), (3, 2), (4, 3), (5, 1)]);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let (prediction, truth) = (objects(5, (2, 5), 6, true), objects(25, (2, 3), 6, false));
    let present = tensor(vec![1.0, 1.0, 0.0, 1.0, 1.0, 1.0], &[2, 3]);
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
            let found = hungarian_loss(&prediction, &truth, Some(&present), &config);
            found.map(|found| found.loss).map_err(candle_core::Error::wrap)
        };
        let worst = gradcheck(&inputs, loss, &GradcheckConfig::default()).unwrap();
        assert!(worst < 1e-5, "{worst}");
    }
}

fn run(prediction: &Objects, truth: &Objects) -> MatchedLoss {
    hungarian_loss(prediction, truth, None, &all_terms()).unwrap()
}

/// The objects of every sample in another order.
fn permuted(objects: &Objects, order: &[u32]) -> Objects {
    let index = Tensor::new(order, &CPU).unwrap();
    let turn = |tensor: &Option<Tensor>| {
        tensor.as_ref().map(|tensor| tensor.index_select(&index, 1).unwrap())
    };
    Objects {
        classes: turn(&objects.classes),
        boxes: turn(&objects.boxes),
        masks: turn(&objects.masks),
        vectors: turn(&objects.vectors),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_objects_does_not_matter(
        seed in 0_u64..1000, order in Just(vec![0_u32, 1, 2, 3, 4]).prop_shuffle(),
        true_order in Just(vec![0_u32, 1, 2]).prop_shuffle(),
    ) {
        let (prediction, truth) = (objects(seed, (2, 5), 8, true), objects(seed + 9, (2, 3), 8, false));
        let plain = run(&prediction, &truth);
        let turned = run(&permuted(&prediction, &order), &permuted(&truth, &true_order));
        for (a, b) in values(&plain.loss).into_iter().zip(values(&turned.loss)) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn empty_slots_do_not_count(seed in 0_u64..1000, keep in 0_usize..4) {
        let (prediction, truth) = (objects(seed, (1, 4), 8, true), objects(seed + 9, (1, 6), 8, false));
        let flags = (0..6).map(|slot| f64::from(u8::from(slot < keep))).collect();
        let some = hungarian_loss(&prediction, &truth, Some(&tensor(flags, &[1, 6])), &all_terms());
        let some = some.unwrap();
        prop_assert_eq!(some.pairs[0].len(), keep.min(4));
        let matched = values(&some.matched).iter().filter(|&&flag| flag > 0.0).count();
        prop_assert_eq!(matched, keep.min(4));
        let order: Vec<u32> = (0..keep as u32).collect();
        if keep > 0 {
            let alone = run(&prediction, &permuted(&truth, &order));
            prop_assert!((values(&some.loss)[0] - values(&alone.loss)[0]).abs() < 1e-12);
        } else {
            prop_assert!(values(&some.loss)[0].abs() < 1e-300);
        }
    }

    #[test]
    fn matched_predictions_lie_in_the_slots_of_their_truth(seed in 0_u64..1000) {
        let (prediction, truth) = (objects(seed, (2, 6), 8, true), objects(seed + 9, (2, 4), 8, false));
        let found = run(&prediction, &truth);
        let all = values(prediction.boxes.as_ref().unwrap());
        let aligned = values(found.prediction.boxes.as_ref().unwrap());
        for (sample, pairs) in found.pairs.iter().enumerate() {
            prop_assert_eq!(pairs.len(), 4);
            for &(predicted, slot) in pairs {
                let (from, to) = (4 * (6 * sample + predicted), 4 * (4 * sample + slot));
                prop_assert_eq!(&all[from..from + 4], &aligned[to..to + 4]);
            }
        }
        let costs = match_costs(&prediction, &truth, &MatchCostConfig::default()).unwrap();
        let default = match_objects(&prediction, &truth, None, &MatchCostConfig::default()).unwrap();
        for (costs, pairs) in costs.iter().zip(&default) {
            prop_assert_eq!(&assign(costs.view()).unwrap().pairs, pairs);
        }
    }
}

#[test]
fn a_perfect_prediction_costs_nothing() {
    let truth = objects(3, (2, 4), 8, false);
    let sure =
        |tensor: &Option<Tensor>| Some(tensor.as_ref().unwrap().affine(400.0, -200.0).unwrap());
    let prediction = Objects {
        classes: sure(&truth.classes),
        masks: sure(&truth.masks),
        ..permuted(&truth, &[0, 1, 2, 3])
    };
    let found = run(&permuted(&prediction, &[2, 0, 3, 1]), &truth);
    assert!(values(&found.loss).iter().all(|loss| loss.abs() < 1e-12));
    assert_eq!(found.pairs[0], [(0, 2), (1, 0), (2, 3), (3, 1)]);
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
        let found = hungarian_loss(&prediction, &truth, None, &config).unwrap();
        assert!(values(&found.loss)[0].is_finite());
        let found = run(&prediction, &truth);
        assert_eq!(found.pairs[0].len(), p.min(t));
        let loss = values(&found.loss)[0];
        assert!(loss.is_finite() && (p.min(t) > 0 || loss == 0.0), "{loss}");
        let gradients = found.loss.sum_all().unwrap().backward().unwrap();
        for leaf in [&leaf, &boxes] {
            let gradient = gradients.get(leaf.as_tensor()).map(values).unwrap_or_default();
            assert!(gradient.iter().all(|g| g.is_finite()));
        }
    }
}

/// The same objects in another type.
fn converted(objects: &Objects, dtype: DType) -> Objects {
    let to =
        |tensor: &Option<Tensor>| tensor.as_ref().map(|tensor| tensor.to_dtype(dtype).unwrap());
    Objects {
        classes: to(&objects.classes),
        boxes: to(&objects.boxes),
        masks: to(&objects.masks),
        vectors: to(&objects.vectors),
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
                    hungarian_loss(&prediction, &converted(&truth, dtype), None, &config).unwrap();
                let gradients = found.loss.sum_all().unwrap().backward().unwrap();
                let gradients =
                    leaves.each_ref().map(|x| values(gradients.get(x.as_tensor()).unwrap()));
                (found.pairs, values(&found.loss), gradients)
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
            for (box_form, rank) in [(BoxForm::Corners, 1.0), (BoxForm::Centre, 1.5)] {
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
                let found = hungarian_loss(&prediction, &truth, None, &config).unwrap();
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

/// A pair has the loss that it has as a cost, for soft masks too.
#[test]
fn costs_and_losses_have_the_same_terms() {
    for seed in 0..5 {
        let mut truth = objects(10 * seed + 1, (1, 1), 6, false);
        truth.masks = Some(tensor(uniform(36, seed, 0.0, 1.0), &[1, 1, 6, 6]));
        let prediction = objects(10 * seed, (1, 1), 6, true);
        for (box_form, rank) in [(BoxForm::Corners, 1.0), (BoxForm::Centre, 1.5)] {
            let matching = MatchSettings {
                box_form,
                rank,
                focal_gamma: 2.0,
                vector_gamma: 1.5,
                mask_pooling: 1,
                ..MatchSettings::default()
            };
            let terms = vec![
                (MatchTerm::ClassBinaryCrossEntropy, 1.0),
                (MatchTerm::BoxIou, 1.0),
                (MatchTerm::MaskFocal, 1.0),
                (MatchTerm::Endpoints, 0.5),
            ];
            let costs = MatchCostConfig { terms, settings: matching.clone() };
            let cost = match_costs(&prediction, &truth, &costs).unwrap()[0][(0, 0)];
            let config = HungarianLossConfig { matching, ..all_terms() };
            let found = hungarian_loss(&prediction, &truth, None, &config).unwrap();
            assert_near(values(&found.loss)[0], cost, 1e-6);
        }
    }
}

#[test]
fn what_empty_slots_hold_does_not_matter() {
    let (prediction, truth) = (objects(3, (1, 4), 6, true), objects(4, (1, 3), 6, false));
    let present = tensor(vec![1.0, 0.0, 1.0], &[1, 3]);
    let expected = hungarian_loss(&prediction, &truth, Some(&present), &all_terms()).unwrap();
    let spoilt = |tensor: &Option<Tensor>| {
        let x = tensor.as_ref().unwrap();
        let parts = [0, 1, 2].map(|slot| {
            let part = x.narrow(1, slot, 1).unwrap();
            if slot == 1 { part.affine(0.0, -7.0).unwrap() } else { part }
        });
        Some(Tensor::cat(&parts, 1).unwrap())
    };
    let truth = Objects {
        classes: spoilt(&truth.classes),
        boxes: spoilt(&truth.boxes),
        masks: spoilt(&truth.masks),
        vectors: spoilt(&truth.vectors),
    };
    let found = hungarian_loss(&prediction, &truth, Some(&present), &all_terms()).unwrap();
    assert_eq!(found.pairs, expected.pairs);
    assert_near(values(&found.loss)[0], values(&expected.loss)[0], 1e-12);
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
        let found = hungarian_loss(&prediction, &truth, None, &config).unwrap();
        assert_eq!(found.pairs[0], [(1, 0)]);
        assert_near(values(&found.loss)[0], matched + rest, 1e-12);
    }
}

#[test]
fn boxes_by_centre_by_hand() {
    let of = |numbers: [f64; 4]| Objects {
        boxes: Some(tensor(numbers.to_vec(), &[1, 1, 4])),
        ..Objects::default()
    };
    // Corners (0, 0) to (2, 2) and (1, 1) to (3, 3).
    let (prediction, truth) = (of([1.0, 1.0, 2.0, 2.0]), of([2.0, 2.0, 2.0, 2.0]));
    let matching = MatchSettings { box_form: BoxForm::Centre, ..MatchSettings::default() };
    let config =
        HungarianLossConfig { class_weight: 0.0, mask_weight: 0.0, matching, ..Default::default() };
    let found = hungarian_loss(&prediction, &truth, None, &config).unwrap();
    assert_near(values(&found.loss)[0], 0.5 * (6.0 / 7.0) + 0.5 * 0.5, 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn solvers_are_as_good_as_they_say(seed in 0_u64..1000, p in 1_usize..8, t in 1_usize..8) {
        let (prediction, truth) = (objects(seed, (2, p), 8, true), objects(seed + 9, (2, t), 8, false));
        let costs = match_costs(&prediction, &truth, &MatchCostConfig::default()).unwrap();
        let sums = |solver| {
            let settings = MatchSettings { solver, ..MatchSettings::default() };
            let config = MatchCostConfig { settings, ..MatchCostConfig::default() };
            let pairs = match_objects(&prediction, &truth, None, &config).unwrap();
            assert!(pairs.iter().all(|pairs| pairs.len() == p.min(t)));
            let sum = |(pairs, costs): (&Vec<(usize, usize)>, &ndarray::Array2<f64>)| {
                pairs.iter().map(|&pair| costs[pair]).sum::<f64>()
            };
            pairs.iter().zip(&costs).map(sum).collect::<Vec<_>>()
        };
        let epsilon = 1e-3;
        let exact = sums(MatchSolver::Exact);
        let greedy = sums(MatchSolver::Greedy);
        let auction = sums(MatchSolver::Auction { epsilon });
        for ((exact, greedy), auction) in exact.iter().zip(greedy).zip(auction) {
            prop_assert!(greedy >= exact - 1e-12, "{greedy} and {exact}");
            let most = exact + p.min(t) as f64 * epsilon + 1e-12;
            prop_assert!(auction >= exact - 1e-12 && auction <= most, "{auction} and {exact}");
        }
    }
}

#[test]
fn nan_is_matched_at_the_missing_cost_and_shows() {
    let truth = objects(9, (1, 3), 8, false);
    let mut prediction = objects(1, (1, 3), 8, true);
    let mut boxes = values(prediction.boxes.as_ref().unwrap());
    boxes[0] = f64::NAN;
    prediction.boxes = Some(tensor(boxes, &[1, 3, 4]));
    let found = run(&prediction, &truth);
    assert_eq!(found.pairs[0].len(), 3);
    assert!(values(&found.loss)[0].is_nan());
}

#[test]
fn costs_by_hand() {
    let only = |term| MatchCostConfig { terms: vec![(term, 3.0)], ..MatchCostConfig::default() };
    let objects = |boxes: [f64; 4], vectors: [f64; 4], class: [f64; 2]| Objects {
        classes: Some(tensor(class.to_vec(), &[1, 1, 2])),
        boxes: Some(tensor(boxes.to_vec(), &[1, 1, 4])),
        vectors: Some(tensor(vectors.to_vec(), &[1, 1, 2, 2])),
        masks: None,
    };
    let prediction = objects([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 3.0, 4.0], [0.0, 3_f64.ln()]);
    let truth = objects([1.0, 1.0, 3.0, 3.0], [3.0, 5.0, 0.0, 0.0], [0.0, 1.0]);
    let cost =
        |config: &MatchCostConfig| match_costs(&prediction, &truth, config).unwrap()[0][(0, 0)];
    assert_near(cost(&only(MatchTerm::BoxIou)), 0.5 * (6.0 / 7.0) + 0.5, 1e-12);
    assert_near(cost(&only(MatchTerm::BoxGiou)), 2.0 / 9.0 - 1.0 / 7.0, 1e-12);
    assert_near(cost(&only(MatchTerm::BoxL1)), 4.0, 1e-12);
    assert_near(cost(&only(MatchTerm::Endpoints)), 0.5, 1e-12);
    assert_near(cost(&only(MatchTerm::ClassProbability)), -0.75, 1e-12);
    let bce = f64::midpoint(2_f64.ln(), (4.0_f64 / 3.0).ln());
    assert_near(cost(&only(MatchTerm::ClassBinaryCrossEntropy)), bce, 1e-12);
    let focal = f64::midpoint(
        0.25 * 0.5_f64.powi(6) * 2.0 * 2_f64.ln(),
        0.75 * 0.25_f64.powi(5) * (4.0_f64 / 3.0).ln(),
    );
    assert_near(cost(&only(MatchTerm::ClassFocal)), focal, 1e-12);
    // By centre and size the same numbers are another pair of boxes.
    let settings = MatchSettings { box_form: BoxForm::Centre, ..MatchSettings::default() };
    let centred = MatchCostConfig { settings, ..only(MatchTerm::BoxGiou) };
    let (shared, union, hull) = (1.5 * 1.5, 4.0 + 9.0 - 2.25, 3.5 * 3.5);
    assert_near(cost(&centred), (hull - union) / hull - shared / union, 1e-12);
    // Against ones, logits of classes that are not there are rewarded too.
    let prediction = objects([0.0; 4], [0.0; 4], [1.0, 3_f64.ln()]);
    let cost =
        |config: &MatchCostConfig| match_costs(&prediction, &truth, config).unwrap()[0][(0, 0)];
    let softplus = |x: f64| x.exp().ln_1p();
    let right = (4.0_f64 / 3.0).ln();
    let term = MatchTerm::ClassBinaryCrossEntropy;
    assert_near(cost(&only(term)), f64::midpoint(softplus(1.0), right), 1e-12);
    let settings = MatchSettings { unit_class_matrix: true, ..MatchSettings::default() };
    let ones = MatchCostConfig { settings, ..only(term) };
    assert_near(cost(&ones), f64::midpoint(softplus(-1.0), right), 1e-12);
    // Halves everywhere against two of four pixels: 1 - (2 * 1 + 1) / (2 + 2 + 1).
    let masks = |values: [f64; 4]| Objects {
        masks: Some(tensor(values.to_vec(), &[1, 1, 2, 2])),
        ..Objects::default()
    };
    for (mask_pooling, expected) in [(1, 0.4), (2, 1.0 - 1.5 / 2.0)] {
        let settings = MatchSettings { mask_pooling, ..MatchSettings::default() };
        let config = MatchCostConfig { settings, ..only(MatchTerm::MaskDice) };
        let found = match_costs(&masks([0.0; 4]), &masks([1.0, 0.0, 0.0, 1.0]), &config).unwrap();
        assert_near(found[0][(0, 0)], expected, 1e-12);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let (prediction, truth) = (objects(1, (2, 5), 8, true), objects(2, (2, 3), 8, false));
    let refused = |prediction: &Objects, truth: &Objects| {
        hungarian_loss(prediction, truth, None, &all_terms()).unwrap_err().to_string()
    };
    let fewer = Objects { masks: None, ..truth.clone() };
    assert!(refused(&prediction, &fewer).contains("`masks` has shape none"));
    let other = objects(2, (3, 3), 8, false);
    assert!(refused(&prediction, &other).contains("expected 2 samples"));
    let larger = Objects { masks: objects(2, (2, 3), 9, false).masks, ..truth.clone() };
    assert!(refused(&prediction, &larger).contains("of the size of the prediction"));
    let uneven = Objects { boxes: objects(2, (2, 4), 8, false).boxes, ..truth.clone() };
    assert!(refused(&prediction, &uneven).contains("`boxes`"));
    assert!(refused(&Objects::default(), &truth).contains("`prediction` has shape none"));
    let present = tensor(vec![1.0; 3], &[1, 3]);
    let wrong = hungarian_loss(&prediction, &truth, Some(&present), &all_terms());
    assert!(wrong.unwrap_err().to_string().contains("`present`"));
    let settings = MatchSettings::default();
    let of = |settings| MatchCostConfig { settings, ..MatchCostConfig::default() };
    for config in [
        MatchCostConfig { terms: Vec::new(), ..MatchCostConfig::default() },
        of(MatchSettings { iou_weight: 1.5, ..settings.clone() }),
        of(MatchSettings { focal_gamma: 0.5, ..settings.clone() }),
        of(MatchSettings { mask_pooling: 0, ..settings.clone() }),
        of(MatchSettings { solver: MatchSolver::Auction { epsilon: 0.0 }, ..settings.clone() }),
        of(MatchSettings { missing_cost: f64::NAN, ..settings }),
    ] {
        let refused = match_costs(&prediction, &truth, &config);
        assert!(matches!(refused, Err(Error::Config { .. })), "{config:?}");
    }
    let config = HungarianLossConfig {
        unmatched_classes: true,
        no_object: Some(3),
        ..HungarianLossConfig::default()
    };
    let refused = hungarian_loss(&prediction, &truth, None, &config);
    assert!(matches!(refused, Err(Error::Config { field: "no_object", .. })));
}
