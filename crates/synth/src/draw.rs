//! Random draws of a sheet: one ChaCha stream, named distributions.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random numbers of one sheet or of one part of it.
#[derive(Debug, Clone)]
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// Takes a 256-bit seed from `rng`.
    pub(crate) fn from_rng(rng: &mut impl Rng) -> Self {
        Self(ChaCha8Rng::from_seed(rng.random()))
    }

    /// An independent stream for one part of a sheet, so that parts do not disturb
    /// each other when one of them draws more numbers.
    pub(crate) fn fork(&mut self) -> Self {
        Self(ChaCha8Rng::from_seed(self.0.random()))
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.0.random::<f64>() < p
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Uniform in `[low, high)`, single precision.
    pub(crate) fn range32(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.random::<f32>()
    }

    /// Log-uniform in `[low, high)`.
    pub(crate) fn log_range(&mut self, low: f64, high: f64) -> f64 {
        self.range(low.ln(), high.ln()).exp()
    }

    /// Normal with the given mean and standard deviation.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let u: f64 = 1.0 - self.0.random::<f64>();
        let v: f64 = self.0.random();
        mean + deviation * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// An integer in `low..=high` (`low` when the range is empty).
    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        if high <= low { low } else { self.0.random_range(low..=high) }
    }

    /// A count with mean about `mean`: the fraction decides by chance.
    pub(crate) fn about(&mut self, mean: f64) -> usize {
        crate::cast::to_index(mean + self.0.random::<f64>())
    }

    /// A count with mean `factor` times a number between `low` and `high`.
    pub(crate) fn some(&mut self, low: f64, high: f64, factor: f64) -> usize {
        let mean = self.range(low, high) * factor;
        self.about(mean)
    }

    /// One of `items`.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        const { assert!(N > 0, "nothing to pick from") };
        items[self.0.random_range(0..N)]
    }

    /// The index of a weight, in proportion to the weights; 0 when all are zero.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.0.random::<f64>() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        0
    }

    /// An undirected direction or a turn, radians in `[0, 2 pi)`.
    pub(crate) fn turn(&mut self) -> f64 {
        self.range(0.0, std::f64::consts::TAU)
    }

    /// Fills `out` with approximately normal numbers of deviation 1 (sum of four bytes:
    /// fast enough for every pixel of a sheet, tails end at 3.5).
    pub(crate) fn fill_normal(&mut self, out: &mut [f32]) {
        // Four bytes: mean 510, variance 4 (256^2 - 1) / 12.
        const SCALE: f32 = 0.006_765_92;
        let mut bytes = [0_u8; 1024];
        for chunk in out.chunks_mut(256) {
            self.0.fill_bytes(&mut bytes);
            for (value, four) in chunk.iter_mut().zip(bytes.chunks_exact(4)) {
                let sum: u16 = four.iter().map(|&byte| u16::from(byte)).sum();
                *value = (f32::from(sum) - 510.0) * SCALE;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::Draw;

    #[test]
    fn fast_normals_have_unit_deviation() {
        let mut draw = Draw::from_rng(&mut ChaCha8Rng::seed_from_u64(3));
        let mut values = vec![0.0; 100_000];
        draw.fill_normal(&mut values);
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|v| v * v).sum::<f32>() / count;
        assert!(mean.abs() < 0.02, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn weights_choose() {
        let mut draw = Draw::from_rng(&mut ChaCha8Rng::seed_from_u64(3));
        for _ in 0..100 {
            assert_eq!(draw.weighted(&[0.0, 2.0, 0.0]), 1);
        }
    }
}
