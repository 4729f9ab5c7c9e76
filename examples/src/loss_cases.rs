//! What `bench_losses` times; the peers' side is in `xtask/peers/losses.py`.

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, Var};
use mapvec_losses::{
    CrossEntropyConfig, DiscriminativeConfig, SoftDiceConfig, cross_entropy, discriminative,
    soft_dice,
};
use mapvec_testkit::normal;

use crate::geometry_cases::inputs::uniform;
use crate::timed_case::Case;

/// Names of all cases.
pub const NAMES: [&str; 6] = [
    "cross-entropy",
    "weighted-cross-entropy",
    "partial-cross-entropy",
    "dice",
    "discriminative",
    "discriminative-train",
];

const BATCH: usize = 4;
const CLASSES: usize = 10;
const UNIT: (f64, f64) = (0.0, 1.0);
/// Marks a pixel without a class.
const UNKNOWN: u8 = 255;

/// Makes the inputs of a case.
///
/// # Errors
/// There is no such case.
pub fn case(name: &str, small: bool) -> Result<Case> {
    let side = if small { 16 } else { 256 };
    match name {
        "cross-entropy" => classes(side, false, false),
        "weighted-cross-entropy" => classes(side, true, false),
        "partial-cross-entropy" => classes(side, false, true),
        "dice" => dice(side),
        "discriminative" => instances(side, false),
        "discriminative-train" => instances(side, true),
        _ => bail!("there is no case `{name}`; cases: {}", NAMES.join(", ")),
    }
}

/// Cross-entropy of 4 x 10 x 256 x 256 logits, forward and backward; of the partial one three
/// pixels in ten have a class.
fn classes(side: usize, weighted: bool, partial: bool) -> Result<Case> {
    let logits = logits((BATCH, CLASSES, side, side), 51_002)?;
    let target = target(BATCH * side * side, partial);
    let class_weights = if weighted { class_weights() } else { vec![1.0; CLASSES] };
    let config = CrossEntropyConfig { class_weights, ..CrossEntropyConfig::uniform(CLASSES) };
    let check = target.iter().map(|&class| u64::from(class)).sum();
    let work = move || backward(&logits, &cross_entropy(&logits, target.as_slice(), &config)?);
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// Soft Dice of the same logits: sums over the batch, the mean over classes.
fn dice(side: usize) -> Result<Case> {
    let logits = logits((BATCH, CLASSES, side, side), 51_002)?;
    let target = target(BATCH * side * side, false);
    let config = SoftDiceConfig::default();
    let check = target.iter().map(|&class| u64::from(class)).sum();
    let work = move || backward(&logits, &soft_dice(&logits, target.as_slice(), &config)?.loss);
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// The discriminative loss of 8 x 256 x 256 embeddings with 20 instances: the value, or the
/// value and its gradient.
fn instances(side: usize, train: bool) -> Result<Case> {
    let embeddings = logits((1, 8, side, side), 51_000)?;
    let ids: Vec<u32> = (0..side * side)
        .map(|k| (1..21_u32).filter(|&id| f64::from(id) <= uniform(51_001, k, UNIT) * 21.0).count())
        .map(|id| u32::try_from(id).unwrap_or_default())
        .collect();
    let config = DiscriminativeConfig::default();
    let check = ids.iter().map(|&id| u64::from(id)).sum();
    let fixed = embeddings.as_detached_tensor();
    let work = move || {
        if train {
            return backward(&embeddings, &discriminative(&embeddings, &ids, None, &config)?.loss);
        }
        let loss = discriminative(&fixed, &ids, None, &config)?.loss;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    };
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// Weights 0.5 to 5.
fn class_weights() -> Vec<f64> {
    (1..=10_u8).map(|class| f64::from(class) / 2.0).collect()
}

/// Normal numbers.
fn logits(shape: (usize, usize, usize, usize), seed: u64) -> Result<Var> {
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    let values = normal(count, seed).into_iter().map(|value| value as f32).collect();
    Ok(Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)?)
}

/// Classes drawn at random.
fn target(count: usize, partial: bool) -> Vec<u8> {
    let class = |k: usize| {
        let drawn = uniform(51_003, k, UNIT) * 10.0;
        let known = !partial || uniform(51_004, k, UNIT) < 0.3;
        if known {
            (1..10_u8).filter(|&class| f64::from(class) <= drawn).count() as u8
        } else {
            UNKNOWN
        }
    };
    (0..count).map(class).collect()
}

/// Goes back to the logits; the value of the loss.
fn backward(logits: &Var, loss: &Tensor) -> Result<f64> {
    let gradients = loss.backward()?;
    gradients.get(logits).context("no gradient")?;
    Ok(f64::from(loss.to_scalar::<f32>()?))
}
