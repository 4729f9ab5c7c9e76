//! One form of the true objects for all that matches.

use candle_core::{DType, Tensor};
use mapvec_losses::{
    MatchCostConfig, Objects, SetPredictionConfig, TrueObjects, hungarian_loss, match_objects,
    matched_loss, matched_objects, set_prediction_loss,
};
use proptest::prelude::*;

use super::{CPU, all_terms, listed, objects, picked};
use crate::support::{assert_near, values};

/// One picture of predictions.
fn picture(objects: &Objects, index: usize) -> Objects {
    let one = |tensor: &Option<Tensor>| Some(tensor.as_ref()?.narrow(0, index, 1).unwrap());
    Objects {
        classes: one(&objects.classes),
        boxes: one(&objects.boxes),
        masks: one(&objects.masks),
        vectors: one(&objects.vectors),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Pictures with other numbers of objects beside them change nothing.
    #[test]
    fn a_batch_is_its_pictures(seed in 0_u64..1000, counts in prop::array::uniform3(0_usize..5)) {
        let prediction = objects(seed, (3, 4), 6, true);
        let all = [0_u32, 1, 2, 3];
        let picks = counts.map(|count| &all[..count]);
        let truth = picked(&objects(seed + 9, (3, 4), 6, false), &picks);
        let batch = hungarian_loss(&prediction, &truth, &all_terms()).unwrap();
        let most = counts.into_iter().max().unwrap();
        prop_assert_eq!(batch.objects.matched.dims(), &[3, most]);
        let flags = values(&batch.objects.matched);
        let present = flags.iter().filter(|&&flag| flag > 0.5).count();
        prop_assert_eq!(present, counts.iter().sum::<usize>());
        let rows = batch.objects.rows(|objects| objects.boxes.as_ref()).unwrap();
        prop_assert_eq!(rows.len(), counts.iter().sum::<usize>());
        for index in 0..3 {
            let alone = [truth[index].clone()];
            let one = hungarian_loss(&picture(&prediction, index), &alone, &all_terms()).unwrap();
            prop_assert_eq!(&one.objects.pairs[0], &batch.objects.pairs[index]);
            prop_assert_eq!(one.objects.pairs[0].len(), counts[index]);
            let (a, b) = (values(&one.loss)[0], values(&batch.loss)[index]);
            prop_assert!((a - b).abs() < 1e-12, "{a} and {b}");
            prop_assert!(counts[index] > 0 || b.abs() < 1e-300);
        }
    }

    /// The rows of a property are those of the pairs.
    #[test]
    fn rows_are_the_pairs(seed in 0_u64..1000) {
        let (prediction, truth) = (objects(seed, (2, 6), 4, true), objects(seed + 9, (2, 4), 4, false));
        let truth = picked(&truth, &[&[0, 1, 2], &[0, 1, 2, 3]]);
        let pairs = match_objects(&prediction, &truth, &MatchCostConfig::default()).unwrap();
        let found = matched_objects(&prediction, &truth, &pairs).unwrap();
        let mut expected = Vec::new();
        for (index, pairs) in pairs.iter().enumerate() {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|&(_, object)| object);
            for (query, object) in pairs {
                let own = prediction.vectors.as_ref().unwrap();
                let own = own.get(index).unwrap().get(query).unwrap();
                let theirs = truth[index].vectors.as_ref().unwrap().get(object).unwrap();
                expected.push((values(&own), values(&theirs)));
            }
        }
        prop_assert_eq!(found.rows(|objects| objects.vectors.as_ref()).unwrap(), expected);
    }
}

/// The same truth and the same pairs for both losses.
#[test]
fn both_losses_take_the_same() {
    let prediction = objects(3, (2, 6), 4, true);
    // The last class is no object.
    let mut truth = listed(&objects(12, (2, 3), 4, false));
    for objects in &mut truth {
        objects.classes = Some(vec![0, 1, 0]);
    }
    let pairs = match_objects(&prediction, &truth, &MatchCostConfig::detr()).unwrap();
    let set = set_prediction_loss(&prediction, &truth, &pairs, &SetPredictionConfig::default());
    assert!(values(&set.unwrap().loss)[0].is_finite());
    let own = matched_loss(&prediction, &truth, &pairs, &all_terms()).unwrap();
    assert_eq!(own.objects.pairs, pairs);
    // By its own costs the loss is no larger, as the terms are those of the costs up to the
    // masks' blocks: here without masks.
    let config = mapvec_losses::HungarianLossConfig { mask_weight: 0.0, ..all_terms() };
    let other = matched_loss(&prediction, &truth, &pairs, &config).unwrap();
    let best = hungarian_loss(&prediction, &truth, &config).unwrap();
    for (best, other) in values(&best.loss).into_iter().zip(values(&other.loss)) {
        assert!(best <= other + 1e-12, "{best} and {other}");
    }
}

/// Whatever the type of the truth, that of the prediction counts.
#[test]
fn the_truth_has_the_type_of_the_prediction() {
    let (prediction, truth) = (objects(5, (1, 4), 4, true), objects(6, (1, 3), 4, false));
    let exact = hungarian_loss(&prediction, &listed(&truth), &all_terms()).unwrap();
    let mut single = listed(&truth);
    let TrueObjects { boxes, masks, vectors, .. } = &mut single[0];
    for tensor in [boxes, masks, vectors] {
        *tensor = tensor.take().map(|tensor| tensor.to_dtype(DType::F32).unwrap());
    }
    let found = hungarian_loss(&prediction, &single, &all_terms()).unwrap();
    assert_eq!(found.loss.dtype(), DType::F64);
    assert_near(values(&found.loss)[0], values(&exact.loss)[0], 1e-6);
    // Nothing to say about anything.
    let none = [TrueObjects::default()];
    let found = hungarian_loss(&prediction, &none, &all_terms()).unwrap();
    assert_eq!(values(&found.loss), [0.0]);
    let empty = [TrueObjects {
        classes: Some(Vec::new()),
        boxes: Some(Tensor::zeros((0, 4), DType::F64, &CPU).unwrap()),
        ..TrueObjects::default()
    }];
    assert!(hungarian_loss(&prediction, &empty, &all_terms()).is_ok());
}
