//! Random logits and targets.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_losses::{Composite, DenseLossConfig, Targets, dense_map_loss};
use mapvec_testkit::{integers, uniform};

/// Logits and the targets that go with them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) shape: (usize, usize, usize, usize),
    pub(crate) logits: Vec<f32>,
    pub(crate) bytes: [Vec<u8>; 4],
    pub(crate) floats: [Vec<f32>; 2],
}

impl Batch {
    /// Random values; about one target in `unknown` is unknown (0: none).
    pub(crate) fn new(seed: u64, shape: (usize, usize, usize, usize), unknown: u64) -> Self {
        let (b, c, h, w) = shape;
        let pixels = b * h * w;
        let stream = |k: u64| seed.wrapping_mul(64).wrapping_add(k);
        let numbers = |n, k, low, high| -> Vec<f32> {
            uniform(n, stream(k), low, high).into_iter().map(|number| number as f32).collect()
        };
        let known = |k| {
            let share = if unknown > 0 { 1.0 / unknown as f64 } else { 0.0 };
            uniform(pixels, stream(k), 0.0, 1.0).into_iter().map(move |u| u >= share)
        };
        let logits = numbers(pixels * c, 0, -4.0, 4.0);
        let bytes = [(1, 2), (2, 2), (3, 3), (4, 4)].map(|(k, classes)| {
            let ids = integers(pixels, stream(k), 0, classes).into_iter().zip(known(k + 8));
            ids.map(|(id, known)| if known { u8::try_from(id).unwrap() } else { 255 }).collect()
        });
        let floats = [(5, 0.0, 3.1), (6, 0.3, 12.0)].map(|(k, low, high)| {
            let values = numbers(pixels, k, low, high).into_iter().zip(known(k + 8));
            values.map(|(value, known)| if known { value } else { f32::NAN }).collect()
        });
        Self { shape, logits, bytes, floats }
    }

    pub(crate) fn targets(&self) -> Targets<'_> {
        let [boundary, centreline, class, distractor] = &self.bytes;
        let [angle, thickness] = &self.floats;
        Targets { boundary, centreline, class, angle, thickness, distractor }
    }

    pub(crate) fn var(&self, dtype: DType) -> Var {
        let tensor = Tensor::from_slice(&self.logits, self.shape, &Device::Cpu).unwrap();
        Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap()
    }

    /// Value, gradient and the loss itself, for its terms.
    pub(crate) fn run(&self, dtype: DType, config: &DenseLossConfig) -> (f64, Vec<f64>, Composite) {
        let var = self.var(dtype);
        let composite = dense_map_loss(&var, &self.targets(), config).unwrap();
        let grads = composite.loss.backward().unwrap();
        let numbers = |t: &Tensor| {
            t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
        };
        (numbers(&composite.loss)[0], numbers(grads.get(&var).unwrap()), composite)
    }
}

/// The weighted sum of the terms of a dense loss.
pub(crate) fn total(composite: &Composite, config: &DenseLossConfig) -> f64 {
    let weights = &config.weights;
    let factors = [
        ("boundary_bce", weights.boundary),
        ("boundary_dice", weights.boundary * config.boundary.dice_weight),
        ("centreline_bce", weights.centreline),
        ("centreline_dice", weights.centreline * config.centreline.dice_weight),
        ("class", weights.class),
        ("angle", weights.angle),
        ("thickness", weights.thickness),
        ("distractor", weights.distractor),
    ];
    assert_eq!(composite.terms.len(), factors.len());
    factors.iter().map(|(name, factor)| factor * composite.term(name).unwrap()).sum()
}

/// Settings unlike the defaults everywhere.
pub(crate) fn uneven() -> DenseLossConfig {
    let mut config = DenseLossConfig::default();
    config.heads.class = 9;
    config.heads.angle = 2;
    config.heads.distractor = 5;
    config.heads.thickness = 12;
    config.weights.boundary = 0.7;
    config.weights.thickness = 1.3;
    config.boundary.positive_weight = 3.5;
    config.centreline.dice_weight = 1.5;
    config.centreline.smooth = 4.0;
    config.class.class_weights = vec![0.25, 2.0, 1.0];
    config.distractor.class_weights = vec![0.5, 1.0, 0.0, 3.0];
    config.thickness.beta = 1.25;
    config
}
