//! Weights of pixels that are heavier at boundaries.

use std::collections::BTreeMap;

use mapvec_geometry::distance_transform;
use ndarray::{Array2, ArrayView2, s};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Beyond this many `sigma` a weight has no part that `f32` shows.
const REACH: f64 = 6.0;

/// Settings of [`boundary_weights`] and [`instance_weights`]. The default is U-Net's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoundaryWeightConfig {
    /// What a pixel at a boundary counts beyond 1, `w0`, 0 or more. Default 10.
    pub strength: f64,
    /// How fast that fades, px, above 0, at most 1000. Default 5.
    pub sigma: f64,
    /// The label of unknown pixels, for [`boundary_weights`]. They weigh 0, and where a class
    /// meets them is no boundary. Default 255.
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
        if !(self.strength.is_finite() && self.strength >= 0.0) {
            let value = self.strength.to_string();
            return Err(Error::Config { field: "strength", value, expected: "finite, 0 or more" });
        }
        if !(self.sigma > 0.0 && self.sigma <= 1000.0) {
            let value = self.sigma.to_string();
            let expected = "above 0, at most 1000 px";
            return Err(Error::Config { field: "sigma", value, expected });
        }
        Ok(())
    }

    /// The weight at a distance, px.
    #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
    fn weight(&self, distance: f64) -> f32 {
        let fade = (-0.5 * (distance / self.sigma).powi(2)).exp();
        (1.0 + self.strength * fade) as f32
    }
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
    let mut weights = distance_transform(edge.view()).mapv(|d| config.weight(f64::from(d)));
    for (weight, &label) in weights.iter_mut().zip(labels.iter()) {
        if !known(label) {
            *weight = 0.0;
        }
    }
    Ok(weights)
}

/// Weights that are heavier in the gaps between instances, as in U-Net.
///
/// ```text
/// w = 1 + w0 exp(-(d1 + d2)^2 / (2 sigma^2))       on the background
/// w = 1                                            on instances
/// ```
///
/// with the distances `d1` and `d2`, px, to the nearest and the second nearest instance. Where
/// `d1` or `d2` exceeds 6 `sigma` the weight is 1. Weights of classes, which the paper adds, are
/// the loss's.
///
/// `instances` holds 0 for the background and an id for the pixels of each instance.
///
/// # Errors
///
/// [`Error::Config`] for settings out of range.
///
/// # References
///
/// Ronneberger, Fischer, Brox, "U-Net" (MICCAI 2015), equation 2.
pub fn instance_weights(
    instances: ArrayView2<'_, u32>,
    config: &BoundaryWeightConfig,
) -> Result<Array2<f32>> {
    config.validate()?;
    let (rows, columns) = instances.dim();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 6001")]
    let reach = (REACH * config.sigma).ceil() as usize + 1;
    // First and last row and column of each instance.
    let mut boxes: BTreeMap<u32, [usize; 4]> = BTreeMap::new();
    for ((row, column), &id) in instances.indexed_iter().filter(|(_, id)| **id != 0) {
        let [top, bottom, left, right] = boxes.entry(id).or_insert([row, row, column, column]);
        (*top, *bottom) = ((*top).min(row), (*bottom).max(row));
        (*left, *right) = ((*left).min(column), (*right).max(column));
    }
    let mut nearest = Array2::from_elem(instances.dim(), [f32::INFINITY; 2]);
    for (&id, &[top, bottom, left, right]) in &boxes {
        // Only the surroundings: the work grows with the instances' sizes, not their number.
        let (from, to) = (top.saturating_sub(reach), (bottom + reach + 1).min(rows));
        let (first, last) = (left.saturating_sub(reach), (right + reach + 1).min(columns));
        let window = s![from..to, first..last];
        let distances =
            distance_transform(instances.slice(window).mapv(|other| other == id).view());
        for (pair, &distance) in nearest.slice_mut(window).iter_mut().zip(&distances) {
            let [one, two] = *pair;
            *pair = if distance < one { [distance, one] } else { [one, two.min(distance)] };
        }
    }
    let most = REACH * config.sigma;
    Ok(Array2::from_shape_fn(instances.dim(), |at| {
        let [one, two] = nearest[at].map(f64::from);
        if instances[at] != 0 || two > most { 1.0 } else { config.weight(one + two) }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(sites: &[(usize, usize)], at: (usize, usize)) -> f64 {
        let square = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
        let distance = |site: &(usize, usize)| (square(site.0, at.0) + square(site.1, at.1)).sqrt();
        sites.iter().map(distance).fold(f64::INFINITY, f64::min)
    }

    /// Labels that no pattern repeats.
    fn mixed(seed: u32, classes: u32) -> Array2<u32> {
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
    fn gaps_against_all_pairs() {
        for seed in 0..6 {
            let ids = mixed(seed * 977, 5);
            let config = BoundaryWeightConfig { sigma: 1.5, ..BoundaryWeightConfig::default() };
            let weights = instance_weights(ids.view(), &config).unwrap();
            for (at, &weight) in weights.indexed_iter() {
                let mut distances: Vec<f64> = (1..5)
                    .map(|id| {
                        let of = ids.indexed_iter().filter(|(_, other)| **other == id);
                        naive(&of.map(|(at, _)| at).collect::<Vec<_>>(), at)
                    })
                    .collect();
                distances.sort_by(f64::total_cmp);
                let d = distances[0] + distances[1];
                let expected = 1.0 + 10.0 * (-d * d / 4.5).exp();
                let expected = if ids[at] == 0 { expected } else { 1.0 };
                assert!((f64::from(weight) - expected).abs() < 1e-5, "{at:?}: {weight}");
            }
        }
    }

    #[test]
    fn limits() {
        let config = BoundaryWeightConfig::default();
        let ones = Array2::<f32>::ones((3, 4));
        assert_eq!(boundary_weights(Array2::zeros((3, 4)).view(), &config).unwrap(), ones);
        assert_eq!(instance_weights(Array2::zeros((3, 4)).view(), &config).unwrap(), ones);
        assert_eq!(instance_weights(Array2::ones((3, 4)).view(), &config).unwrap(), ones);
        assert_eq!(boundary_weights(Array2::zeros((0, 4)).view(), &config).unwrap().len(), 0);
        assert_eq!(instance_weights(Array2::zeros((0, 4)).view(), &config).unwrap().len(), 0);
        for config in [
            BoundaryWeightConfig { strength: -1.0, ..config.clone() },
            BoundaryWeightConfig { sigma: 0.0, ..config.clone() },
            BoundaryWeightConfig { sigma: f64::NAN, ..config },
        ] {
            assert!(boundary_weights(Array2::zeros((2, 2)).view(), &config).is_err());
            assert!(instance_weights(Array2::zeros((2, 2)).view(), &config).is_err());
        }
    }
}
