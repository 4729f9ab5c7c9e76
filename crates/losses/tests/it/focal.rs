//! Binary cross-entropy and focal losses.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    BinaryCrossEntropyConfig, BinaryTarget, CrossEntropyConfig, Error, MultiLevelFocalConfig,
    Reduction, SigmoidFocalConfig, SoftmaxFocalConfig, binary_cross_entropy, cross_entropy,
    multi_level_focal, sigmoid_focal, softmax_focal,
};
use mapvec_testkit::uniform;

use crate::seeded::{
    CLASS_WEIGHTS, Golden, PIXELS, assert_calm, assert_golden, assert_gradient, assert_nothing,
    logits, numbers, partial, scalar, target, var,
};

/// 1 where the class is 0.
fn first_class() -> Tensor {
    let ids: Vec<u8> = target().iter().map(|&id| u8::from(id == 0)).collect();
    Tensor::from_vec(ids, (2, 16, 16), &Device::Cpu).unwrap()
}

/// Values of PyTorch and torchvision (`sigmoid_focal_loss`) in double precision; the levels by
/// PyTorch's max pooling.
#[test]
fn values_and_gradients_of_pytorch() {
    let y = first_class();
    let bce = BinaryCrossEntropyConfig::default();
    let golden = Golden::first(
        1.017_329_322_642_387_6,
        0.025_447_938_759_448_667,
        0.001_083_081_182_825_105,
    );
    assert_golden("bce", &golden, |x| binary_cross_entropy(&x.narrow(1, 0, 1)?, &y, &bce));
    let heavy = BinaryCrossEntropyConfig { positive_weights: vec![3.0], ..bce };
    let golden =
        Golden::first(1.623_444_582_746_376_4, 0.046_061_801_593_973_52, 0.001_083_081_182_825_105);
    assert_golden("heavy", &golden, |x| binary_cross_entropy(&x.narrow(1, 0, 1)?, &y, &heavy));
    let focal = SigmoidFocalConfig::default();
    let golden = Golden::first(
        0.391_855_932_838_656_94,
        0.017_252_798_586_539_7,
        0.000_574_322_257_957_070_3,
    );
    assert_golden("focal", &golden, |x| sigmoid_focal(&x.narrow(1, 0, 1)?, &y, &focal));
    let ids = target();
    let classes = SoftmaxFocalConfig::default();
    let golden =
        Golden::probed(2.241_285_866_826_517_6, 0.050_626_181_129_057_37, 0.048_980_410_009_067_32);
    assert_golden("classes", &golden, |x| softmax_focal(x, &ids, &classes));
    let uneven =
        SoftmaxFocalConfig { class_weights: CLASS_WEIGHTS.to_vec(), gamma: 1.5, ..classes };
    let golden =
        Golden::probed(2.252_841_412_084_071, 0.061_222_066_770_801_296, 0.042_205_732_361_513_86);
    assert_golden("uneven", &golden, |x| softmax_focal(x, &ids, &uneven));
    let levels = MultiLevelFocalConfig::default();
    let golden = Golden::probed(
        0.110_560_473_695_224_83,
        0.005_838_291_551_588_523,
        -0.008_981_267_135_524_9,
    );
    assert_golden("levels", &golden, |x| multi_level_focal(&x.narrow(1, 0, 1)?, &y, &levels));
}

#[test]
fn without_focus_they_are_cross_entropies() {
    let (y, ids) = (first_class(), partial());
    let x = logits(DType::F64);
    let one = x.narrow(1, 0, 1).unwrap();
    let flat = SigmoidFocalConfig { alpha: None, gamma: 0.0, ..Default::default() };
    let focal = scalar(&sigmoid_focal(&one, &y, &flat).unwrap());
    let bce =
        scalar(&binary_cross_entropy(&one, &y, &BinaryCrossEntropyConfig::default()).unwrap());
    assert!((focal - bce).abs() < 1e-12, "{focal} and {bce}");
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
        let class_weights = CLASS_WEIGHTS.to_vec();
        let flat = SoftmaxFocalConfig {
            gamma: 0.0,
            class_weights: class_weights.clone(),
            reduction,
            ..Default::default()
        };
        let cross = CrossEntropyConfig { class_weights, reduction, ..Default::default() };
        let focal = numbers(&softmax_focal(&x, &ids, &flat).unwrap());
        let cross = numbers(&cross_entropy(&x, &ids, &cross).unwrap());
        assert_eq!(focal.len(), cross.len());
        for (a, b) in focal.iter().zip(&cross) {
            assert!((a - b).abs() < 1e-9, "{a} and {b}");
        }
    }
    let single = MultiLevelFocalConfig { levels: 1, ..Default::default() };
    let level = scalar(&multi_level_focal(&one, &y, &single).unwrap());
    let config = SigmoidFocalConfig { alpha: Some(0.75), ..Default::default() };
    assert!((level - scalar(&sigmoid_focal(&one, &y, &config).unwrap())).abs() < 1e-12);
}

#[test]
fn weights_and_channels() {
    let y = Tensor::from_slice(&[1_u8, 0, 1, 0], (1, 2, 2), &Device::Cpu).unwrap();
    let x = var(&[0.0, 0.0, 0.0, 0.0], (1, 2, 2), DType::F64);
    let config =
        BinaryCrossEntropyConfig { positive_weights: vec![2.0, 5.0], reduction: Reduction::None };
    let each = numbers(&binary_cross_entropy(&x, &y, &config).unwrap());
    let ln2 = std::f64::consts::LN_2;
    for (value, factor) in each.iter().zip([2.0, 1.0, 5.0, 1.0]) {
        assert!((value - factor * ln2).abs() < 1e-12, "{value}");
    }
    let weights = Tensor::from_slice(&[3_f32, 1.0, 0.0, 0.0], (1, 2, 2), &Device::Cpu).unwrap();
    let mean = BinaryCrossEntropyConfig { reduction: Reduction::Mean, ..config };
    let value = scalar(
        &binary_cross_entropy(&x, BinaryTarget::from(&y).weighted(&weights), &mean).unwrap(),
    );
    assert!((value - 7.0 / 4.0 * ln2).abs() < 1e-12, "{value}");
    let soft = var(&uniform(PIXELS, 4, 0.0, 1.0), (2, 1, 16, 16), DType::F64);
    let config = SigmoidFocalConfig { gamma: 0.5, ..Default::default() };
    let one = logits(DType::F64).narrow(1, 0, 1).unwrap();
    assert_gradient("soft", &one, |x| sigmoid_focal(x, soft.as_tensor(), &config));
}

/// 255 among whole numbers says what a weight of 0 says.
#[test]
fn unknown_pixels_count_nowhere() {
    let ids: Vec<u8> = partial().iter().map(|&id| if id > 1 { 255 } else { id }).collect();
    let known: Vec<f32> = ids.iter().map(|&id| f32::from(u8::from(id != 255))).collect();
    let zeroed: Vec<u8> = ids.iter().map(|&id| id % 255).collect();
    let shaped = |values: Vec<u8>| Tensor::from_vec(values, (2, 1, 16, 16), &Device::Cpu).unwrap();
    let (y, plain) = (shaped(ids.clone()), shaped(zeroed));
    let known = Tensor::from_vec(known, (2, 1, 16, 16), &Device::Cpu).unwrap();
    let (bce, focal) = (BinaryCrossEntropyConfig::default(), SigmoidFocalConfig::default());
    for dtype in [DType::F64, DType::F32] {
        let x = logits(dtype).narrow(1, 0, 1).unwrap();
        let masked = BinaryTarget::from(&plain).weighted(&known);
        for (a, b) in [
            (binary_cross_entropy(&x, &y, &bce), binary_cross_entropy(&x, masked, &bce)),
            (sigmoid_focal(&x, &y, &focal), sigmoid_focal(&x, masked, &focal)),
        ] {
            let (a, b) = (scalar(&a.unwrap()), scalar(&b.unwrap()));
            assert!((a - b).abs() < 1e-12, "{a} and {b}");
        }
        // What lies under them changes nothing, at any level.
        let levels = MultiLevelFocalConfig::default();
        let other = (known.ne(0.0).unwrap().where_cond(&x, &(&x + 9.0).unwrap())).unwrap();
        let [a, b] = [&x, &other].map(|x| scalar(&multi_level_focal(x, &y, &levels).unwrap()));
        assert!((a - b).abs() < 1e-12 && a > 0.0, "{a} and {b}");
    }
    let levels = MultiLevelFocalConfig::default();
    let one = logits(DType::F64).narrow(1, 0, 1).unwrap();
    assert_gradient("levels", &one, |x| multi_level_focal(x, &y, &levels));
    let none = shaped(vec![255; PIXELS]);
    let first = |x: &Tensor| x.narrow(1, 0, 1).unwrap();
    assert_nothing("bce", |x| binary_cross_entropy(&first(x), &none, &bce));
    assert_nothing("focal", |x| sigmoid_focal(&first(x), &none, &focal));
    assert_nothing("levels", |x| multi_level_focal(&first(x), &none, &levels));
}

#[test]
fn limits() {
    let (y, ids) = (first_class(), partial());
    let zero = Tensor::zeros((2, 16, 16), DType::F32, &Device::Cpu).unwrap();
    let bce = BinaryCrossEntropyConfig::default();
    let first = |x: &Tensor| x.narrow(1, 0, 1).unwrap();
    assert_calm("bce", |x| binary_cross_entropy(&first(x), &y, &bce));
    for gamma in [0.0, 0.5, 2.0] {
        let config = SigmoidFocalConfig { gamma, ..Default::default() };
        assert_calm("focal", |x| sigmoid_focal(&first(x), &y, &config));
        let config = SoftmaxFocalConfig { gamma, ..Default::default() };
        assert_calm("classes", |x| softmax_focal(x, &target(), &config));
    }
    let levels = MultiLevelFocalConfig::default();
    assert_calm("levels", |x| multi_level_focal(&first(x), &y, &levels));
    let out = || BinaryTarget::from(&y).weighted(&zero);
    assert_nothing("bce", |x| binary_cross_entropy(&first(x), out(), &bce));
    assert_nothing("focal", |x| sigmoid_focal(&first(x), out(), &SigmoidFocalConfig::default()));
    let none = vec![255; ids.len()];
    assert_nothing("classes", |x| softmax_focal(x, &none, &SoftmaxFocalConfig::default()));
}

#[test]
fn refusals() {
    let (x, y) = (logits(DType::F32), first_class());
    let one = x.narrow(1, 0, 1).unwrap();
    assert!(matches!(
        binary_cross_entropy(&x, &y, &BinaryCrossEntropyConfig::default()),
        Err(Error::Shape { field: "target", .. })
    ));
    let at = |value: f64| {
        let mut numbers = vec![0.5; PIXELS];
        numbers[70] = value;
        Tensor::from_vec(numbers, (2, 1, 16, 16), &Device::Cpu).unwrap()
    };
    for value in [-0.1, 1.1, 255.0, f64::NAN, f64::INFINITY] {
        let wrong = binary_cross_entropy(&one, &at(value), &BinaryCrossEntropyConfig::default());
        assert!(matches!(wrong, Err(Error::Target { index: 70, .. })), "{value}: {wrong:?}");
        let wrong = sigmoid_focal(&one, &at(value), &SigmoidFocalConfig::default());
        assert!(matches!(wrong, Err(Error::Target { index: 70, .. })), "{value}: {wrong:?}");
    }
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let weights = at(weight);
        let target = BinaryTarget::from(&y).weighted(&weights);
        let wrong = sigmoid_focal(&one, target, &SigmoidFocalConfig::default());
        assert!(matches!(wrong, Err(Error::Target { index: 70, .. })), "{weight}: {wrong:?}");
    }
    let classes = Tensor::from_vec(target(), (2, 16, 16), &Device::Cpu).unwrap();
    let wrong = binary_cross_entropy(&one, &classes, &BinaryCrossEntropyConfig::default());
    assert!(matches!(wrong, Err(Error::Target { .. })), "{wrong:?}");
    let config = BinaryCrossEntropyConfig { positive_weights: vec![1.0; 3], ..Default::default() };
    assert!(matches!(binary_cross_entropy(&one, &y, &config), Err(Error::Config { .. })));
    let config = SigmoidFocalConfig { alpha: Some(1.5), ..Default::default() };
    assert!(matches!(sigmoid_focal(&one, &y, &config), Err(Error::Config { field: "alpha", .. })));
    let config = MultiLevelFocalConfig { levels: 5, ..Default::default() };
    let error = multi_level_focal(&one, &y, &config).unwrap_err().to_string();
    assert!(error.contains("fewer levels"), "{error}");
    let config = MultiLevelFocalConfig { kernel: 1, ..Default::default() };
    assert!(multi_level_focal(&one, &y, &config).is_err());
    let config = SoftmaxFocalConfig { gamma: f64::NAN, ..Default::default() };
    assert!(softmax_focal(&x, &target(), &config).is_err());
}
