//! Waves, soft F1, weights of heads.
//!
//! The expected numbers are `torch` 2.15 and `numpy` in double precision on the same inputs.

use std::f64::consts::PI;

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    AdaptiveWeightsConfig, Error, FrequencyLossConfig, Likelihood, Reduction, SoftF1Config,
    adaptive_sum, adaptive_weights, frequency_loss, frequency_scores, soft_f1_loss,
    uncertainty_sum,
};
use proptest::prelude::*;

use crate::support::{
    DTYPES, assert_finite, assert_first_gradient, assert_golden, assert_gradient, assert_near,
    assert_nothing, bell, even, gradient, scalar, tensor, values, var,
};

fn waves(n: usize, seed: u64) -> Tensor {
    let frequency = (bell((n, 2), seed) * 5.0).unwrap();
    Tensor::cat(&[frequency, even((n, 1), seed + 1, -PI, PI)], 1).unwrap()
}

const SHARES: FrequencyLossConfig = FrequencyLossConfig {
    magnitude_weight: 0.5,
    orientation_weight: 0.3,
    phase_weight: 0.2,
    reduction: Reduction::Mean,
};

#[test]
fn waves_equal_the_golden_values() {
    let (p, t, w) = (var(&waves(40, 63000)), waves(40, 63002), even(40, 63004, 0.0, 1.0));
    let loss = frequency_loss(&p, &t, Some(&w), &SHARES).unwrap();
    assert_golden(&loss, &p, 5.322408372480044e-1, 2.293001845570058e-2, -1.699897392151062e-3);
    let q = var(&even((3, 50), 63010, 0.0, 1.0));
    let y = even((3, 50), 63011, 0.0, 1.0).lt(0.4).unwrap().to_dtype(DType::F64).unwrap();
    let w = even((3, 50), 63012, 0.0, 1.0);
    let loss = soft_f1_loss(&q, &y, Some(&w), &SoftF1Config::default()).unwrap();
    assert_golden(&loss, &q, 5.232256343040352e-1, 1.030972220008006e-1, -1.881390574547108e-2);
    assert_first_gradient(&[waves(9, 1), waves(9, 3)], |x| {
        frequency_loss(&x[0], &x[1], None, &SHARES)
    });
    let config = SoftF1Config { reduction: Reduction::None };
    assert_first_gradient(&[even((3, 50), 5, 0.0, 1.0), y.clone()], |x| {
        soft_f1_loss(&x[0], &x[1], Some(&w), &config)
    });
}

#[test]
fn scores_pick_the_best_wave() {
    let (proposals, truth) = (waves(6, 7), waves(4, 9));
    let config = FrequencyLossConfig { reduction: Reduction::None, ..SHARES };
    let all = frequency_scores(
        &proposals.unsqueeze(0).unwrap(),
        &truth.unsqueeze(0).unwrap(),
        None,
        &config,
    );
    let all = values(&all.unwrap());
    let valid = tensor(vec![1.0, 0.0, 1.0, 0.0], (1, 4));
    let some = frequency_scores(
        &proposals.unsqueeze(0).unwrap(),
        &truth.unsqueeze(0).unwrap(),
        Some(&valid),
        &config,
    );
    let some = values(&some.unwrap());
    for k in 0..6 {
        let own = proposals.get(k).unwrap();
        let scores: Vec<f64> = (0..4)
            .map(|t| {
                1.0 - scalar(&frequency_loss(&own, &truth.get(t).unwrap(), None, &config).unwrap())
            })
            .collect();
        let best = scores.iter().copied().fold(0.0, f64::max);
        assert_near(all[k], best, 1e-12);
        assert_near(some[k], scores[0].max(scores[2]), 1e-12);
    }
    let none = Tensor::zeros((1, 0, 3), DType::F64, &Device::Cpu).unwrap();
    let scores = frequency_scores(&proposals.unsqueeze(0).unwrap(), &none, None, &config).unwrap();
    assert!(values(&scores).iter().all(|score| *score == 0.0));
}

#[test]
fn waves_without_frequency_and_empty_targets() {
    for dtype in DTYPES {
        let zero = var(&Tensor::zeros((2, 3), dtype, &Device::Cpu).unwrap());
        let config = FrequencyLossConfig::default();
        assert_nothing(&frequency_loss(&zero, &zero.detach(), None, &config).unwrap(), &zero);
        let target = waves(2, 11).to_dtype(dtype).unwrap();
        assert_finite(&frequency_loss(&zero, &target, None, &config).unwrap(), &zero);
        let none = var(&Tensor::zeros((0, 3), dtype, &Device::Cpu).unwrap());
        assert_nothing(&frequency_loss(&none, &none.detach(), None, &config).unwrap(), &none);
        let empty = var(&Tensor::zeros((2, 5), dtype, &Device::Cpu).unwrap());
        let config = SoftF1Config::default();
        let loss = soft_f1_loss(&empty, &empty.detach(), None, &config).unwrap();
        assert_nothing(&loss, &empty);
        let full = empty.ones_like().unwrap();
        assert_near(scalar(&soft_f1_loss(&empty, &full, None, &config).unwrap()), 1.0, 1e-6);
        assert_near(scalar(&soft_f1_loss(&full, &empty, None, &config).unwrap()), 1.0, 1e-6);
        let mut broken = values(&target);
        broken[1] = f64::NAN;
        let broken = tensor(broken, (2, 3)).to_dtype(dtype).unwrap();
        let config = FrequencyLossConfig::default();
        assert!(scalar(&frequency_loss(&broken, &target, None, &config).unwrap()).is_nan());
        assert!(scalar(&frequency_loss(&target, &broken, None, &config).unwrap()).is_nan());
    }
    let config = FrequencyLossConfig {
        magnitude_weight: 0.0,
        orientation_weight: 0.0,
        phase_weight: 0.0,
        reduction: Reduction::Mean,
    };
    assert!(matches!(config.validate(), Err(Error::Config { .. })));
}

#[test]
fn weights_move_to_the_largest_losses() {
    let (losses, weights) = ([1.5, 0.2, 0.9], [0.5, 0.3, 0.2]);
    let golden = [
        (20.0, [0.5112235346448534, 0.2896931199504157, 0.19908334540473094]),
        (0.3, [0.7294721758079559, 0.1552691035375765, 0.11525872065446757]),
    ];
    for (regularization, expected) in golden {
        let config = AdaptiveWeightsConfig { regularization, ..Default::default() };
        let moved = adaptive_weights(&losses, &weights, &config).unwrap();
        for (moved, expected) in moved.iter().zip(expected) {
            assert_near(*moved, expected, 1e-12);
        }
    }
    let config = AdaptiveWeightsConfig::default();
    let still = |losses: &[f64]| adaptive_weights(losses, &weights, &config).unwrap();
    for (a, b) in still(&[0.7; 3]).iter().zip(weights) {
        assert_near(*a, b, 1e-9);
    }
    assert_eq!(still(&[f64::NAN, 1.0, 2.0]), weights);
    assert_eq!(still(&[f64::INFINITY, 1.0, 2.0]), weights);
    assert!(adaptive_weights(&losses, &[1.0; 2], &config).is_err());
    assert!(adaptive_weights(&losses, &[1.0, -1.0, 1.0], &config).is_err());
    // No gradient passes the weights: it is the weight itself.
    let x = var(&tensor(losses.to_vec(), 3));
    let names = ["class", "angle", "thickness"];
    let terms: Vec<_> =
        names.iter().enumerate().map(|(i, name)| (*name, x.get(i).unwrap())).collect();
    let sum = adaptive_sum(&terms, &weights, &config).unwrap();
    for (a, b) in gradient(&sum.loss, &x).iter().zip(golden[0].1) {
        assert_near(*a, b, 1e-12);
    }
    assert_eq!(sum.term("angle"), Some(0.2));
}

#[test]
fn learnt_weights_find_the_best_variance() {
    let losses = [0.8, 0.05, 3.0];
    let kinds = [Likelihood::Gaussian, Likelihood::Gaussian, Likelihood::Categorical];
    let build = |x: &[Tensor]| -> Vec<_> {
        ["a", "b", "c"]
            .into_iter()
            .zip(kinds)
            .enumerate()
            .map(|(i, (name, kind))| (name, kind, x[0].get(i).unwrap()))
            .collect()
    };
    let l = tensor(losses.to_vec(), 3);
    assert_gradient(&[l.clone(), bell(3, 1)], |x| Ok(uncertainty_sum(&build(x), &x[1])?.loss));
    let best = losses.iter().zip([1.0, 1.0, 2.0]).map(|(loss, c): (&f64, f64)| (c * loss).ln());
    let s = var(&tensor(best.collect(), 3));
    let composite = uncertainty_sum(&build(std::slice::from_ref(&l)), &s).unwrap();
    assert!(gradient(&composite.loss, &s).iter().all(|g| g.abs() < 1e-12));
    assert_eq!(composite.term("c"), Some(3.0));
    let zero = Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap();
    let plain = scalar(&uncertainty_sum(&build(&[l]), &zero).unwrap().loss);
    assert_near(plain, 0.4 + 0.025 + 3.0, 1e-12);
    assert!(plain > scalar(&composite.loss));
    assert!(uncertainty_sum(&[], &bell(0, 1)).is_err());
    assert!(uncertainty_sum(&[], &bell(2, 1)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_wave_and_its_opposite_are_the_same(seed: u32) {
        let seed = u64::from(seed);
        let (p, t) = (waves(8, seed), waves(8, seed + 2));
        let config = FrequencyLossConfig { reduction: Reduction::None, ..SHARES };
        let loss = |p: &Tensor, t: &Tensor| values(&frequency_loss(p, t, None, &config).unwrap());
        let (forth, back) = (loss(&p, &t), loss(&t, &p));
        let turned = loss(&p.neg().unwrap(), &t);
        let own = loss(&p, &p.neg().unwrap());
        let later = tensor(vec![0.0, 0.0, 2.0 * PI], (1, 3));
        let later = loss(&p.broadcast_add(&later).unwrap(), &t);
        for i in 0..8 {
            prop_assert!((0.0..=1.0).contains(&forth[i]));
            prop_assert!((forth[i] - back[i]).abs() < 1e-12);
            prop_assert!((forth[i] - turned[i]).abs() < 1e-12);
            prop_assert!((forth[i] - later[i]).abs() < 1e-12);
            prop_assert!(own[i].abs() < 1e-12);
        }
    }

    #[test]
    fn soft_f1_is_a_dice_coefficient(seed: u32) {
        let seed = u64::from(seed);
        let (p, t) = (even((2, 9), seed, 0.0, 1.0), even((2, 9), seed + 1, 0.0, 1.0));
        let config = SoftF1Config { reduction: Reduction::None };
        let loss = values(&soft_f1_loss(&p, &t, None, &config).unwrap());
        let sum = |x: &Tensor| values(&x.sum(1).unwrap());
        let (both, p, t) = (sum(&(&p * &t).unwrap()), sum(&p), sum(&t));
        for i in 0..2 {
            prop_assert!((loss[i] - (1.0 - 2.0 * both[i] / (p[i] + t[i]))).abs() < 1e-12);
        }
    }

    #[test]
    fn adaptive_weights_keep_their_sum(
        losses in prop::collection::vec(-1e3_f64..1e3, 1..6), rate in 0.0_f64..1.0,
        regularization in 0.1_f64..30.0,
    ) {
        let weights: Vec<f64> = (1..=losses.len()).map(|i| i as f64).collect();
        let config = AdaptiveWeightsConfig { regularization, rate, ..Default::default() };
        let moved = adaptive_weights(&losses, &weights, &config).unwrap();
        let (before, after): (f64, f64) = (weights.iter().sum(), moved.iter().sum());
        prop_assert!((before - after).abs() < 1e-9 * before);
        prop_assert!(moved.iter().all(|w| w.is_finite() && *w >= 0.0));
        // A larger loss never loses weight to a smaller one.
        for i in 0..losses.len() {
            for j in 0..losses.len() {
                let gain = |k: usize| moved[k] / weights[k];
                prop_assert!(losses[i] < losses[j] || gain(i) >= gain(j) - 1e-12);
            }
        }
    }
}
