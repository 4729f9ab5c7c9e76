//! How much two waves are alike.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::plane_wave::PlaneWave;

/// Settings of [`wave_similarity`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimilarityConfig {
    /// Weight of the frequency's size, 0 or more. Default 1.
    pub magnitude_weight: f64,
    /// Weight of its direction, 0 or more. Default 1.
    pub orientation_weight: f64,
    /// Weight of the phase, 0 or more. Default 1.
    pub phase_weight: f64,
    /// Where phases are compared, `(x, y)` in px: best in the middle of the picture, since an
    /// error of the frequency moves phases far away. Default the origin.
    pub at: [f64; 2],
}

impl Default for SimilarityConfig {
    fn default() -> Self {
        Self { magnitude_weight: 1.0, orientation_weight: 1.0, phase_weight: 1.0, at: [0.0; 2] }
    }
}

/// How much two waves are alike, from 0 to 1.
///
/// With `f = |(u, v)|` and `a` its direction, the weights divided by their sum, and the second
/// wave as the one of its two forms that points to the side of the first:
///
/// ```text
/// 1 - m |f - f'| / max(f, f') - o |sin(a - a')| - p (1 - cos(phase - phase')) / 2
/// ```
///
/// Two waves without a frequency have no difference of size; one without has no direction.
/// The loss of networks that predict waves is one minus this.
///
/// # Errors
///
/// [`Error::Setting`] for a weight that is negative or not finite, weights that are all 0, and waves
/// that are not finite.
pub fn wave_similarity(a: &PlaneWave, b: &PlaneWave, config: &SimilarityConfig) -> Result<f64> {
    let weights = [
        ("magnitude_weight", config.magnitude_weight),
        ("orientation_weight", config.orientation_weight),
        ("phase_weight", config.phase_weight),
    ];
    for (field, value) in weights {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Error::Setting { field, value, expected: "0 or more" });
        }
    }
    a.check("a")?;
    b.check("b")?;
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    if total <= 0.0 {
        let field = "the sum of the weights";
        return Err(Error::Setting { field, value: total, expected: "above 0" });
    }
    let (f, g) = (a.norm(), b.norm());
    let ([u, v], [s, t]) = (a.frequency, b.frequency);
    let ratio = |x: f64, y: f64| if y > 0.0 { x / y } else { 0.0 };
    let magnitude = ratio((f - g).abs(), f.max(g));
    let orientation = ratio((u * t - v * s).abs(), f * g);
    let apart = (a.phase_at(config.at) - b.towards(a).phase_at(config.at)).rem_euclid(TAU);
    let phase = (apart / 2.0).sin().powi(2);
    let errors = config.magnitude_weight * magnitude
        + config.orientation_weight * orientation
        + config.phase_weight * phase;
    Ok((1.0 - errors / total).clamp(0.0, 1.0))
}
