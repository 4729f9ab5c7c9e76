//! Overlaps and losses of boxes.
//!
//! The expected numbers are `torch` 2.15 and its `torchvision` in double precision on the
//! same inputs.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    BoxCoder, BoxLossConfig, Error, HuberConfig, Overlap, OverlapLossConfig, Reduction,
    SmoothL1Config, box_loss, box_overlap, decode_boxes, encode_boxes, huber, overlap_loss,
    pairwise_box_overlap, smooth_l1, to_center_size, to_corners,
};
use proptest::prelude::*;

use crate::support::{
    DTYPES, assert_finite, assert_first_gradient, assert_golden, assert_gradient, assert_near,
    assert_nothing, bell, boxes, even, gradient, scalar, tensor, values, var,
};

const ALL: [Overlap; 3] = [Overlap::Iou, Overlap::Giou, Overlap::Diou];

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
        assert_first_gradient(&[p.clone(), t.clone()], |x| box_loss(&x[0], &x[1], None, &config));
    }
    let coder = BoxCoder { weights: [10.0, 10.0, 5.0, 5.0] };
    assert_gradient(&[p.clone(), t.clone()], |x| encode_boxes(&x[0], &x[1], &coder));
    assert_gradient(&[p.clone(), bell((6, 4), 5)], |x| decode_boxes(&x[0], &x[1], &coder));
    let config = SmoothL1Config { beta: 0.7, reduction: Reduction::None };
    assert_first_gradient(&[p.clone(), t.clone()], |x| smooth_l1(&x[0], &x[1], None, &config));
    let config = HuberConfig { delta: 4.0, reduction: Reduction::Sum };
    assert_first_gradient(&[p, t], |x| huber(&x[0], &x[1], None, &config));
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
}

#[test]
fn boxes_in_half_precision_keep_their_areas_and_targets() {
    for dtype in [DType::F16, DType::BF16] {
        let square = tensor(vec![0.0, 0.0, 300.0, 300.0], (1, 4));
        let half = square.to_dtype(dtype).unwrap();
        let config = OverlapLossConfig::default();
        let loss = overlap_loss(&half, &half, None, &config).unwrap();
        assert_near(scalar(&loss), 0.0, 1e-6);
        // The target is not rounded: 1001 has no neighbour in bf16.
        let target = tensor(vec![0.0, 0.0, 1001.0, 1000.0], (1, 4));
        let config = SmoothL1Config { beta: 0.0, reduction: Reduction::Sum };
        let prediction = tensor(vec![0.0, 0.0, 1000.0, 1000.0], (1, 4)).to_dtype(dtype).unwrap();
        let loss = smooth_l1(&prediction, &target, None, &config).unwrap();
        assert_near(scalar(&loss), 1.0, 1e-6);
    }
}
