//! Networks that `bench_nn` times.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use mapvec_losses::{CrossEntropyConfig, cross_entropy};
use mapvec_models::{UNet, UNetConfig};
use mapvec_nn::{AdamW, AdamWConfig, ParameterStore};
use serde_json::Value;

use crate::measure::measure;

/// Warm-up and timed runs; one without warm-up in a check.
#[must_use]
pub fn runs(warm_up: usize, timed: usize, smoke: bool) -> (usize, usize) {
    if smoke { (0, 1) } else { (warm_up, timed) }
}

/// Values from -0.5 to 0.5 that no kernel can guess.
///
/// # Errors
/// The device fails.
pub fn noise(shape: &[usize]) -> Result<Tensor> {
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// A training step of a U-Net on `size` = batch and side: forward, cross-entropy,
/// backward, `AdamW`.
///
/// # Errors
/// The step fails.
pub fn training(
    case: &str,
    config: &UNetConfig,
    (batch, side): (usize, usize),
    smoke: bool,
) -> Result<Value> {
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let network = UNet::new(config, store.var_builder())?;
    let mut optimizer = AdamW::new(store.trainable(), &AdamWConfig::default())?;
    let pictures = noise(&[batch, config.in_channels, side, side])?;
    let classes: Vec<u8> = (0..batch * side * side).map(|i| (i % 7 % 2) as u8).collect();
    let loss_config = CrossEntropyConfig::uniform(config.out_channels);
    measure(case, store.parameter_count() as u64, runs(3, 9, smoke), || {
        let logits = network.forward(&pictures, true)?;
        let loss = cross_entropy(&logits, 0, &classes, &loss_config)?;
        Ok(optimizer.step(&loss.backward()?)?)
    })
}

/// A forward pass of a U-Net in evaluation.
///
/// # Errors
/// The pass fails.
pub fn inference(
    case: &str,
    config: &UNetConfig,
    (batch, side): (usize, usize),
    smoke: bool,
) -> Result<Value> {
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    UNet::new(config, store.var_builder())?;
    let network = UNet::new(config, store.frozen_var_builder())?;
    let pictures = noise(&[batch, config.in_channels, side, side])?;
    measure(case, store.parameter_count() as u64, runs(3, 15, smoke), || {
        network.forward(&pictures, false)?;
        Ok(())
    })
}
