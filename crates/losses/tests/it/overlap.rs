//! Losses of overlap against PyTorch's values, against each other, and at their limits.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    AbsentClasses, Activation, CeDiceConfig, ClassTarget, CrossEntropyConfig, Error, OverlapConfig,
    Reduction, SoftDiceConfig, SumOver, TverskyConfig, ce_dice, cross_entropy, jaccard, soft_dice,
    tversky,
};
use mapvec_nn::softmax;
use mapvec_testkit::{normal, uniform};
use proptest::prelude::*;

use crate::seeded::{
    Golden, PIXELS, SHAPE, assert_calm, assert_golden, assert_gradient, assert_nothing, descend,
    logits, numbers, partial, scalar, some_ids, target, var,
};

fn of(overlap: OverlapConfig) -> SoftDiceConfig {
    SoftDiceConfig { squared: false, overlap }
}

/// Made with PyTorch in double precision: the formulas of the docs by its tensor operations.
#[test]
fn values_and_gradients_of_pytorch() {
    let ids = target();
    let plain = OverlapConfig::default();
    let sample = OverlapConfig { smooth: 0.0, sum_over: SumOver::Sample, ..plain.clone() };
    let squared = SoftDiceConfig { squared: true, overlap: plain.clone() };
    let first = Golden::first;
    let golden = Golden::probed(
        0.754_507_553_097_335_2,
        0.007_698_424_833_388_582,
        -0.005_194_233_465_601_118,
    );
    assert_golden("dice", &golden, |x| Ok(soft_dice(x, &ids, &of(plain.clone()))?.loss));
    let golden =
        first(0.757_671_929_322_917_8, 0.007_710_175_275_527_331_5, 0.000_380_751_603_644_500_57);
    assert_golden("per sample", &golden, |x| Ok(soft_dice(x, &ids, &of(sample.clone()))?.loss));
    let golden =
        first(0.688_677_662_703_091_9, 0.009_962_184_010_163_622, 0.000_465_177_515_211_751);
    assert_golden("squared", &golden, |x| Ok(soft_dice(x, &ids, &squared)?.loss));
    let golden =
        first(0.858_065_357_782_050_5, 0.005_008_603_733_982_915, 0.000_245_439_610_036_251_46);
    assert_golden("jaccard", &golden, |x| Ok(jaccard(x, &ids, &plain)?.loss));
    let golden =
        first(0.751_641_526_358_618_9, 0.007_669_508_196_918_524, 0.000_366_669_228_652_986_5);
    assert_golden("tversky", &golden, |x| Ok(tversky(x, &ids, &TverskyConfig::default())?.loss));
    let golden = Golden::probed(
        0.807_212_539_135_868_9,
        0.006_181_112_236_025_928,
        -0.004_089_738_078_321_966,
    );
    // The power's slope is kept finite by 1e-10, which shows in the eighth digit.
    let near = |x: &Tensor| Ok(tversky(x, &ids, &TverskyConfig::focal())?.loss);
    let (value, gradient) = descend(&logits(DType::F64), near);
    let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((value - golden.value).abs() < 1e-7 && (length - golden.length).abs() < 1e-9);
    assert_gradient("focal tversky", logits(DType::F64).as_tensor(), near);

    let one: Vec<u8> = ids.iter().map(|&id| u8::from(id == 0)).collect();
    let sigmoid = OverlapConfig {
        activation: Activation::Sigmoid,
        sum_over: SumOver::Sample,
        ..OverlapConfig::default()
    };
    let golden =
        Golden::probed(0.675_005_508_088_504, 0.008_263_776_503_205_53, -0.011_822_252_955_941_068);
    assert_golden("sigmoid", &golden, |x| {
        Ok(soft_dice(&x.narrow(1, 0, 1)?, &one, &of(sigmoid.clone()))?.loss)
    });
}

#[test]
fn limits() {
    let (ids, none) = (partial(), vec![255; PIXELS]);
    let config = OverlapConfig { smooth: 0.0, ..OverlapConfig::default() };
    let focal = TverskyConfig { overlap: config.clone(), ..TverskyConfig::focal() };
    let squared = SoftDiceConfig { squared: true, overlap: config.clone() };
    let include = OverlapConfig { absent: AbsentClasses::Include, ..config.clone() };
    assert_calm("dice", |x| Ok(soft_dice(x, &ids, &of(config.clone()))?.loss));
    assert_calm("squared", |x| Ok(soft_dice(x, &ids, &squared)?.loss));
    assert_calm("jaccard", |x| Ok(jaccard(x, &ids, &include)?.loss));
    assert_calm("tversky", |x| Ok(tversky(x, &ids, &focal)?.loss));
    assert_calm("both", |x| Ok(ce_dice(x, &ids, &CeDiceConfig::default())?.loss));
    assert_nothing("dice", |x| Ok(soft_dice(x, &none, &of(config.clone()))?.loss));
    assert_nothing("jaccard", |x| Ok(jaccard(x, &none, &config)?.loss));
    assert_nothing("tversky", |x| Ok(tversky(x, &none, &focal)?.loss));
    assert_nothing("both", |x| Ok(ce_dice(x, &none, &CeDiceConfig::default())?.loss));
    // Without a pixel at all, 0 / 0 is a perfect match.
    assert_nothing("include", |x| Ok(jaccard(x, &none, &include)?.loss));
    let empty = Tensor::zeros((0, 4, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let nothing = soft_dice(&empty, &[0_u8; 0], &of(config)).unwrap();
    assert!(scalar(&nothing.loss).abs() < 1e-30 && nothing.classes == [None; 4]);
}

#[test]
fn absent_classes_follow_the_rule() {
    let ids: Vec<u8> = target().iter().map(|&id| if id == 2 { 1 } else { id }).collect();
    for dtype in [DType::F32, DType::F64] {
        let x = logits(dtype);
        let out = soft_dice(&x, &ids, &SoftDiceConfig::default()).unwrap();
        assert!(out.classes[2].is_none());
        let seen: Vec<f64> = out.classes.iter().flatten().copied().collect();
        assert_eq!(seen.len(), 3);
        assert!((scalar(&out.loss) - seen.iter().sum::<f64>() / 3.0).abs() < 1e-6);
        let all = OverlapConfig { absent: AbsentClasses::Include, ..OverlapConfig::default() };
        let out = soft_dice(&x, &ids, &of(all)).unwrap();
        let seen: Vec<f64> = out.classes.iter().flatten().copied().collect();
        assert!(seen.len() == 4 && seen[2] > 0.9, "{seen:?}");
        assert!((scalar(&out.loss) - seen.iter().sum::<f64>() / 4.0).abs() < 1e-6);
    }
}

#[test]
fn hard_predictions_have_the_known_indices() {
    let ids = target();
    let other = crate::seeded::ids(PIXELS, 9, 4);
    let one_hot: Vec<f64> = (0..4 * PIXELS)
        .map(|i| f64::from(u8::from(usize::from(other[i / 1024 * 256 + i % 256]) == i / 256 % 4)))
        .collect();
    let p = var(&one_hot, SHAPE, DType::F64);
    let config =
        OverlapConfig { activation: Activation::None, smooth: 0.0, ..OverlapConfig::default() };
    let dice = soft_dice(&p, &ids, &of(config.clone())).unwrap().classes;
    let iou = jaccard(&p, &ids, &config).unwrap().classes;
    for class in 0..4_usize {
        let count = |f: &dyn Fn(bool, bool) -> bool| {
            let pixels = ids.iter().zip(&other);
            pixels.filter(|&(&t, &p)| f(usize::from(t) == class, usize::from(p) == class)).count()
                as f64
        };
        let expected = 1.0 - count(&|t, p| t && p) / count(&|t, p| t || p);
        let (dice, iou) = (dice[class].unwrap(), iou[class].unwrap());
        assert!((iou - expected).abs() < 1e-12, "{iou} for {expected}");
        let (d, j) = (1.0 - dice, 1.0 - iou);
        assert!((j - d / (2.0 - d)).abs() < 1e-12, "J = D / (2 - D)");
    }
}

#[test]
fn tversky_holds_dice_and_jaccard() {
    let ids = partial();
    let x = logits(DType::F64);
    let with = |a, smooth| TverskyConfig {
        false_positives: a,
        false_negatives: a,
        power: 1.0,
        overlap: OverlapConfig { smooth, ..OverlapConfig::default() },
    };
    let value = |out: mapvec_losses::Composite| scalar(&out.loss);
    let dice = value(soft_dice(&x, &ids, &SoftDiceConfig::default()).unwrap());
    let half = value(tversky(&x, &ids, &with(0.5, 0.5)).unwrap());
    let iou = value(jaccard(&x, &ids, &OverlapConfig::default()).unwrap());
    let full = value(tversky(&x, &ids, &with(1.0, 1.0)).unwrap());
    assert!((dice - half).abs() < 1e-12 && (iou - full).abs() < 1e-12);
}

#[test]
fn probabilities_as_target_and_as_prediction() {
    let x = logits(DType::F64);
    let soft = softmax(&var(&normal(4 * PIXELS, 50_110), SHAPE, DType::F64), 1).unwrap();
    let weights: Vec<f32> = uniform(PIXELS, 3, 0.0, 2.0).iter().map(|&w| w as f32).collect();
    let target = || ClassTarget::from(&soft).weighted(&weights);
    let config = SoftDiceConfig::default();
    assert_gradient("soft", x.as_tensor(), |x| Ok(soft_dice(x, target(), &config)?.loss));
    let given = of(OverlapConfig { activation: Activation::None, ..OverlapConfig::default() });
    let p = softmax(&x, 1).unwrap();
    let from_p = scalar(&soft_dice(&p, target(), &given).unwrap().loss);
    let from_x = scalar(&soft_dice(&x, target(), &config).unwrap().loss);
    assert!((from_p - from_x).abs() < 1e-12);
    let itself = SoftDiceConfig { squared: true, ..given };
    let perfect = scalar(&soft_dice(&p, &p, &itself).unwrap().loss);
    assert!(perfect.abs() < 1e-12, "{perfect}");
}

#[test]
fn the_sum_has_its_terms() {
    let ids = partial();
    let config =
        CeDiceConfig { cross_entropy_weight: 0.3, dice_weight: 2.0, ..CeDiceConfig::default() };
    for dtype in [DType::F32, DType::F64] {
        let x = logits(dtype);
        let out = ce_dice(&x, &ids, &config).unwrap();
        let cross = scalar(&cross_entropy(&x, &ids, &CrossEntropyConfig::default()).unwrap());
        let dice = scalar(&soft_dice(&x, &ids, &SoftDiceConfig::default()).unwrap().loss);
        assert!((out.term("cross_entropy").unwrap() - cross).abs() < 1e-9);
        assert!((out.term("dice").unwrap() - dice).abs() < 1e-9);
        assert!((scalar(&out.loss) - 0.3 * cross - 2.0 * dice).abs() < 1e-6);
        assert_eq!(out.classes, soft_dice(&x, &ids, &SoftDiceConfig::default()).unwrap().classes);
        assert!(out.classes.len() == 4 && out.classes.iter().all(Option::is_some));
    }
    assert_gradient(
        "both",
        logits(DType::F64).as_tensor(),
        |x| Ok(ce_dice(x, &ids, &config)?.loss),
    );
    let mut none = config;
    none.cross_entropy.reduction = Reduction::None;
    let error = ce_dice(&logits(DType::F32), &ids, &none).unwrap_err();
    assert!(error.to_string().contains("cross_entropy.reduction"), "{error}");
}

#[test]
fn a_second_backward_pass_and_half_precision() {
    let ids = partial();
    let x = logits(DType::F32);
    let loss = soft_dice(&x, &ids, &SoftDiceConfig::default()).unwrap().loss;
    let run = || numbers(loss.backward().unwrap().get(&x).unwrap());
    assert_eq!(run(), run());
    let half = logits(DType::BF16);
    let value = scalar(&soft_dice(&half, &ids, &SoftDiceConfig::default()).unwrap().loss);
    assert!((value - scalar(&loss)).abs() < 0.01);
}

#[test]
fn refusals() {
    let (x, ids) = (logits(DType::F32), target());
    let softmax = SoftDiceConfig::default();
    let one = x.narrow(1, 0, 1).unwrap();
    assert!(matches!(soft_dice(&one, &ids, &softmax), Err(Error::Shape { .. })));
    assert!(matches!(soft_dice(&x, &ids[1..], &softmax), Err(Error::Length { .. })));
    let negative = OverlapConfig { smooth: -1.0, ..OverlapConfig::default() };
    assert!(matches!(jaccard(&x, &ids, &negative), Err(Error::Config { field: "smooth", .. })));
    let impossible = (mapvec_nn::softmax(&x, 1).unwrap() * 1.5).unwrap();
    let error = soft_dice(&x, &impossible, &softmax).unwrap_err();
    assert!(matches!(error, Error::Target { .. }), "{error}");
    let power = TverskyConfig { power: 0.0, ..TverskyConfig::default() };
    assert!(matches!(tversky(&x, &ids, &power), Err(Error::Config { field: "power", .. })));
    let wrong = TverskyConfig { false_negatives: f64::NAN, ..TverskyConfig::default() };
    assert!(tversky(&x, &ids, &wrong).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The passes in single precision are the composition in double precision; all values are
    /// between 0 and 1; the order of the pixels says nothing.
    #[test]
    fn fused_equals_composed(
        seed in 0_u64..1 << 40, b in 1_usize..3, classes in 2_u8..7, n in 1_usize..600,
        squared: bool, heavy: bool, per_sample: bool,
    ) {
        let k = usize::from(classes);
        let values: Vec<f64> = normal(b * k * n, seed).iter().map(|value| value * 3.0).collect();
        let ids = some_ids(b * n, seed + 1, classes);
        let weights: Vec<f32> =
            uniform(b * n, seed + 2, 0.0, 3.0).iter().map(|&w| w as f32).collect();
        let sum_over = if per_sample { SumOver::Sample } else { SumOver::Batch };
        let config =
            SoftDiceConfig { squared, overlap: OverlapConfig { sum_over, ..Default::default() } };
        let target = ClassTarget::from(&ids);
        let target = if heavy { target.weighted(&weights) } else { target };
        let run = |dtype| {
            let x = var(&values, (b, k, n), dtype);
            descend(&x, |x| Ok(soft_dice(x, target, &config)?.loss))
        };
        let ((value, gradient), (exact, exact_gradient)) = (run(DType::F32), run(DType::F64));
        prop_assert!((value - exact).abs() < 2e-6, "{value} and {exact}");
        let scale = exact_gradient.iter().fold(1e-9_f64, |most, g| most.max(g.abs()));
        for (a, b) in gradient.iter().zip(&exact_gradient) {
            prop_assert!((a - b).abs() < 1e-5 * scale, "{a} and {b} of {scale}");
        }
        prop_assert!((-1e-9..=1.0).contains(&exact), "{exact}");
        if b == 1 && !heavy {
            let rows = values.chunks(n);
            let turned: Vec<f64> = rows.flat_map(|row| row.iter().rev().copied()).collect();
            let back: Vec<u8> = ids.iter().rev().copied().collect();
            let x = var(&turned, (b, k, n), DType::F64);
            let other = scalar(&soft_dice(&x, &back, &config).unwrap().loss);
            prop_assert!((other - exact).abs() < 1e-9, "{other} and {exact}");
        }
    }
}
