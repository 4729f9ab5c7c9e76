//! Shift of colours.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, reals, take_reals};
use crate::error::Result;
use crate::record::{Field, Record};

/// Levels of a byte: the colours 0, 1/255, ..., 1 lie on a ring of 256 places, so that 0 and 1 are
/// neighbours and not one place.
const PERIOD: f32 = 256.0 / 255.0;

/// Adds a number to every channel of a picture: one number per channel and sample, uniform in
/// `[0, 256 / 255)`, modulo 256 / 255, and what is above 1 becomes 1.
///
/// What is equal stays equal, and two colours that are 1/255 or more apart go on to differ, black
/// and white among them; but no colour has a meaning of its own. Closer ones may both become 1.
///
/// # Shapes
///
/// The picture is `f32` `[H, W, C]` with values in `[0, 1]`, and stays that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColorShift {
    /// Name of the picture. Default `img`.
    pub field: String,
}

impl Default for ColorShift {
    fn default() -> Self {
        Self { field: "img".into() }
    }
}

impl Transform for ColorShift {
    fn apply(&self, mut record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        let ([.., channels], _) = reals(&record, &self.field, [ANY, ANY, ANY])?;
        let shifts: Vec<f32> = (0..channels).map(|_| rng.random::<f32>() * PERIOD).collect();
        let (shape, mut values) = take_reals(&mut record, &self.field)?;
        for pixel in values.chunks_exact_mut(channels.max(1)) {
            for (value, shift) in pixel.iter_mut().zip(&shifts) {
                *value = around(*value + shift);
            }
        }
        record.insert(self.field.as_str(), Field::new(shape, values)?);
        Ok(record)
    }
}

/// A number modulo the period, at most 1. NaN stays NaN.
fn around(value: f32) -> f32 {
    let rest = fraction(value / PERIOD) * PERIOD;
    // Not `min`, which makes 1 of NaN.
    if rest > 1.0 { 1.0 } else { rest }
}

/// A number modulo 1. NaN stays NaN.
#[expect(clippy::cast_possible_truncation, reason = "what is too large has no fraction")]
#[expect(clippy::cast_precision_loss, reason = "a number without a fraction")]
fn fraction(value: f32) -> f32 {
    // Not `floor`, which is a call on processors that need no more than SSE2.
    let whole = value as i32 as f32;
    let fraction = value - if whole > value { whole - 1.0 } else { whole };
    if (1.0..).contains(&fraction) || fraction < 0.0 { 0.0 } else { fraction }
}

#[cfg(test)]
mod tests {
    use super::{PERIOD, around, fraction};

    #[test]
    fn fractions_stay_below_one() {
        for value in [0.0, 0.5, 0.999_999_94, 1.0, 1.75, -1e-9, -0.25, 1e9, -1e9, 1e30, -1e30] {
            assert!((0.0..1.0).contains(&fraction(value)), "{value}");
        }
        assert!(fraction(f32::NAN).is_nan());
        assert!((fraction(1.75) - 0.75).abs() < 1e-7 && (fraction(-0.25) - 0.75).abs() < 1e-7);
    }

    #[test]
    fn levels_stay_apart() {
        for step in 0..64_u8 {
            let shift = f32::from(step) / 64.0 * PERIOD;
            let mut shifted: Vec<f32> =
                (0..=255_u8).map(|level| around(f32::from(level) / 255.0 + shift)).collect();
            shifted.sort_by(f32::total_cmp);
            assert!(shifted.iter().all(|value| (0.0..=1.0).contains(value)));
            // The last two may touch where one of them is cut off at 1.
            let least = shifted.windows(2).map(|pair| pair[1] - pair[0]).fold(1.0, f32::min);
            assert!(least > 0.0, "two of 256 levels are one after {shift}");
            let ends = (around(shift) - around(1.0 + shift)).abs();
            assert!(ends > 1e-3, "black and white");
        }
        assert!(around(f32::NAN).is_nan());
    }
}
