//! The CRF as a layer, trained from the parameters that a search has found.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use mapvec_data::{Silent, sample_rng};
use mapvec_losses::{LovaszConfig, lovasz_softmax};
use mapvec_metrics::Confusion;
use mapvec_models::{CrfKernels, CrfLayer, CrfLayerConfig};
use mapvec_nn::ParameterStore;
use mapvec_postprocess::crf::DenseCrfConfig;
use mapvec_train::{StepLoss, TrainConfig, Trainer};
use rand_chacha::rand_core::RngCore;

use super::scenes::UNKNOWN;
use super::study::{Seen, Trial, score};

/// Steps of the training.
const STEPS: u64 = 60;
/// Pictures in a step.
const BATCH: usize = 4;

/// Scores on the test pictures before and after training on the validation pictures. The
/// network stays as it is.
///
/// # Errors
/// The layer refuses a picture, or the loss diverges.
pub fn trained(trial: &Trial, crf: &DenseCrfConfig, seed: u64) -> Result<[Confusion; 2]> {
    let classes = trial.classes;
    let config = CrfLayerConfig { classes, crf: crf.clone(), ..CrfLayerConfig::default() };
    let store = ParameterStore::new(seed, DType::F32, &Device::Cpu);
    let layer = CrfLayer::new(&config, store.var_builder())?;
    let kernels = |seen: &[Seen]| {
        let of = |seen: &Seen| Ok(CrfKernels::new(seen.picture.image.view(), crf)?);
        seen.iter().map(of).collect::<Result<Vec<CrfKernels>>>()
    };
    let (seen, own) = (&trial.validation, kernels(&trial.validation)?);
    let before = scored(&layer, trial)?;
    // The rates suit the layer's parameters; decay would pull its factors from 1 to 0.
    let settings = TrainConfig {
        steps: STEPS,
        batch: BATCH,
        learning_rate: 0.02,
        weight_decay: 0.0,
        seed,
        ..TrainConfig::default()
    };
    // The parameters were searched for the best IoU, so the layer is trained for the same.
    let loss = LovaszConfig { ignore: Some(u32::from(UNKNOWN)), ..LovaszConfig::default() };
    let mut trainer = Trainer::new(&store, &settings)?;
    trainer.fit(
        |step| {
            let mut rng = sample_rng(seed ^ 0x6c61_7972, step);
            Ok([(); BATCH].map(|()| (rng.next_u64() % seen.len() as u64) as usize))
        },
        |batch| {
            let logits = batch.iter().map(|&i| logits(&seen[i])).collect::<Result<Vec<_>, _>>()?;
            let kernels: Vec<CrfKernels> = batch.iter().map(|&i| own[i].clone()).collect();
            let truth: Vec<u8> =
                batch.iter().flat_map(|&i| seen[i].scene.truth.iter().copied()).collect();
            let found = layer.forward(&Tensor::cat(&logits, 0)?, &kernels)?;
            Ok(StepLoss {
                loss: lovasz_softmax(&found, &truth[..], &loss)?.loss,
                terms: Vec::new(),
            })
        },
        |_| Ok(()),
        &Silent,
    )?;
    let layer = CrfLayer::new(&config, store.frozen_var_builder())?;
    Ok([before, scored(&layer, trial)?])
}

fn scored(layer: &CrfLayer, trial: &Trial) -> Result<Confusion> {
    score(&trial.test, trial.classes, |seen| {
        let kernels = CrfKernels::new(seen.picture.image.view(), &layer.config().crf)?;
        let found = layer.forward(&logits(seen)?, &[kernels])?.argmax(1)?.squeeze(0)?;
        let (rows, columns) = found.dims2()?;
        let labels = found.flatten_all()?.to_vec1::<u32>()?;
        let labels = labels.into_iter().map(|label| label as usize).collect();
        Ok(ndarray::Array2::from_shape_vec((rows, columns), labels)?)
    })
}

/// `[1, K, H, W]`.
fn logits(seen: &Seen) -> candle_core::Result<Tensor> {
    let unary = &seen.picture.unary;
    let (classes, rows, columns) = unary.dim();
    let values: Vec<f32> = unary.iter().map(|energy| -energy).collect();
    Tensor::from_vec(values, (1, classes, rows, columns), &Device::Cpu)
}
