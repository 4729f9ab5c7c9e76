//! What does not fit is named.

use mapvec_losses::{
    Error, HungarianLossConfig, MatchCostConfig, MatchSettings, MatchSolver, Objects, TrueObjects,
    hungarian_loss, match_costs, matched_objects,
};

use super::{all_terms, listed, objects};
use crate::support::tensor;

#[test]
fn what_does_not_fit_is_named() {
    let (prediction, truth) = (objects(1, (2, 5), 8, true), objects(2, (2, 3), 8, false));
    let truth = listed(&truth);
    let refused = |prediction: &Objects, truth: &[TrueObjects]| {
        hungarian_loss(prediction, truth, &all_terms()).unwrap_err().to_string()
    };
    let without = |pictures: &[usize]| {
        let mut fewer = truth.clone();
        pictures.iter().for_each(|&picture| fewer[picture].masks = None);
        fewer
    };
    let text = refused(&prediction, &without(&[0, 1]));
    assert!(text.contains("`masks` has shape none in the truth"), "{text}");
    let text = refused(&prediction, &without(&[1]));
    assert!(text.contains("`truth.masks` has shape none for picture 1"), "{text}");
    let text = refused(&prediction, &truth[..1]);
    assert!(text.contains("`truth` holds 1 entries; expected 2"), "{text}");
    let mut wrong = truth.clone();
    wrong[1].masks = listed(&objects(2, (2, 3), 9, false))[1].masks.clone();
    let text = refused(&prediction, &wrong);
    assert!(text.contains("`truth.masks` has shape [3, 9, 9]; expected [3, 8, 8]"), "{text}");
    wrong[1].boxes = Some(tensor(vec![0.0; 16], &[4, 4]));
    assert!(refused(&prediction, &wrong).contains("`truth.boxes` has shape [4, 4]; expected [3"));
    wrong[1].boxes = Some(tensor(vec![0.0], &[]));
    assert!(refused(&prediction, &wrong).contains("`truth.boxes` has shape []"));
    wrong = truth.clone();
    wrong[0].classes = Some(vec![0, 3, 1]);
    assert!(refused(&prediction, &wrong).contains("`truth.classes` holds 3 at index 1"));
    assert!(refused(&Objects::default(), &truth).contains("`prediction` has shape none"));
    let flat = Objects { boxes: Some(tensor(vec![0.0; 8], &[2, 4])), ..Objects::default() };
    assert!(refused(&flat, &truth).contains("`boxes` has shape [2, 4]"));
    for pairs in [vec![(5, 0)], vec![(0, 3)], vec![(0, 0), (0, 1)], vec![(0, 0), (1, 0)]] {
        let wrong = matched_objects(&prediction, &truth, &[vec![], pairs.clone()]);
        assert!(matches!(wrong, Err(Error::Target { .. })), "{pairs:?}");
    }
    let wrong = matched_objects(&prediction, &truth, &[vec![]]);
    assert!(matches!(wrong, Err(Error::Length { task: "pairs", .. })));
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
    let refused = hungarian_loss(&prediction, &truth, &config);
    assert!(matches!(refused, Err(Error::Config { field: "no_object", .. })));
}
