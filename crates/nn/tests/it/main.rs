//! Gradients, kernels, saving and training of `mapvec-nn`, from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test is to panic")]

mod attention;
mod boxes;
mod determinism;
mod dropout;
mod elementwise;
mod extremes;
mod fft;
mod gather;
mod grid_sample;
mod half;
mod layers;
mod ops;
mod optimisers;
mod pooling;
mod rows;
mod stage;
mod training;
mod transposed;

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Values from -1 to 1 in `f64`.
fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// The same, as `f32` values.
fn random32(shape: &[usize], seed: u64) -> Tensor {
    random(shape, seed).to_dtype(candle_core::DType::F32).unwrap()
}

/// The larger of two errors, where NaN is the largest: `f64::max` would drop it.
fn worse(worst: f64, error: f64) -> f64 {
    if worst.is_nan() || error <= worst { worst } else { error }
}
