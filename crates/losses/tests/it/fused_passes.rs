//! Passes in single precision against the same losses composed in double, and at any number of
//! threads.

use candle_core::{DType, Tensor};
use mapvec_losses::{
    AbsentClasses, Activation, ClassTarget, CrossEntropyConfig, DenseLossConfig, LovaszConfig,
    LovaszHingeConfig, Reduction, Result, SoftDiceConfig, SoftmaxFocalConfig, SumOver,
    cross_entropy, dense_map_loss, lovasz_hinge, lovasz_softmax, soft_dice, softmax_focal,
};
use mapvec_testkit::{normal, uniform};
use proptest::prelude::*;

use crate::batch::Batch;
use crate::seeded::{some_ids, var};
use crate::support::{gradient, scalar};

type Loss = fn(&Tensor, &[u8]) -> Result<Tensor>;

/// Value and gradient in single and in double precision agree.
fn agrees(
    values: &[f64],
    shape: (usize, usize, usize),
    loss: impl Fn(&Tensor) -> Result<Tensor>,
) -> std::result::Result<(), TestCaseError> {
    // The same numbers in both precisions.
    let values: Vec<f64> = values.iter().map(|&value| f64::from(value as f32)).collect();
    let run = |dtype| {
        let x = var(&values, shape, dtype);
        let loss = loss(&x).unwrap();
        (scalar(&loss), gradient(&loss, &x))
    };
    let ((single, steep), (double, exact)) = (run(DType::F32), run(DType::F64));
    prop_assert!((single - double).abs() <= 3e-6 * double.abs().max(1.0), "{single}, {double}");
    let scale = exact.iter().fold(1e-3_f64, |most, g| most.max(g.abs()));
    for (i, (a, b)) in steep.iter().zip(&exact).enumerate() {
        prop_assert!((a - b).abs() <= 2e-5 * scale, "entry {i}: {a} and {b}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn focal_loss_of_classes(
        seed in 0_u64..1 << 40, b in 1_usize..4, classes in 2_u8..6, n in 1_usize..300,
        gamma in prop::sample::select(vec![0.0, 0.5, 1.0, 2.0, 3.5]), size in 0.5..20.0_f64,
        weighted: bool, sum: bool,
    ) {
        let k = usize::from(classes);
        let values: Vec<f64> = normal(b * k * n, seed).iter().map(|x| size * x).collect();
        let ids = some_ids(b * n, seed + 1, classes);
        let weights: Vec<f32> =
            uniform(b * n, seed + 2, 0.0, 3.0).iter().map(|&weight| weight as f32).collect();
        let class_weights = if weighted { uniform(k, seed + 3, 0.0, 2.0) } else { Vec::new() };
        let reduction = if sum { Reduction::Sum } else { Reduction::Mean };
        let config =
            SoftmaxFocalConfig { class_weights, gamma, reduction, ..SoftmaxFocalConfig::default() };
        agrees(&values, (b, k, n), |x| {
            let target = ClassTarget::from(&ids);
            softmax_focal(x, if weighted { target.weighted(&weights) } else { target }, &config)
        })?;
    }

    #[test]
    fn sorted_errors_of_classes(
        seed in 0_u64..1 << 40, b in 1_usize..4, classes in 2_u8..6, n in 1_usize..200,
        samples: bool, include: bool, form in 0_usize..3,
    ) {
        let k = usize::from(classes);
        let activation = [Activation::Softmax, Activation::Sigmoid, Activation::None][form];
        let values = match activation {
            Activation::None => uniform(b * k * n, seed, 0.0, 1.0),
            _ => normal(b * k * n, seed),
        };
        // Classes that do not occur in a sample, or at all.
        let ids: Vec<u8> = some_ids(b * n, seed + 1, classes)
            .iter()
            .map(|&id| if id == 1 { 0 } else { id })
            .collect();
        let sum_over = if samples { SumOver::Sample } else { SumOver::Batch };
        let absent = if include { AbsentClasses::Include } else { AbsentClasses::Exclude };
        let config = LovaszConfig { activation, sum_over, absent, ..LovaszConfig::default() };
        agrees(&values, (b, k, n), |x| Ok(lovasz_softmax(x, &ids, &config)?.loss))?;
        let config = LovaszHingeConfig { sum_over, ..LovaszHingeConfig::default() };
        agrees(&values, (b, k, n), |x| Ok(lovasz_hinge(x, &ids, &config)?.loss))?;
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let (shape, pixels) = ((3, 5, 700), 2100);
    let (values, ids) = (normal(5 * pixels, 1), some_ids(pixels, 2, 5));
    let losses: [Loss; 5] = [
        |x, ids| cross_entropy(x, ids, &CrossEntropyConfig::default()),
        |x, ids| Ok(soft_dice(x, ids, &SoftDiceConfig::default())?.loss),
        |x, ids| softmax_focal(x, ids, &SoftmaxFocalConfig::default()),
        |x, ids| Ok(lovasz_softmax(x, ids, &LovaszConfig::default())?.loss),
        |x, ids| Ok(lovasz_hinge(x, ids, &LovaszHingeConfig::default())?.loss),
    ];
    for loss in losses {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let x = var(&values, shape, DType::F32);
                let loss = loss(&x, &ids).unwrap();
                let bits: Vec<u64> = gradient(&loss, &x).into_iter().map(f64::to_bits).collect();
                (scalar(&loss).to_bits(), bits)
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5), "bits differ between thread counts");
    }
}

#[test]
fn without_a_variable_the_value_is_the_same() {
    let (shape, pixels) = ((2, 3, 50), 100);
    let (values, ids) = (normal(3 * pixels, 1), some_ids(pixels, 2, 3));
    let x = var(&values, shape, DType::F32);
    let fixed = x.as_detached_tensor();
    let focal = |x: &Tensor| softmax_focal(x, &ids, &SoftmaxFocalConfig::default()).unwrap();
    assert_eq!(scalar(&focal(&x)).to_bits(), scalar(&focal(&fixed)).to_bits());
    let lovasz = |x: &Tensor| lovasz_softmax(x, &ids, &LovaszConfig::default()).unwrap().loss;
    assert_eq!(scalar(&lovasz(&x)).to_bits(), scalar(&lovasz(&fixed)).to_bits());
    let cross = |x: &Tensor| cross_entropy(x, &ids, &CrossEntropyConfig::default()).unwrap();
    assert_eq!(scalar(&cross(&x)).to_bits(), scalar(&cross(&fixed)).to_bits());
    assert!(!cross(&fixed).track_op() && cross(&x).track_op());
    let dice = |x: &Tensor| soft_dice(x, &ids, &SoftDiceConfig::default()).unwrap().loss;
    assert_eq!(scalar(&dice(&x)).to_bits(), scalar(&dice(&fixed)).to_bits());
}

#[test]
fn nan_shows() {
    let ids = some_ids(60, 2, 3);
    let mut values = normal(180, 1);
    let known = ids.iter().position(|&id| id != 255).unwrap();
    values[known] = f64::NAN;
    let x = var(&values, (1, 3, 60), DType::F32);
    let focal = softmax_focal(&x, &ids, &SoftmaxFocalConfig::default()).unwrap();
    assert!(scalar(&focal).is_nan(), "{focal}");
    let lovasz = lovasz_softmax(&x, &ids, &LovaszConfig::default()).unwrap().loss;
    assert!(scalar(&lovasz).is_nan(), "{lovasz}");
    let hinge = lovasz_hinge(&x, &ids, &LovaszHingeConfig::default()).unwrap().loss;
    assert!(scalar(&hinge).is_nan(), "{hinge}");
}

/// One picture of several chunks, the last of them short: the same as composed, and the same bits
/// at any number of threads.
#[test]
fn a_large_picture_is_split_by_pixels() {
    let n = 2 * 16_384 + 777;
    let (shape, values) = ((1, 3, n), normal(3 * n, 1));
    let ids = some_ids(n, 2, 3);
    let losses: [Loss; 3] = [
        |x, ids| cross_entropy(x, ids, &CrossEntropyConfig::default()),
        |x, ids| Ok(soft_dice(x, ids, &SoftDiceConfig::default())?.loss),
        |x, ids| softmax_focal(x, ids, &SoftmaxFocalConfig::default()),
    ];
    for (i, loss) in losses.into_iter().enumerate() {
        let run = |threads, dtype| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let x = var(&values, shape, dtype);
                let found = loss(&x, &ids).unwrap();
                let fixed = loss(&x.as_detached_tensor(), &ids).unwrap();
                assert_eq!(scalar(&found).to_bits(), scalar(&fixed).to_bits(), "loss {i}");
                (scalar(&found), gradient(&found, &x))
            })
        };
        let (one, four) = (run(1, DType::F32), run(4, DType::F32));
        assert!(one.0.to_bits() == four.0.to_bits() && one.1 == four.1, "loss {i}: bits");
        let exact = run(2, DType::F64);
        assert!((one.0 - exact.0).abs() < 1e-6, "loss {i}: {} for {}", one.0, exact.0);
        let scale = exact.1.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        for (a, b) in one.1.iter().zip(&exact.1) {
            assert!((a - b).abs() < 1e-5 * scale, "loss {i}: slope {a} for {b}");
        }
    }
}

/// The same of all tasks of maps: sums over chunks make the Dice term of a sample.
#[test]
fn large_maps_are_split_by_pixels() {
    let batch = Batch::new(1, (2, 12, 131, 257), 5);
    let config = DenseLossConfig::default();
    let run = |threads, dtype| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (value, gradient, composite) = batch.run(dtype, &config);
            let fixed = batch.var(dtype).as_detached_tensor();
            let alone = dense_map_loss(&fixed, &batch.targets(), &config).unwrap();
            assert_eq!(scalar(&alone.loss).to_bits(), value.to_bits(), "without a gradient");
            (value, gradient, composite.terms)
        })
    };
    let (one, four) = (run(1, DType::F32), run(4, DType::F32));
    assert!(one == four, "bits differ between thread counts");
    let exact = run(2, DType::F64);
    for ((name, term), (_, expected)) in one.2.iter().zip(&exact.2) {
        assert!((term - expected).abs() < 1e-6 * expected.abs(), "{name}: {term}, {expected}");
    }
    let scale = exact.1.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    for (a, b) in one.1.iter().zip(&exact.1) {
        assert!((a - b).abs() < 1e-5 * scale, "slope {a} for {b}");
    }
}
