//! The backbone that finds lines, and the scorer on top of it.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use mapvec_data::{Progress, Record, Source};
use mapvec_losses::{AbsoluteErrorConfig, absolute_error};
use mapvec_models::{UNet, UNetConfig, WaveScorer, WaveScorerConfig};
use mapvec_nn::{ParameterStore, bce_with_logits};
use mapvec_train::{History, StepLoss, TrainConfig, Trainer};

use super::batch::{Batch, NUMBERS};

/// What a scorer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The picture, the other proposals and three numbers of each: strength, amplitude and place by
    /// strength.
    All,
    /// A grey picture.
    NoPicture,
    /// None of the numbers.
    NoNumbers,
    /// No other proposals.
    Alone,
}

impl Variant {
    /// What is measured first, then what it is without a part.
    pub const ALL: [Self; 4] = [Self::All, Self::NoPicture, Self::NoNumbers, Self::Alone];

    /// How tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::NoPicture => "without the picture",
            Self::NoNumbers => "without strengths",
            Self::Alone => "each proposal alone",
        }
    }
}

/// How long both are trained, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Steps of the backbone.
    pub backbone: u64,
    /// Steps of the scorer.
    pub scorer: u64,
    /// Pictures of a step.
    pub batch: usize,
    /// Seed of initial values.
    pub seed: u64,
}

fn backbone_config() -> UNetConfig {
    UNetConfig {
        widths: vec![12, 24, 48],
        convolutions: 2,
        out_channels: 1,
        ..UNetConfig::default()
    }
}

fn settings(schedule: &Schedule, steps: u64, learning_rate: f64, task: &str) -> TrainConfig {
    TrainConfig {
        steps,
        batch: schedule.batch,
        learning_rate,
        clip_norm: 1.0,
        seed: schedule.seed,
        log_every: (steps / 40).max(1),
        task: task.to_owned(),
        ..TrainConfig::default()
    }
}

/// Trains a U-Net to tell lines from ground; the parameters and what was measured.
///
/// # Errors
/// The source fails or the loss diverges.
pub fn train_backbone(
    source: &dyn Source<Sample = Record>,
    schedule: &Schedule,
    progress: &dyn Progress,
) -> Result<(ParameterStore, History)> {
    let store = ParameterStore::new(schedule.seed, DType::F32, &Device::Cpu);
    let network = UNet::new(&backbone_config(), store.var_builder())?;
    let config = settings(schedule, schedule.backbone, 5e-3, "lines");
    let mut trainer = Trainer::new(&store, &config)?;
    trainer.fit(
        |step| batch(source, step, schedule.batch),
        |batch| {
            let logits = network.forward(&batch.pictures, true)?;
            let loss = bce_with_logits(&logits, &batch.lines)?.mean_all()?;
            Ok(StepLoss { loss, terms: Vec::new() })
        },
        |_| Ok(()),
        progress,
    )?;
    Ok((store, trainer.history().clone()))
}

/// The backbone as it is used: nothing in it can be trained.
///
/// # Errors
/// The store holds another network.
pub fn frozen_backbone(store: &ParameterStore) -> Result<UNet> {
    Ok(UNet::new(&backbone_config(), store.frozen_var_builder())?)
}

fn batch(
    source: &dyn Source<Sample = Record>,
    step: u64,
    count: usize,
) -> mapvec_train::Result<Batch> {
    let first = (step as usize * count) % source.len().max(1);
    Batch::of(source, first, count).map_err(|error| {
        mapvec_train::Error::Data(mapvec_data::Error::Sample {
            index: first,
            reason: error.to_string(),
        })
    })
}

/// A trained scorer.
#[derive(Debug)]
pub struct Scorer {
    network: WaveScorer,
    variant: Variant,
    /// Its parameters without those of the backbone.
    pub store: ParameterStore,
    /// What was measured.
    pub history: History,
}

impl Scorer {
    /// Trains a scorer on a frozen backbone by the mean absolute error of its qualities.
    ///
    /// # Errors
    /// The source fails or the loss diverges.
    pub fn train(
        backbone: &ParameterStore,
        variant: Variant,
        source: &dyn Source<Sample = Record>,
        schedule: &Schedule,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let config = WaveScorerConfig {
            numbers: if variant == Variant::NoNumbers { 0 } else { NUMBERS },
            context_layers: usize::from(variant != Variant::Alone),
            ..WaveScorerConfig::default()
        };
        let store = ParameterStore::new(schedule.seed, DType::F32, &Device::Cpu);
        let network = WaveScorer::new(&config, frozen_backbone(backbone)?, store.var_builder())?;
        let config = settings(schedule, schedule.scorer, 5e-3, &format!("{variant:?}"));
        let mut trainer = Trainer::new(&store, &config)?;
        trainer.fit(
            |step| batch(source, step, schedule.batch),
            |batch| {
                let found = qualities(&network, variant, &batch)?;
                let weights = batch.mask.to_dtype(DType::F32)?;
                let error = AbsoluteErrorConfig::default();
                let loss = absolute_error(&found, &batch.qualities, Some(&weights), &error)?;
                Ok(StepLoss { loss, terms: Vec::new() })
            },
            |_| Ok(()),
            progress,
        )?;
        let history = trainer.history().clone();
        let network = WaveScorer::new(
            network.config(),
            frozen_backbone(backbone)?,
            store.frozen_var_builder(),
        )?;
        Ok(Self { network, variant, store, history })
    }

    /// Qualities of the proposals of a batch: `[B][K]`.
    ///
    /// # Errors
    /// The batch has another size.
    pub fn qualities(&self, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        Ok(qualities(&self.network, self.variant, batch)?.to_vec2()?)
    }
}

fn qualities(network: &WaveScorer, variant: Variant, batch: &Batch) -> candle_core::Result<Tensor> {
    let proposals = batch.proposals(variant != Variant::NoNumbers);
    if variant == Variant::NoPicture {
        return network.forward(&batch.pictures.zeros_like()?, &proposals);
    }
    network.forward(&batch.pictures, &proposals)
}
