//! Class probabilities of small networks that have seen a few labelled points only.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use mapvec_data::{
    ImageLimits, PointConfig, PointStrategy, Progress, Source, read_image, sample_points,
    sample_rng,
};
use mapvec_losses::{CrossEntropyConfig, cross_entropy};
use mapvec_models::{UNet, UNetConfig};
use mapvec_nn::{ParameterStore, softmax};
use mapvec_synth::{PatternConfig, PatternOutput, PatternRecords};
use mapvec_train::{StepLoss, TrainConfig, Trainer};
use ndarray::{Array2, Array3, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

/// The class of pixels that nobody knows.
pub const UNKNOWN: u8 = 255;

/// A picture and the class of its pixels.
#[derive(Debug, Clone)]
pub struct Scene {
    /// `[H, W, 3]`.
    pub picture: Array3<u8>,
    /// `[H, W]`, [`UNKNOWN`] where unknown.
    pub truth: Array2<u8>,
}

/// Generated scenes of patterns: background, line, shape; with noise of `noise` grey levels.
///
/// # Errors
/// A setting is out of range.
#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
pub fn pattern_scenes(seed: u64, count: usize, size: usize, noise: f32) -> Result<Vec<Scene>> {
    let outputs = vec![PatternOutput::Img, PatternOutput::LineLabel, PatternOutput::ShapeLabel];
    let config = PatternConfig {
        size,
        outputs,
        scale_with_size: true,
        min_contrast: 0.15,
        ..PatternConfig::default()
    };
    let source = PatternRecords::new(&config, seed, count)?;
    (0..count)
        .map(|index| {
            let record = source.get(index)?;
            let plane = |name: &str| -> Result<Vec<f32>> {
                let values = record.get(name)?.values();
                let bytes = |v: &[u8]| v.iter().map(|&v| f32::from(v)).collect();
                let found = values.as_f32().map(<[f32]>::to_vec);
                found.or_else(|| values.as_u8().map(bytes)).with_context(|| name.to_owned())
            };
            let mut rng = sample_rng(seed ^ 0x6e6f_6973, index as u64);
            let picture = plane("img")?.into_iter().map(|value| {
                (value * 255.0 + noise * normal(&mut rng)).round().clamp(0.0, 255.0) as u8
            });
            let picture = Array3::from_shape_vec((size, size, 3), picture.collect())?;
            let (lines, shapes) = (plane("line_label")?, plane("shape_label")?);
            let truth = lines.iter().zip(&shapes).map(|(line, shape)| match (line, shape) {
                (l, _) if *l > 0.5 => 1,
                (_, s) if *s > 0.5 => 2,
                _ => 0,
            });
            Ok(Scene { picture, truth: Array2::from_shape_vec((size, size), truth.collect())? })
        })
        .collect()
}

/// Sum of twelve uniform numbers: normal enough for noise of pictures.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..12).map(|_| (rng.next_u32() >> 8) as f32 / 16_777_216.0).sum();
    sum - 6.0
}

/// Aerial pictures with land cover: `folder/rgb/*.png` and `folder/lc/*.png`, classes from 1
/// to `classes` become 0 and up.
///
/// # Errors
/// A file is missing, or has another size than its picture.
pub fn land_cover(folder: &Path, classes: u8) -> Result<Vec<Scene>> {
    let entries = std::fs::read_dir(folder.join("rgb"))
        .with_context(|| format!("no pictures in {}", folder.display()))?;
    let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let limits = ImageLimits::default();
    paths
        .iter()
        .map(|path| {
            let picture = read_image(path, &limits)?;
            let name = path.file_name().context("a picture without a name")?;
            let truth = read_image(&folder.join("lc").join(name), &limits)?;
            let truth = truth.slice_move(s![.., .., 0]);
            ensure!(truth.dim() == (picture.dim().0, picture.dim().1), "{}", path.display());
            let truth = truth.mapv(|c| if (1..=classes).contains(&c) { c - 1 } else { UNKNOWN });
            Ok(Scene { picture, truth })
        })
        .collect()
}

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct PointTraining {
    /// Number of classes.
    pub classes: usize,
    /// Labelled points in each picture.
    pub points: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Crops in a step.
    pub batch: usize,
    /// Side of a crop, a multiple of 8.
    pub crop: usize,
    /// Seed of the points, the parameters and the order.
    pub seed: u64,
}

/// Trains a U-Net on points of some scenes.
///
/// # Errors
/// A scene is smaller than a crop or has too few pixels, or the loss diverges.
#[expect(clippy::cast_sign_loss, reason = "points lie in the picture")]
pub fn train_on_points(
    scenes: &[Scene],
    config: &PointTraining,
    progress: &dyn Progress,
) -> Result<UNet> {
    let &PointTraining { classes, points, steps, batch, crop, seed } = config;
    let strategy = PointStrategy::Stratified { shares: std::collections::BTreeMap::new() };
    let points = PointConfig { count: points, strategy, ignore: vec![UNKNOWN] };
    let mut labels = Vec::new();
    for (scene, index) in scenes.iter().zip(0..) {
        let mut sparse = Array2::from_elem(scene.truth.dim(), UNKNOWN);
        let mut rng = sample_rng(seed ^ 0x706f_696e, index);
        for point in sample_points(scene.truth.view(), &points, &mut rng)? {
            sparse[(point.y as usize, point.x as usize)] = point.class;
        }
        labels.push(sparse);
    }
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
                if turn & 1 == 1 {
                    picture.invert_axis(ndarray::Axis(0));
                    target.invert_axis(ndarray::Axis(0));
                }
                if turn & 2 == 2 {
                    picture.invert_axis(ndarray::Axis(1));
                    target.invert_axis(ndarray::Axis(1));
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
