//! Overlaps, losses of boxes, heads of detectors.
//!
//! The expected numbers are `torch` 2.15 and its `torchvision` in double precision on the
//! same inputs.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    AnchorMatch, AnchorMatchConfig, BoxCoder, BoxHeadConfig, BoxLossConfig, Composite, Error,
    HuberConfig, MaskHeadTargets, Overlap, OverlapLossConfig, Reduction, RpnLossConfig,
    RpnPrediction, SetPredictionConfig, SetTarget, SmoothL1Config, box_head_loss, box_loss,
    box_overlap, decode_boxes, encode_boxes, huber, mask_head_loss, match_anchors, overlap_loss,
    pairwise_box_overlap, rpn_loss, set_prediction_loss, smooth_l1, to_center_size, to_corners,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::{
    DTYPES, assert_finite, assert_golden, assert_golden_within, assert_gradient, assert_near,
    assert_nothing, bell, even, gradient, scalar, tensor, values, var, whole,
};

const ALL: [Overlap; 3] = [Overlap::Iou, Overlap::Giou, Overlap::Diou];

/// Boxes with corners in order.
fn boxes(n: usize, seed: u64, high: f64) -> Tensor {
    let corner = even((n, 2), seed, 0.0, high);
    let other = (&corner + even((n, 2), seed + 1, 4.0, 30.0)).unwrap();
    Tensor::cat(&[corner, other], 1).unwrap()
}

fn weighted(values: &Tensor, weights: &Tensor) -> Tensor {
    (values * weights).unwrap().sum_all().unwrap()
}

#[test]
fn overlaps_equal_the_golden_values() {
    let (a, b) = (var(&boxes(9, 61000, 60.0)), boxes(7, 61002, 60.0));
    let weights = even((9, 7), 61004, 0.0, 1.0);
    let golden = [
        [7.109492197002854e-1, 6.630988512566363e-2, 5.318521776124184e-2],
        [-1.533300235383493e1, 2.51760583054943e-1, -1.399593241904251e-1],
        [-1.03777022712309e1, 1.307910697567503e-1, -3.0774945327359e-2],
    ];
    for (measure, [value, norm, product]) in ALL.into_iter().zip(golden) {
        let sum = weighted(&pairwise_box_overlap(&a, &b, measure).unwrap(), &weights);
        assert_golden(&sum, &a, value, norm, product);
    }
    let (p, t) = (var(&boxes(9, 61010, 20.0)), boxes(9, 61012, 20.0));
    let loss = overlap_loss(&p, &t, None, &OverlapLossConfig::default()).unwrap();
    assert_golden(&loss, &p, 9.822920405586806e-1, 1.736239264274952e-2, -7.370108523823124e-3);
    let w = even(9, 61014, 0.0, 1.0);
    let loss = box_loss(&p, &t, Some(&w), &BoxLossConfig::default()).unwrap();
    assert_golden(&loss, &p, 4.197059259972308, 9.357356393287128e-2, 9.210503693320379e-3);
    let config = BoxLossConfig { rank: 2.0, ..BoxLossConfig::default() };
    let loss = box_loss(&p, &t, Some(&w), &config).unwrap();
    assert_golden(&loss, &p, 4.68722033786149e1, 1.802816443451991, 6.676866339218138e-1);
}

#[test]
fn single_precision_equals_torchvision() {
    let corner = even((16, 2), 42000, 0.0, 432.0).to_dtype(DType::F32).unwrap();
    let size = even((16, 2), 42001, 4.0, 80.0).to_dtype(DType::F32).unwrap();
    let all = Tensor::cat(&[&corner, &(&corner + size).unwrap()], 1).unwrap();
    let sum = pairwise_box_overlap(&all, &all, Overlap::Giou).unwrap().sum_all().unwrap();
    assert_near(scalar(&sum), -180.575_573_712_587_36, 1e-5);
}

#[test]
fn rounded_errors_equal_the_golden_values() {
    let logits = (bell((2, 4, 16, 16), 50100) * 2.0).unwrap();
    let channel = |x: &Tensor, k| x.narrow(1, k, 1).unwrap().squeeze(1).unwrap();
    let x = var(&channel(&logits, 0).contiguous().unwrap());
    let t = channel(&logits, 1);
    let smooth = smooth_l1(&x, &t, None, &SmoothL1Config::default()).unwrap();
    let config = HuberConfig { delta: 0.5, ..HuberConfig::default() };
    let huber = huber(&x, &t, None, &config).unwrap();
    let golden = [
        (smooth, [1.7406912544814876, 0.04003447779123841, -0.07614169507109222]),
        (huber, [0.9783674257665257, 0.021037287111783994, -0.037590224972522124]),
    ];
    for (loss, [value, norm, sum]) in golden {
        assert_near(scalar(&loss), value, 1e-12);
        let gradient = gradient(&loss, &x);
        assert_near(gradient.iter().map(|g| g * g).sum::<f64>().sqrt(), norm, 1e-10);
        assert_near(gradient.iter().sum(), sum, 1e-10);
        assert_near(gradient[0], -0.0004965854644934412, 1e-9);
    }
    let config = SmoothL1Config { beta: 0.0, ..SmoothL1Config::default() };
    let absolute = smooth_l1(&x, &t, None, &config).unwrap();
    let expected = (x.as_tensor() - &t).unwrap().abs().unwrap().mean_all().unwrap();
    assert_near(scalar(&absolute), scalar(&expected), 1e-12);
    let same = smooth_l1(&x, &x.detach(), None, &config).unwrap();
    assert_nothing(&same, &x);
}

#[test]
fn boxes_as_differences_equal_the_golden_values() {
    let (p, t) = (boxes(9, 61010, 20.0), boxes(9, 61012, 20.0));
    let coder = BoxCoder { weights: [10.0, 10.0, 5.0, 5.0] };
    let deltas = encode_boxes(&p, &t, &coder).unwrap();
    let sum = weighted(&deltas, &bell((9, 4), 61020));
    assert_near(scalar(&sum), 1.284845791228913e1, 1e-10);
    let back = decode_boxes(&p, &deltas, &coder).unwrap();
    for (a, b) in values(&back).iter().zip(values(&t)) {
        assert_near(*a, b, 1e-12);
    }
    let d = var(&(bell((9, 4), 61021) * 2.0).unwrap());
    let sum = weighted(&decode_boxes(&p, &d, &coder).unwrap(), &bell((9, 4), 61022));
    assert_golden(&sum, &d, -1.035061378445129e2, 1.995188560122194e1, 3.845108198824549);
    // A side never grows without bound, and one of no length has a finite logarithm.
    let wild = var(&tensor(vec![0.0, 0.0, 200.0, -200.0], (1, 4)));
    let one = tensor(vec![1.0, 1.0, 2.0, 2.0], (1, 4));
    let decoded = decode_boxes(&one, &wild, &BoxCoder::default()).unwrap();
    let size = values(&to_center_size(&decoded).unwrap());
    assert!((size[2] - 62.5).abs() < 1e-9 && size[3] < 1e-9, "{size:?}");
    assert_finite(&decoded.sum_all().unwrap(), &wild);
    let flat = tensor(vec![1.0, 2.0, 1.0, 2.0], (1, 4));
    for (a, b) in [(&one, &flat), (&flat, &one), (&flat, &flat)] {
        let deltas = values(&encode_boxes(a, b, &BoxCoder::default()).unwrap());
        assert!(deltas.iter().all(|d| d.is_finite()), "{deltas:?}");
    }
}

#[test]
fn finite_differences() {
    let (p, t) = (boxes(6, 1, 20.0), boxes(6, 3, 20.0));
    for measure in ALL {
        assert_gradient(&[p.clone(), t.clone()], |x| box_overlap(&x[0], &x[1], measure));
        let config = BoxLossConfig { overlap: measure, rank: 1.5, ..BoxLossConfig::default() };
        assert_gradient(&[p.clone(), t.clone()], |x| box_loss(&x[0], &x[1], None, &config));
    }
    let coder = BoxCoder { weights: [10.0, 10.0, 5.0, 5.0] };
    assert_gradient(&[p.clone(), t.clone()], |x| encode_boxes(&x[0], &x[1], &coder));
    assert_gradient(&[p.clone(), bell((6, 4), 5)], |x| decode_boxes(&x[0], &x[1], &coder));
    let config = SmoothL1Config { beta: 0.7, reduction: Reduction::None };
    assert_gradient(&[p.clone(), t.clone()], |x| smooth_l1(&x[0], &x[1], None, &config));
    let config = HuberConfig { delta: 4.0, reduction: Reduction::Sum };
    assert_gradient(&[p, t], |x| huber(&x[0], &x[1], None, &config));
}

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
    assert!(matches!(wrong, Err(Error::Shape { field: "boxes", .. })), "{wrong:?}");
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

#[test]
fn heads_equal_the_golden_values() {
    let (n, k) = (14, 5);
    let logits = (bell((n, k), 61050) * 2.0).unwrap();
    let deltas = bell((n, 4 * k), 61051);
    let labels = whole(n, 61052, 0, 5);
    let targets = bell((n, 4), 61053);
    let run = |x: &[Tensor]| {
        box_head_loss(&x[0], &x[1], &labels, &targets, &BoxHeadConfig::default()).unwrap()
    };
    let (l, d) = (var(&logits), var(&deltas));
    let composite = run(&[l.as_tensor().clone(), d.as_tensor().clone()]);
    let (class, apart) = (2.71510176686503, 4.223185665205869);
    assert_near(composite.term("class").unwrap(), class, 1e-10);
    assert_near(composite.term("boxes").unwrap(), apart, 1e-10);
    let total = class + apart;
    assert_golden(&composite.loss, &l, total, 2.887450150935956e-1, -1.152339977668319e-1);
    assert_golden(&composite.loss, &d, total, 4.774244169265385e-1, 1.533432505482769e-1);
    assert_gradient(&[logits, deltas], |x| Ok(run(x).loss));

    let (n, m) = (6, 7);
    let logits = (bell((n, k, m, m), 61060) * 2.0).unwrap();
    let (classes, matched) = (whole(n, 61063, 1, 5), whole(n, 61064, 0, 3));
    let labels: Vec<usize> = matched.iter().map(|&mask| classes[mask]).collect();
    let masks = even((3, 48, 50), 61065, 0.0, 1.0).lt(0.5).unwrap().to_dtype(DType::F64).unwrap();
    let regions = &boxes(n, 61061, 20.0);
    let targets = MaskHeadTargets { regions, labels: &labels, matched: &matched, masks: &masks };
    let x = var(&logits);
    let loss = mask_head_loss(&x, &targets).unwrap();
    // Regions are rounded to single precision.
    let golden = [1.109358179862129, 2.23318642674256e-2, -2.298713035821549e-2];
    assert_golden_within(&loss, &x, golden, 1e-8);
    assert_gradient(&[logits], |x| mask_head_loss(&x[0], &targets));
}

#[test]
fn heads_without_proposals() {
    for dtype in DTYPES {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
        let (logits, deltas) = (var(&zeros(&[0, 3])), zeros(&[0, 12]));
        let config = BoxHeadConfig::default();
        let loss = box_head_loss(&logits, &deltas, &[], &zeros(&[0, 4]), &config).unwrap().loss;
        assert_nothing(&loss, &logits);
        let (regions, masks) = (zeros(&[0, 4]), zeros(&[0, 8, 8]));
        let targets =
            MaskHeadTargets { regions: &regions, labels: &[], matched: &[], masks: &masks };
        let logits = var(&zeros(&[0, 3, 7, 7]));
        assert_nothing(&mask_head_loss(&logits, &targets).unwrap(), &logits);
        // All background: nothing to say of boxes; confident logits.
        let logits = var(&(zeros(&[2, 3]) + 200.0).unwrap());
        let deltas = var(&(zeros(&[2, 12]) - 200.0).unwrap());
        let composite = box_head_loss(&logits, &deltas, &[0, 0], &zeros(&[2, 4]), &config).unwrap();
        assert_near(composite.term("class").unwrap(), 3.0_f64.ln(), 1e-6);
        assert!(gradient(&composite.loss, &deltas).iter().all(|g| g.abs() < 1e-30));
    }
}

struct Sets {
    logits: Tensor,
    boxes: Tensor,
    truth: [Tensor; 2],
    matches: Vec<Vec<(usize, usize)>>,
}

impl Sets {
    fn new() -> Self {
        let rows = |dims: &[usize], seed, size_seed| {
            let last = dims.len() - 1;
            let place = even(dims.to_vec(), seed, 0.2, 0.8);
            Tensor::cat(&[place, even(dims.to_vec(), size_seed, 0.05, 0.3)], last).unwrap()
        };
        Self {
            logits: (bell((2, 10, 5), 61070) * 2.0).unwrap(),
            boxes: rows(&[2, 10, 2], 61071, 61072),
            truth: [rows(&[3, 2], 61073, 61075), rows(&[2, 2], 61074, 61076)],
            matches: vec![vec![(7, 1), (2, 0), (4, 2)], vec![(0, 1), (9, 0)]],
        }
    }

    fn run(&self, x: &[Tensor]) -> mapvec_losses::Result<Composite> {
        let truth = [
            SetTarget { classes: &[0, 3, 1], boxes: &self.truth[0] },
            SetTarget { classes: &[2, 2], boxes: &self.truth[1] },
        ];
        let config = SetPredictionConfig::default();
        set_prediction_loss(&x[0], &x[1], &truth, &self.matches, &config)
    }
}

#[test]
fn sets_equal_the_golden_values() {
    let mut sets = Sets::new();
    let (logits, boxes) = (var(&sets.logits), var(&sets.boxes));
    let x = [logits.as_tensor().clone(), boxes.as_tensor().clone()];
    let composite = sets.run(&x).unwrap();
    let terms =
        [("class", 3.270095090248812), ("l1", 4.327566792378977e-1), ("overlap", 1.35634633684264)];
    for (name, value) in terms {
        assert_near(composite.term(name).unwrap(), value, 1e-10);
    }
    let total = 8.14657116012358;
    assert_golden(&composite.loss, &logits, total, 4.002586033163371e-1, 3.027213896735778e-1);
    assert_golden(&composite.loss, &boxes, total, 7.182536727963833, 6.249426904667505);
    assert_gradient(&[sets.logits.clone(), sets.boxes.clone()], |x| Ok(sets.run(x)?.loss));
    // The order of the pairs means nothing.
    sets.matches[0].reverse();
    assert_near(scalar(&sets.run(&x).unwrap().loss), total, 1e-12);
    for pairs in [vec![(7, 1), (7, 0)], vec![(1, 1), (2, 1)], vec![(10, 0)], vec![(0, 3)]] {
        sets.matches[0] = pairs;
        assert!(matches!(sets.run(&x), Err(Error::Target { .. })));
    }
    sets.matches.pop();
    assert!(matches!(sets.run(&x), Err(Error::Length { task: "matches", .. })));
}

#[test]
fn sets_without_objects_teach_that_there_are_none() {
    for dtype in DTYPES {
        let none = Tensor::zeros((0, 4), dtype, &Device::Cpu).unwrap();
        let truth = [SetTarget { classes: &[], boxes: &none }];
        let config = SetPredictionConfig::default();
        let logits = var(&(bell((1, 4, 3), 1) * 200.0).unwrap().to_dtype(dtype).unwrap());
        let boxes = var(&even((1, 4, 4), 2, 0.1, 0.9).to_dtype(dtype).unwrap());
        let composite = set_prediction_loss(&logits, &boxes, &truth, &[vec![]], &config).unwrap();
        assert_finite(&composite.loss, &logits);
        assert!(composite.term("class").unwrap() > 0.0);
        assert!(gradient(&composite.loss, &boxes).iter().all(|g| g.abs() < 1e-30));
        // A weight of 0 leaves nothing to divide by.
        let config = SetPredictionConfig { no_object_weight: 0.0, ..config };
        let composite = set_prediction_loss(&logits, &boxes, &truth, &[vec![]], &config).unwrap();
        assert_nothing(&composite.loss, &logits);
    }
}

#[test]
fn boxes_without_area_are_defined() {
    for dtype in DTYPES {
        let rows = [
            [1.0_f32, 1.0, 1.0, 1.0],
            [3.0, 3.0, 2.0, 2.0],
            [1.0, 1.0, 4.0, 1.0],
            [0.0, 0.0, 2.0, 2.0],
        ];
        let a = var(&Tensor::new(&rows, &Device::Cpu).unwrap().to_dtype(dtype).unwrap());
        for measure in ALL {
            let pairs = pairwise_box_overlap(&a, &a.detach(), measure).unwrap();
            assert!(values(&pairs).iter().all(|v| v.is_finite() && v.abs() <= 1.0), "{pairs}");
            assert!(values(&pairs)[0].abs() < 1e-30, "{pairs}");
            assert_finite(&pairs.sum_all().unwrap(), &a);
        }
        let none = var(&Tensor::zeros((0, 4), dtype, &Device::Cpu).unwrap());
        for measure in ALL {
            let config = BoxLossConfig { overlap: measure, ..BoxLossConfig::default() };
            assert_nothing(&box_loss(&none, &none.detach(), None, &config).unwrap(), &none);
            assert_eq!(pairwise_box_overlap(&none, &a, measure).unwrap().dims(), [0, 4]);
        }
        let mut broken = values(&a);
        broken[13] = f64::NAN;
        let broken = tensor(broken, (4, 4)).to_dtype(dtype).unwrap();
        for measure in ALL {
            for (p, t) in [(&broken, a.as_tensor()), (a.as_tensor(), &broken)] {
                assert!(values(&box_overlap(p, t, measure).unwrap())[3].is_nan(), "{measure:?}");
            }
        }
    }
    let wrong = box_overlap(&bell((2, 4), 1), &bell((3, 4), 1), Overlap::Iou);
    assert!(matches!(wrong, Err(Error::Shape { .. })), "{wrong:?}");
    let wrong = box_overlap(&bell((2, 3), 1), &bell((2, 3), 1), Overlap::Iou);
    assert!(matches!(wrong, Err(Error::Shape { .. })), "{wrong:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn overlaps_are_symmetric_bounded_and_free_of_scale(seed: u32) {
        let seed = u64::from(seed);
        let (a, b) = (boxes(5, seed, 40.0), boxes(5, seed + 2, 40.0));
        for measure in ALL {
            let forth = values(&box_overlap(&a, &b, measure).unwrap());
            let back = values(&box_overlap(&b, &a, measure).unwrap());
            let larger = |x: &Tensor| x.affine(3.0, -7.0).unwrap();
            let scaled = values(&box_overlap(&larger(&a), &larger(&b), measure).unwrap());
            let own = values(&box_overlap(&a, &a, measure).unwrap());
            for i in 0..5 {
                prop_assert!((forth[i] - back[i]).abs() < 1e-12);
                prop_assert!((forth[i] - scaled[i]).abs() < 1e-10);
                prop_assert!((own[i] - 1.0).abs() < 1e-12);
                prop_assert!((-1.0..=1.0).contains(&forth[i]));
            }
        }
        let iou = values(&box_overlap(&a, &b, Overlap::Iou).unwrap());
        let giou = values(&box_overlap(&a, &b, Overlap::Giou).unwrap());
        for (iou, giou) in iou.iter().zip(giou) {
            prop_assert!(giou <= iou + 1e-12 && *iou >= 0.0);
        }
        let there = to_corners(&to_center_size(&a).unwrap()).unwrap();
        for (x, y) in values(&there).iter().zip(values(&a)) {
            prop_assert!((x - y).abs() < 1e-12);
        }
    }

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
