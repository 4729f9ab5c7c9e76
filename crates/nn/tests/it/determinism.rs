//! The same bits at any number of threads.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    Conv2dConfig, StageLayer, Statistics, batch_norm2d, conv_stage, conv2d, max_pool2d,
    upsample_nearest2d,
};
use rayon::ThreadPoolBuilder;

use crate::random32;

/// All bits of a small network's output and gradients.
fn network(config: &Conv2dConfig) -> Vec<u32> {
    let x = Var::from_tensor(&random32(&[3, 20, 21, 18], 1)).unwrap();
    let w = Var::from_tensor(&random32(&[32, 20 / config.groups, 3, 3], 2)).unwrap();
    let bias = Var::from_tensor(&random32(&[32], 3)).unwrap();
    let gamma = Var::ones(32, DType::F32, &Device::Cpu).unwrap();
    let beta = Var::zeros(32, DType::F32, &Device::Cpu).unwrap();
    let layer = |weight, config| StageLayer {
        weight,
        config,
        gamma: &gamma,
        beta: &beta,
        statistics: Statistics::Batch,
        eps: 1e-5,
        relu: true,
    };
    let second = random32(&[32, 32, 3, 3], 4);
    let layers = [layer(w.as_tensor(), *config), layer(&second, Conv2dConfig::same(3))];
    let halves = [x.narrow(1, 0, 8).unwrap(), x.narrow(1, 8, 12).unwrap()];
    let one = conv_stage(&[&halves[0], &halves[1]], &layers, None).unwrap().0;
    let y = conv2d(&x, &w, Some(&bias), config).unwrap();
    let (y, _) = batch_norm2d(&y, (&gamma, &beta), &Statistics::Batch, 1e-5, true).unwrap();
    let y = upsample_nearest2d(&max_pool2d(&y, 2).unwrap(), 2).unwrap();
    let y = (y.mean_all().unwrap() + one.sqr().unwrap().mean_all().unwrap()).unwrap();
    let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let mut all: Vec<Tensor> = vec![y, one];
    all.extend([&x, &w, &bias, &gamma, &beta].map(|v| grads.get(v).unwrap().clone()));
    all.iter()
        .flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
        .map(f32::to_bits)
        .collect()
}

#[test]
fn results_are_the_same_bits_at_any_number_of_threads() {
    let configs = [
        Conv2dConfig::same(3),
        Conv2dConfig { stride: 2, ..Conv2dConfig::same(3) },
        Conv2dConfig { groups: 4, dilation: 2, ..Conv2dConfig::same(5) },
    ];
    for config in configs {
        let with = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| network(&config))
        };
        let one = with(1);
        assert!(one.iter().all(|b| f32::from_bits(*b).is_finite()));
        for threads in [2, 4] {
            assert!(one == with(threads), "{config:?} differs at {threads} threads");
        }
    }
}
