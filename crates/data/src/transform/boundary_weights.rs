//! Weights of pixels that are heavier at boundaries.

use mapvec_geometry::distance_transform;
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, multiply_weights, wrong_shape, wrong_type};
use crate::error::{Error, Result};
use crate::record::{Record, Values};

/// Settings of [`boundary_weights`]. The default is U-Net's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoundaryWeightConfig {
    /// What a pixel at a boundary counts beyond 1, `w0`, 0 or more. Default 10.
    pub strength: f64,
    /// How fast that fades, px, above 0, at most 1000. Default 5.
    pub sigma: f64,
    /// The label of unknown pixels. They weigh 0, and where a class meets them is no boundary.
    /// Default 255.
    pub ignore: Option<u8>,
}

impl Default for BoundaryWeightConfig {
    fn default() -> Self {
        Self { strength: 10.0, sigma: 5.0, ignore: Some(255) }
    }
}

impl BoundaryWeightConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_fade(self.strength, self.sigma)
    }
}

/// Checks what weights are made of.
pub(super) fn check_fade(strength: f64, sigma: f64) -> Result<()> {
    if !(strength.is_finite() && strength >= 0.0) {
        let value = strength.to_string();
        return Err(Error::Config { field: "strength", value, expected: "finite, 0 or more" });
    }
    if !(sigma > 0.0 && sigma <= 1000.0) {
        let value = sigma.to_string();
        let expected = "above 0, at most 1000 px";
        return Err(Error::Config { field: "sigma", value, expected });
    }
    Ok(())
}

/// The weight at a distance, px.
#[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
pub(super) fn faded(distance: f64, strength: f64, sigma: f64) -> f32 {
    let fade = (-0.5 * (distance / sigma).powi(2)).exp();
    (1.0 + strength * fade) as f32
}

/// Weights that are heavier where classes meet.
///
/// ```text
/// w = 1 + w0 exp(-d^2 / (2 sigma^2))
/// ```
///
/// with the distance `d`, px, to the nearest pixel that has a pixel of another class beside, above
/// or below it: `d = 0` on both sides of a boundary. Without a boundary all weights are 1.
///
/// # Errors
///
/// [`Error::Config`] for settings out of range.
pub fn boundary_weights(
    labels: ArrayView2<'_, u8>,
    config: &BoundaryWeightConfig,
) -> Result<Array2<f32>> {
    config.validate()?;
    let known = |label: u8| Some(label) != config.ignore;
    let mut edge = Array2::from_elem(labels.dim(), false);
    for ((row, column), &label) in labels.indexed_iter() {
        for next in [(row, column + 1), (row + 1, column)] {
            let Some(&other) = labels.get(next) else { continue };
            if other != label && known(label) && known(other) {
                edge[(row, column)] = true;
                edge[next] = true;
            }
        }
    }
    let mut weights = distance_transform(edge.view())
        .mapv(|d| faded(f64::from(d), config.strength, config.sigma));
    for (weight, &label) in weights.iter_mut().zip(labels.iter()) {
        if !known(label) {
            *weight = 0.0;
        }
    }
    Ok(weights)
}

/// [`boundary_weights`] of the labels of a record, as a step.
///
/// # Shapes
///
/// Of `labels`, classes `u8` `[H, W, 1]` or `[H, W]`, or shares of classes `f32` `[H, W, K]` of
/// which the largest counts, it makes weights `f32` `[H, W]`. Weights of that name that the record
/// has are multiplied by them, so that this step may follow
/// [`LineFeatures`](crate::LineFeatures) and [`InstanceWeights`](crate::InstanceWeights).
///
/// # Examples
///
/// ```
/// use mapvec_data::Step;
///
/// let step: Step = serde_json::from_str(
///     r#"{ "op": "boundary_weights", "labels": "class", "map": { "sigma": 3.0 } }"#,
/// )?;
/// assert!(step.validate().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoundaryWeights {
    /// Name of the array of labels. Default `labels.shape_class`.
    pub labels: String,
    /// Name of the array of weights. Default `weights.shape_class`.
    pub weights: String,
    /// How weights are made.
    pub map: BoundaryWeightConfig,
}

impl Default for BoundaryWeights {
    fn default() -> Self {
        Self {
            labels: "labels.shape_class".to_owned(),
            weights: "weights.shape_class".to_owned(),
            map: BoundaryWeightConfig::default(),
        }
    }
}

impl BoundaryWeights {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.map.validate()
    }
}

impl Transform for BoundaryWeights {
    fn apply(&self, mut record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        let field = record.get(&self.labels)?;
        let refused = || wrong_shape(&self.labels, field.shape(), &[ANY, ANY, ANY]);
        let (rows, columns, classes) = match *field.shape() {
            [rows, columns] => (rows, columns, 1),
            [rows, columns, classes] => (rows, columns, classes),
            _ => return Err(refused()),
        };
        let labels = match field.values() {
            Values::U8(labels) if classes == 1 => labels.clone(),
            Values::F32(shares) if (2..=255).contains(&classes) => {
                shares.chunks_exact(classes).map(largest).collect()
            }
            Values::U8(_) | Values::F32(_) => return Err(refused()),
            other @ Values::I32(_) => return Err(wrong_type(&self.labels, other, "u8 or f32")),
        };
        let labels = Array2::from_shape_vec((rows, columns), labels).map_err(|_| refused())?;
        let weights = boundary_weights(labels.view(), &self.map)?;
        multiply_weights(&mut record, &self.weights, &weights)?;
        Ok(record)
    }
}

/// The place of the largest share, at most the 255th.
#[expect(clippy::cast_possible_truncation, reason = "at most 255 classes")]
fn largest(shares: &[f32]) -> u8 {
    let mut best = 0;
    for (class, share) in shares.iter().enumerate() {
        if *share > shares[best] {
            best = class;
        }
    }
    best as u8
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The distance to the nearest of some pixels, looking at each.
    pub(in crate::transform) fn naive(sites: &[(usize, usize)], at: (usize, usize)) -> f64 {
        let square = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
        let distance = |site: &(usize, usize)| (square(site.0, at.0) + square(site.1, at.1)).sqrt();
        sites.iter().map(distance).fold(f64::INFINITY, f64::min)
    }

    /// Labels that no pattern repeats.
    pub(in crate::transform) fn mixed(seed: u32, classes: u32) -> Array2<u32> {
        Array2::from_shape_fn((17, 23), |(i, j)| {
            let cell = (i as u32 / 5 * 7 + j as u32 / 6).wrapping_mul(2_654_435_761) ^ seed;
            (cell >> 13) % classes
        })
    }

    #[test]
    fn boundaries_against_all_pairs() {
        for seed in 0..6 {
            let labels = mixed(seed * 977, 4).mapv(|id| if id == 3 { 255 } else { id as u8 });
            let config = BoundaryWeightConfig { sigma: 2.0, ..BoundaryWeightConfig::default() };
            let weights = boundary_weights(labels.view(), &config).unwrap();
            let edge = |(i, j): (usize, usize)| {
                let beside =
                    [(i.wrapping_sub(1), j), (i, j.wrapping_sub(1)), (i + 1, j), (i, j + 1)];
                let other = |at: &(usize, usize)| {
                    labels.get(*at).is_some_and(|&id| id != 255 && id != labels[(i, j)])
                };
                labels[(i, j)] != 255 && beside.iter().any(other)
            };
            let sites: Vec<_> =
                labels.indexed_iter().map(|(at, _)| at).filter(|&at| edge(at)).collect();
            for (at, &weight) in weights.indexed_iter() {
                let d = naive(&sites, at);
                let expected = 1.0 + 10.0 * (-d * d / 8.0).exp();
                let expected = if labels[at] == 255 { 0.0 } else { expected };
                assert!((f64::from(weight) - expected).abs() < 1e-5, "{at:?}: {weight}");
            }
        }
    }

    #[test]
    fn limits() {
        let config = BoundaryWeightConfig::default();
        let ones = Array2::<f32>::ones((3, 4));
        assert_eq!(boundary_weights(Array2::zeros((3, 4)).view(), &config).unwrap(), ones);
        assert_eq!(boundary_weights(Array2::zeros((0, 4)).view(), &config).unwrap().len(), 0);
        for config in [
            BoundaryWeightConfig { strength: -1.0, ..config.clone() },
            BoundaryWeightConfig { sigma: 0.0, ..config.clone() },
            BoundaryWeightConfig { sigma: f64::NAN, ..config },
        ] {
            assert!(boundary_weights(Array2::zeros((2, 2)).view(), &config).is_err());
        }
    }
}
