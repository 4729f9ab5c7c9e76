//! One training of one variant, and its scores.

use anyhow::{Context, Result};
use candle_core::{DType, Device};
use mapvec_data::{Progress, Source};
use mapvec_fourier::PlaneWave;
use mapvec_losses::{SigmoidFocalConfig, sigmoid_focal};
use mapvec_metrics::{Confusion, confusion};
use mapvec_models::RowTransformer;
use mapvec_nn::ParameterStore;
use mapvec_synth::{SeenWave, StraightWaveGenerator};
use mapvec_train::{ScheduleKind, StepLoss, TrainConfig, Trainer};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::prediction::{Found, Predicted, Predictor, back, proposed};
use super::variant::{Variant, Waves};

/// Ratios of signal to noise that are scored, decibels.
pub const RATIOS: [f64; 3] = [6.0, 0.0, -6.0];
/// Separates the scenes that are scored from those that are learned from.
const HELD_BACK: u64 = 0x7A11_DA7E;

/// Sizes of a training.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Settings {
    /// Side of the scenes, px.
    pub size: usize,
    /// Optimiser steps.
    pub steps: u64,
    /// Samples per step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Samples that are scored at each ratio.
    pub held_back: usize,
}

/// Pixels that were found right and wrong at each of [`RATIOS`], 0 background, 1 line.
pub type Scores = [Confusion; RATIOS.len()];

/// Scores by where the wave is from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The true wave.
    pub truth: Scores,
    /// The nearest proposal, fitted to the picture; the same, moved to cover the mask that it gave,
    /// and used once more. Only for variants for which this is asked.
    pub found: Option<[Scores; 2]>,
}

/// A trained network and its course.
#[derive(Debug)]
pub struct Trained {
    /// Its parameters.
    pub store: ParameterStore,
    /// The network, no longer learning.
    pub network: RowTransformer,
    /// What was measured on the way, and the whole state.
    pub trainer: Trainer,
}

/// The loss of pixels.
fn loss_config() -> SigmoidFocalConfig {
    SigmoidFocalConfig { alpha: None, ..SigmoidFocalConfig::default() }
}

/// Everything that decides an outcome, as text.
///
/// # Errors
/// It cannot be written as JSON.
pub fn task(variant: &Variant, seed: u64, settings: &Settings) -> Result<String> {
    let (data, shape) = (variant.training(settings.size), variant.network());
    let parts = (data, shape, loss_config(), variant.frequency, settings, seed, RATIOS);
    Ok(serde_json::to_string(&parts)?)
}

/// Trains a variant.
///
/// # Errors
/// A setting is out of range, or the training diverges.
pub fn train(
    variant: &Variant,
    seed: u64,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Trained> {
    let (data, shape) = (variant.training(settings.size), variant.network());
    let loss = loss_config();
    let config = TrainConfig {
        steps: settings.steps,
        batch: settings.batch,
        learning_rate: settings.learning_rate,
        weight_decay: 1e-2,
        schedule: ScheduleKind::OneCycle,
        clip_norm: 1.0,
        log_every: (settings.steps / 40).max(1),
        seed,
        task: task(variant, seed, settings)?,
    };
    let samples = usize::try_from(settings.steps)?.saturating_mul(settings.batch);
    let source = StraightWaveGenerator::new(&data, seed, samples)?;
    let device = Device::Cpu;
    let store = ParameterStore::new(seed, DType::F32, &device);
    let network = RowTransformer::new(&shape, store.var_builder())?;
    let mut trainer = Trainer::new(&store, &config)?;
    let batch = |step: u64| -> mapvec_train::Result<Batch> {
        let first = step as usize * settings.batch;
        let records: mapvec_data::Result<Vec<_>> =
            (first..first + settings.batch).map(|index| source.get(index)).collect();
        Batch::of(&records?, variant.frequency, &device)
    };
    let forward = |batch: Batch| -> mapvec_train::Result<StepLoss> {
        let logits = network.forward(&batch.pictures, &batch.waves)?;
        Ok(StepLoss { loss: sigmoid_focal(&logits, &batch.masks, &loss)?, terms: Vec::new() })
    };
    trainer.fit(batch, forward, |_| Ok(()), progress)?;
    let frozen = RowTransformer::new(&shape, store.frozen_var_builder())?;
    Ok(Trained { store, network: frozen, trainer })
}

/// The patterns that are scored at a ratio.
///
/// # Errors
/// A setting is out of range.
pub fn held_back(
    variant: &Variant,
    seed: u64,
    settings: &Settings,
    decibels: f64,
) -> Result<Vec<SeenWave>> {
    let config = variant.held_back(settings.size, decibels);
    let source = StraightWaveGenerator::new(&config, seed ^ HELD_BACK, settings.held_back)?;
    Ok((0..settings.held_back).map(|index| source.seen(index)).collect::<Result<_, _>>()?)
}

/// Scores of a network in the frame of the scenes.
///
/// # Errors
/// The network fails.
pub fn evaluate(
    variant: &Variant,
    network: &RowTransformer,
    seed: u64,
    settings: &Settings,
) -> Result<Outcome> {
    let found = (variant.waves == Waves::Proposed).then(Default::default);
    let mut outcome = Outcome { found, ..Outcome::default() };
    for (at, decibels) in RATIOS.into_iter().enumerate() {
        let seen = held_back(variant, seed, settings, decibels)?;
        let config = variant.held_back(settings.size, decibels);
        let predictor = Predictor { network, config, frequency: variant.frequency };
        let truth: Vec<PlaneWave> = seen.iter().map(|seen| seen.wave).collect();
        for (seen, found) in seen.iter().zip(predictor.predict(&seen, &truth)?) {
            outcome.truth[at] += score(seen, &found.in_scene)?;
        }
        if let Some(found) = &mut outcome.found {
            score_found(&predictor, seen, found.each_mut().map(|scores| &mut scores[at]))?;
        }
    }
    Ok(outcome)
}

/// Counts for waves that were found in the pictures, and for these once they are moved.
fn score_found(
    predictor: &Predictor<'_>,
    seen: Vec<SeenWave>,
    [first, second]: [&mut Confusion; 2],
) -> Result<()> {
    let (mut known, mut waves) = (Vec::new(), Vec::new());
    for seen in seen {
        if let Some(wave) = proposed(&seen)? {
            known.push(seen);
            waves.push(wave);
        } else {
            // Nothing is found where nothing is proposed.
            let nothing = score(&seen, &Array2::zeros(seen.mask.dim()))?;
            *first += nothing.clone();
            *second += nothing;
        }
    }
    let found = predictor.predict_found(&known, &waves)?;
    let moved: Vec<PlaneWave> = found.iter().map(|found| found.moved).collect();
    let again = predictor.found(&known, &moved)?;
    let add = |counts: &mut Confusion, found: &[Found]| -> Result<()> {
        for (seen, found) in known.iter().zip(found) {
            *counts += score(seen, &found.in_scene)?;
        }
        Ok(())
    };
    add(first, &found)?;
    add(second, &again)
}

/// Scores of masks that no network made: those that the network learns, and what is above the
/// middle of the wave.
///
/// # Errors
/// A setting is out of range.
pub fn without_network(variant: &Variant, seed: u64, settings: &Settings) -> Result<[Scores; 2]> {
    let (mut labels, mut waves) = (Scores::default(), Scores::default());
    for (at, decibels) in RATIOS.into_iter().enumerate() {
        let config = variant.held_back(settings.size, decibels);
        for seen in held_back(variant, seed, settings, decibels)? {
            let record = seen.record(&seen.wave, &config)?;
            let values = record.get("mask")?.values().as_f32().context("a mask of reals")?;
            let values = values.iter().map(|share| f64::from(*share)).collect();
            let label = Array2::from_shape_vec(seen.mask.dim(), values)?;
            labels[at] += score(&seen, &back(&label, &record)?)?;
            waves[at] += score(&seen, &seen.wave.field(seen.mask.dim()))?;
        }
    }
    Ok([labels, waves])
}

/// Counts of a mask of probabilities in the frame of a scene.
fn score(seen: &SeenWave, in_scene: &Array2<f64>) -> Result<Confusion> {
    let byte = |plane: &Array2<f64>| plane.mapv(|share| u8::from(share > 0.5));
    Ok(confusion(byte(in_scene).view(), byte(&seen.mask).view(), 2, None)?)
}

/// A few predictions to look at, at a ratio, with their patterns.
///
/// # Errors
/// The network fails.
pub fn examples(
    variant: &Variant,
    network: &RowTransformer,
    (seed, count, decibels): (u64, usize, f64),
    settings: &Settings,
) -> Result<Vec<(SeenWave, Predicted)>> {
    let settings = Settings { held_back: count, ..*settings };
    let seen = held_back(variant, seed, &settings, decibels)?;
    let config = variant.held_back(settings.size, decibels);
    let predictor = Predictor { network, config, frequency: variant.frequency };
    let truth: Vec<PlaneWave> = seen.iter().map(|seen| seen.wave).collect();
    let predicted = predictor.predict(&seen, &truth)?;
    Ok(seen.into_iter().zip(predicted).collect())
}
