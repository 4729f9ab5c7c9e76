//! Records of proposals of waves as tensors.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use mapvec_data::{Record, Shapes, Source, collate};
use mapvec_models::WaveProposals;
use mapvec_synth::{WaveConfig, WaveOutput, WaveProposalConfig, WaveProposalGenerator};

/// Further numbers of every proposal: strength, logarithm of the amplitude, place by strength.
pub const NUMBERS: usize = 3;

/// Noisy pictures with their proposals.
#[derive(Debug)]
pub struct Batch {
    /// `[B, 3, S, S]`, around 0.
    pub pictures: Tensor,
    /// 1 on lines: `[B, 1, S, S]`.
    pub lines: Tensor,
    /// `[B, K, 3]`.
    pub waves: Tensor,
    /// `[B, K]`.
    pub mask: Tensor,
    /// `[B, K, 3]`.
    pub numbers: Tensor,
    /// `[B, K]`.
    pub qualities: Tensor,
}

impl Batch {
    /// Samples `first`, `first + 1`, ...
    ///
    /// # Errors
    /// The source fails or lacks an array.
    pub fn of(source: &dyn Source<Sample = Record>, first: usize, count: usize) -> Result<Self> {
        let records = (first..first + count).map(|index| source.get(index));
        Self::join(&records.collect::<mapvec_data::Result<Vec<_>>>()?)
    }

    /// Records of one size and one number of proposals.
    ///
    /// # Errors
    /// A record lacks an array.
    pub fn join(records: &[Record]) -> Result<Self> {
        let batch = collate(records, &Shapes::new())?;
        let reals = |name: &str| -> Result<Tensor> {
            let field = batch.get(name)?;
            let values = field.values().as_f32().with_context(|| format!("{name} has no reals"))?;
            Ok(Tensor::from_slice(values, field.shape(), &Device::Cpu)?)
        };
        let bytes = |name: &str| -> Result<Tensor> {
            let field = batch.get(name)?;
            let values = field.values().as_u8().with_context(|| format!("{name} has no bytes"))?;
            Ok(Tensor::from_slice(values, field.shape(), &Device::Cpu)?)
        };
        let planes = |image: Tensor| image.permute((0, 3, 1, 2))?.contiguous();
        let mask = bytes("proposals_mask")?;
        let strengths = reals("proposal_strengths")?;
        let amplitudes = reals("proposal_amplitudes")?;
        Ok(Self {
            pictures: (planes(reals("img")?)? - 0.5)?,
            lines: planes(bytes("classes")?.to_dtype(DType::F32)?)?,
            waves: reals("proposals")?,
            numbers: numbers(&strengths, &amplitudes)?,
            mask,
            qualities: reals("proposal_qualities")?,
        })
    }

    /// The proposals as the network takes them.
    #[must_use]
    pub fn proposals(&self, numbers: bool) -> WaveProposals<'_> {
        let numbers = numbers.then_some(&self.numbers);
        WaveProposals { waves: &self.waves, mask: &self.mask, numbers }
    }
}

/// [`NUMBERS`] of each proposal, about from -1 to 1: `[B, K, 3]`.
fn numbers(strengths: &Tensor, amplitudes: &Tensor) -> Result<Tensor> {
    let (strengths, amplitudes) = (strengths.to_vec2::<f32>()?, amplitudes.to_vec2::<f32>()?);
    let (b, k) = (strengths.len(), strengths.first().map_or(0, Vec::len));
    ensure!(k > 0, "records without room for a proposal");
    let mut values = Vec::with_capacity(b * k * NUMBERS);
    for (strengths, amplitudes) in strengths.iter().zip(&amplitudes) {
        for (strength, amplitude) in strengths.iter().zip(amplitudes) {
            let stronger = strengths.iter().filter(|other| *other > strength).count();
            // Amplitudes of pictures from 0 to 1 lie between 0.005 and 0.5.
            let level = (amplitude.max(1e-4).ln() + 3.0) / 2.0;
            values.extend([2.0 * strength - 1.0, level, 2.0 * stronger as f32 / k as f32 - 1.0]);
        }
    }
    Ok(Tensor::from_vec(values, (b, k, NUMBERS), &Device::Cpu)?)
}

/// What a score is to say of a proposal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// How tables call it.
    pub name: &'static str,
    /// Weights of the frequency's size, its direction and the phase in qualities.
    pub weights: [f64; 3],
}

/// The first is matched by the first of [`DECISIONS`](super::judged::DECISIONS), and so on.
pub const TARGETS: [Target; 2] = [
    Target { name: "frequency", weights: [1.0, 1.0, 0.0] },
    Target { name: "frequency and phase", weights: [1.0; 3] },
];

/// A source of `len` records of scenes of `side` px, each at one of some ratios of signal to noise,
/// with qualities of a target. With `truth` records hold the true waves, too.
///
/// # Errors
/// The configuration is refused.
pub fn source(
    (side, snr): (usize, &[Option<f64>]),
    target: &Target,
    truth: bool,
    (seed, len): (u64, usize),
) -> Result<WaveProposalGenerator> {
    let mut outputs = vec![WaveOutput::Img, WaveOutput::Classes];
    if truth {
        outputs.extend([WaveOutput::Frequencies, WaveOutput::Phases]);
    }
    let config = WaveProposalConfig {
        scene: WaveConfig { size: side, outputs, ..WaveConfig::default() },
        snr: snr.to_vec(),
        quality_weights: target.weights,
        ..WaveProposalConfig::default()
    };
    Ok(WaveProposalGenerator::new(&config, seed, len)?)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use mapvec_losses::{FrequencyLossConfig, frequency_scores};

    use super::*;

    #[test]
    fn qualities_are_the_scores_of_the_losses() {
        // Phases are compared in the middle: moved there for the loss.
        let moved = |waves: &[f32]| -> Vec<f32> {
            let turn = |w: &[f32]| (f64::from(w[2]) + PI * f64::from(w[0] + w[1])) as f32;
            waves.chunks_exact(3).flat_map(|w| [w[0], w[1], turn(w)]).collect()
        };
        for target in &TARGETS {
            let source = source((32, &[Some(0.0)]), target, true, (3, 20)).unwrap();
            let [magnitude_weight, orientation_weight, phase_weight] = target.weights;
            let config = FrequencyLossConfig {
                magnitude_weight,
                orientation_weight,
                phase_weight,
                ..FrequencyLossConfig::default()
            };
            for index in 0..source.len() {
                let record = source.get(index).unwrap();
                let reals = |name: &str| record.get(name).unwrap().values().as_f32().unwrap();
                let proposals = moved(reals("proposals"));
                let truth: Vec<f32> = reals("frequencies")
                    .chunks_exact(2)
                    .zip(reals("phases"))
                    .flat_map(|(f, phase)| [f[0], f[1], *phase])
                    .collect();
                let truth = moved(&truth);
                let tensor = |waves: Vec<f32>| {
                    let shape = (1, waves.len() / 3, 3);
                    Tensor::from_vec(waves, shape, &Device::Cpu).unwrap()
                };
                let scores = frequency_scores(&tensor(proposals), &tensor(truth), None, &config);
                let scores = scores.unwrap().to_vec2::<f32>().unwrap();
                let mask = record.get("proposals_mask").unwrap().values().as_u8().unwrap();
                let found = scores[0].iter().zip(reals("proposal_qualities")).zip(mask);
                for ((a, b), _) in found.filter(|(_, valid)| **valid == 1) {
                    assert!((a - b).abs() < 1e-4, "record {index}: {a} and {b}");
                }
            }
        }
    }

    #[test]
    fn batches_have_the_shapes_that_the_network_takes() {
        let source = source((64, &[None]), &TARGETS[1], false, (3, 4)).unwrap();
        let batch = Batch::of(&source, 1, 3).unwrap();
        assert_eq!(batch.pictures.dims(), [3, 3, 64, 64]);
        assert_eq!(batch.lines.dims(), [3, 1, 64, 64]);
        assert_eq!(batch.numbers.dims(), [3, 20, NUMBERS]);
        let (waves, mask) = (batch.proposals(true).waves, batch.proposals(false).mask);
        assert_eq!((waves.dims(), mask.dims()), (&[3, 20, 3][..], &[3, 20][..]));
        // The strongest has strength 1 and the first place.
        let numbers = batch.numbers.to_vec3::<f32>().unwrap();
        assert!(numbers.iter().all(|of| of[0][0] > 0.999 && of[0][2] < -0.999), "{numbers:?}");
    }
}
