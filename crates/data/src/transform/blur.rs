//! Noise and blur of a picture.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, reals, take_reals};
use crate::error::{Error, Result};
use crate::record::{Field, Record};

/// Adds noise to a picture and blurs it a little: every value gets a uniform number of its own and
/// is clipped to `[0, 1]`, then the picture is mixed with the mean of its neighbourhood.
///
/// Neighbours outside the picture do not count, so borders do not darken.
///
/// # Shapes
///
/// The picture is `f32` `[H, W, C]` and stays that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blur {
    /// Name of the picture. Default `img`.
    pub field: String,
    /// Least and largest share of the blurred picture, in `[0, 1]`; one share per sample, uniform
    /// between them. Default 0.1 to 0.6.
    pub ratio: [f64; 2],
    /// Side of the neighbourhood, px: odd, at most 255. Default 3.
    pub kernel: usize,
    /// Largest noise, in `[0, 1]`. Default 0.1.
    pub noise: f64,
}

impl Default for Blur {
    fn default() -> Self {
        Self { field: "img".into(), ratio: [0.1, 0.6], kernel: 3, noise: 0.1 }
    }
}

impl Blur {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        let [low, high] = self.ratio;
        if !(0.0 <= low && low <= high && high <= 1.0) {
            return Err(Error::Config {
                field: "ratio",
                value: format!("{:?}", self.ratio),
                expected: "two numbers in [0, 1], the smaller first",
            });
        }
        if self.kernel.is_multiple_of(2) || self.kernel > 255 {
            return Err(Error::Config {
                field: "kernel",
                value: self.kernel.to_string(),
                expected: "odd and at most 255",
            });
        }
        if !(0.0..=1.0).contains(&self.noise) {
            return Err(Error::Config {
                field: "noise",
                value: self.noise.to_string(),
                expected: "in [0, 1]",
            });
        }
        Ok(())
    }
}

impl Transform for Blur {
    #[expect(clippy::cast_possible_truncation, reason = "numbers in [0, 1]")]
    fn apply(&self, mut record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let (size, _) = reals(&record, &self.field, [ANY, ANY, ANY])?;
        let (shape, mut values) = take_reals(&mut record, &self.field)?;
        let (noise, [low, high]) = (self.noise as f32, self.ratio.map(|v| v as f32));
        let ratio = low + (high - low) * rng.random::<f32>();
        for value in &mut values {
            *value = (*value + (2.0 * rng.random::<f32>() - 1.0) * noise).clamp(0.0, 1.0);
        }
        let mean = box_mean(&values, size, self.kernel / 2);
        for (value, mean) in values.iter_mut().zip(mean) {
            *value = ratio * mean + (1.0 - ratio) * *value;
        }
        record.insert(self.field.as_str(), Field::new(shape, values)?);
        Ok(record)
    }
}

/// The mean of the values at most `reach` px away in x and y, of those that there are.
#[expect(clippy::cast_precision_loss, reason = "neighbours of a pixel, at most 255 a side")]
fn box_mean(values: &[f32], [height, width, channels]: [usize; 3], reach: usize) -> Vec<f32> {
    let row = width * channels;
    let mut out = vec![0.0; values.len()];
    if out.is_empty() {
        return out;
    }
    let mut sums = vec![0.0_f32; row];
    for (y, line) in out.chunks_exact_mut(row).enumerate() {
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(height);
        sums.fill(0.0);
        for other in values[rows.start * row..rows.end * row].chunks_exact(row) {
            for (sum, value) in sums.iter_mut().zip(other) {
                *sum += value;
            }
        }
        // The whole line at once for every distance: such sums vectorize.
        line.copy_from_slice(&sums);
        for shift in (1..=reach.min(width - 1)).map(|x| x * channels) {
            for (value, right) in line.iter_mut().zip(&sums[shift..]) {
                *value += right;
            }
            for (value, left) in line[shift..].iter_mut().zip(&sums) {
                *value += left;
            }
        }
        for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
            let columns = (x + reach + 1).min(width) - x.saturating_sub(reach);
            let share = 1.0 / (rows.len() * columns) as f32;
            for value in pixel {
                *value *= share;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_ranges() {
        assert!(Blur::default().validate().is_ok());
        let bad = [
            Blur { kernel: 4, ..Blur::default() },
            Blur { kernel: 257, ..Blur::default() },
            Blur { ratio: [0.5, 0.4], ..Blur::default() },
            Blur { ratio: [0.0, f64::NAN], ..Blur::default() },
            Blur { noise: -0.1, ..Blur::default() },
        ];
        assert!(bad.iter().all(|blur| blur.validate().is_err()));
    }

    #[test]
    fn means_leave_the_outside_out() {
        // Channels apart, a window of three pixels at most.
        let mean = box_mean(&[1.0, 10.0, 2.0, 20.0, 6.0, 60.0], [1, 3, 2], 1);
        assert_eq!(mean, [1.5, 15.0, 3.0, 30.0, 4.0, 40.0]);
        let mean = box_mean(&[1.0, 2.0, 3.0, 6.0], [2, 2, 1], 100);
        assert_eq!(mean, [3.0; 4]);
        assert!(box_mean(&[], [0, 3, 1], 1).is_empty());
        assert!(box_mean(&[], [3, 3, 0], 1).is_empty());
    }
}
