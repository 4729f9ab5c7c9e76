//! Random logits and targets.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_losses::{DenseLossConfig, Targets, Terms, dense_map_loss};

/// Logits and the targets that go with them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) shape: (usize, usize, usize, usize),
    pub(crate) logits: Vec<f32>,
    pub(crate) bytes: [Vec<u8>; 4],
    pub(crate) floats: [Vec<f32>; 2],
}

/// A small generator, so that a batch is named by one number.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % below
    }

    fn unit(&mut self) -> f32 {
        self.next(1 << 20) as f32 / (1 << 20) as f32
    }
}

impl Batch {
    /// Random values; about one target in `unknown` is unknown (0: none).
    pub(crate) fn new(seed: u64, shape: (usize, usize, usize, usize), unknown: u64) -> Self {
        let (b, c, h, w) = shape;
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9).wrapping_add(99));
        let pixels = b * h * w;
        let logits = (0..pixels * c).map(|_| (numbers.unit() - 0.5) * 8.0).collect();
        let bytes = [2, 2, 3, 4].map(|classes| {
            let pixel = |_| {
                let class = numbers.next(classes) as u8;
                if unknown > 0 && numbers.next(unknown) == 0 { 255 } else { class }
            };
            (0..pixels).map(pixel).collect()
        });
        let floats = [(0.0, 3.1), (0.3, 12.0)].map(|(low, high)| {
            let pixel = |_| {
                let value = low + (high - low) * numbers.unit();
                if unknown > 0 && numbers.next(unknown) == 0 { f32::NAN } else { value }
            };
            (0..pixels).map(pixel).collect()
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

    /// Value, gradient and terms.
    pub(crate) fn run(&self, dtype: DType, config: &DenseLossConfig) -> (f64, Vec<f64>, Terms) {
        let var = self.var(dtype);
        let (loss, terms) = dense_map_loss(&var, &self.targets(), config).unwrap();
        let grads = loss.backward().unwrap();
        let numbers = |t: &Tensor| {
            t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
        };
        (numbers(&loss)[0], numbers(grads.get(&var).unwrap()), terms)
    }
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
