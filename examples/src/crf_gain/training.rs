//! Small networks that have seen a few labelled points.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use mapvec_data::{PointConfig, PointStrategy, Progress, sample_points, sample_rng};
use mapvec_losses::{CrossEntropyConfig, cross_entropy};
use mapvec_models::{UNet, UNetConfig};
use mapvec_nn::{ParameterStore, softmax};
use mapvec_train::{StepLoss, TrainConfig, Trainer};
use ndarray::{Array2, Array3, Axis, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::scenes::{Scene, UNKNOWN};

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct PointTraining {
    /// Number of classes.
    pub classes: usize,
    /// Labelled points in each picture; none for all pixels.
    pub points: Option<usize>,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Crops in a step.
    pub batch: usize,
    /// Side of a crop, a multiple of 4.
    pub crop: usize,
    /// Seed of the points, the parameters and the order.
    pub seed: u64,
}

/// Trains a U-Net on points of some scenes.
///
/// # Errors
/// A scene is smaller than a crop or has too few pixels, or the loss diverges.
pub fn train(scenes: &[Scene], config: &PointTraining, progress: &dyn Progress) -> Result<UNet> {
    let &PointTraining { classes, steps, batch, crop, seed, .. } = config;
    let labels = labelled(scenes, config)?;
    let device = Device::Cpu;
    let store = ParameterStore::new(seed, DType::F32, &device);
    let network = UNet::new(&network_config(classes), store.var_builder())?;
    let settings = TrainConfig {
        steps,
        batch,
        learning_rate: 3e-3,
        seed,
        task: format!("{config:?}"),
        ..TrainConfig::default()
    };
    let loss =
        CrossEntropyConfig { ignore: Some(u32::from(UNKNOWN)), ..CrossEntropyConfig::default() };
    let mut trainer = Trainer::new(&store, &settings)?;
    trainer.fit(
        |step| {
            let mut rng = sample_rng(seed ^ 0x6372_6f70, step);
            let (mut pictures, mut targets) = (Vec::new(), Vec::new());
            for _ in 0..batch {
                let index = below(&mut rng, scenes.len());
                let (scene, sparse) = (&scenes[index], &labels[index]);
                let (height, width) = scene.truth.dim();
                let (y, x) =
                    (below(&mut rng, height - crop + 1), below(&mut rng, width - crop + 1));
                let mut picture = scene.picture.slice(s![y..y + crop, x..x + crop, ..]);
                let mut target = sparse.slice(s![y..y + crop, x..x + crop]);
                let turn = rng.next_u32();
                for axis in 0..2 {
                    if turn >> axis & 1 == 1 {
                        picture.invert_axis(Axis(axis));
                        target.invert_axis(Axis(axis));
                    }
                }
                pictures.extend(picture.permuted_axes([2, 0, 1]).iter().map(|v| scaled(*v)));
                targets.extend(target.iter().copied());
            }
            Ok((pictures, targets))
        },
        |(pictures, targets)| {
            let pictures = Tensor::from_vec(pictures, (batch, 3, crop, crop), &device)?;
            let logits = network.forward(&pictures, true)?;
            Ok(StepLoss { loss: cross_entropy(&logits, &targets[..], &loss)?, terms: Vec::new() })
        },
        |_| Ok(()),
        progress,
    )?;
    Ok(UNet::new(&network_config(classes), store.frozen_var_builder())?)
}

/// The labels that training sees.
#[expect(clippy::cast_sign_loss, reason = "points lie in the picture")]
fn labelled(scenes: &[Scene], config: &PointTraining) -> Result<Vec<Array2<u8>>> {
    let Some(count) = config.points else {
        return Ok(scenes.iter().map(|scene| scene.truth.clone()).collect());
    };
    let strategy = PointStrategy::Stratified { shares: std::collections::BTreeMap::new() };
    let points = PointConfig { count, strategy, ignore: vec![UNKNOWN] };
    let of = |(scene, index): (&Scene, u64)| {
        let mut sparse = Array2::from_elem(scene.truth.dim(), UNKNOWN);
        let mut rng = sample_rng(config.seed ^ 0x706f_696e, index);
        for point in sample_points(scene.truth.view(), &points, &mut rng)? {
            sparse[(point.y as usize, point.x as usize)] = point.class;
        }
        Ok(sparse)
    };
    scenes.iter().zip(0..).map(of).collect()
}

/// Probabilities of the classes, `[K, H, W]`, for a picture whose sides are multiples of 4.
///
/// # Errors
/// The network refuses the size.
pub fn probabilities(network: &UNet, scene: &Scene) -> Result<Array3<f32>> {
    let (height, width, _) = scene.picture.dim();
    let values: Vec<f32> =
        scene.picture.view().permuted_axes([2, 0, 1]).iter().map(|v| scaled(*v)).collect();
    let picture = Tensor::from_vec(values, (1, 3, height, width), &Device::Cpu)?;
    let found = softmax(&network.forward(&picture, false)?, 1)?;
    let (_, classes, ..) = found.dims4()?;
    let values = found.flatten_all()?.to_vec1::<f32>()?;
    Ok(Array3::from_shape_vec((classes, height, width), values)?)
}

fn network_config(classes: usize) -> UNetConfig {
    UNetConfig {
        widths: vec![12, 24, 48],
        convolutions: 2,
        out_channels: classes,
        ..UNetConfig::default()
    }
}

fn scaled(value: u8) -> f32 {
    f32::from(value) / 255.0 - 0.5
}

fn below(rng: &mut ChaCha8Rng, limit: usize) -> usize {
    (rng.next_u64() % limit.max(1) as u64) as usize
}
