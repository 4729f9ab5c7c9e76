//! Records of proposals of waves in noisy scenes, with their qualities.

use std::f64::consts::{PI, TAU};

use mapvec_data::{Field, Record, Source, Values, sample_rng};
use mapvec_fourier::{
    PlaneWave, ProposalConfig, SimilarityConfig, fit_wave, propose_waves, wave_similarity,
};
use ndarray::{Array3, ArrayView2, Axis};

use super::output::WaveOutput;
use super::proposal_config::{WaveProposalConfig, WaveProposalOutput};
use super::scene::Scene;
use crate::draw::Draw;
use crate::error::Result;
use crate::noise::white_deviation;
use crate::selection::check_index;

/// Noisy scenes of waves with proposals, by index: a record depends on the configuration, the seed
/// and the index alone. The scenes are those of [`WaveGenerator`](super::WaveGenerator) with the
/// same seed.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{WaveProposalConfig, WaveProposalGenerator};
///
/// let source = WaveProposalGenerator::new(&WaveProposalConfig::default(), 1, 1000)?;
/// let record = source.get(17)?;
/// assert_eq!(record.get("img")?.shape(), &[32, 32, 3]);
/// assert_eq!(record.get("proposals")?.shape(), &[20, 3]);
/// assert_eq!(record.get("proposal_qualities")?.shape(), &[20]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct WaveProposalGenerator {
    config: WaveProposalConfig,
    seed: u64,
    len: usize,
}

impl WaveProposalGenerator {
    /// A generator of `len` records.
    ///
    /// # Errors
    ///
    /// Those of [`WaveProposalConfig::validate`].
    pub fn new(config: &WaveProposalConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len })
    }

    fn sample(&self, index: usize) -> Result<Record> {
        let config = &self.config;
        let mut rng = sample_rng(self.seed, index as u64);
        let scene = Scene::with_lines(&config.scene, &mut rng);
        let mut draw = Draw::from_rng(&mut rng);
        let mut image = scene.image();
        let ratio = config.snr[draw.count(0, config.snr.len() - 1)];
        let deviation = add_noise(&mut image, ratio, &mut draw);
        let proposals = propose(config, &scene, &image, &mut draw)?;
        let mut record = Record::new();
        let s = scene.size;
        let mut image = Some(image);
        for &output in &config.scene.outputs {
            let field = match (output, image.take_if(|_| output == WaveOutput::Img)) {
                (WaveOutput::Img, Some(image)) => Field::new(vec![s, s, 3], image)?,
                _ => scene.output(output)?,
            };
            record.insert(output.name(), field);
        }
        for &output in &config.outputs {
            record.insert(output.name(), field(output, &proposals, config, deviation)?);
        }
        Ok(record)
    }
}

impl Source for WaveProposalGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        self.sample(index)
            .map_err(|error| mapvec_data::Error::Sample { index, reason: error.to_string() })
    }
}

/// A wave and what is known of it.
struct Proposal {
    wave: PlaneWave,
    strength: f64,
    amplitude: f64,
    quality: f64,
}

/// Adds white noise to a picture of three channels and returns its standard deviation.
#[expect(clippy::cast_possible_truncation, reason = "pictures are f32")]
fn add_noise(image: &mut [f32], ratio: Option<f64>, draw: &mut Draw) -> f64 {
    let Some(decibels) = ratio else { return 0.0 };
    let pixels = (image.len() / 3).max(1) as f64;
    let mut power = 0.0;
    for channel in 0..3 {
        let values = || image.iter().skip(channel).step_by(3).map(|v| f64::from(*v));
        let mean = values().sum::<f64>() / pixels;
        power += values().map(|v| (v - mean).powi(2)).sum::<f64>() / (3.0 * pixels);
    }
    let deviation = white_deviation(power, decibels);
    for value in image.iter_mut() {
        *value += draw.normal(0.0, deviation) as f32;
    }
    deviation
}

/// The proposals of a record, the strongest of the picture first.
fn propose(
    config: &WaveProposalConfig,
    scene: &Scene,
    image: &[f32],
    draw: &mut Draw,
) -> Result<Vec<Proposal>> {
    let s = scene.size;
    let picture =
        Array3::from_shape_fn((3, s, s), |(c, y, x)| f64::from(image[(y * s + x) * 3 + c]));
    let [magnitude_weight, orientation_weight, phase_weight] = config.quality_weights;
    let at = [s as f64 / 2.0; 2];
    let similarity = SimilarityConfig { magnitude_weight, orientation_weight, phase_weight, at };
    let quality = |wave: &PlaneWave| -> Result<f64> {
        let mut best = 0.0_f64;
        for pattern in &scene.patterns {
            best = best.max(wave_similarity(wave, &pattern.wave, &similarity)?);
        }
        Ok(best)
    };
    let mut found = Vec::with_capacity(config.count());
    for proposal in propose_waves(picture.view(), None, &config.search)? {
        let channel = picture.index_axis(Axis(0), proposal.channel);
        let wave = match config.refine {
            true => fit_wave(channel, None, &proposal.wave)?.wave,
            false => proposal.wave,
        };
        let (strength, amplitude) = (proposal.strength, proposal.amplitude);
        found.push(Proposal { quality: quality(&wave)?, wave, strength, amplitude });
    }
    if config.perturbed + config.random == 0 {
        return Ok(found);
    }
    let mut waves = Vec::with_capacity(config.perturbed + config.random);
    for _ in 0..config.perturbed.min(config.perturbed * scene.patterns.len()) {
        let wave = scene.patterns[draw.count(0, scene.patterns.len() - 1)].wave;
        waves.push(perturbed(&wave, config.perturbation, s, draw));
    }
    waves.extend((0..config.random).map(|_| random(&config.search, s, draw)));
    let spectrum = Strengths::new(&picture, &config.search)?;
    for wave in waves {
        let (strength, amplitude) = spectrum.of(&wave);
        found.push(Proposal { quality: quality(&wave)?, wave, strength, amplitude });
    }
    Ok(found)
}

/// A wave moved by a random share of the deviation, and of half a turn in the middle of the canvas.
fn perturbed(wave: &PlaneWave, deviation: f64, size: usize, draw: &mut Draw) -> PlaneWave {
    let side = size as f64;
    let share = draw.range(0.0, 1.0);
    let frequency = wave.frequency.map(|part| part + draw.normal(0.0, share * deviation) / side);
    let middle = [side / 2.0; 2];
    let moved = PlaneWave { frequency, phase: 0.0 };
    let turn = share * draw.range(-PI, PI);
    let phase = wave.phase_at(middle) + turn - moved.phase_at(middle);
    PlaneWave { frequency, phase }.canonical()
}

/// A wave of any direction and phase; all frequencies that the search allows are as likely.
fn random(search: &ProposalConfig, size: usize, draw: &mut Draw) -> PlaneWave {
    let side = size as f64;
    let (low, high) = (search.min_frequency / side, search.min_spacing.recip());
    let norm = draw.range(low * low, (high * high).max(low * low)).sqrt();
    PlaneWave::from_crests(draw.range(0.0, PI), norm.recip(), draw.range(-PI, PI)).canonical()
}

/// The spectrum of a picture between its bins.
struct Strengths {
    /// The channels around their means.
    channels: Vec<ndarray::Array2<f64>>,
    /// The largest amplitude of each among the bins that are searched.
    largest: Vec<f64>,
}

impl Strengths {
    fn new(picture: &Array3<f64>, search: &ProposalConfig) -> Result<Self> {
        let first = ProposalConfig { count: 1, ..search.clone() };
        let (mut channels, mut largest) = (Vec::new(), Vec::new());
        for channel in picture.outer_iter() {
            let strongest = propose_waves(channel.insert_axis(Axis(0)), None, &first)?;
            largest.push(strongest.first().map_or(0.0, |proposal| proposal.amplitude));
            let mean = channel.mean().unwrap_or(0.0);
            channels.push(channel.mapv(|v| v - mean));
        }
        Ok(Self { channels, largest })
    }

    /// Strength and amplitude of a wave in the channel where it is strongest.
    fn of(&self, wave: &PlaneWave) -> (f64, f64) {
        let each = self.channels.iter().zip(&self.largest).map(|(channel, &largest)| {
            let amplitude = amplitude(channel.view(), wave);
            (if largest > 0.0 { amplitude / largest } else { 0.0 }, amplitude)
        });
        each.fold((0.0, 0.0), |best, next| if next.0 > best.0 { next } else { best })
    }
}

/// The amplitude of a frequency: twice the magnitude of the transform there, over the pixels.
fn amplitude(plane: ArrayView2<'_, f64>, wave: &PlaneWave) -> f64 {
    let [u, v] = wave.frequency;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for ((y, x), value) in plane.indexed_iter() {
        let (sin, cos) = (TAU * (u * (x as f64 + 0.5) + v * (y as f64 + 0.5))).sin_cos();
        real += value * cos;
        imaginary += value * sin;
    }
    2.0 * real.hypot(imaginary) / plane.len().max(1) as f64
}

/// An output of the proposals, filled up with zeros.
#[expect(clippy::cast_possible_truncation, reason = "records are f32")]
fn field(
    output: WaveProposalOutput,
    proposals: &[Proposal],
    config: &WaveProposalConfig,
    deviation: f64,
) -> Result<Field> {
    let (k, s) = (config.count(), config.scene.size);
    let each = |value: &dyn Fn(&Proposal) -> Vec<f64>, shape: Vec<usize>| -> (Vec<usize>, Values) {
        let mut values: Vec<f32> =
            proposals.iter().flat_map(value).map(|value| value as f32).collect();
        values.resize(shape.iter().product(), 0.0);
        (shape, Values::F32(values))
    };
    let (shape, values) = match output {
        WaveProposalOutput::Proposals => each(
            &|p| {
                let [u, v] = p.wave.bins((s, s));
                vec![u, v, p.wave.phase]
            },
            vec![k, 3],
        ),
        WaveProposalOutput::ProposalsMask => {
            let mut mask = vec![1; proposals.len()];
            mask.resize(k, 0);
            (vec![k], Values::U8(mask))
        }
        WaveProposalOutput::Strengths => each(&|p| vec![p.strength], vec![k]),
        WaveProposalOutput::Amplitudes => each(&|p| vec![p.amplitude], vec![k]),
        WaveProposalOutput::Qualities => each(&|p| vec![p.quality], vec![k]),
        WaveProposalOutput::Fields => {
            each(&|p| p.wave.field((s, s)).into_iter().collect(), vec![k, s, s, 1])
        }
        WaveProposalOutput::NoiseDeviation => (vec![1], Values::F32(vec![deviation as f32])),
    };
    Ok(Field::new(shape, values)?)
}
