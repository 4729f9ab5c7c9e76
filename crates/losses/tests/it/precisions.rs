//! Single precision against double, tiny and huge values, NaN in every input.

use candle_core::Tensor;
use mapvec_losses::{
    AngleLengthConfig, BoxHeadConfig, BoxLossConfig, EndpointConfig, FrequencyLossConfig,
    HuberConfig, MaskHeadTargets, Objects, Overlap, OverlapLossConfig, ProposalConfig, Result,
    RpnLossConfig, RpnPrediction, SetPredictionConfig, SmoothL1Config, SoftF1Config, TrueObjects,
    angle_length, box_head_loss, box_loss, candidate_distance, frequency_loss, huber,
    mask_head_loss, mixed_distance, overlap_loss, proposal_loss, rpn_loss, set_prediction_loss,
    smooth_l1, soft_f1_loss,
};
use mapvec_nn::compare_precisions;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::{DTYPES, assert_finite, bell, boxes, even, scalar, tensor, values, var};

type Loss = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

fn heads() -> Vec<(&'static str, Vec<Tensor>, Loss)> {
    let deltas = |x: &[Tensor]| -> Result<Tensor> {
        let targets = bell((4, 4), 3).to_dtype(x[0].dtype())?;
        let config = BoxHeadConfig::default();
        Ok(box_head_loss(&x[0], &x[1], &[0, 2, 1, 2], &targets, &config)?.loss)
    };
    let regions = |x: &[Tensor]| -> Result<Tensor> {
        let anchors = boxes(20, 4, 20.0).to_dtype(x[0].dtype())?;
        let truth = [boxes(2, 4, 20.0).to_dtype(x[0].dtype())?];
        let prediction = RpnPrediction { objectness: &x[0], deltas: &x[1] };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let config = RpnLossConfig::default();
        Ok(rpn_loss(&prediction, &anchors, &truth, &config, &mut rng)?.loss)
    };
    let set = |x: &[Tensor]| -> Result<Tensor> {
        let truth = even((2, 4), 6, 0.2, 0.6);
        let truth = [TrueObjects {
            classes: Some(vec![1, 0]),
            boxes: Some(truth),
            ..TrueObjects::default()
        }];
        let prediction = Objects {
            classes: Some(x[0].clone()),
            boxes: Some(x[1].clone()),
            ..Objects::default()
        };
        let config = SetPredictionConfig::default();
        Ok(set_prediction_loss(&prediction, &truth, &[vec![(3, 0), (0, 1)]], &config)?.loss)
    };
    let masks = |x: &[Tensor]| -> Result<Tensor> {
        let dtype = x[0].dtype();
        let masks = even((1, 30, 30), 7, 0.0, 1.0).lt(0.5)?.to_dtype(dtype)?;
        let regions = boxes(2, 8, 20.0).to_dtype(dtype)?;
        let targets =
            MaskHeadTargets { regions: &regions, labels: &[1, 2], matched: &[0, 0], masks: &masks };
        mask_head_loss(&x[0], &targets)
    };
    vec![
        ("box head", vec![bell((4, 3), 1), bell((4, 12), 2)], Box::new(deltas)),
        ("regions", vec![bell((1, 20), 1), bell((1, 20, 4), 2)], Box::new(regions)),
        ("set", vec![bell((1, 5, 3), 1), even((1, 5, 4), 2, 0.2, 0.6)], Box::new(set)),
        ("mask head", vec![bell((2, 3, 7, 7), 1)], Box::new(masks)),
    ]
}

fn vectors() -> Vec<(&'static str, Vec<Tensor>, Loss)> {
    let points = || vec![bell((6, 4, 2), 1), bell((6, 4, 2), 2)];
    let pairs = || vec![boxes(6, 1, 20.0), boxes(6, 3, 20.0)];
    let proposal = |x: &[Tensor]| -> Result<Tensor> {
        Ok(proposal_loss(&x[0], &x[1], &x[2], None, &ProposalConfig::default())?.loss)
    };
    let proposals = vec![bell((5, 3, 2, 2), 1), bell((5, 3), 2), bell((5, 4, 2), 3)];
    vec![
        (
            "angle and length",
            points(),
            Box::new(|x| angle_length(&x[0], &x[1], None, &AngleLengthConfig::default())),
        ),
        (
            "mixed",
            points(),
            Box::new(|x| mixed_distance(&x[0], &x[1], None, &EndpointConfig::default())),
        ),
        (
            "candidates",
            vec![bell((6, 2, 2), 1), bell((6, 4, 2), 2)],
            Box::new(|x| candidate_distance(&x[0], &x[1], None, &EndpointConfig::default())),
        ),
        ("proposals", proposals, Box::new(proposal)),
        (
            "overlap",
            pairs(),
            Box::new(|x| overlap_loss(&x[0], &x[1], None, &OverlapLossConfig::default())),
        ),
        ("box", pairs(), Box::new(|x| box_loss(&x[0], &x[1], None, &BoxLossConfig::default()))),
        (
            "smooth",
            pairs(),
            Box::new(|x| smooth_l1(&x[0], &x[1], None, &SmoothL1Config::default())),
        ),
        ("huber", pairs(), Box::new(|x| huber(&x[0], &x[1], None, &HuberConfig::default()))),
        (
            "wave",
            vec![bell((6, 3), 1), bell((6, 3), 2)],
            Box::new(|x| frequency_loss(&x[0], &x[1], None, &FrequencyLossConfig::default())),
        ),
        (
            "soft f1",
            vec![even((2, 9), 1, 0.0, 1.0), even((2, 9), 2, 0.0, 1.0)],
            Box::new(|x| soft_f1_loss(&x[0], &x[1], None, &SoftF1Config::default())),
        ),
    ]
}

#[test]
fn single_precision_agrees_with_double() {
    for (name, inputs, loss) in heads().into_iter().chain(vectors()) {
        let f = |x: &[Tensor]| loss(x).map_err(|e| candle_core::Error::msg(e.to_string()));
        let error = compare_precisions(&inputs, f, 5).unwrap();
        assert!(error < 1e-5, "{name}: {error}");
    }
}

#[test]
fn any_size_of_input_has_a_finite_gradient() {
    // Logits and points of +-200, and differences that all but vanish.
    for size in [200.0, 1e-6, 1e-12, 1e-19, 1e-25] {
        for dtype in DTYPES {
            for (name, inputs, loss) in heads().into_iter().chain(vectors()) {
                let vars: Vec<_> = inputs
                    .iter()
                    .map(|x| {
                        let scaled = (x.sign().unwrap() * size).unwrap();
                        let x = if name == "soft f1" { x } else { &scaled };
                        var(&x.to_dtype(dtype).unwrap())
                    })
                    .collect();
                let x: Vec<Tensor> = vars.iter().map(|x| x.as_tensor().clone()).collect();
                let loss = loss(&x).unwrap();
                for x in &vars {
                    assert_finite(&loss, x);
                }
            }
        }
    }
}

#[test]
fn small_boxes_have_finite_gradients() {
    for size in [1e-3, 1e-8, 1e-12, 1e-20] {
        for dtype in DTYPES {
            let a = var(&(boxes(5, 1, 20.0) * size).unwrap().to_dtype(dtype).unwrap());
            let b = (boxes(5, 3, 20.0) * size).unwrap().to_dtype(dtype).unwrap();
            for overlap in [Overlap::Iou, Overlap::Giou, Overlap::Diou] {
                let config = OverlapLossConfig { overlap, ..OverlapLossConfig::default() };
                assert_finite(&overlap_loss(&a, &b, None, &config).unwrap(), &a);
            }
        }
    }
}

#[test]
fn nan_shows_in_every_input() {
    for (name, inputs, loss) in heads().into_iter().chain(vectors()) {
        for i in 0..inputs.len() {
            for dtype in DTYPES {
                let mut broken: Vec<Tensor> =
                    inputs.iter().map(|x| x.to_dtype(dtype).unwrap()).collect();
                let numbers = vec![f64::NAN; values(&broken[i]).len()];
                broken[i] = tensor(numbers, inputs[i].dims()).to_dtype(dtype).unwrap();
                let value = scalar(&loss(&broken).unwrap());
                assert!(value.is_nan(), "{name}, input {i}: {value}");
            }
        }
    }
}
