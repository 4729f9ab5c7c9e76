//! The Lovasz losses.

use candle_core::DType;
use mapvec_losses::{
    AbsentClasses, Activation, ClassTarget, Error, LovaszConfig, LovaszHingeConfig, OverlapConfig,
    SumOver, jaccard, lovasz_hinge, lovasz_softmax,
};

use crate::seeded::{
    Golden, PIXELS, SHAPE, assert_calm, assert_golden, assert_gradient, assert_nothing, logits,
    numbers, partial, scalar, target, var,
};

/// Made with PyTorch in double precision: sorted errors times the differences of the Jaccard loss
/// along them, as in the paper.
#[test]
fn values_and_gradients_of_pytorch() {
    let (ids, some) = (target(), partial());
    let batch = LovaszConfig::default();
    let sample = LovaszConfig { sum_over: SumOver::Sample, ..batch.clone() };
    let golden = Golden::probed;
    let cases = [
        (
            "batch",
            &ids,
            &batch,
            golden(0.813_586_425_925_569, 0.006_080_464_117_844_579, 0.000_885_862_529_684_231_4),
        ),
        (
            "sample",
            &ids,
            &sample,
            golden(0.813_538_283_145_452_5, 0.006_080_247_045_980_704, 0.000_661_836_116_405_278_1),
        ),
        (
            "partial",
            &some,
            &batch,
            golden(0.823_687_969_480_772_8, 0.010_613_838_358_133_97, 0.004_002_105_513_168_431),
        ),
    ];
    for (name, ids, config, golden) in cases {
        assert_golden(name, &golden, |x| Ok(lovasz_softmax(x, ids, config)?.loss));
    }
    let one: Vec<u8> = ids.iter().map(|&id| u8::from(id == 0)).collect();
    let cases = [
        (
            "hinge",
            SumOver::Batch,
            golden(2.705_144_391_354_068, 0.064_018_740_609_364_69, -0.048_518_452_824_204_666),
        ),
        (
            "hinges",
            SumOver::Sample,
            golden(2.701_531_697_337_490_5, 0.064_007_026_623_944_47, -0.054_739_962_441_308_45),
        ),
    ];
    for (name, sum_over, golden) in cases {
        let config = LovaszHingeConfig { sum_over, ..LovaszHingeConfig::default() };
        assert_golden(
            name,
            &golden,
            |x| Ok(lovasz_hinge(&x.narrow(1, 0, 1)?, &one, &config)?.loss),
        );
    }
}

/// Where predictions are hard it is the Jaccard loss.
#[test]
fn at_corners_it_is_jaccard() {
    let (ids, other) = (partial(), crate::seeded::ids(PIXELS, 9, 4));
    let one_hot: Vec<f64> = (0..4 * PIXELS)
        .map(|i| f64::from(u8::from(usize::from(other[i / 1024 * 256 + i % 256]) == i / 256 % 4)))
        .collect();
    for sum_over in [SumOver::Batch, SumOver::Sample] {
        let p = var(&one_hot, SHAPE, DType::F64);
        let activation = Activation::None;
        let config = LovaszConfig { activation, sum_over, ..LovaszConfig::default() };
        let lovasz = lovasz_softmax(&p, &ids, &config).unwrap();
        let config =
            OverlapConfig { activation, sum_over, smooth: 0.0, ..OverlapConfig::default() };
        let exact = jaccard(&p, &ids, &config).unwrap();
        assert!((scalar(&lovasz.loss) - scalar(&exact.loss)).abs() < 1e-12);
        for (a, b) in lovasz.classes.iter().zip(&exact.classes) {
            assert!((a.unwrap() - b.unwrap()).abs() < 1e-12, "{a:?} and {b:?}");
        }
    }
}

/// A class without a pixel costs its most probable one, if it counts.
#[test]
fn absent_classes_follow_the_rule() {
    let ids: Vec<u8> = target().iter().map(|&id| if id == 2 { 1 } else { id }).collect();
    let include = LovaszConfig { absent: AbsentClasses::Include, ..LovaszConfig::default() };
    for dtype in [DType::F64, DType::F32] {
        let x = logits(dtype);
        let without = lovasz_softmax(&x, &ids, &LovaszConfig::default()).unwrap();
        assert!(without.classes[2].is_none(), "{:?}", without.classes);
        let with = lovasz_softmax(&x, &ids, &include).unwrap();
        let p = mapvec_nn::softmax(&x, 1).unwrap().narrow(1, 2, 1).unwrap();
        let most = numbers(&p).into_iter().fold(0.0, f64::max);
        assert!((with.classes[2].unwrap() - most).abs() < 1e-6, "{:?}", with.classes);
        let expected = 0.75 * scalar(&without.loss) + 0.25 * most;
        assert!((scalar(&with.loss) - expected).abs() < 1e-6, "{:?}", with.loss);
    }
    assert_gradient("include", logits(DType::F64).as_tensor(), |x| {
        Ok(lovasz_softmax(x, &ids, &include)?.loss)
    });
    // Every sample is scored alone: one without a class that the other has.
    let some: Vec<u8> = (0..PIXELS).map(|i| if i < 256 { 0 } else { target()[i] }).collect();
    let include = LovaszConfig { sum_over: SumOver::Sample, ..include };
    assert_gradient("include, samples", logits(DType::F64).as_tensor(), |x| {
        Ok(lovasz_softmax(x, &some, &include)?.loss)
    });
}

#[test]
fn limits_and_refusals() {
    let (ids, none) = (partial(), vec![255; PIXELS]);
    let (config, plain) = (LovaszConfig::default(), LovaszHingeConfig::default());
    let one: Vec<u8> =
        ids.iter().map(|&id| if id == 255 { 255 } else { u8::from(id == 0) }).collect();
    let hinge = |x: &candle_core::Tensor, ids: &Vec<u8>| {
        Ok(lovasz_hinge(&x.narrow(1, 0, 1)?, ids, &plain)?.loss)
    };
    assert_calm("softmax", |x| Ok(lovasz_softmax(x, &target(), &config)?.loss));
    assert_calm("hinge", |x| hinge(x, &target().iter().map(|&id| u8::from(id == 0)).collect()));
    assert_nothing("softmax", |x| Ok(lovasz_softmax(x, &none, &config)?.loss));
    assert_nothing("hinge", |x| hinge(x, &none));
    // A mask as weights is a partial target; other weights are refused.
    let mask: Vec<f32> = ids.iter().map(|&id| f32::from(u8::from(id != 255))).collect();
    let all: Vec<u8> = target().iter().map(|&id| u8::from(id == 0)).collect();
    let x = logits(DType::F64).narrow(1, 0, 1).unwrap();
    let masked = lovasz_hinge(&x, ClassTarget::from(&all).weighted(&mask), &plain).unwrap();
    let partial = lovasz_hinge(&x, &one, &plain).unwrap();
    assert!((scalar(&masked.loss) - scalar(&partial.loss)).abs() < 1e-12);
    let heavy = vec![0.5; PIXELS];
    let error = lovasz_hinge(&x, ClassTarget::from(&all).weighted(&heavy), &plain).unwrap_err();
    assert!(matches!(error, Error::Target { .. }), "{error}");
    let x = logits(DType::F64);
    let soft = mapvec_nn::softmax(&x, 1).unwrap();
    assert!(matches!(lovasz_softmax(&x, &soft, &config), Err(Error::Shape { .. })));
}
