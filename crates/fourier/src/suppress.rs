//! Waves that others explain.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::plane_wave::PlaneWave;

/// Settings of [`suppress_waves`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SuppressConfig {
    /// Waves with frequencies within this of a better one are left out, cycles per px. Default
    /// 1.5 / 32: a bin and a half of a window of 32 px.
    pub radius: f64,
    /// Multiples of the frequency of a better wave up to this one are left out, too: a pattern of
    /// thin lines has them all. 1 or more. Default 4.
    pub harmonics: u32,
}

impl Default for SuppressConfig {
    fn default() -> Self {
        Self { radius: 1.5 / 32.0, harmonics: 4 }
    }
}

/// Which of some waves stand for a pattern of their own: non-maximum suppression among
/// frequencies. The result has their indices, the best first.
///
/// A wave goes if a better one is left whose frequency, or a multiple of it, lies within the
/// radius; both forms `(u, v)` and `(-u, -v)` of a wave are looked at. Equal scores keep the order
/// of the waves.
///
/// # Errors
///
/// [`Error::Setting`] for a negative radius, no harmonics, a score that is not a number, and
/// another number of scores than of waves.
pub fn suppress_waves(
    waves: &[PlaneWave],
    scores: &[f64],
    config: &SuppressConfig,
) -> Result<Vec<usize>> {
    let &SuppressConfig { radius, harmonics } = config;
    if !(radius >= 0.0 && radius.is_finite()) {
        return Err(Error::Setting { field: "radius", value: radius, expected: "0 or more" });
    }
    if !(1..=64).contains(&harmonics) {
        let value = f64::from(harmonics);
        return Err(Error::Setting { field: "harmonics", value, expected: "from 1 to 64" });
    }
    if waves.len() != scores.len() {
        let expected = format!("[{}], one score a wave", waves.len());
        return Err(Error::Shape { field: "scores", found: vec![scores.len()], expected });
    }
    if let Some(&value) = scores.iter().find(|score| score.is_nan()) {
        return Err(Error::Setting { field: "scores", value, expected: "a number" });
    }
    let mut order: Vec<usize> = (0..waves.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut kept: Vec<usize> = Vec::new();
    for index in order {
        let [u, v] = waves[index].frequency;
        let explained = kept.iter().any(|&better| {
            let [s, t] = waves[better].frequency;
            (1..=harmonics).any(|times| {
                let (s, t) = (f64::from(times) * s, f64::from(times) * t);
                (u - s).hypot(v - t) <= radius || (u + s).hypot(v + t) <= radius
            })
        });
        if !explained {
            kept.push(index);
        }
    }
    Ok(kept)
}
