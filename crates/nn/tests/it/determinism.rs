//! The same bits at any number of threads.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    Conv2dConfig, ConvTranspose2dConfig, Interpolation, Pool2dConfig, StageLayer, Statistics,
    avg_pool2d, batch_norm2d, conv_stage, conv_transpose2d, conv2d, linear, max_pool2d, resize,
    silu, softmax, upsample_nearest2d,
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

/// All bits of single operations with their gradients.
fn operations() -> Vec<u32> {
    let wide = Var::from_tensor(&random32(&[1, 128, 9, 14], 1)).unwrap();
    let weight = Var::from_tensor(&random32(&[128, 128, 3, 3], 2)).unwrap();
    let x = Var::from_tensor(&random32(&[2, 20, 13, 18], 3)).unwrap();
    let small = Var::from_tensor(&random32(&[260, 20, 3, 3], 4)).unwrap();
    let up = Var::from_tensor(&random32(&[20, 6, 2, 2], 5)).unwrap();
    let rows = Var::from_tensor(&random32(&[70, 18], 6)).unwrap();
    let far = Conv2dConfig::square(1, 8, 8);
    let bilinear = Interpolation::Bilinear { align_corners: false };
    let pool = Pool2dConfig::square(3, 2, 1);
    let results = [
        conv2d(&wide, &weight, None, &Conv2dConfig::same(3)),
        conv2d(&x, &small, None, &Conv2dConfig::square(2, 1, 1)),
        conv2d(&x, &small, None, &far),
        conv_transpose2d(&x, &up, None, &ConvTranspose2dConfig::upsampling(2)),
        conv_transpose2d(&x, &up, None, &ConvTranspose2dConfig::default()),
        resize(&x, (19, 11), bilinear),
        avg_pool2d(&x, pool, true),
        max_pool2d(&x, pool),
        silu(&wide),
        softmax(&x, 1),
        linear(&x, &rows, None),
    ];
    let mut all = Vec::new();
    for y in results {
        let y = y.unwrap();
        let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let gradients = [&wide, &weight, &x, &small, &up, &rows].map(|v| grads.get(v).cloned());
        all.extend(std::iter::once(y).chain(gradients.into_iter().flatten()));
    }
    let bits = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    all.iter().flat_map(bits).map(f32::to_bits).collect()
}

#[test]
fn operations_have_the_same_bits_at_any_number_of_threads() {
    let with = |threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(operations)
    };
    let one = with(1);
    assert!(one.iter().all(|b| f32::from_bits(*b).is_finite()));
    for threads in [2, 3, 8] {
        assert!(one == with(threads), "other bits at {threads} threads");
    }
}

#[test]
fn results_are_the_same_bits_at_any_number_of_threads() {
    let configs = [
        Conv2dConfig::same(3),
        Conv2dConfig { stride: (2, 1), ..Conv2dConfig::same(3) },
        Conv2dConfig { groups: 4, ..Conv2dConfig::square(1, 2, 2) },
        Conv2dConfig::square(1, 3, 3),
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
