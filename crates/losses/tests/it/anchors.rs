//! Which anchors get which object, and the loss of their proposals.
//!
//! The expected numbers are `torch` 2.15 and its `torchvision` in double precision on the
//! same inputs.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    AnchorMatch, AnchorMatchConfig, Composite, Error, Overlap, RpnLossConfig, RpnPrediction,
    match_anchors, pairwise_box_overlap, rpn_loss,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::{
    assert_golden, assert_gradient, assert_near, assert_nothing, bell, boxes, gradient, scalar,
    tensor, values, var,
};

#[test]
fn anchors_are_matched_as_in_torchvision() {
    // -1 is background, -2 is ignored.
    let golden: [(usize, i32); 29] = [
        (3, -2),
        (7, -2),
        (8, -2),
        (24, 2),
        (27, 1),
        (31, -2),
        (34, -2),
        (40, -2),
        (43, -2),
        (46, 3),
        (47, -2),
        (48, 4),
        (49, -2),
        (51, -2),
        (53, -2),
        (60, -2),
        (62, -2),
        (72, 0),
        (76, 5),
        (79, 4),
        (0, -1),
        (1, -1),
        (2, -1),
        (4, -1),
        (5, -1),
        (6, -1),
        (9, -1),
        (77, -1),
        (78, -1),
    ];
    let mut expected = vec![AnchorMatch::Background; 80];
    for (anchor, found) in golden {
        expected[anchor] = match found {
            -1 => AnchorMatch::Background,
            -2 => AnchorMatch::Ignored,
            object => AnchorMatch::Truth(usize::try_from(object).unwrap()),
        };
    }
    let (anchors, truth) = (boxes(80, 61030, 60.0), boxes(6, 61032, 60.0));
    let config = AnchorMatchConfig { foreground: 0.5, background: 0.2, allow_low_quality: true };
    assert_eq!(match_anchors(&truth, &anchors, &config).unwrap(), expected);
    // Without the rule for objects that no anchor fits, four of them stay alone.
    for anchor in [24, 46, 72, 76] {
        expected[anchor] = AnchorMatch::Ignored;
    }
    let config = AnchorMatchConfig { allow_low_quality: false, ..config };
    assert_eq!(match_anchors(&truth, &anchors, &config).unwrap(), expected);
    let none = Tensor::zeros((0, 4), DType::F64, &Device::Cpu).unwrap();
    let all = match_anchors(&none, &anchors, &config).unwrap();
    assert_eq!(all, vec![AnchorMatch::Background; 80]);
    assert!(match_anchors(&truth, &none, &config).unwrap().is_empty());
    let broken = tensor(vec![0.0, 0.0, f64::NAN, 1.0], (1, 4));
    let wrong = match_anchors(&broken, &anchors, &config);
    assert!(matches!(wrong, Err(Error::Target { index: 2, .. })), "{wrong:?}");
    let config = AnchorMatchConfig { background: 0.6, ..config };
    assert!(config.validate().is_err());
}

#[test]
fn what_overlaps_nothing_is_background() {
    let anchors = boxes(80, 61030, 60.0);
    let config = AnchorMatchConfig::default();
    let background = vec![AnchorMatch::Background; 80];
    // Far away, without area at an anchor's place, without a side, corners the wrong way round.
    for object in [
        [900.0, 900.0, 950.0, 950.0],
        [20.0, 20.0, 20.0, 20.0],
        [5.0, 5.0, 5.0, 50.0],
        [40.0, 40.0, 10.0, 10.0],
    ] {
        let alone = tensor(object.to_vec(), (1, 4));
        assert_eq!(match_anchors(&alone, &anchors, &config).unwrap(), background, "{object:?}");
        // Beside other objects it changes nothing.
        let others = boxes(6, 61032, 60.0);
        let all = Tensor::cat(&[&others, &alone], 0).unwrap();
        let expected = match_anchors(&others, &anchors, &config).unwrap();
        assert_eq!(match_anchors(&all, &anchors, &config).unwrap(), expected, "{object:?}");
    }
    let broken = tensor(vec![0.0, f64::INFINITY, 1.0, 1.0], (1, 4));
    let wrong = match_anchors(&boxes(2, 1, 9.0), &broken, &config);
    assert!(matches!(wrong, Err(Error::Target { task: "anchors", index: 1, .. })), "{wrong:?}");
    let wrong = match_anchors(&bell((2, 3), 1), &anchors, &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "truth", .. })), "{wrong:?}");
}

struct Regions {
    objectness: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    truth: Vec<Tensor>,
    config: RpnLossConfig,
}

impl Regions {
    fn new() -> Self {
        let matcher =
            AnchorMatchConfig { foreground: 0.5, background: 0.2, allow_low_quality: true };
        Self {
            objectness: bell((2, 80), 61040),
            deltas: (bell((2, 80, 4), 61041) * 0.3).unwrap(),
            anchors: boxes(80, 61030, 60.0),
            truth: vec![boxes(6, 61032, 60.0), boxes(3, 61034, 60.0)],
            config: RpnLossConfig { matcher, samples: 100_000, ..RpnLossConfig::default() },
        }
    }

    fn run(&self, objectness: &Tensor, deltas: &Tensor, seed: u64) -> Composite {
        let prediction = RpnPrediction { objectness, deltas };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rpn_loss(&prediction, &self.anchors, &self.truth, &self.config, &mut rng).unwrap()
    }
}

#[test]
fn regions_equal_the_golden_values() {
    let mut regions = Regions::new();
    let (objectness, deltas) = (var(&regions.objectness), var(&regions.deltas));
    let composite = regions.run(&objectness, &deltas, 1);
    let terms = [7.977824037719228e-1, 1.009521118300687e-1];
    assert_near(composite.term("objectness").unwrap(), terms[0], 1e-10);
    assert_near(composite.term("boxes").unwrap(), terms[1], 1e-10);
    let total = terms[0] + terms[1];
    let loss = &composite.loss;
    assert_golden(loss, &objectness, total, 4.686052059181655e-2, 2.19633854454724e-2);
    assert_golden(loss, &deltas, total, 4.62371779688375e-2, -3.796461372121887e-2);
    assert_gradient(&[regions.objectness.clone(), regions.deltas.clone()], |x| {
        Ok(regions.run(&x[0], &x[1], 1).loss)
    });
    // A sample: the same for the same seed, balanced, and no larger than asked for.
    regions.config.samples = 8;
    let drawn = |seed| {
        let loss = regions.run(&objectness, &deltas, seed).loss;
        let touched = |x: &Tensor| gradient(&loss, x).iter().map(|g| *g != 0.0).collect();
        let (logits, boxes): (Vec<bool>, Vec<bool>) = (touched(&objectness), touched(&deltas));
        let logits: Vec<usize> =
            logits.chunks(80).map(|half| half.iter().filter(|b| **b).count()).collect();
        let boxes = boxes.chunks(4).filter(|row| row.contains(&true)).count();
        (scalar(&loss).to_bits(), logits, boxes)
    };
    let (bits, logits, boxes) = drawn(5);
    assert_eq!((logits, boxes), (vec![8, 8], 7));
    assert_eq!(bits, drawn(5).0);
    assert_ne!(bits, drawn(6).0);
}

#[test]
fn no_objects_and_no_anchors() {
    let none = Tensor::zeros((0, 4), DType::F64, &Device::Cpu).unwrap();
    let mut regions = Regions::new();
    regions.truth = vec![none.clone(), none.clone()];
    let (objectness, deltas) = (var(&regions.objectness), var(&regions.deltas));
    let composite = regions.run(&objectness, &deltas, 1);
    assert!(composite.term("objectness").unwrap() > 0.1 && composite.term("boxes") == Some(0.0));
    assert!(gradient(&composite.loss, &deltas).iter().all(|g| g.abs() < 1e-30));
    regions.anchors = none;
    let objectness = var(&Tensor::zeros((2, 0), DType::F64, &Device::Cpu).unwrap());
    let deltas = Tensor::zeros((2, 0, 4), DType::F64, &Device::Cpu).unwrap();
    assert_nothing(&regions.run(&objectness, &deltas, 1).loss, &objectness);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_overlap_is_never_an_object(seed: u32, objects in 1_usize..6, foreground in 0.0..1.0_f64) {
        let seed = u64::from(seed);
        // So few and small that many touch nothing; the last object has no area.
        let mut truth = values(&boxes(objects, seed, 200.0));
        let last = truth.len() - 4;
        truth[last + 2] = truth[last];
        let (truth, anchors) = (tensor(truth, (objects, 4)), boxes(20, seed + 2, 200.0));
        let background = foreground * 0.5;
        let overlaps = pairwise_box_overlap(&truth, &anchors, Overlap::Iou).unwrap();
        let overlaps = overlaps.to_vec2::<f64>().unwrap();
        for allow_low_quality in [false, true] {
            let config = AnchorMatchConfig { foreground, background, allow_low_quality };
            for (anchor, found) in match_anchors(&truth, &anchors, &config).unwrap().iter().enumerate() {
                if let AnchorMatch::Truth(object) = found {
                    prop_assert!(overlaps[*object][anchor] > 0.0, "{object} and {anchor}");
                }
            }
        }
    }

    #[test]
    fn every_object_that_is_overlapped_gets_an_anchor(seed: u32, objects in 1_usize..6) {
        let seed = u64::from(seed);
        let (truth, anchors) = (boxes(objects, seed, 40.0), boxes(30, seed + 2, 40.0));
        let matches = match_anchors(&truth, &anchors, &AnchorMatchConfig::default()).unwrap();
        let overlaps = pairwise_box_overlap(&truth, &anchors, Overlap::Iou).unwrap();
        let overlaps = overlaps.to_vec2::<f64>().unwrap();
        for (anchor, found) in matches.iter().enumerate() {
            let best = overlaps.iter().map(|row| row[anchor]).fold(0.0, f64::max);
            match found {
                AnchorMatch::Truth(object) => prop_assert!(overlaps[*object][anchor] >= best),
                AnchorMatch::Ignored => prop_assert!((0.3..0.7).contains(&best)),
                AnchorMatch::Background => prop_assert!(best < 0.3),
            }
        }
        for row in &overlaps {
            let best = row.iter().copied().fold(0.0, f64::max);
            let anchor = row.iter().position(|v| *v >= best).unwrap();
            prop_assert_eq!(matches!(matches[anchor], AnchorMatch::Truth(_)), best > 0.0);
        }
    }
}

#[test]
fn anchors_and_masks_in_half_precision_are_the_same_ones() {
    use mapvec_losses::{MaskHeadTargets, mask_head_loss};
    for dtype in [DType::F16, DType::BF16] {
        // An anchor that is an object, at a place that bf16 does not have.
        let anchors = tensor(vec![1001.0, 1001.0, 1012.0, 1013.0], (1, 4));
        let truth = [tensor(vec![1001.0, 1001.0, 1012.0, 1013.0], (1, 4))];
        let zeros = |dims: &[usize]| Tensor::zeros(dims, dtype, &Device::Cpu).unwrap();
        let (objectness, deltas) = (zeros(&[1, 1]), zeros(&[1, 1, 4]));
        let prediction = RpnPrediction { objectness: &objectness, deltas: &deltas };
        let config = RpnLossConfig { positive_fraction: 1.0, ..RpnLossConfig::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let found = rpn_loss(&prediction, &anchors, &truth, &config, &mut rng).unwrap();
        assert_near(found.term("boxes").unwrap(), 0.0, 1e-6);
        // Mask 257 is full, its neighbours are empty.
        let mut masks = vec![0.0; 259 * 16];
        masks[257 * 16..258 * 16].fill(1.0);
        let masks = tensor(masks, (259, 4, 4));
        let regions = tensor(vec![1.0, 1.0, 3.0, 3.0], (1, 4));
        let targets =
            MaskHeadTargets { regions: &regions, labels: &[1], matched: &[257], masks: &masks };
        let logits = (zeros(&[1, 2, 2, 2]) + 20.0).unwrap();
        let loss = mask_head_loss(&logits, &targets).unwrap();
        assert!(scalar(&loss) < 1e-3, "{loss}");
    }
}
