//! Losses of vectors, boxes, objects and waves.

use candle_core::{Device, Tensor};
use mapvec_losses::{
    AbsoluteErrorConfig, AdaptiveWeightsConfig, AnchorMatchConfig, AnchorScoreConfig,
    AnchorScoreForm, AngleDistanceConfig, AngleLengthConfig, BoxCoder, BoxHeadConfig,
    BoxLossConfig, EndpointConfig, FrequencyLossConfig, HuberConfig, HungarianLossConfig,
    Likelihood, MaskHeadTargets, Objects, Overlap, OverlapLossConfig, ProposalConfig, Result,
    RpnLossConfig, RpnPrediction, SetPredictionConfig, SmoothL1Config, TrueObjects, absolute_error,
    adaptive_sum, anchor_score_loss, angle_distance, angle_length, box_head_loss, box_loss,
    box_overlap, candidate_distance, decode_boxes, diagonal_distance, direction_distance,
    encode_boxes, endpoint_distance, frequency_loss, frequency_scores, huber, hungarian_loss,
    mask_head_loss, match_anchors, mixed_distance, overlap_loss, pairwise_box_overlap,
    proposal_loss, rpn_loss, set_prediction_loss, smooth_l1, to_center_size, to_corners,
    uncertainty_sum,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Case, case, data, learns, per_picture, places, slice};
use crate::support::{bell, boxes, even};

/// A loss of a prediction, a target and weights, without its settings.
type Plain = fn(&Tensor, &Tensor, Option<&Tensor>) -> Result<Tensor>;

pub(super) fn of_vectors() -> Vec<Case> {
    let losses: [(&'static str, Plain, [&[usize]; 2]); 7] = [
        (
            "angle_length",
            |p, t, w| angle_length(p, t, w, &AngleLengthConfig::default()),
            [&[2], &[2]],
        ),
        (
            "direction_distance",
            |p, t, w| direction_distance(p, t, w, &AngleDistanceConfig::default()),
            [&[2], &[]],
        ),
        (
            "endpoint_distance",
            |p, t, w| endpoint_distance(p, t, w, &EndpointConfig::default()),
            [&[2, 2], &[2, 2]],
        ),
        (
            "diagonal_distance",
            |p, t, w| diagonal_distance(p, t, w, &EndpointConfig::default()),
            [&[2, 2], &[2, 2]],
        ),
        (
            "mixed_distance",
            |p, t, w| mixed_distance(p, t, w, &EndpointConfig::default()),
            [&[4, 2], &[4, 2]],
        ),
        (
            "candidate_distance",
            |p, t, w| candidate_distance(p, t, w, &EndpointConfig::default()),
            [&[2, 2], &[4, 2]],
        ),
        (
            "frequency_loss",
            |p, t, w| frequency_loss(p, t, w, &FrequencyLossConfig::default()),
            [&[3], &[3]],
        ),
    ];
    let single: [(&'static str, Plain); 4] = [
        ("absolute_error", |p, t, w| absolute_error(p, t, w, &AbsoluteErrorConfig::default())),
        ("angle_distance", |p, t, w| angle_distance(p, t, w, &AngleDistanceConfig::default())),
        ("smooth_l1", |p, t, w| smooth_l1(p, t, w, &SmoothL1Config::default())),
        ("huber", |p, t, w| huber(p, t, w, &HuberConfig::default())),
    ];
    let single = single.map(|(name, loss)| (name, loss, [&[] as &[usize]; 2]));
    let with = |last: &[usize], seed| bell([&[5], last].concat(), seed);
    let mut cases: Vec<Case> = losses
        .into_iter()
        .chain(single)
        .map(|(name, loss, [own, aim])| {
            let prediction = learns(
                if name.starts_with("direction") { "vectors" } else { "prediction" },
                with(own, 1),
            );
            let weights = data("weights", even(5, 3, 0.1, 1.0));
            case(name, [prediction, data("target", with(aim, 2)), weights], move |x| {
                loss(&x[0], &x[1], Some(&x[2]))
            })
        })
        .collect();
    cases.push(case(
        "proposal_loss",
        [
            learns("prediction", bell((5, 3, 2, 2), 1)),
            learns("confidence", bell((5, 3), 2)),
            data("target", bell((5, 4, 2), 3)),
            data("weights", even(5, 4, 0.1, 1.0)),
        ],
        |x| Ok(proposal_loss(&x[0], &x[1], &x[2], Some(&x[3]), &ProposalConfig::default())?.loss),
    ));
    cases
}

pub(super) fn of_boxes() -> Vec<Case> {
    let own = |name| learns(name, boxes(6, 1, 20.0));
    let other = |name| learns(name, boxes(6, 3, 20.0));
    let aim = || data("target", boxes(6, 3, 20.0));
    let weights = || data("weights", even(6, 5, 0.1, 1.0));
    let deltas = || learns("deltas", bell((6, 4), 6));
    let coder = || BoxCoder::default();
    vec![
        case("overlap_loss", [own("prediction"), aim(), weights()], |x| {
            overlap_loss(&x[0], &x[1], Some(&x[2]), &OverlapLossConfig::default())
        }),
        case("box_loss", [own("prediction"), aim(), weights()], |x| {
            box_loss(&x[0], &x[1], Some(&x[2]), &BoxLossConfig::default())
        }),
        case("box_overlap", [own("a").any_rank(), other("b").any_rank()], |x| {
            Ok(box_overlap(&x[0], &x[1], Overlap::Giou)?.sum_all()?)
        }),
        case("pairwise_box_overlap", [own("a"), other("b")], |x| {
            Ok(pairwise_box_overlap(&x[0], &x[1], Overlap::Diou)?.sum_all()?)
        }),
        case("encode_boxes", [own("reference"), other("boxes")], move |x| {
            Ok(encode_boxes(&x[0], &x[1], &coder())?.sum_all()?)
        }),
        case("decode_boxes", [own("reference"), deltas()], move |x| {
            Ok(decode_boxes(&x[0], &x[1], &coder())?.sqr()?.sum_all()?)
        }),
        case("to_corners", [own("boxes").any_rank()], |x| {
            Ok(to_corners(&x[0])?.sqr()?.sum_all()?)
        }),
        case("to_center_size", [own("boxes").any_rank()], |x| {
            Ok(to_center_size(&x[0])?.sqr()?.sum_all()?)
        }),
        case(
            "match_anchors",
            [data("truth", boxes(3, 1, 20.0)), data("anchors", boxes(9, 3, 20.0))],
            |x| {
                let found = match_anchors(&x[0], &x[1], &AnchorMatchConfig::default())?;
                Ok(Tensor::new(found.len() as f64, &Device::Cpu)?)
            },
        ),
    ]
}

pub(super) fn of_heads() -> Vec<Case> {
    let regions = |x: &[Tensor]| -> Result<Tensor> {
        let prediction = RpnPrediction { objectness: &x[0], deltas: &x[1] };
        let truth = per_picture(&x[0], x[3].clone());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(rpn_loss(&prediction, &x[2], &truth, &RpnLossConfig::default(), &mut rng)?.loss)
    };
    let score = |form| {
        move |x: &[Tensor]| {
            let config = AnchorScoreConfig { form, ..AnchorScoreConfig::default() };
            let truth = per_picture(&x[0], x[2].clone());
            anchor_score_loss(&x[0], &x[1], &truth, Some(&x[3]), &config)
        }
    };
    let scored = |fixed| {
        let places = Tensor::stack(&[boxes(4, 1, 0.5), boxes(4, 3, 0.5)], 0).unwrap();
        let places = (places * 0.03).unwrap();
        [
            learns("confidence", even((2, 4), 1, 0.1, 0.9)),
            if fixed { data("boxes", places) } else { learns("boxes", places) },
            data("truth", (boxes(3, 5, 0.5) * 0.03).unwrap()).for_all(),
            data("weights", even(2, 7, 0.1, 1.0)),
        ]
    };
    let masks = even((2, 30, 30), 7, 0.0, 1.0);
    vec![
        case(
            "rpn_loss",
            [
                learns("objectness", bell((1, 20), 1)),
                learns("deltas", bell((1, 20, 4), 2)),
                data("anchors", boxes(20, 4, 20.0)).for_all(),
                data("truth", boxes(2, 4, 20.0)).for_all(),
            ],
            regions,
        ),
        case(
            "box_head_loss",
            [
                learns("logits", bell((4, 3), 1)),
                learns("deltas", bell((4, 12), 2)),
                slice("labels", [0, 2, 1, 2]),
                data("targets", bell((4, 4), 3)),
            ],
            |x| {
                let config = BoxHeadConfig::default();
                Ok(box_head_loss(&x[0], &x[1], &places(&x[2]), &x[3], &config)?.loss)
            },
        ),
        case(
            "mask_head_loss",
            [
                learns("logits", bell((2, 3, 7, 7), 1)).any_size(),
                data("regions", boxes(2, 8, 20.0)),
                slice("labels", [1, 2]),
                slice("matched", [0, 1]),
                data("masks", masks).any_size(),
            ],
            |x| {
                let (labels, matched) = (places(&x[2]), places(&x[3]));
                let (regions, masks) = (&x[1], &x[4]);
                mask_head_loss(
                    &x[0],
                    &MaskHeadTargets { regions, labels: &labels, matched: &matched, masks },
                )
            },
        ),
        case("anchor_score_loss", scored(true), score(AnchorScoreForm::Confidence)),
        case("anchor_score_loss of boxes", scored(false), score(AnchorScoreForm::Boxes)),
    ]
}

/// Losses of sets of objects, which check their shapes themselves.
pub(super) fn of_sets() -> Vec<Case> {
    let set = |x: &[Tensor]| -> Result<Tensor> {
        let prediction = Objects {
            classes: Some(x[0].clone()),
            boxes: Some(x[1].clone()),
            ..Objects::default()
        };
        let truth = TrueObjects {
            classes: Some(vec![1, 0]),
            boxes: Some(x[2].clone()),
            ..TrueObjects::default()
        };
        let truth = per_picture(&x[0], truth);
        let pairs = per_picture(&x[0], vec![(3, 0), (0, 1)]);
        let config = SetPredictionConfig::default();
        Ok(set_prediction_loss(&prediction, &truth, &pairs, &config)?.loss)
    };
    let unit = |n, seed| even((1, n, 4), seed, 0.2, 0.6);
    let some = |x: Tensor| Some(x);
    let objects = move |x: &[Tensor]| -> Result<Tensor> {
        let prediction = Objects {
            classes: some(x[0].clone()),
            boxes: some(x[1].clone()),
            masks: some(x[2].clone()),
            vectors: some(x[3].clone()),
        };
        let truth = TrueObjects {
            classes: Some(vec![1, 0]),
            boxes: some(x[4].clone()),
            masks: some(x[5].clone()),
            vectors: some(x[6].clone()),
        };
        let truth = per_picture(&x[0], truth);
        let config = HungarianLossConfig { vector_weight: 0.5, ..HungarianLossConfig::default() };
        Ok(hungarian_loss(&prediction, &truth, &config)?.loss.sum_all()?)
    };
    vec![
        case(
            "set_prediction_loss",
            [
                learns("classes", bell((1, 5, 3), 1)).any_size(),
                learns("boxes", unit(5, 2)),
                data("truth.boxes", unit(2, 6).squeeze(0).unwrap()).for_all(),
            ],
            set,
        ),
        case(
            "hungarian_loss",
            [
                learns("classes", bell((1, 5, 3), 1)),
                learns("boxes", unit(5, 2)),
                learns("masks", bell((1, 5, 4, 4), 3)),
                learns("vectors", bell((1, 5, 2, 2), 4)),
                data("truth.boxes", unit(2, 6).squeeze(0).unwrap()).for_all(),
                data("truth.masks", even((2, 4, 4), 7, 0.0, 1.0)).for_all(),
                data("truth.vectors", bell((2, 2, 2), 8)).for_all(),
            ]
            .map(|argument| argument.any_rank().any_size()),
            objects,
        ),
    ]
}

pub(super) fn of_waves() -> Vec<Case> {
    let term = |value: f64| learns("terms", Tensor::new(value, &Device::Cpu).unwrap());
    vec![
        case(
            "frequency_scores",
            [
                data("proposals", bell((2, 4, 3), 1)),
                data("waves", bell((2, 5, 3), 2)),
                data("valid", even((2, 5), 3, 0.1, 1.0)),
            ],
            |x| {
                let config = FrequencyLossConfig::default();
                Ok(frequency_scores(&x[0], &x[1], Some(&x[2]), &config)?.sum_all()?)
            },
        ),
        case("adaptive_sum", [term(0.5), term(2.0)], |x| {
            let terms = [("a", x[0].clone()), ("b", x[1].clone())];
            Ok(adaptive_sum(&terms, &[1.0, 2.0], &AdaptiveWeightsConfig::default())?.loss)
        }),
        case("uncertainty_sum", [term(0.5), term(2.0), learns("log_variances", bell(2, 1))], |x| {
            let terms = [
                ("a", Likelihood::Gaussian, x[0].clone()),
                ("b", Likelihood::Categorical, x[1].clone()),
            ];
            Ok(uncertainty_sum(&terms, &x[2])?.loss)
        }),
    ]
}
