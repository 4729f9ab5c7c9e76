//! The CRF on what networks predict: parameters and gate chosen on some pictures, scored on others.

use std::ops::AddAssign;
use std::time::Instant;

use anyhow::{Context, Result};
use mapvec_metrics::{Confusion, confusion};
use mapvec_models::UNet;
use mapvec_postprocess::crf::{
    DenseCrf, DenseCrfConfig, GateConfig, InferenceConfig, SearchConfig, ValidationPicture,
    infer_where_uncertain, search_on_pictures, unary_from_probabilities,
};
use ndarray::Array2;

use super::layer;
use super::scenes::{Scene, UNKNOWN};
use super::training::probabilities;

/// What a gate may be chosen from, fastest first: strides, widenings and confidences.
const STRIDES: [usize; 2] = [4, 3];
const WIDENINGS: [f64; 3] = [2.0, 1.4, 1.0];
const CONFIDENCES: [f32; 3] = [0.8, 0.9, 1.0];
/// Gates that are compared: without a stride, which only leaves certain pixels alone, and with one.
pub const COMPARED: [GateSetting; 8] = [
    GateSetting { stride: 1, widening: 1.0, confidence: 0.6 },
    GateSetting { stride: 1, widening: 1.0, confidence: 0.8 },
    GateSetting { stride: 1, widening: 1.0, confidence: 0.9 },
    GateSetting { stride: 3, widening: 1.4, confidence: 0.8 },
    GateSetting { stride: 4, widening: 1.4, confidence: 0.8 },
    GateSetting { stride: 2, widening: 1.4, confidence: 1.0 },
    GateSetting { stride: 3, widening: 1.4, confidence: 1.0 },
    GateSetting { stride: 4, widening: 1.4, confidence: 1.0 },
];
/// How often times are taken.
const REPETITIONS: usize = 5;

/// What gates differ in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSetting {
    /// The field runs on every so many rows and columns.
    pub stride: usize,
    /// What colour deviations are multiplied by there.
    pub widening: f64,
    /// Pixels as certain as this are left alone.
    pub confidence: f32,
}

impl GateSetting {
    fn config(self, crf: &DenseCrfConfig) -> GateConfig {
        let Self { stride, widening, confidence } = self;
        let crf = crf.clone();
        GateConfig { crf, stride, widening, confidence, margin: 0, ..GateConfig::default() }
    }
}

/// A picture with what a network says about it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Picture and truth.
    pub scene: Scene,
    /// Picture, energies and truth as the CRF takes them.
    pub picture: ValidationPicture,
}

/// Lets a network look at scenes.
///
/// # Errors
/// The network refuses the size.
pub fn look(network: &UNet, scenes: &[Scene]) -> Result<Vec<Seen>> {
    let seen = |scene: &Scene| {
        let unary = unary_from_probabilities(probabilities(network, scene)?.view())?;
        let image = scene.picture.view().permuted_axes([2, 0, 1]).mapv(f32::from);
        let (truth, unknown) = (scene.truth.mapv(usize::from), usize::from(UNKNOWN));
        let picture = ValidationPicture::new(image, unary, truth.view(), Some(unknown));
        Ok(Seen { scene: scene.clone(), picture })
    };
    scenes.iter().map(seen).collect()
}

/// Pictures to choose on and pictures to score on.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Number of classes.
    pub classes: usize,
    /// To choose on.
    pub validation: Vec<Seen>,
    /// To score on.
    pub test: Vec<Seen>,
}

/// What was found on the pictures that are scored; outcomes of parts of a data set add up.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The network alone.
    pub network: Confusion,
    /// With the published parameters.
    pub published: Confusion,
    /// With the parameters that were searched.
    pub searched: Confusion,
    /// The same by gates: the chosen one, then those of [`COMPARED`].
    pub gated: Vec<Confusion>,
    /// As a layer with these parameters before training, and afterwards.
    pub layer: [Confusion; 2],
    /// Median seconds of the whole field, then of the gated ones.
    pub seconds: Vec<f64>,
    /// The gates that were chosen.
    pub chosen: Vec<GateSetting>,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.network += other.network;
        self.published += other.published;
        self.searched += other.searched;
        self.gated.resize(other.gated.len(), Confusion::default());
        self.gated.iter_mut().zip(other.gated).for_each(|(sum, counts)| *sum += counts);
        let [before, after] = other.layer;
        self.layer[0] += before;
        self.layer[1] += after;
        self.seconds.resize(other.seconds.len(), 0.0);
        self.seconds.iter_mut().zip(other.seconds).for_each(|(sum, seconds)| *sum += seconds);
        self.chosen.extend(other.chosen);
    }
}

/// Searches parameters from the published ones.
///
/// # Errors
/// The CRF refuses a picture.
pub fn searched(validation: &[Seen]) -> Result<DenseCrfConfig> {
    let pictures: Vec<ValidationPicture> = validation.iter().map(|s| s.picture.clone()).collect();
    let (start, inference) = (DenseCrfConfig::default(), InferenceConfig::default());
    Ok(search_on_pictures(&pictures, &start, &inference, &SearchConfig::default())?.config)
}

/// Labels of a picture by the whole field; without iterations those of the network.
///
/// # Errors
/// The CRF refuses the picture.
pub fn whole(seen: &Seen, crf: &DenseCrfConfig, iterations: usize) -> Result<Array2<usize>> {
    let inference = InferenceConfig { iterations, ..InferenceConfig::default() };
    let field = DenseCrf::new(seen.picture.image.view(), crf)?;
    Ok(field.infer(seen.picture.unary.view(), &inference)?.labels)
}

fn gated(seen: &Seen, gate: &GateConfig) -> Result<Array2<usize>> {
    Ok(infer_where_uncertain(seen.picture.image.view(), seen.picture.unary.view(), gate)?.labels)
}

/// Counts of classes of all pictures.
///
/// # Errors
/// What `labels` returns; a label that is no class.
pub fn score(
    seen: &[Seen],
    classes: usize,
    labels: impl Fn(&Seen) -> Result<Array2<usize>>,
) -> Result<Confusion> {
    let counts = |seen: &Seen| {
        let labels = labels(seen)?.mapv(|label| label as u8);
        Ok(confusion(labels.view(), seen.scene.truth.view(), classes, Some(UNKNOWN))?)
    };
    seen.iter().map(counts).sum()
}

/// Mean `IoU`, 0 without a pixel.
#[must_use]
pub fn iou(counts: &Confusion) -> f64 {
    counts.mean_iou().unwrap_or(0.0)
}

/// Chooses parameters, gate and layer on the one part, and scores them on the other.
///
/// # Errors
/// The CRF refuses a picture, or the training of the layer diverges.
pub fn study(trial: &Trial, seed: u64) -> Result<(Outcome, DenseCrfConfig)> {
    let Trial { classes, validation, test } = trial;
    let (classes, published) = (*classes, DenseCrfConfig::default());
    let crf = searched(validation)?;
    let gate = chosen_gate(trial, &crf)?;
    let gates: Vec<GateConfig> =
        [gate].into_iter().chain(COMPARED).map(|gate| gate.config(&crf)).collect();
    let of = |crf: &DenseCrfConfig, iterations| {
        score(test, classes, |seen| whole(seen, crf, iterations))
    };
    let outcome = Outcome {
        network: of(&published, 0)?,
        published: of(&published, 5)?,
        searched: of(&crf, 5)?,
        gated: gates
            .iter()
            .map(|gate| score(test, classes, |seen| gated(seen, gate)))
            .collect::<Result<_>>()?,
        layer: layer::trained(trial, &crf, seed)?,
        seconds: times(test, &crf, &gates)?,
        chosen: vec![gate],
    };
    Ok((outcome, crf))
}

/// The gate with the best score on the validation pictures, of equal ones the fastest.
fn chosen_gate(trial: &Trial, crf: &DenseCrfConfig) -> Result<GateSetting> {
    let all = STRIDES.iter().flat_map(|&stride| {
        WIDENINGS.iter().flat_map(move |&widening| {
            CONFIDENCES.map(|confidence| GateSetting { stride, widening, confidence })
        })
    });
    let (mut best, mut highest) = (None, f64::NEG_INFINITY);
    for setting in all {
        let gate = setting.config(crf);
        let found = iou(&score(&trial.validation, trial.classes, |seen| gated(seen, &gate))?);
        if found > highest {
            (best, highest) = (Some(setting), found);
        }
    }
    best.context("no gate")
}

/// Median seconds for all pictures on one thread, by turns: the whole field, the gated ones.
fn times(test: &[Seen], crf: &DenseCrfConfig, gates: &[GateConfig]) -> Result<Vec<f64>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut taken = vec![Vec::new(); gates.len() + 1];
    for _ in 0..REPETITIONS {
        for (which, taken) in taken.iter_mut().enumerate() {
            let gate = which.checked_sub(1).and_then(|gate| gates.get(gate));
            let start = Instant::now();
            pool.install(|| -> Result<()> {
                for seen in test {
                    gate.map_or_else(|| whole(seen, crf, 5), |gate| gated(seen, gate))?;
                }
                Ok(())
            })?;
            taken.push(start.elapsed().as_secs_f64());
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(REPETITIONS / 2).copied().context("no time")
    };
    taken.into_iter().map(median).collect()
}
