//! Whole networks.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use mapvec_losses::{CrossEntropyConfig, cross_entropy};
use mapvec_models::{DeepLabV3, DeepLabV3Config, ResNet, ResNetConfig, UNet, UNetConfig};
use mapvec_nn::{AdamWConfig, Optimizer, ParameterStore, SgdConfig, gather, log_softmax};

use super::{Case, middle, noise};

/// A backbone that is quick to run.
fn tiny() -> ResNetConfig {
    ResNetConfig { width: 8, depths: [1; 4], ..ResNetConfig::default() }
}

fn store() -> ParameterStore {
    ParameterStore::new(1, DType::F32, &Device::Cpu)
}

/// A training step of a U-Net: forward, cross-entropy of two classes, backward, `AdamW`.
pub(super) fn unet_train(
    widths: &[usize],
    (batch, side): (usize, usize),
    runs: (usize, usize),
    small: bool,
) -> Result<Case> {
    let (batch, side) = if small { (2, 16) } else { (batch, side) };
    let widths = widths.iter().map(|width| if small { width / 8 } else { *width }).collect();
    let store = store();
    let net = UNet::new(&UNetConfig { widths, ..UNetConfig::default() }, store.var_builder())?;
    let mut optimizer = Optimizer::new(store.trainable(), &AdamWConfig::default())?;
    let pictures = noise((batch, 3, side, side))?;
    let labels: Vec<u8> = (0..batch * side * side).map(|i| u8::from(i % 7 < 3)).collect();
    let classes = CrossEntropyConfig::uniform(2);
    let work = move || {
        let loss = cross_entropy(&net.forward(&pictures, true)?, &labels, &classes)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        optimizer.step(&loss.backward()?)?;
        Ok(value)
    };
    Ok(Case { check: store.parameter_count() as u64, runs, work: Box::new(work) })
}

/// A U-Net in eval mode.
pub(super) fn unet_infer(small: bool) -> Result<Case> {
    let (batch, side) = if small { (1, 32) } else { (4, 128) };
    let store = store();
    let config = UNetConfig::default();
    UNet::new(&config, store.var_builder())?;
    let net = UNet::new(&config, store.frozen_var_builder())?;
    let pictures = noise((batch, 3, side, side))?;
    let work = move || middle(&net.forward(&pictures, false)?);
    Ok(Case { check: store.parameter_count() as u64, runs: (3, 15), work: Box::new(work) })
}

/// ResNet-50 on one picture of 224 x 224 pixels, in eval mode.
pub(super) fn resnet50_infer(small: bool) -> Result<Case> {
    let (config, side) = if small { (tiny(), 32) } else { (ResNetConfig::resnet50(), 224) };
    let store = store();
    ResNet::new(&config, store.var_builder())?;
    let net = ResNet::new(&config, store.frozen_var_builder())?;
    let pictures = noise((1, 3, side, side))?;
    let work = move || middle(&net.forward(&pictures, false)?);
    Ok(Case { check: store.parameter_count() as u64, runs: (3, 10), work: Box::new(work) })
}

/// A training step of ResNet-50 on four pictures of 128 x 128 pixels: forward,
/// cross-entropy of 1000 classes, backward, gradient descent with momentum.
pub(super) fn resnet50_train(small: bool) -> Result<Case> {
    let (config, side) = if small { (tiny(), 32) } else { (ResNetConfig::resnet50(), 128) };
    let store = store();
    let net = ResNet::new(&config, store.var_builder())?;
    let config = SgdConfig { learning_rate: 1e-2, momentum: 0.9, ..SgdConfig::default() };
    let mut optimizer = Optimizer::new(store.trainable(), &config)?;
    let pictures = noise((4, 3, side, side))?;
    let target = Tensor::new(&[[1_u32], [20], [300], [999]], &Device::Cpu)?;
    let work = move || {
        let loss = log_softmax(&net.forward(&pictures, true)?, 1)?;
        let loss = gather(&loss, 1, &target)?.mean_all()?.neg()?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        optimizer.step(&loss.backward()?)?;
        Ok(value)
    };
    Ok(Case { check: store.parameter_count() as u64, runs: (2, 6), work: Box::new(work) })
}

/// `DeepLabV3` on ResNet-50, one picture of 256 x 256 pixels, in eval mode.
pub(super) fn deeplab_infer(small: bool) -> Result<Case> {
    let mut config = DeepLabV3Config::default();
    if small {
        config.backbone = ResNetConfig { dilate: config.backbone.dilate, ..tiny() };
    }
    let store = store();
    DeepLabV3::new(&config, store.var_builder())?;
    let net = DeepLabV3::new(&config, store.frozen_var_builder())?;
    let side = if small { 32 } else { 256 };
    let pictures = noise((1, 3, side, side))?;
    let work = move || middle(&net.forward(&pictures, false)?.out);
    Ok(Case { check: store.parameter_count() as u64, runs: (1, 5), work: Box::new(work) })
}
