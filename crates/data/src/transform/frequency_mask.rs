//! Where lines are in the frequency domain.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, add, add_picture, bytes, canvas, reals, zeros};
use super::direction::direction;
use crate::error::{Error, Result};
use crate::record::Record;

/// Marks the bins of a Fourier transform of the picture where its lines have their energy: those
/// whose frequency is normal to a vector.
///
/// A line is constant along itself, so its spectrum is large only across it. With `d` the angle
/// between the frequency of a bin and the normal of a vector the value is `1 - |sin d|`, the
/// largest of all vectors. A bin at half the sampling rate stands for two frequencies and has the
/// larger of both values. The zero frequency is normal to everything.
///
/// # Shapes
///
/// From `img` `[H, W, _]`, `vecs` `[v, 2, 2]` and, where there is one, `vecs_mask` `[v]` it makes
/// `inputs.img` and `labels.angle_mask` `[H, W, 1]`, `f32`, in the order of a discrete Fourier
/// transform: the zero frequency first, negative ones from the middle on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrequencyAngleMask {
    /// Values up to this one become 0; in `[0, 1)`. Default 0.9: the normal within 5.7 degrees.
    pub threshold: f64,
    /// Whether the others become 1. Default false.
    pub binarise: bool,
}

impl Default for FrequencyAngleMask {
    fn default() -> Self {
        Self { threshold: 0.9, binarise: false }
    }
}

impl FrequencyAngleMask {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        if (0.0..1.0).contains(&self.threshold) {
            return Ok(());
        }
        Err(Error::Config {
            field: "threshold",
            value: self.threshold.to_string(),
            expected: "in [0, 1)",
        })
    }
}

impl Transform for FrequencyAngleMask {
    fn apply(&self, mut record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let [h, w] = canvas(&record)?;
        let ([n, ..], vecs) = reals(&record, "vecs", [ANY, 2, 2])?;
        let slots = match record.contains("vecs_mask") {
            true => bytes(&record, "vecs_mask", [n])?.1.to_vec(),
            false => vec![1; n],
        };
        let vectors = vecs.chunks_exact(4).zip(slots).filter(|(_, slot)| *slot != 0);
        let mut units = Vec::with_capacity(n);
        for (ends, _) in vectors {
            let (sin, cos) = direction(ends).sin_cos();
            if !cos.is_finite() {
                return Err(Error::FieldValue {
                    name: "vecs".into(),
                    value: format!("{ends:?}"),
                    expected: "finite",
                });
            }
            units.push([cos, sin]);
        }
        let mut mask = zeros("labels.angle_mask", &[h, w, 1])?;
        if !units.is_empty() {
            self.fill(&mut mask, [h, w], &units);
        }
        add_picture(&mut record)?;
        add(&mut record, "labels.angle_mask", &[h, w, 1], mask)?;
        Ok(record)
    }
}

impl FrequencyAngleMask {
    fn fill(&self, mask: &mut [f32], [h, w]: [usize; 2], units: &[[f32; 2]]) {
        #[expect(clippy::cast_possible_truncation, reason = "in [0, 1)")]
        let threshold = self.threshold as f32;
        let columns: Vec<f32> = (0..w).map(|u| frequency(u, w).0).collect();
        for (v, line) in mask.chunks_exact_mut(w.max(1)).enumerate() {
            let (fy, fold) = frequency(v, h);
            line.fill(f32::INFINITY);
            for unit in units {
                lower_to_cosines(line, &columns, fy, *unit);
                if fold {
                    lower_to_cosines(line, &columns, -fy, *unit);
                } else if w.is_multiple_of(2) {
                    lower_to_cosines(&mut line[w / 2..][..1], &columns[w / 2..], -fy, *unit);
                }
            }
            for (value, fx) in line.iter_mut().zip(&columns) {
                let length = (fx * fx + fy * fy).sqrt();
                let near = if length > 0.0 { 1.0 - *value / length } else { 1.0 };
                *value = match near > threshold {
                    true if self.binarise => 1.0,
                    true => near,
                    false => 0.0,
                };
            }
        }
    }
}

/// Lowers values to the length of frequencies times their `|cos|` to a unit vector, which is the
/// `|sin|` to its normal.
fn lower_to_cosines(values: &mut [f32], columns: &[f32], fy: f32, [x, y]: [f32; 2]) {
    for (value, fx) in values.iter_mut().zip(columns) {
        let cosine = (fx * x + fy * y).abs();
        *value = if cosine < *value { cosine } else { *value };
    }
}

/// The frequency of a bin, cycles per px, and whether it is half the sampling rate.
#[expect(clippy::cast_precision_loss, reason = "sides of a picture")]
fn frequency(bin: usize, side: usize) -> (f32, bool) {
    let [index, size] = [bin, side].map(|n| n as f32);
    let signed = if bin > side / 2 { index - size } else { index };
    (signed / size, bin * 2 == side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_have_signed_frequencies() {
        let of = |side| (0..side).map(|bin| frequency(bin, side)).collect::<Vec<_>>();
        assert_eq!(of(4), [(0.0, false), (0.25, false), (0.5, true), (-0.25, false)]);
        let fifths = [0.0, 0.2, 0.4, -0.4, -0.2].map(|f| (f, false));
        assert_eq!(of(5), fifths);
    }

    #[test]
    fn thresholds_have_a_range() {
        assert!(FrequencyAngleMask::default().validate().is_ok());
        for threshold in [-0.1, 1.0, f64::NAN] {
            let step = FrequencyAngleMask { threshold, ..FrequencyAngleMask::default() };
            assert!(step.validate().is_err());
        }
    }
}
