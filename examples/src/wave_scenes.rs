//! Scenes of waves with white noise on them, and their truth.

use anyhow::{Context, Result};
use mapvec_data::{Record, Source};
use mapvec_fourier::PlaneWave;
use mapvec_synth::{WaveConfig, WaveGenerator, WaveOutput};
use mapvec_testkit::normal;
use ndarray::{Array2, Array3, Axis, s};

/// A pattern of a scene.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Its wave, frequencies in cycles per px.
    pub wave: PlaneWave,
    /// 1 on its visible pixels: `[S, S]`.
    pub mask: Array2<f64>,
    /// Visible lines.
    pub lines: usize,
}

/// A scene and its patterns.
#[derive(Debug, Clone)]
pub struct WaveScene {
    /// Channel first: `[3, S, S]`.
    pub picture: Array3<f64>,
    /// Front to back.
    pub patterns: Vec<Pattern>,
}

/// Scenes by index.
#[derive(Debug)]
pub struct WaveScenes {
    generator: WaveGenerator,
    seed: u64,
}

impl WaveScenes {
    /// Scenes of the default configuration, with numbers of patterns in a range (the upper end
    /// excluded).
    ///
    /// # Errors
    /// The generator refuses the range.
    pub fn new(patterns_num_range: [usize; 2], seed: u64) -> Result<Self> {
        let outputs = vec![
            WaveOutput::Img,
            WaveOutput::Frequencies,
            WaveOutput::Phases,
            WaveOutput::PatternMasks,
            WaveOutput::VecsPatternIdxs,
        ];
        let config = WaveConfig { patterns_num_range, outputs, ..WaveConfig::default() };
        Ok(Self { generator: WaveGenerator::new(&config, seed, usize::MAX)?, seed })
    }

    /// A scene without noise.
    ///
    /// # Errors
    /// A record lacks an output.
    pub fn clean(&self, index: usize) -> Result<WaveScene> {
        let record = self.generator.get(index)?;
        let shape = record.get("img")?.shape();
        let &[height, width, channels] = shape else { anyhow::bail!("a picture of {shape:?}") };
        let img = reals(&record, "img")?.iter().map(|v| f64::from(*v)).collect();
        let picture = Array3::from_shape_vec((height, width, channels), img)?;
        let picture = picture.permuted_axes([2, 0, 1]).as_standard_layout().into_owned();
        let masks = record.get("pattern_masks")?.values().as_u8().context("masks of bytes")?;
        let of_lines = record.get("vecs_pattern_idxs")?.values().as_i32().context("indices")?;
        let mut patterns = Vec::new();
        let parts = true_waves(&record)?.into_iter().zip(masks.chunks_exact(height * width));
        for (number, (wave, mask)) in (1..).zip(parts) {
            let mask = mask.iter().map(|v| f64::from(*v)).collect();
            patterns.push(Pattern {
                wave: wave.canonical(),
                mask: Array2::from_shape_vec((height, width), mask)?,
                lines: of_lines.iter().filter(|of| **of == number).count(),
            });
        }
        Ok(WaveScene { picture, patterns })
    }

    /// The scene with white noise: the power of the picture around the mean of each channel over
    /// that of the noise, in decibels; `None` for no noise.
    ///
    /// # Errors
    /// As [`WaveScenes::clean`].
    pub fn noisy(&self, index: usize, decibels: Option<f64>) -> Result<WaveScene> {
        let mut scene = self.clean(index)?;
        if let Some(decibels) = decibels {
            let means = scene.picture.mean_axis(Axis(2)).and_then(|rows| rows.mean_axis(Axis(1)));
            let means = means.context("a picture with pixels")?;
            let around = &scene.picture - &means.insert_axis(Axis(1)).insert_axis(Axis(2));
            let power = around.mapv(|v| v * v).mean().unwrap_or(0.0);
            let deviation = (power / 10_f64.powf(decibels / 10.0)).sqrt();
            let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
            let noise = normal(scene.picture.len(), seed);
            scene.picture.iter_mut().zip(noise).for_each(|(v, n)| *v += deviation * n);
        }
        Ok(scene)
    }
}

/// The waves of a record of a scene, as it has them.
///
/// # Errors
/// It lacks its picture, frequencies or phases.
pub fn true_waves(record: &Record) -> Result<Vec<PlaneWave>> {
    let side = record.get("img")?.shape()[0] as f64;
    let frequencies = reals(record, "frequencies")?.chunks_exact(2);
    let wave = |(bins, phase): (&[f32], &f32)| PlaneWave {
        frequency: [0, 1].map(|i| f64::from(bins[i]) / side),
        phase: f64::from(*phase),
    };
    Ok(frequencies.zip(reals(record, "phases")?).map(wave).collect())
}

/// An array of reals of a record.
///
/// # Errors
/// There is none, or it has other numbers.
pub fn reals<'a>(record: &'a Record, name: &str) -> Result<&'a [f32]> {
    record.get(name)?.values().as_f32().with_context(|| format!("{name} has no reals"))
}

/// Sides of pixels where two patterns touch, by which one is seen to pass over another.
const TOUCHES: usize = 8;

impl WaveScene {
    /// Whether two patterns cross: their visible pixels touch along at least 8 sides, and their
    /// lines differ by 15 degrees or more.
    #[must_use]
    pub fn crosses(&self) -> bool {
        let apart = |a: &PlaneWave, b: &PlaneWave| (a.angle() - b.angle()).sin().abs();
        self.patterns.iter().enumerate().any(|(i, a)| {
            self.patterns[i + 1..].iter().any(|b| {
                apart(&a.wave, &b.wave) >= 15_f64.to_radians().sin()
                    && touches(&a.mask, &b.mask) + touches(&b.mask, &a.mask) >= TOUCHES
            })
        })
    }
}

/// Pixels of `a` with a pixel of `b` to the right, and those with one below.
fn touches(a: &Array2<f64>, b: &Array2<f64>) -> usize {
    let right = &a.slice(s![.., ..-1]) * &b.slice(s![.., 1..]);
    let below = &a.slice(s![..-1, ..]) * &b.slice(s![1.., ..]);
    right.iter().chain(&below).filter(|v| **v > 0.0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crests_lie_on_the_lines_of_their_pattern() {
        let scenes = WaveScenes::new([1, 4], 5).unwrap();
        let (mut on, mut all) = (0.0, 0.0);
        for index in 0..100 {
            for Pattern { wave, mask, lines } in scenes.clean(index).unwrap().patterns {
                if lines > 0 && wave.spacing() > 4.0 {
                    on += (&wave.field(mask.dim()) * &mask).sum();
                    all += mask.sum();
                }
            }
        }
        // 0.896; phases turned by 0.4 radians give 0.825.
        assert!(on > 0.88 * all, "{on} of {all}: another convention of phases");
    }

    #[test]
    fn noise_has_the_power_that_is_asked_for() {
        let scenes = WaveScenes::new([1, 4], 5).unwrap();
        let clean = scenes.clean(3).unwrap().picture;
        let noisy = scenes.noisy(3, Some(-6.0)).unwrap().picture;
        let noise = (&noisy - &clean).mapv(|v| v * v).mean().unwrap();
        let variances: Vec<f64> = clean.outer_iter().map(|plane| plane.var(0.0)).collect();
        let power = variances.iter().sum::<f64>() / 3.0;
        assert!((10.0 * (power / noise).log10() + 6.0).abs() < 0.4, "{power} over {noise}");
    }
}
