//! Losses of pixels.

use candle_core::Tensor;
use mapvec_losses::{
    BceDiceConfig, BinaryCrossEntropyConfig, BinaryTarget, BoundaryAwareConfig, CeDiceConfig,
    ClDiceConfig, ClassTarget, CrossEntropyConfig, DenseLossConfig, DiscriminativeConfig,
    FeatureLossConfig, FeatureTargets, FeatureWeights, Features, LovaszConfig, LovaszHingeConfig,
    MaskMapConfig, MultiLevelFocalConfig, OverlapConfig, Result, SigmoidFocalConfig,
    SimilarityConfig, SoftDiceConfig, SoftF1Config, SoftmaxFocalConfig, Targets, ThicknessConfig,
    TverskyConfig, angle, bce_dice, binary_cross_entropy, boundary_aware, ce_dice, cl_dice,
    cross_entropy, dense_map_loss, dice_cl_dice, discriminative, feature_loss, jaccard,
    lovasz_hinge, lovasz_softmax, mask_map_loss, multi_level_focal, sigmoid_focal,
    similarity_cross_entropy, soft_dice, soft_f1_loss, soft_skeleton, softmax_focal, thickness,
    tversky,
};

use super::{Case, PREDICTION, bytes, case, data, ids, learns, singles, slice};
use crate::support::{bell, even, tensor, whole};

pub(super) fn of_tasks() -> Vec<Case> {
    let logits = |c| learns("logits", bell((2, c, 4, 5), 1)).any_size();
    let flags = |name| slice(name, whole(40, 2, 0, 2));
    let dense = |x: &[Tensor]| {
        let [boundary, centreline, class, distractor] = [1, 2, 3, 6].map(|i| bytes(&x[i]));
        let (angle, thickness) = (singles(&x[4]), singles(&x[5]));
        let targets = Targets {
            boundary: &boundary,
            centreline: &centreline,
            class: &class,
            angle: &angle,
            thickness: &thickness,
            distractor: &distractor,
        };
        Ok(dense_map_loss(&x[0], &targets, &DenseLossConfig::default())?.loss)
    };
    let arguments = [
        logits(12),
        flags("boundary"),
        flags("centreline"),
        slice("class", whole(40, 3, 0, 3)),
        slice("angle", whole(40, 4, 0, 3)),
        slice("thickness", whole(40, 5, 1, 9)),
        slice("distractor", whole(40, 6, 0, 4)),
    ];
    vec![
        case("dense_map_loss", arguments, dense),
        case("bce_dice", [logits(1), flags("target")], |x| {
            Ok(bce_dice(&x[0], 0, &bytes(&x[1]), &BceDiceConfig::default())?.loss)
        }),
        case("angle", [logits(2), flags("target")], |x| angle(&x[0], 0, &singles(&x[1]))),
        case("thickness", [logits(1), slice("target", whole(40, 5, 1, 9))], |x| {
            thickness(&x[0], 0, &singles(&x[1]), &ThicknessConfig::default())
        }),
    ]
}

/// Losses of one class per pixel.
pub(super) fn of_classes() -> Vec<Case> {
    type Of = fn(&Tensor, ClassTarget<'_>) -> Result<Tensor>;
    let losses: [(&'static str, Of, bool); 9] = [
        ("cross_entropy", |x, t| cross_entropy(x, t, &CrossEntropyConfig::default()), true),
        ("softmax_focal", |x, t| softmax_focal(x, t, &SoftmaxFocalConfig::default()), true),
        ("soft_dice", |x, t| Ok(soft_dice(x, t, &SoftDiceConfig::default())?.loss), true),
        ("jaccard", |x, t| Ok(jaccard(x, t, &OverlapConfig::default())?.loss), true),
        ("tversky", |x, t| Ok(tversky(x, t, &TverskyConfig::focal())?.loss), true),
        ("ce_dice", |x, t| Ok(ce_dice(x, t, &CeDiceConfig::default())?.loss), true),
        ("lovasz_softmax", |x, t| Ok(lovasz_softmax(x, t, &LovaszConfig::default())?.loss), false),
        ("lovasz_hinge", |x, t| Ok(lovasz_hinge(x, t, &LovaszHingeConfig::default())?.loss), false),
        (
            "cross_entropy without a reduction",
            |x, t| {
                let reduction = mapvec_losses::Reduction::None;
                let config = CrossEntropyConfig { reduction, ..CrossEntropyConfig::default() };
                Ok(cross_entropy(x, t, &config)?.sum_all()?)
            },
            true,
        ),
    ];
    let logits = || learns(PREDICTION, bell((2, 3, 4, 5), 1));
    let mut cases = Vec::new();
    for (name, loss, soft) in losses {
        let target = slice("target", whole(40, 2, 0, 3));
        let weights = slice("weights", vec![1; 40]);
        cases.push(case(name, [logits(), target, weights], move |x| {
            let (target, weights) = (bytes(&x[1]), singles(&x[2]));
            loss(&x[0], ClassTarget::from(&target).weighted(&weights))
        }));
        if soft {
            let shares = data("target", even((2, 3, 4, 5), 3, 0.0, 1.0));
            cases.push(case(name, [logits(), shares], move |x| {
                loss(&x[0], ClassTarget::from(&x[1]))
            }));
        }
    }
    cases
}

/// Losses of independent classes.
pub(super) fn of_shares() -> Vec<Case> {
    let logits = || learns(PREDICTION, bell((2, 2, 9, 9), 1));
    let shares = || data("target", even((2, 2, 9, 9), 2, 0.0, 1.0)).any_ones();
    let flags = || {
        let flags = whole(2 * 2 * 81, 3, 0, 2).into_iter().map(|flag| flag as f64).collect();
        data("target", tensor(flags, (2, 2, 9, 9))).any_ones()
    };
    let weights = || data("weights", even((2, 2, 9, 9), 4, 0.1, 1.0)).any_ones();
    vec![
        case("binary_cross_entropy", [logits().any_ones(), shares(), weights()], |x| {
            let target = BinaryTarget::from(&x[1]).weighted(&x[2]);
            binary_cross_entropy(&x[0], target, &BinaryCrossEntropyConfig::default())
        }),
        case("sigmoid_focal", [logits().any_ones(), shares(), weights()], |x| {
            let target = BinaryTarget::from(&x[1]).weighted(&x[2]);
            sigmoid_focal(&x[0], target, &SigmoidFocalConfig::default())
        }),
        case("multi_level_focal", [logits(), shares()], |x| {
            multi_level_focal(&x[0], &x[1], &MultiLevelFocalConfig::default())
        }),
        case("cl_dice", [logits(), flags()], |x| {
            Ok(cl_dice(&x[0], &x[1], &ClDiceConfig::default())?.loss)
        }),
        case("dice_cl_dice", [logits(), flags()], |x| {
            Ok(dice_cl_dice(&x[0], &x[1], &ClDiceConfig::default())?.loss)
        }),
        case(
            "soft_skeleton",
            [learns("probabilities", even((1, 1, 9, 9), 5, 0.0, 1.0)).any_size()],
            |x| Ok(soft_skeleton(&x[0], 2)?.sum_all()?),
        ),
        case(
            "soft_f1_loss",
            [
                learns("probabilities", even((2, 9), 1, 0.0, 1.0)).any_rank(),
                data("target", even((2, 9), 2, 0.0, 1.0)),
                data("weights", even((2, 9), 3, 0.0, 1.0)),
            ],
            |x| soft_f1_loss(&x[0], &x[1], Some(&x[2]), &SoftF1Config::default()),
        ),
    ]
}

/// Losses of pixels that belong together.
pub(super) fn of_pixels() -> Vec<Case> {
    let regions = (0..36).map(|i| if i % 6 == 2 { 0 } else { 1 + usize::from(i % 6 > 2) });
    let pairs = || learns("prediction", even((2, 6, 6), 1, 0.1, 0.9));
    let masks = || data("masks", even((2, 3, 6), 2, 0.0, 1.0));
    let weights = || data("weights", even((2, 6), 3, 0.1, 1.0));
    let maps = |name, c, seed| learns(name, bell((2, c, 4, 5), seed));
    let truth = |name, c, seed| data(name, even((2, c, 4, 5), seed, 0.1, 1.0));
    let arguments = [
        maps("class", 3, 1),
        maps("direction", 2, 2),
        maps("thickness", 1, 3),
        maps("center", 2, 4),
        truth("class target", 3, 5),
        truth("angle target", 1, 6),
        truth("thickness target", 1, 7),
        truth("center target", 2, 8),
        truth("class weights", 1, 9),
        truth("angle weights", 1, 10),
        truth("thickness weights", 1, 11),
        truth("center weights", 1, 12),
    ];
    vec![
        case(
            "boundary_aware",
            [learns("prediction", bell((1, 1, 6, 6), 1)), slice("regions", regions)],
            |x| {
                let config = BoundaryAwareConfig { margin: 0, ..BoundaryAwareConfig::default() };
                boundary_aware(&x[0], &ids(&x[1]), &config)
            },
        ),
        case(
            "discriminative",
            [
                learns("embeddings", bell((1, 3, 4, 5), 1)),
                slice("instances", whole(20, 2, 0, 4)),
                slice("valid", whole(20, 3, 0, 2)),
            ],
            |x| {
                let valid: Vec<bool> = bytes(&x[2]).into_iter().map(|flag| flag > 0).collect();
                let config = DiscriminativeConfig::default();
                Ok(discriminative(&x[0], &ids(&x[1]), Some(&valid), &config)?.loss)
            },
        ),
        case("similarity_cross_entropy", [pairs(), masks(), weights()], |x| {
            similarity_cross_entropy(&x[0], &x[1], Some(&x[2]), &SimilarityConfig::default())
        }),
        case("mask_map_loss", [pairs(), masks(), weights()], |x| {
            mask_map_loss(&x[0], &x[1], Some(&x[2]), &MaskMapConfig::default())
        }),
        case("feature_loss", arguments, |x| {
            let prediction =
                Features { class: &x[0], direction: &x[1], thickness: &x[2], center: &x[3] };
            let target =
                FeatureTargets { class: &x[4], angle: &x[5], thickness: &x[6], center: &x[7] };
            let weights = FeatureWeights {
                class: Some(&x[8]),
                angle: Some(&x[9]),
                thickness: Some(&x[10]),
                center: Some(&x[11]),
            };
            Ok(feature_loss(&prediction, &target, &weights, &FeatureLossConfig::default())?.loss)
        }),
    ]
}
