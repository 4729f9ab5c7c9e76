//! Which predictions go with which objects.

use mapvec_assignment::assign;
use mapvec_losses::{
    MatchCostConfig, MatchSettings, MatchSolver, MatchTerm, TrueObjects, match_costs, match_objects,
};
use proptest::prelude::*;

use super::{listed, objects, permuted, run};
use crate::support::{tensor, values};
use candle_core::Tensor;
use mapvec_losses::Objects;

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
    fn matched_predictions_lie_in_the_slots_of_their_truth(seed in 0_u64..1000) {
        let (prediction, truth) = (objects(seed, (2, 6), 8, true), objects(seed + 9, (2, 4), 8, false));
        let found = run(&prediction, &truth);
        let all = values(prediction.boxes.as_ref().unwrap());
        let aligned = values(found.objects.prediction.boxes.as_ref().unwrap());
        for (sample, pairs) in found.objects.pairs.iter().enumerate() {
            prop_assert_eq!(pairs.len(), 4);
            for &(predicted, slot) in pairs {
                let (from, to) = (4 * (6 * sample + predicted), 4 * (4 * sample + slot));
                prop_assert_eq!(&all[from..from + 4], &aligned[to..to + 4]);
            }
        }
        let costs = match_costs(&prediction, &listed(&truth), &MatchCostConfig::default()).unwrap();
        let default = match_objects(&prediction, &listed(&truth), &MatchCostConfig::default()).unwrap();
        for (costs, pairs) in costs.iter().zip(&default) {
            prop_assert_eq!(&assign(costs.view()).unwrap().pairs, pairs);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn solvers_are_as_good_as_they_say(seed in 0_u64..1000, p in 1_usize..8, t in 1_usize..8) {
        let (prediction, truth) = (objects(seed, (2, p), 8, true), objects(seed + 9, (2, t), 8, false));
        let costs = match_costs(&prediction, &listed(&truth), &MatchCostConfig::default()).unwrap();
        let sums = |solver| {
            let settings = MatchSettings { solver, ..MatchSettings::default() };
            let config = MatchCostConfig { settings, ..MatchCostConfig::default() };
            let pairs = match_objects(&prediction, &listed(&truth), &config).unwrap();
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
    assert_eq!(found.objects.pairs[0].len(), 3);
    assert!(values(&found.loss)[0].is_nan());
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
    assert_eq!(found.objects.pairs[0], [(0, 2), (1, 0), (2, 3), (3, 1)]);
}

#[test]
fn a_query_without_a_box_is_never_the_cheaper_one() {
    // The finite query is far: its cost is above the missing cost of 2.
    let mut boxes = vec![0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1, 0.1];
    boxes[..4].fill(f64::NAN);
    let prediction = Objects {
        classes: Some(tensor(vec![0.0; 6], &[1, 2, 3])),
        boxes: Some(tensor(boxes, &[1, 2, 4])),
        ..Objects::default()
    };
    let truth = [TrueObjects {
        classes: Some(vec![0]),
        boxes: Some(tensor(vec![0.1, 0.1, 0.1, 0.1], &[1, 4])),
        ..TrueObjects::default()
    }];
    for solver in [MatchSolver::Exact, MatchSolver::Greedy, MatchSolver::Auction { epsilon: 1e-3 }]
    {
        let mut config = MatchCostConfig::detr();
        config.settings.solver = solver;
        let costs = match_costs(&prediction, &truth, &config).unwrap();
        assert!(costs[0][(0, 0)].is_nan() && costs[0][(1, 0)] > 2.0, "{costs:?}");
        assert_eq!(match_objects(&prediction, &truth, &config).unwrap(), [[(1, 0)]]);
    }
}

#[test]
fn the_picture_without_an_assignment_is_named() {
    // The second picture has a cost that is too large.
    let mut boxes = vec![0.5; 8];
    boxes[4] = 1e300;
    let prediction = Objects { boxes: Some(tensor(boxes, &[2, 1, 4])), ..Objects::default() };
    let one = TrueObjects { boxes: Some(tensor(vec![0.5; 4], &[1, 4])), ..TrueObjects::default() };
    let truth = [one.clone(), one];
    for solver in [MatchSolver::Exact, MatchSolver::Greedy, MatchSolver::Auction { epsilon: 1e-3 }]
    {
        let settings = MatchSettings { solver, ..MatchSettings::default() };
        let config = MatchCostConfig { terms: vec![(MatchTerm::BoxL1, 1.0)], settings };
        let error = match_objects(&prediction, &truth, &config).unwrap_err().to_string();
        assert!(error.contains("matrix 1 "), "{solver:?}: {error}");
    }
}
