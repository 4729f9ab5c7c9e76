//! Directions that a model is asked about.

use std::f64::consts::PI;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::direction::undirected;
use crate::error::{Error, Result};

/// How the directions are chosen that a model is asked about.
///
/// Candidates are the directions of the sample's vectors, and random ones in the slots that these
/// leave free. The first choice is a random vector's. Every further one is the candidate whose
/// least `|sin|` to those chosen before, times its weight, is the largest: directions that differ.
/// Then each is moved a little.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AngleChoice {
    /// Directions per sample, at least 1. Default 8.
    pub count: usize,
    /// Candidates, at least `count`, at most 4096; all vectors of a sample if these are more.
    /// Default 20.
    pub slots: usize,
    /// Weight of a random direction; that of a vector's is 1. In `[0, 1]`. Default 0.3.
    pub random_weight: f64,
    /// How far a chosen direction is moved at most, radians, and how far from it vectors still
    /// belong to it. In `[0, pi/2]`. Default pi/18, 10 degrees.
    pub range: f64,
}

impl Default for AngleChoice {
    fn default() -> Self {
        Self { count: 8, slots: 20, random_weight: 0.3, range: PI / 18.0 }
    }
}

impl AngleChoice {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        let error = |field, value: String, expected| Err(Error::Config { field, value, expected });
        if self.count == 0 || self.count > self.slots {
            return error("count", self.count.to_string(), "at least 1 and at most slots");
        }
        if self.slots > 4096 {
            return error("slots", self.slots.to_string(), "at most 4096");
        }
        if !(0.0..=1.0).contains(&self.random_weight) {
            return error("random_weight", self.random_weight.to_string(), "in [0, 1]");
        }
        if !(0.0..=PI / 2.0).contains(&self.range) {
            return error("range", self.range.to_string(), "in [0, pi/2]");
        }
        Ok(())
    }

    /// `count` directions in `[0, pi)` for a sample with vectors of the given ones.
    #[expect(clippy::cast_possible_truncation, reason = "angles and weights near 1")]
    pub(super) fn draw(&self, vectors: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut angles = vectors.to_vec();
        let random = self.slots.saturating_sub(vectors.len());
        angles.extend((0..random).map(|_| undirected(rng.random::<f32>() * PI as f32)));
        let weight = |index| if index < vectors.len() { 1.0 } else { self.random_weight as f32 };
        // Without vectors all candidates are random and any is as good.
        let first = if vectors.is_empty() { angles.len() } else { vectors.len() };
        let mut chosen = vec![rng.random_range(0..first)];
        let mut least = vec![f32::INFINITY; angles.len()];
        while chosen.len() < self.count {
            let last = angles[chosen[chosen.len() - 1]];
            let mut best = (0, f32::NEG_INFINITY);
            for (index, (angle, least)) in angles.iter().zip(&mut least).enumerate() {
                *least = least.min((angle - last).sin().abs());
                let score = *least * weight(index);
                if score > best.1 {
                    best = (index, score);
                }
            }
            chosen.push(best.0);
        }
        let range = self.range as f32;
        let moved = |angle: f32| undirected(angle + (2.0 * rng.random::<f32>() - 1.0) * range);
        chosen.into_iter().map(|index| angles[index]).map(moved).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sample_rng;
    use crate::transform::direction::difference;

    #[test]
    fn settings_have_ranges() {
        assert!(AngleChoice::default().validate().is_ok());
        let good = AngleChoice::default();
        let bad = [
            AngleChoice { count: 0, ..good },
            AngleChoice { count: 21, ..good },
            AngleChoice { slots: 5000, ..good },
            AngleChoice { random_weight: -0.1, ..good },
            AngleChoice { range: f64::NAN, ..good },
            AngleChoice { range: 1.6, ..good },
        ];
        assert!(bad.iter().all(|choice| choice.validate().is_err()));
    }

    #[test]
    fn directions_of_vectors_come_first_and_differ() {
        // Two bundles and a stray: three directions in six vectors.
        let vectors = [0.1, 0.1, 1.1, 1.1, 2.1, 0.1];
        let choice = AngleChoice { count: 3, range: 0.0, ..AngleChoice::default() };
        for seed in 0..50 {
            let mut angles = choice.draw(&vectors, &mut sample_rng(seed, 0));
            angles.sort_by(f32::total_cmp);
            assert_eq!(angles, [0.1, 1.1, 2.1], "seed {seed}");
        }
        // Every vector can be the first.
        let choice = AngleChoice { count: 1, range: 0.0, ..choice };
        let first = |seed| choice.draw(&vectors, &mut sample_rng(seed, 0))[0];
        let stray = (0..600).filter(|seed| first(*seed) > 2.0).count();
        assert!((60..140).contains(&stray), "one of six, not {stray} of 600");
    }

    #[test]
    fn directions_are_moved_within_the_range() {
        let choice = AngleChoice { count: 1, ..AngleChoice::default() };
        let mut largest = 0.0_f32;
        for seed in 0..200 {
            let angle = choice.draw(&[0.01], &mut sample_rng(seed, 0))[0];
            assert!((0.0..std::f32::consts::PI).contains(&angle), "{angle}");
            largest = largest.max(difference(angle, 0.01));
        }
        assert!((0.15..0.174_533 + 1e-6).contains(&largest), "{largest}");
        let many = AngleChoice::default().draw(&[], &mut sample_rng(1, 0));
        assert_eq!(many.len(), 8, "without vectors all are random");
    }
}
