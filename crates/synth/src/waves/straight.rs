//! Patterns of scenes one by one, made level along their waves.

use mapvec_data::{Field, Record, Source, sample_rng};
use mapvec_fourier::{PlaneWave, Pose, straighten};
use ndarray::{Array2, Array3, Axis, s};
use rand::Rng;

use super::scene::Scene;
use super::straight_config::{StraightOutput, StraightWaveConfig};
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::noise::white_deviation;
use crate::raster::{Plane, convolve, gaussian};
use crate::selection::{check_index, record};

/// Scenes that are drawn for one with a pattern at the place that is asked for.
const ATTEMPTS: usize = 10_000;

/// A pattern as it is seen in its scene, before anything is made level.
#[derive(Debug, Clone)]
pub struct SeenWave {
    /// The scene with its noise, channel first: `[3, S, S]`.
    pub picture: Array3<f64>,
    /// 1 on the visible pixels of the pattern, else 0: `[S, S]`.
    pub mask: Array2<f64>,
    /// Its wave.
    pub wave: PlaneWave,
    /// What is wrong with the wave by which [`StraightWaveGenerator`] makes it level.
    pub error: WaveError,
}

/// What is wrong with an estimate of a wave.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WaveError {
    /// Of the slope of its crests, in the position that has no slope above 1.
    pub slope: f64,
    /// Of the size of its frequency, cycles per side.
    pub cycles: f64,
    /// Of its phase in the middle of the picture, radians.
    pub phase: f64,
}

impl SeenWave {
    /// The wave with some error, as an estimate from the picture has it.
    #[must_use]
    pub fn estimate(&self, error: WaveError) -> PlaneWave {
        let side = self.mask.nrows().max(1) as f64;
        let grown = 1.0 + error.cycles / (self.wave.norm() * side);
        let [u, v] = self.wave.frequency.map(|part| part * grown);
        let change = error.slope;
        let frequency = if u.abs() > v.abs() { [u, v + u * change] } else { [u - v * change, v] };
        let middle = [0, 1].map(|axis| self.mask.len_of(Axis(1 - axis)) as f64 / 2.0);
        let from_middle = PlaneWave { frequency, phase: 0.0 }.phase_at(middle);
        PlaneWave { frequency, phase: self.wave.phase_at(middle) + error.phase - from_middle }
    }

    /// The outputs of a configuration with some wave for the true one, for example one that was
    /// found in the picture.
    ///
    /// # Errors
    ///
    /// [`Error::Fourier`] for a wave without a frequency, and for a mask that is no square or a
    /// picture of another size.
    pub fn record(&self, wave: &PlaneWave, config: &StraightWaveConfig) -> Result<Record> {
        let side = self.mask.nrows();
        for (field, found, expected) in [
            ("mask", self.mask.shape(), vec![side, side]),
            ("picture", self.picture.shape(), vec![3, side, side]),
        ] {
            if found != expected {
                let (found, expected) = (found.to_vec(), format!("{expected:?}"));
                return Err(mapvec_fourier::Error::Shape { field, found, expected }.into());
            }
        }
        let (planes, wave_values, pose) = if config.straighten {
            let mut planes = Array3::zeros((4, side, side));
            planes.slice_mut(s![..3, .., ..]).assign(&self.picture);
            planes.slice_mut(s![3, .., ..]).assign(&self.mask);
            let straight = straighten(planes.view(), wave, 0.0)?;
            let field = straight.field();
            (straight.planes, field, straight.pose)
        } else {
            let mask = self.mask.view().insert_axis(Axis(0));
            let planes = ndarray::concatenate![Axis(0), self.picture.view(), mask];
            (planes, wave.field((side, side)), Pose::default())
        };
        let field = |output| match output {
            StraightOutput::Img => {
                let colours = planes.slice(s![..3, .., ..]);
                Field::new(vec![side, side, 3], singles(colours.permuted_axes([1, 2, 0]).iter()))
            }
            StraightOutput::Frequency => plane(side, singles(wave_values.iter())),
            StraightOutput::Mask => {
                let mask: Plane = planes.slice(s![3, .., ..]).mapv(single);
                let sigma = config.mask_sigma;
                let mask = if sigma > 0.0 { convolve(&mask, &gaussian(sigma)) } else { mask };
                // Columns that move by parts of a pixel ring at borders.
                plane(side, mask.iter().map(|share| share.clamp(0.0, 1.0)).collect())
            }
            StraightOutput::Truth => {
                let truth = self.mask.iter().map(|share| u8::from(*share > 0.5)).collect();
                Field::new(vec![side, side, 1], mapvec_data::Values::U8(truth))
            }
            StraightOutput::Pose => {
                let turned = if pose.turned { 1.0 } else { 0.0 };
                Field::new(vec![2], vec![turned, single(pose.slope)])
            }
        };
        Ok(record(&config.outputs, StraightOutput::name, field)?)
    }
}

fn plane(side: usize, values: Vec<f32>) -> mapvec_data::Result<Field> {
    Field::new(vec![side, side, 1], values)
}

fn singles<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f32> {
    values.map(|value| single(*value)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "records are f32")]
fn single(value: f64) -> f32 {
    value as f32
}

/// Patterns of lines by index, each in a picture of its own in which its lines are level: a
/// record depends on the configuration, the seed and the index alone.
///
/// Every visible pattern of every scene is as likely. The picture is turned by a quarter if the
/// lines are steep; what is left of their slope is taken out by moving columns (see
/// [`mapvec_fourier::straighten`]), which come around at the border.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{StraightWaveConfig, StraightWaveGenerator};
///
/// let source = StraightWaveGenerator::new(&StraightWaveConfig::default(), 1, 1000)?;
/// let record = source.get(17)?;
/// assert_eq!(record.get("img")?.shape(), &[32, 32, 3]);
/// assert_eq!(record.get("frequency")?.shape(), &[32, 32, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StraightWaveGenerator {
    config: StraightWaveConfig,
    seed: u64,
    len: usize,
}

impl StraightWaveGenerator {
    /// A generator of `len` samples.
    ///
    /// # Errors
    ///
    /// Those of [`StraightWaveConfig::validate`].
    pub fn new(config: &StraightWaveConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len })
    }

    /// The pattern of a sample as it is seen in its scene. It is the same for all settings of what
    /// is done to it.
    ///
    /// # Errors
    ///
    /// [`Error::NoPattern`] if hardly any scene of the configuration shows a line.
    pub fn seen(&self, index: usize) -> Result<SeenWave> {
        let config = &self.config;
        let mut rng = sample_rng(self.seed, index as u64);
        let most = config.scenes.patterns_num_range[1] - 1;
        let scene_and_place = (0..ATTEMPTS).find_map(|_| {
            let scene = Scene::draw(&config.scenes, &mut rng);
            // The same place in all scenes: scenes of many patterns are used more often.
            let place = rng.random_range(0..most);
            (place < scene.patterns.len()).then_some((scene, place))
        });
        let (scene, place) = scene_and_place.ok_or(Error::NoPattern { index })?;
        let pattern = &scene.patterns[place];
        let side = scene.size;
        let image: Vec<f64> = scene.image().into_iter().map(f64::from).collect();
        let picture =
            Array3::from_shape_fn((3, side, side), |(c, y, x)| image[(y * side + x) * 3 + c]);
        let mask = Array2::from_shape_fn((side, side), |(y, x)| {
            if pattern.mask.contains(y, x) { 1.0 } else { 0.0 }
        });
        let mut draw = Draw::from_rng(&mut rng);
        let share = draw.range(0.0, 1.0);
        let error = WaveError {
            slope: config.slope_jitter * draw.range(-1.0, 1.0),
            cycles: config.frequency_jitter * draw.range(-1.0, 1.0),
            phase: config.phase_jitter * draw.range(-1.0, 1.0),
        };
        let mut seen = SeenWave { picture, mask, wave: pattern.wave, error };
        if let Some([low, high]) = config.snr_range {
            add_white_noise(&mut seen.picture, low + (high - low) * share, &mut draw);
        }
        Ok(seen)
    }
}

/// Adds noise whose power lies some decibels below that of the picture around the means of its
/// channels.
fn add_white_noise(picture: &mut Array3<f64>, decibels: f64, draw: &mut Draw) {
    let pixels = picture.len_of(Axis(1)) * picture.len_of(Axis(2));
    let power = picture.outer_iter().map(|plane| plane.var(0.0)).sum::<f64>() / 3.0;
    let deviation = if pixels > 0 { white_deviation(power, decibels) } else { 0.0 };
    picture.mapv_inplace(|value| value + draw.normal(0.0, deviation));
}

impl Source for StraightWaveGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        let made =
            self.seen(index).and_then(|seen| seen.record(&seen.estimate(seen.error), &self.config));
        made.map_err(|error| match error {
            Error::Sample(error) => error,
            other => mapvec_data::Error::Sample { index, reason: other.to_string() },
        })
    }
}
