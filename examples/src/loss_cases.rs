//! What `bench_losses` times; the peers' side is in `xtask/peers/losses.py`.

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, Var};
use mapvec_losses::{
    BceDiceConfig, CrossEntropyConfig, DiscriminativeConfig, SoftDiceConfig, ThicknessConfig,
    angle, bce_dice, cross_entropy, discriminative, soft_dice, thickness,
};
use mapvec_testkit::normal;

use crate::geometry_cases::inputs::uniform;
use crate::timed_case::Case;

/// Names of all cases.
pub const NAMES: [&str; 11] = [
    "cross-entropy",
    "weighted-cross-entropy",
    "partial-cross-entropy",
    "dice",
    "single-cross-entropy",
    "single-dice",
    "single-bce-dice",
    "single-angle",
    "single-thickness",
    "discriminative",
    "discriminative-train",
];

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
    let batch = (4, CLASSES, side, side);
    let single = |channels| (1, channels, 2 * side, 2 * side);
    match name {
        "cross-entropy" => classes(batch, false, false),
        "weighted-cross-entropy" => classes(batch, true, false),
        "partial-cross-entropy" => classes(batch, false, true),
        "dice" => dice(batch),
        "single-cross-entropy" => classes(single(8), false, false),
        "single-dice" => dice(single(8)),
        "single-bce-dice" => thin(single(1)),
        "single-angle" => angles(single(2)),
        "single-thickness" => widths(single(1)),
        "discriminative" => instances(side, false),
        "discriminative-train" => instances(side, true),
        _ => bail!("there is no case `{name}`; cases: {}", NAMES.join(", ")),
    }
}

/// Batch, channels, rows and columns.
type Shape = (usize, usize, usize, usize);

/// Cross-entropy of 4 x 10 x 256 x 256 or 1 x 8 x 512 x 512 logits, forward and backward; of the
/// partial one three pixels in ten have a class.
fn classes(shape: Shape, weighted: bool, partial: bool) -> Result<Case> {
    let logits = logits(shape, 51_002)?;
    let target = target(shape, partial);
    let class_weights = if weighted { class_weights() } else { vec![1.0; shape.1] };
    let config = CrossEntropyConfig { class_weights, ..CrossEntropyConfig::default() };
    let check = target.iter().map(|&class| u64::from(class)).sum();
    let work = move || backward(&logits, &cross_entropy(&logits, target.as_slice(), &config)?);
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// Soft Dice of the same logits: sums over the batch, the mean over classes.
fn dice(shape: Shape) -> Result<Case> {
    let logits = logits(shape, 51_002)?;
    let target = target(shape, false);
    let config = SoftDiceConfig::default();
    let check = target.iter().map(|&class| u64::from(class)).sum();
    let work = move || backward(&logits, &soft_dice(&logits, target.as_slice(), &config)?.loss);
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// Binary cross-entropy and Dice of a channel of 512 x 512; a pixel in ten is positive.
fn thin(shape: Shape) -> Result<Case> {
    let logits = logits(shape, 51_002)?;
    let of = |k| u8::from(uniform(51_003, k, UNIT) < 0.1);
    let target: Vec<u8> = (0..logits.elem_count()).map(of).collect();
    let config = BceDiceConfig::default();
    let check = target.iter().map(|&flag| u64::from(flag)).sum();
    let work = move || backward(&logits, &bce_dice(&logits, 0, &target, &config)?.loss);
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// The doubled angle of a picture of 512 x 512, known for three pixels in ten.
fn angles(shape: Shape) -> Result<Case> {
    let logits = logits(shape, 51_002)?;
    let target = known(shape, (0.0, std::f64::consts::PI));
    let check = target.iter().filter(|angle| !angle.is_nan()).count() as u64;
    let work = move || backward(&logits, &angle(&logits, 0, &target)?);
    Ok(Case { check, runs: (3, 30), work: Box::new(work) })
}

/// Widths of 1 to 9 px on a logarithmic scale, of as many pixels.
fn widths(shape: Shape) -> Result<Case> {
    let logits = logits(shape, 51_002)?;
    let target = known(shape, (1.0, 9.0));
    let config = ThicknessConfig::default();
    let check = target.iter().filter(|width| !width.is_nan()).count() as u64;
    let work = move || backward(&logits, &thickness(&logits, 0, &target, &config)?);
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
fn logits(shape: Shape, seed: u64) -> Result<Var> {
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    let values = normal(count, seed).into_iter().map(|value| value as f32).collect();
    Ok(Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)?)
}

/// Classes drawn at random, a class per channel.
fn target((batch, classes, height, width): Shape, partial: bool) -> Vec<u8> {
    let class = |k: usize| {
        if partial && uniform(51_004, k, UNIT) >= 0.3 {
            return UNKNOWN;
        }
        let drawn = uniform(51_003, k, UNIT) * classes as f64;
        (1..classes as u8).filter(|&class| f64::from(class) <= drawn).count() as u8
    };
    (0..batch * height * width).map(class).collect()
}

/// Values of three pixels in ten; those of the others are not known.
fn known((batch, _, height, width): Shape, range: (f64, f64)) -> Vec<f32> {
    let value = |k| match uniform(51_004, k, UNIT) < 0.3 {
        true => uniform(51_003, k, range) as f32,
        false => f32::NAN,
    };
    (0..batch * height * width).map(value).collect()
}

/// Goes back to the logits; the value of the loss.
fn backward(logits: &Var, loss: &Tensor) -> Result<f64> {
    let gradients = loss.backward()?;
    gradients.get(logits).context("no gradient")?;
    Ok(f64::from(loss.to_scalar::<f32>()?))
}
