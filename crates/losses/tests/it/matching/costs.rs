//! Costs of pairs.

use mapvec_losses::{
    BoxForm, HungarianLossConfig, MatchCostConfig, MatchSettings, MatchTerm, Objects,
    hungarian_loss, match_costs, match_objects,
};
use mapvec_testkit::{integers, normal, uniform};

use super::{all_terms, listed, objects, one_hot};
use crate::support::{assert_near, tensor, values};

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
    let costs = &match_costs(&prediction, &listed(&truth), &config).unwrap()[0];
    assert_near(costs.sum(), 1_589.562_773_424_865_6, 1e-12);
    assert_near(costs[(0, 0)], 4.385_591_29, 1e-8);
    assert_near(costs[(0, 2)], 2.103_452_87, 1e-8);
    assert_near(costs[(39, 10)], -0.441_163_34, 1e-7);
    let pairs = &match_objects(&prediction, &listed(&truth), &config).unwrap()[0];
    let rows = [3, 9, 10, 16, 18, 19, 21, 22, 26, 32, 37, 39];
    let columns = [11, 9, 4, 7, 3, 1, 0, 8, 2, 6, 5, 10];
    assert_eq!(pairs, &rows.into_iter().zip(columns).collect::<Vec<_>>());
    let cost: f64 = pairs.iter().map(|&pair| costs[pair]).sum();
    assert_near(cost, 2.972_406_285_347_871_4, 1e-12);
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
    let cost = |config: &MatchCostConfig| {
        match_costs(&prediction, &listed(&truth), config).unwrap()[0][(0, 0)]
    };
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
    let settings = MatchSettings { box_form: BoxForm::Center, ..MatchSettings::default() };
    let centered = MatchCostConfig { settings, ..only(MatchTerm::BoxGiou) };
    let (shared, union, hull) = (1.5 * 1.5, 4.0 + 9.0 - 2.25, 3.5 * 3.5);
    assert_near(cost(&centered), (hull - union) / hull - shared / union, 1e-12);
    // Against ones, logits of classes that are not there are rewarded too.
    let prediction = objects([0.0; 4], [0.0; 4], [1.0, 3_f64.ln()]);
    let cost = |config: &MatchCostConfig| {
        match_costs(&prediction, &listed(&truth), config).unwrap()[0][(0, 0)]
    };
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
        let found =
            match_costs(&masks([0.0; 4]), &listed(&masks([1.0, 0.0, 0.0, 1.0])), &config).unwrap();
        assert_near(found[0][(0, 0)], expected, 1e-12);
    }
}

/// A pair has the loss that it has as a cost, for soft masks too.
#[test]
fn costs_and_losses_have_the_same_terms() {
    for seed in 0..5 {
        let mut truth = objects(10 * seed + 1, (1, 1), 6, false);
        truth.masks = Some(tensor(uniform(36, seed, 0.0, 1.0), &[1, 1, 6, 6]));
        let prediction = objects(10 * seed, (1, 1), 6, true);
        for (box_form, rank) in [(BoxForm::Corners, 1.0), (BoxForm::Center, 1.5)] {
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
            let cost = match_costs(&prediction, &listed(&truth), &costs).unwrap()[0][(0, 0)];
            let config = HungarianLossConfig { matching, ..all_terms() };
            let found = hungarian_loss(&prediction, &listed(&truth), &config).unwrap();
            assert_near(values(&found.loss)[0], cost, 1e-6);
        }
    }
}
