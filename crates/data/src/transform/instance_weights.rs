//! Weights of pixels that are heavier in the gaps between instances.

use std::collections::BTreeMap;

use mapvec_geometry::distance_transform;
use ndarray::{Array2, ArrayView2, s};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, multiply_weights, wrong_shape, wrong_type};
use super::boundary_weights::{check_fade, faded};
use crate::error::{Error, Result};
use crate::record::{Record, Values};

/// Pixels in the surroundings of all instances together.
const MAX_WORK: u64 = 1 << 32;
/// Beyond this many `sigma` a weight has no part that `f32` shows.
const REACH: f64 = 6.0;

/// Settings of [`instance_weights`]. The default is U-Net's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceWeightConfig {
    /// What a pixel in a gap without width counts beyond 1, `w0`, 0 or more. Default 10.
    pub strength: f64,
    /// How fast that fades, px, above 0, at most 1000. Default 5.
    pub sigma: f64,
    /// The id of unknown pixels: they weigh 0, and are neither background nor an instance.
    /// Default none.
    pub ignore: Option<u32>,
}

impl Default for InstanceWeightConfig {
    fn default() -> Self {
        Self { strength: 10.0, sigma: 5.0, ignore: None }
    }
}

impl InstanceWeightConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_fade(self.strength, self.sigma)
    }
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
/// `instances` holds 0 for the background and an id for the pixels of each instance; unknown
/// pixels ([`InstanceWeightConfig::ignore`]) weigh 0 and are no instance.
///
/// # Errors
///
/// [`Error::Config`] for settings out of range, and for a `sigma` that is too large for so many
/// instances: what lies within 6 `sigma` of each may be 2^32 px in all.
///
/// # References
///
/// Ronneberger, Fischer, Brox, "U-Net" (MICCAI 2015), equation 2.
pub fn instance_weights(
    instances: ArrayView2<'_, u32>,
    config: &InstanceWeightConfig,
) -> Result<Array2<f32>> {
    config.validate()?;
    let (rows, columns) = instances.dim();
    let known = |id: u32| Some(id) != config.ignore;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 6001")]
    let reach = (REACH * config.sigma).ceil() as usize + 1;
    // First and last row and column of each instance.
    let mut boxes: BTreeMap<u32, [usize; 4]> = BTreeMap::new();
    for ((row, column), &id) in instances.indexed_iter().filter(|(_, id)| **id != 0 && known(**id))
    {
        let [top, bottom, left, right] = boxes.entry(id).or_insert([row, row, column, column]);
        (*top, *bottom) = ((*top).min(row), (*bottom).max(row));
        (*left, *right) = ((*left).min(column), (*right).max(column));
    }
    let mut nearest = Array2::from_elem(instances.dim(), [f32::INFINITY; 2]);
    // Only the surroundings of each instance: the work grows with their sizes, whatever the
    // picture's. Those of wide weights overlap, and then it grows with the number of instances too.
    let window = |[top, bottom, left, right]: [usize; 4]| {
        let rows = top.saturating_sub(reach)..(bottom + reach + 1).min(rows);
        (rows, left.saturating_sub(reach)..(right + reach + 1).min(columns))
    };
    let all = boxes.values().map(|&around| {
        let (rows, columns) = window(around);
        rows.len() as u64 * columns.len() as u64
    });
    if all.fold(0_u64, u64::saturating_add) > MAX_WORK {
        let expected =
            "less for so many instances: what lies within 6 sigma of each, 2^32 px in all at most";
        return Err(Error::Config { field: "sigma", value: config.sigma.to_string(), expected });
    }
    for (&id, &around) in &boxes {
        let (rows, columns) = window(around);
        let window = s![rows, columns];
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
        match instances[at] {
            id if !known(id) => 0.0,
            0 if two <= most => faded(one + two, config.strength, config.sigma),
            _ => 1.0,
        }
    }))
}

/// [`instance_weights`] of the instances of a record, as a step.
///
/// # Shapes
///
/// Of `instances`, ids `i32` or `u8` `[H, W, 1]` with 0 for the background, or masks `u8`
/// `[n, H, W, 1]`, it makes weights `f32` `[H, W]`. A pixel of several masks belongs to the first;
/// the ids of masks are 1 to n. Weights of that name that the record has are multiplied by them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceWeights {
    /// Name of the array of instances. Default `shape_masks`.
    pub instances: String,
    /// Name of the array of weights. Default `weights.shape_class`.
    pub weights: String,
    /// How weights are made.
    pub map: InstanceWeightConfig,
}

impl Default for InstanceWeights {
    fn default() -> Self {
        Self {
            instances: "shape_masks".to_owned(),
            weights: "weights.shape_class".to_owned(),
            map: InstanceWeightConfig::default(),
        }
    }
}

impl InstanceWeights {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.map.validate()
    }

    /// The id of each pixel.
    fn ids(&self, record: &Record) -> Result<Array2<u32>> {
        let field = record.get(&self.instances)?;
        let refused = || wrong_shape(&self.instances, field.shape(), &[ANY, ANY, 1]);
        let (size, ids) = match (field.shape(), field.values()) {
            (&[rows, columns, 1], Values::U8(ids)) => {
                ((rows, columns), ids.iter().copied().map(u32::from).collect())
            }
            (&[rows, columns, 1], Values::I32(ids)) => {
                let id = |&id: &i32| {
                    u32::try_from(id).map_err(|_| Error::FieldValue {
                        name: self.instances.as_str().into(),
                        value: id.to_string(),
                        expected: "0 or more",
                    })
                };
                ((rows, columns), ids.iter().map(id).collect::<Result<_>>()?)
            }
            (&[_, rows, columns, 1], Values::U8(masks)) => {
                let mut ids = vec![0; rows * columns];
                for (id, mask) in (1..).zip(masks.chunks_exact((rows * columns).max(1))) {
                    for (own, _) in
                        ids.iter_mut().zip(mask).filter(|(own, on)| **own == 0 && **on != 0)
                    {
                        *own = id;
                    }
                }
                ((rows, columns), ids)
            }
            (_, other @ Values::F32(_)) => {
                return Err(wrong_type(&self.instances, other, "u8 or i32"));
            }
            _ => return Err(refused()),
        };
        Array2::from_shape_vec(size, ids).map_err(|_| refused())
    }
}

impl Transform for InstanceWeights {
    fn apply(&self, mut record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        let weights = instance_weights(self.ids(&record)?.view(), &self.map)?;
        multiply_weights(&mut record, &self.weights, &weights)?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary_weights::tests::{mixed, naive};
    use super::*;

    #[test]
    fn gaps_against_all_pairs() {
        for seed in 0..6 {
            let ids = mixed(seed * 977, 5);
            let config = InstanceWeightConfig { sigma: 1.5, ..InstanceWeightConfig::default() };
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

    /// An unknown instance has no gaps and no weight.
    #[test]
    fn unknown_pixels_are_neither_background_nor_instance() {
        for seed in 0..4 {
            let ids = mixed(seed * 977, 5);
            let config =
                InstanceWeightConfig { ignore: Some(3), ..InstanceWeightConfig::default() };
            let found = instance_weights(ids.view(), &config).unwrap();
            let without = ids.mapv(|id| if id == 3 { 0 } else { id });
            let plain = InstanceWeightConfig::default();
            let expected = instance_weights(without.view(), &plain).unwrap();
            for (at, &weight) in found.indexed_iter() {
                let wanted = if ids[at] == 3 { 0.0 } else { expected[at] };
                assert!((weight - wanted).abs() < 1e-9, "{at:?}: {weight} and {wanted}");
            }
        }
    }

    /// Work that no one waits for is refused at once.
    #[test]
    fn wide_weights_of_many_instances_are_refused() {
        let ids =
            Array2::from_shape_fn((300, 300), |(row, column)| (row * 300 + column) as u32 + 1);
        let wide = InstanceWeightConfig { sigma: 1000.0, ..InstanceWeightConfig::default() };
        let refused = instance_weights(ids.view(), &wide);
        assert!(matches!(refused, Err(Error::Config { field: "sigma", .. })));
        // One instance may be as wide.
        let one = instance_weights(Array2::ones((300, 300)).view(), &wide).unwrap();
        assert_eq!(one, Array2::<f32>::ones((300, 300)));
    }

    #[test]
    fn limits() {
        let config = InstanceWeightConfig::default();
        let ones = Array2::<f32>::ones((3, 4));
        assert_eq!(instance_weights(Array2::zeros((3, 4)).view(), &config).unwrap(), ones);
        assert_eq!(instance_weights(Array2::ones((3, 4)).view(), &config).unwrap(), ones);
        assert_eq!(instance_weights(Array2::zeros((0, 4)).view(), &config).unwrap().len(), 0);
        for config in [
            InstanceWeightConfig { strength: -1.0, ..config.clone() },
            InstanceWeightConfig { sigma: 0.0, ..config.clone() },
            InstanceWeightConfig { sigma: f64::NAN, ..config },
        ] {
            assert!(instance_weights(Array2::zeros((2, 2)).view(), &config).is_err());
        }
    }
}
