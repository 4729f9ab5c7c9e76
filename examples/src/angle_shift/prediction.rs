//! From the waves of scenes to masks of their lines.

use std::f64::consts::PI;

use anyhow::{Context, Result};
use candle_core::Device;
use mapvec_data::Record;
use mapvec_fourier::{
    PlaneWave, Pose, ProposalConfig, SearchConfig, fit_wave, propose_waves, search_shift,
    unstraighten,
};
use mapvec_models::RowTransformer;
use mapvec_nn::sigmoid;
use mapvec_synth::{SeenWave, StraightWaveConfig};
use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

use super::batch::Batch;
use crate::wave_scores::bins_apart;

/// Samples that the network sees at once.
const BATCH: usize = 64;

/// A network and what it is shown.
#[derive(Debug)]
pub struct Predictor<'a> {
    /// The network.
    pub network: &'a RowTransformer,
    /// How scenes are made level.
    pub config: StraightWaveConfig,
    /// Whether it sees the wave.
    pub frequency: bool,
}

/// A sample as it was shown, and what came of it.
#[derive(Debug)]
pub struct Predicted {
    /// The sample.
    pub record: Record,
    /// Probabilities in the frame of the sample, `[S, S]`.
    pub level: Array2<f64>,
    /// The same in the frame of the scene, `[S, S]`.
    pub in_scene: Array2<f64>,
}

impl Predictor<'_> {
    /// Predictions for patterns by some waves, the true ones or others.
    ///
    /// # Errors
    /// A wave is none, or the network fails.
    pub fn predict(&self, seen: &[SeenWave], waves: &[PlaneWave]) -> Result<Vec<Predicted>> {
        let pairs: Vec<(&SeenWave, &PlaneWave)> = seen.iter().zip(waves).collect();
        let mut predicted = Vec::with_capacity(pairs.len());
        for pairs in pairs.chunks(BATCH) {
            let records: Vec<Record> = pairs
                .par_iter()
                .map(|(seen, wave)| seen.record(wave, &self.config))
                .collect::<mapvec_synth::Result<_>>()?;
            let batch = Batch::of(&records, self.frequency, &Device::Cpu)?;
            let logits = self.network.forward(&batch.pictures, &batch.waves)?;
            let values = sigmoid(&logits.squeeze(1)?)?.to_vec3::<f32>()?;
            for (record, rows) in records.into_iter().zip(values) {
                let (height, width) = (rows.len(), rows.first().map_or(0, Vec::len));
                let level = Array2::from_shape_fn((height, width), |(y, x)| rows[y][x].into());
                let in_scene = back(&level, &record)?;
                predicted.push(Predicted { record, level, in_scene });
            }
        }
        Ok(predicted)
    }
}

/// A plane in the frame of a sample, brought back to the frame of its scene.
///
/// # Errors
/// The sample has no pose.
pub fn back(level: &Array2<f64>, record: &Record) -> Result<Array2<f64>> {
    let pose = record.get("pose")?.values().as_f32().context("a pose of reals")?;
    let &[turned, slope] = pose else { anyhow::bail!("a pose of {} numbers", pose.len()) };
    let pose = Pose { turned: turned > 0.5, slope: slope.into() };
    let planes: Array3<f64> = level.clone().insert_axis(Axis(0));
    Ok(unstraighten(planes.view(), pose)?.index_axis(Axis(0), 0).to_owned())
}

/// A prediction for a pattern whose wave was found in the picture.
#[derive(Debug)]
pub struct Found {
    /// Probabilities in the frame of the scene, `[S, S]`.
    pub in_scene: Array2<f64>,
    /// The wave that gave them, moved to where its crests cover them best.
    pub moved: PlaneWave,
    /// How well these cover them, from 0 to 1.
    pub score: f64,
}

impl Predictor<'_> {
    /// Predictions for patterns by waves that were found in the picture, of which nobody knows
    /// whether their crests are lines or lie between them, as those of dark lines do: of both
    /// predictions the one that its own wave covers better.
    ///
    /// # Errors
    /// Those of [`Predictor::predict`].
    pub fn predict_found(&self, seen: &[SeenWave], waves: &[PlaneWave]) -> Result<Vec<Found>> {
        let between = |wave: &PlaneWave| PlaneWave { phase: wave.phase + PI, ..*wave };
        let others: Vec<PlaneWave> = waves.iter().map(between).collect();
        let both = [self.found(seen, waves)?, self.found(seen, &others)?];
        let [first, second] = both.map(Vec::into_iter);
        Ok(first.zip(second).map(|(a, b)| if b.score > a.score { b } else { a }).collect())
    }

    /// Predictions for waves as they are.
    ///
    /// # Errors
    /// Those of [`Predictor::predict`].
    pub fn found(&self, seen: &[SeenWave], waves: &[PlaneWave]) -> Result<Vec<Found>> {
        let predicted = self.predict(seen, waves)?;
        let pairs = predicted.into_iter().zip(waves);
        pairs.map(|(predicted, wave)| covered(predicted.in_scene, wave)).collect()
    }
}

/// The wave moved to where its crests cover a predicted mask best.
fn covered(in_scene: Array2<f64>, wave: &PlaneWave) -> Result<Found> {
    // The way back rings a little beyond 0 and 1.
    let mask = in_scene.mapv(|share| share.clamp(0.0, 1.0));
    let config = SearchConfig { range: 0.5, ..SearchConfig::default() };
    let found = search_shift(mask.view(), wave, &config)?;
    Ok(Found { in_scene, moved: found.wave, score: found.score })
}

/// The proposal of the noisy picture whose frequency is nearest to the pattern's, fitted to the
/// channel in which it is strongest; none if nothing is proposed.
///
/// # Errors
/// The picture is refused.
pub fn proposed(seen: &SeenWave) -> Result<Option<PlaneWave>> {
    let found = propose_waves(seen.picture.view(), None, &ProposalConfig::default())?;
    let apart = |wave: &PlaneWave| bins_apart(wave, &seen.wave, seen.mask.ncols());
    let nearest = found.iter().min_by(|a, b| apart(&a.wave).total_cmp(&apart(&b.wave)));
    let Some(nearest) = nearest else { return Ok(None) };
    let channel = seen.picture.index_axis(Axis(0), nearest.channel);
    Ok(Some(fit_wave(channel, None, &nearest.wave)?.wave))
}
