//! Layers: names, running statistics, modes.

use candle_core::{DType, Device, Tensor};
use mapvec_nn::{
    BatchNorm2d, BatchNormConfig, BiasInit, Conv2d, Conv2dConfig, ConvBnRelu, ParameterStore,
    reestimate_statistics, with_momentum,
};

use crate::{random32, worse};

fn vector(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn norm(channels: usize) -> (ParameterStore, BatchNorm2d) {
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let norm =
        BatchNorm2d::new(channels, &BatchNormConfig::default(), store.var_builder()).unwrap();
    (store, norm)
}

/// Mean and unbiased variance of channel 0.
fn moments(x: &Tensor) -> (f64, f64) {
    let values = vector(&x.narrow(1, 0, 1).unwrap());
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
}

#[test]
fn running_statistics_move_as_in_pytorch() {
    let (store, norm) = norm(3);
    let x = random32(&[2, 3, 5, 7], 4);
    norm.forward(&x, true).unwrap();
    let (mean, variance) = moments(&x);
    assert!((vector(norm.running_mean().as_tensor())[0] - 0.1 * mean).abs() < 1e-7);
    assert!((vector(norm.running_var().as_tensor())[0] - (0.9 + 0.1 * variance)).abs() < 1e-6);
    let shared = store.get("running_var").unwrap();
    assert_eq!(
        vector(shared.as_tensor()),
        vector(norm.running_var().as_tensor()),
        "the store sees the same numbers"
    );
    norm.forward(&x, false).unwrap();
    assert!(
        (vector(norm.running_mean().as_tensor())[0] - 0.1 * mean).abs() < 1e-7,
        "evaluation changes nothing"
    );
    norm.reset_running_statistics().unwrap();
    assert_eq!(vector(norm.running_var().as_tensor()), [1.0; 3]);
}

#[test]
fn reestimated_statistics_are_the_average_over_batches() {
    let (_, norm) = norm(2);
    norm.forward(&random32(&[1, 2, 4, 4], 99), true).unwrap();
    let batches: Vec<Tensor> = (0..3).map(|i| random32(&[2, 2, 6, 5], i)).collect();
    reestimate_statistics(3, |i| norm.forward(&batches[i], true).map(drop)).unwrap();
    let (means, variances): (Vec<f64>, Vec<f64>) = batches.iter().map(moments).unzip();
    assert!(
        (vector(norm.running_mean().as_tensor())[0] - means.iter().sum::<f64>() / 3.0).abs() < 1e-6
    );
    assert!(
        (vector(norm.running_var().as_tensor())[0] - variances.iter().sum::<f64>() / 3.0).abs()
            < 1e-6
    );
    let before = vector(norm.running_mean().as_tensor());
    with_momentum(0.0, || norm.forward(&batches[0], true)).unwrap();
    assert_eq!(vector(norm.running_mean().as_tensor()), before, "frozen");
}

#[test]
fn evaluation_of_the_training_batch_with_its_statistics_is_the_same() {
    let (_, norm) = norm(5);
    let x = random32(&[3, 5, 8, 8], 5);
    let trained = with_momentum(1.0, || norm.forward_relu(&x, true)).unwrap();
    // The running variance is unbiased: scale it back.
    let biased = (norm.running_var().as_tensor() * (191.0 / 192.0)).unwrap();
    let mean = norm.running_mean().as_tensor().copy().unwrap();
    norm.set_running_statistics(&mean, &biased).unwrap();
    let evaluated = norm.forward_relu(&x, false).unwrap();
    let gap = vector(&trained)
        .iter()
        .zip(vector(&evaluated))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, worse);
    assert!(gap < 1e-5, "{gap}");
    assert!(norm.set_running_statistics(&mean.narrow(0, 0, 2).unwrap(), &biased).is_err());
}

#[test]
fn blocks_are_named_as_in_pytorch_and_reach_all_parameters() {
    let store = ParameterStore::new(3, DType::F32, &Device::Cpu);
    let vb = store.var_builder();
    let block = ConvBnRelu::new(3, 16, 3, &Conv2dConfig::same(3), vb.pp("stem")).unwrap();
    let head = Conv2d::with_bias(
        16,
        2,
        (1, 1),
        &Conv2dConfig::default(),
        BiasInit::Constant(-2.0),
        vb.pp("head"),
    )
    .unwrap();
    let expected = [
        "stem.conv.weight",
        "stem.bn.weight",
        "stem.bn.bias",
        "stem.bn.running_mean",
        "stem.bn.running_var",
        "head.weight",
        "head.bias",
    ];
    assert_eq!(store.names(), expected);
    assert_eq!(vector(head.bias().unwrap()), [-2.0, -2.0]);
    let y = head.forward(&block.forward(&random32(&[2, 3, 9, 7], 1), true).unwrap()).unwrap();
    let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    for (name, var) in store.trainable() {
        let gradient = vector(grads.get(&var).unwrap());
        assert!(gradient.iter().any(|g| g.abs() > 0.0), "{name} has no gradient");
    }
}

#[test]
fn a_frozen_model_records_nothing_and_gives_the_same() {
    let store = ParameterStore::new(3, DType::F32, &Device::Cpu);
    let build = |vb| ConvBnRelu::new(3, 16, 3, &Conv2dConfig::same(3), vb).unwrap();
    let trained = build(store.var_builder());
    let x = random32(&[2, 3, 9, 7], 1);
    trained.forward(&x, true).unwrap();
    let frozen = build(store.frozen_var_builder());
    let (y, z) = (trained.forward(&x, false).unwrap(), frozen.forward(&x, false).unwrap());
    assert!(y.track_op() && !z.track_op());
    for (y, z) in vector(&y).iter().zip(vector(&z)) {
        assert!((y - z).abs() <= 1e-5 * (1.0 + y.abs()), "recorded {y}, frozen {z}");
    }
}
