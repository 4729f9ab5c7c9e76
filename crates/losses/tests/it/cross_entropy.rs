//! Cross-entropy against PyTorch's values, against itself in other forms, and at its limits.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    ClassTarget, ClassWeighting, CrossEntropyConfig, Error, Reduction, SoftmaxFocalConfig,
    class_counts, class_values, class_weights, cross_entropy, softmax_focal,
};
use mapvec_nn::softmax;
use mapvec_testkit::{normal, uniform};
use proptest::prelude::*;

use crate::seeded::{
    CLASS_WEIGHTS, Golden, PIXELS, SHAPE, assert_calm, assert_golden, assert_gradient,
    assert_nothing, descend, logits, numbers, partial, scalar, some_ids, target, var,
};

fn weighted() -> CrossEntropyConfig {
    CrossEntropyConfig { class_weights: CLASS_WEIGHTS.to_vec(), ..Default::default() }
}

fn pixel_weights() -> Vec<f32> {
    uniform(PIXELS, 50_111, 0.1, 2.0).iter().map(|&weight| weight as f32).collect()
}

/// Values of PyTorch's `cross_entropy` in double precision.
#[test]
fn values_and_gradients_of_pytorch() {
    let (full, some) = (target(), partial());
    let plain = CrossEntropyConfig::default();
    let smooth = CrossEntropyConfig { label_smoothing: 0.1, ..plain.clone() };
    let sum = CrossEntropyConfig { reduction: Reduction::Sum, ..weighted() };
    let uneven = CrossEntropyConfig { label_smoothing: 0.1, ..weighted() };
    let first = Golden::first;
    let cases = [
        (
            "mean",
            first(2.565_981_345_813_632_2, 0.046_205_009_329_684_965, 0.000_747_415_173_224_644_6),
            &full,
            &plain,
        ),
        (
            "weighted mean",
            Golden::probed(
                2.522_260_817_185_489_2,
                0.056_494_566_295_813_53,
                0.039_937_246_692_163_27,
            ),
            &full,
            &weighted(),
        ),
        (
            "weighted sum",
            first(2_433.981_688_583_997_3, 54.517_256_475_460_05, 0.382_676_568_691_018),
            &full,
            &sum,
        ),
        (
            "smoothing",
            first(2.559_863_543_345_093, 0.043_051_624_225_596_274, 0.000_698_587_048_224_644_6),
            &full,
            &smooth,
        ),
        (
            "partial",
            Golden::probed(
                2.730_670_642_223_093_3,
                0.087_394_813_415_630_53,
                0.064_754_692_746_089_18,
            ),
            &some,
            &plain,
        ),
        (
            "all",
            Golden::probed(
                2.725_539_692_752_931_4,
                0.100_791_792_593_998_01,
                0.097_680_504_567_287_5,
            ),
            &some,
            &uneven,
        ),
    ];
    for (name, golden, ids, config) in cases {
        assert_golden(name, &golden, |x| cross_entropy(x, ids, config));
    }
}

#[test]
fn probabilities_and_pixel_weights() {
    let other = var(&normal(4 * PIXELS, 50_110), SHAPE, DType::F64);
    let soft = softmax(&other, 1).unwrap();
    let plain = CrossEntropyConfig::default();
    let uneven = CrossEntropyConfig { label_smoothing: 0.1, ..weighted() };
    let golden = Golden::probed(
        2.546_831_047_948_442_6,
        0.030_586_412_458_709_446,
        0.014_563_206_476_729_634,
    );
    assert_golden("soft", &golden, |x| cross_entropy(x, &soft, &plain));
    let golden =
        Golden::probed(4.614_806_735_414_463, 0.065_134_406_511_140_02, 0.041_695_324_526_995_98);
    assert_golden("soft, uneven", &golden, |x| cross_entropy(x, &soft, &uneven));
    // The weights are rounded to single precision here and not there.
    let (ids, weights) = (target(), pixel_weights());
    let of = |x: &Tensor| cross_entropy(x, ClassTarget::from(&ids).weighted(&weights), &weighted());
    let (value, gradient) = descend(&logits(DType::F64), of);
    let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((value - 2.427_161_383_027_631_7).abs() < 1e-6, "{value}");
    assert!((length - 0.062_761_588_330_253_7).abs() < 1e-7, "{length}");
    for config in [&plain, &uneven] {
        assert_gradient("weights of pixels", logits(DType::F64).as_tensor(), |x| {
            cross_entropy(x, ClassTarget::from(&ids).weighted(&weights), config)
        });
        assert_gradient("soft, weights of pixels", logits(DType::F64).as_tensor(), |x| {
            cross_entropy(x, ClassTarget::from(&soft).weighted(&weights), config)
        });
    }
}

/// Ids in other types, a mask as weights and one-hot probabilities say the same.
#[test]
fn the_forms_of_a_target_agree() {
    let (ids, config) = (partial(), weighted());
    let wide: Vec<u32> = ids.iter().map(|&id| u32::from(id)).collect();
    let tensor = Tensor::from_slice(&wide, (2, 16, 16), &Device::Cpu).unwrap();
    let signed = tensor.to_dtype(DType::I64).unwrap();
    let mask: Vec<f32> = ids.iter().map(|&id| f32::from(u8::from(id != 255))).collect();
    let all = target();
    for dtype in [DType::F64, DType::F32] {
        let x = logits(dtype);
        let (expected, gradient) = descend(&x, |x| cross_entropy(x, &ids, &config));
        let forms: [ClassTarget<'_>; 4] = [
            wide.as_slice().into(),
            (&tensor).into(),
            (&signed).into(),
            ClassTarget::from(&all).weighted(&mask),
        ];
        for form in forms {
            let (value, other) = descend(&x, |x| cross_entropy(x, form, &config));
            assert!((value - expected).abs() < 1e-6, "{form:?}: {value} for {expected}");
            let worst = gradient.iter().zip(&other).map(|(a, b)| (a - b).abs());
            assert!(worst.fold(0.0, f64::max) < 1e-7, "{form:?}");
        }
        let plain = CrossEntropyConfig::default();
        let one_hot: Vec<f64> = (0..4 * PIXELS)
            .map(|i| f64::from(u8::from(usize::from(all[i / 1024 * 256 + i % 256]) == i / 256 % 4)))
            .collect();
        let one_hot = var(&one_hot, SHAPE, dtype);
        let (value, _) = descend(&x, |x| cross_entropy(x, one_hot.as_tensor(), &plain));
        let (expected, _) = descend(&x, |x| cross_entropy(x, &all, &plain));
        assert!((value - expected).abs() < 1e-6, "{value} for {expected}");
    }
}

#[test]
fn without_reduction_there_is_a_value_per_pixel() {
    let (ids, weights) = (partial(), pixel_weights());
    let config = CrossEntropyConfig { label_smoothing: 0.2, ..weighted() };
    let none = CrossEntropyConfig { reduction: Reduction::None, ..config.clone() };
    let sum = CrossEntropyConfig { reduction: Reduction::Sum, ..config };
    for dtype in [DType::F64, DType::F32] {
        let target = ClassTarget::from(&ids).weighted(&weights);
        let each = cross_entropy(&logits(dtype), target, &none).unwrap();
        assert_eq!(each.dims(), [2, 16, 16]);
        for (value, id) in numbers(&each).iter().zip(&ids) {
            assert!(if *id == 255 { *value == 0.0 } else { *value > 0.0 }, "{value} of {id}");
        }
        let total = scalar(&cross_entropy(&logits(dtype), target, &sum).unwrap());
        let added: f64 = numbers(&each).iter().sum();
        assert!((added - total).abs() < 1e-4 * total, "{added} and {total}");
    }
}

#[test]
fn more_classes_than_bytes() {
    let x = var(&normal(3 * 300 * 5, 7), (3, 300, 5), DType::F64);
    let ids: Vec<u32> = (0..15).map(|i| i * 21).map(|id| id % 300).collect();
    let config = CrossEntropyConfig { ignore: None, ..Default::default() };
    let value = scalar(&cross_entropy(&x, ids.as_slice(), &config).unwrap());
    let values = numbers(&x);
    let cost = |(pixel, &id): (usize, &u32)| {
        let at = |class: usize| values[(pixel / 5 * 300 + class) * 5 + pixel % 5];
        (0..300).map(|class| at(class).exp()).sum::<f64>().ln() - at(id as usize)
    };
    let expected = ids.iter().enumerate().map(cost).sum::<f64>() / 15.0;
    assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
    let error = cross_entropy(&x, ids.as_slice(), &CrossEntropyConfig::default()).unwrap_err();
    assert!(matches!(error, Error::Config { field: "ignore", .. }), "{error}");
}

#[test]
fn limits() {
    let ids = partial();
    let smooth = CrossEntropyConfig { label_smoothing: 0.1, ..weighted() };
    assert_calm("ids", |x| cross_entropy(x, &target(), &weighted()));
    assert_calm("smooth", |x| cross_entropy(x, &target(), &smooth));
    assert_nothing("unknown", |x| cross_entropy(x, &[255; PIXELS], &smooth));
    let weights = [0.0; PIXELS];
    let target = ClassTarget::from(&ids).weighted(&weights);
    assert_nothing("weights of 0", |x| cross_entropy(x, target, &smooth));
    let absent = CrossEntropyConfig { class_weights: vec![0.0; 4], ..Default::default() };
    assert_nothing("classes of weight 0", |x| cross_entropy(x, &ids, &absent));
    // All pixels are of the only class that counts nothing; the share of the others is no mean.
    let class_weights = vec![0.0, 1.0, 1.0, 1.0];
    let smooth = CrossEntropyConfig { class_weights, label_smoothing: 0.1, ..Default::default() };
    let zeros = [0_u8; PIXELS];
    assert_nothing("smoothing of a class of weight 0", |x| cross_entropy(x, &zeros, &smooth));
    let wide = [0_u32; PIXELS];
    assert_nothing("the same, wide", |x| cross_entropy(x, &wide[..], &smooth));
}

#[test]
fn refusals() {
    let x = logits(DType::F32);
    let refuse = |target: ClassTarget<'_>, config: &CrossEntropyConfig, part: &str| {
        let message = cross_entropy(&x, target, config).unwrap_err().to_string();
        assert!(message.contains(part), "{part} missing in {message}");
    };
    let plain = CrossEntropyConfig::default();
    let mut ids = target();
    refuse(ids[1..].into(), &plain, "511");
    refuse((&ids).into(), &CrossEntropyConfig::uniform(3), "3 weights for 4");
    let class = CrossEntropyConfig { ignore: Some(2), ..plain.clone() };
    refuse((&ids).into(), &class, "weight 0");
    let much = CrossEntropyConfig { label_smoothing: 1.0, ..plain.clone() };
    refuse((&ids).into(), &much, "label_smoothing");
    let mut weights = vec![1.0; PIXELS];
    weights[77] = f32::NAN;
    refuse(ClassTarget::from(&ids).weighted(&weights), &plain, "77");
    refuse(ClassTarget::from(&ids).weighted(&weights[..4]), &plain, "weights");
    let soft = Tensor::zeros((2, 3, 16, 16), DType::F32, &Device::Cpu).unwrap();
    refuse((&soft).into(), &plain, "probabilities");
    let mut numbers = vec![0.25; 4 * PIXELS];
    numbers[1031] = -0.5;
    let soft = var(&numbers, SHAPE, DType::F32);
    refuse(soft.as_tensor().into(), &plain, "1031");
    numbers[1031] = f64::NAN;
    let soft = var(&numbers, SHAPE, DType::F64);
    refuse(soft.as_tensor().into(), &plain, "1031");
    ids[300] = 4;
    refuse((&ids).into(), &plain, "300");
    let negative = Tensor::full(-100_i64, (2, 16, 16), &Device::Cpu).unwrap();
    refuse((&negative).into(), &plain, "-100");
    let flat = Tensor::zeros(4, DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(cross_entropy(&flat, &ids, &plain), Err(Error::Shape { .. })));
}

#[test]
fn weights_from_data() {
    let ids = [0_u8, 0, 0, 0, 0, 0, 2, 2, 255, 255];
    let counts = class_counts(&ids, 4, Some(255)).unwrap();
    assert_eq!(counts, [6, 0, 2, 0]);
    let balanced = class_weights(&counts, ClassWeighting::Balanced);
    assert_eq!(balanced, [8.0 / 24.0, 0.0, 1.0, 0.0]);
    let inverse = class_weights(&counts, ClassWeighting::InverseFrequency);
    assert_eq!(inverse, [8.0 / 6.0, 0.0, 4.0, 0.0]);
    assert_eq!(class_weights(&[0, 0], ClassWeighting::Balanced), [0.0, 0.0]);
    assert!(class_counts(&ids, 2, Some(255)).is_err());
    let mut weights = [1.0_f32; 10];
    weights[0] = 0.0;
    weights[6] = 0.5;
    let counts = class_counts(ClassTarget::from(&ids).weighted(&weights), 4, Some(255)).unwrap();
    assert_eq!(counts, [5, 0, 2, 0]);
    let floats = Tensor::new(&[0.0_f32, 2.0], &Device::Cpu).unwrap();
    let message = class_counts(&floats, 4, None).unwrap_err().to_string();
    assert!(message.contains("whole numbers") && message.contains("F32"), "{message}");
    let whole = Tensor::new(&[[0_u32, 2], [2, 2]], &Device::Cpu).unwrap();
    assert_eq!(class_counts(&whole, 4, None).unwrap(), [1, 0, 3, 0]);
}

#[test]
fn values_of_classes_for_logs() {
    let (ids, weights) = (partial(), pixel_weights());
    let reduction = Reduction::None;
    let target = ClassTarget::from(&ids).weighted(&weights);
    for dtype in [DType::F64, DType::F32] {
        let x = logits(dtype);
        let config = CrossEntropyConfig { reduction, ..Default::default() };
        let each = cross_entropy(&x, target, &config).unwrap();
        let found = class_values(&each, target, 4, Some(255)).unwrap();
        // The mean of the classes by their weights is the loss.
        let (mut sum, mut mass) = (0.0, 0.0);
        for (class, value) in (0_u8..).zip(&found) {
            let own: Vec<usize> = (0..PIXELS).filter(|&pixel| ids[pixel] == class).collect();
            let weight: f64 = own.iter().map(|&pixel| f64::from(weights[pixel])).sum();
            let alone: Vec<u8> = ids.iter().map(|&id| if id == class { id } else { 255 }).collect();
            let alone = ClassTarget::from(&alone).weighted(&weights);
            let expected = cross_entropy(&x, alone, &CrossEntropyConfig::default()).unwrap();
            assert!((value.unwrap() - scalar(&expected)).abs() < 1e-5, "{value:?}");
            sum += weight * value.unwrap();
            mass += weight;
        }
        let whole = cross_entropy(&x, target, &CrossEntropyConfig::default()).unwrap();
        assert!((sum / mass - scalar(&whole)).abs() < 1e-5, "{}", sum / mass);
        let config = SoftmaxFocalConfig { reduction, ..Default::default() };
        let none = softmax_focal(&x, &[1_u8; PIXELS], &config).unwrap();
        let found = class_values(&none, &[1_u8; PIXELS], 4, Some(255)).unwrap();
        assert!(found[0].is_none() && found[1].is_some(), "{found:?}");
    }
    let each = Tensor::zeros((2, 16, 16), DType::F64, &Device::Cpu).unwrap();
    assert!(class_values(&each, &ids[1..], 4, Some(255)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The one pass in single precision is the composition in double precision.
    #[test]
    fn fused_equals_composed(
        seed in 0_u64..1 << 40, b in 1_usize..3, classes in 2_u8..7, n in 1_usize..600,
        smoothing in prop_oneof![Just(0.0), 0.0..0.5_f64], heavy: bool,
    ) {
        let k = usize::from(classes);
        let values: Vec<f64> = normal(b * k * n, seed).iter().map(|value| value * 4.0).collect();
        let ids = some_ids(b * n, seed + 1, classes);
        let weights: Vec<f32> =
            uniform(b * n, seed + 2, 0.0, 3.0).iter().map(|&w| w as f32).collect();
        let class_weights = uniform(k, seed + 3, 0.0, 2.0);
        let label_smoothing = smoothing;
        let config =
            CrossEntropyConfig { label_smoothing, class_weights, ..Default::default() };
        let target = ClassTarget::from(&ids);
        let target = if heavy { target.weighted(&weights) } else { target };
        let run = |dtype| {
            descend(&var(&values, (b, k, n), dtype), |x| cross_entropy(x, target, &config))
        };
        let ((value, gradient), (exact, exact_gradient)) = (run(DType::F32), run(DType::F64));
        prop_assert!((value - exact).abs() < 2e-6 * exact.max(1.0), "{value} and {exact}");
        let scale = exact_gradient.iter().fold(1e-9_f64, |most, g| most.max(g.abs()));
        for (a, b) in gradient.iter().zip(&exact_gradient) {
            prop_assert!((a - b).abs() < 5e-6 * scale, "{a} and {b} of {scale}");
        }
    }
}
