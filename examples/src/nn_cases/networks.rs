//! Whole networks.

use anyhow::Result;
use candle_core::{DType, Device};
use mapvec_losses::{CrossEntropyConfig, cross_entropy};
use mapvec_models::{UNet, UNetConfig};
use mapvec_nn::{AdamWConfig, Optimizer, ParameterStore};

use super::{Case, middle, noise};

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
        let loss = cross_entropy(&net.forward(&pictures, true)?, 0, &labels, &classes)?;
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
