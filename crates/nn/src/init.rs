//! Seeded initial values that depend on the seed and the parameter's name only.
//!
//! Not on the order of creation, nor on other parameters, threads or the
//! platform: normal values are sums of twelve uniform ones, which need no
//! function whose last digit differs between platforms.

use candle_core::Shape;
use candle_nn::Init;
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Xavier (Glorot) uniform values for a layer with that many inputs and outputs
/// per unit: bound `sqrt(6 / (fan_in + fan_out))`.
///
/// # References
///
/// Glorot and Bengio, *Understanding the difficulty of training deep
/// feedforward neural networks* (2010).
#[must_use]
pub fn xavier_uniform(fan_in: usize, fan_out: usize) -> Init {
    let bound = (6.0 / as_f64(fan_in + fan_out)).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}

/// Xavier (Glorot) normal values: deviation `sqrt(2 / (fan_in + fan_out))`.
#[must_use]
pub fn xavier_normal(fan_in: usize, fan_out: usize) -> Init {
    Init::Randn { mean: 0.0, stdev: (2.0 / as_f64(fan_in + fan_out)).sqrt() }
}

/// Kaiming (He) uniform values for a layer followed by a `ReLU`: bound `sqrt(6 / fan_in)`.
///
/// # References
///
/// He et al., *Delving Deep into Rectifiers* (2015).
#[must_use]
pub fn kaiming_uniform() -> Init {
    kaiming(NormalOrUniform::Uniform)
}

/// Kaiming (He) normal values for a layer followed by a `ReLU`: deviation `sqrt(2 / fan_in)`.
#[must_use]
pub fn kaiming_normal() -> Init {
    kaiming(NormalOrUniform::Normal)
}

fn kaiming(dist: NormalOrUniform) -> Init {
    Init::Kaiming { dist, fan: FanInOut::FanIn, non_linearity: NonLinearity::ReLU }
}

/// Values from `low` up to, not including, `high`.
#[must_use]
pub fn uniform(low: f64, high: f64) -> Init {
    Init::Uniform { lo: low, up: high }
}

/// Normal values of mean 0, none further than six deviations from it.
#[must_use]
pub fn normal(deviation: f64) -> Init {
    Init::Randn { mean: 0.0, stdev: deviation.abs() }
}

/// Normal values of mean 0 of which those beyond two deviations are drawn again, as for
/// transformers. What is left deviates by 0.88 of `deviation`.
///
/// Candle's [`Init`] has no such law; a negative deviation stands for it and is understood by
/// [`ParameterStore`](crate::ParameterStore). Other backends draw plain normal values.
#[must_use]
pub fn truncated_normal(deviation: f64) -> Init {
    Init::Randn { mean: 0.0, stdev: -deviation.abs() }
}

/// The same value everywhere.
#[must_use]
pub fn constant(value: f64) -> Init {
    Init::Const(value)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count.max(1) as f64
}

/// The values of parameter `name`, in row-major order.
pub(crate) fn values(seed: u64, name: &str, shape: &Shape, init: Init) -> Vec<f64> {
    let count = shape.elem_count();
    let mut rng = parameter_rng(seed, name);
    match init {
        Init::Const(value) => vec![value; count],
        Init::Randn { mean, stdev } if stdev.is_sign_negative() => {
            (0..count).map(|_| mean - stdev * draw_truncated(&mut rng)).collect()
        }
        Init::Randn { mean, stdev } => {
            (0..count).map(|_| mean + stdev * draw_normal(&mut rng)).collect()
        }
        Init::Uniform { lo, up } => {
            (0..count).map(|_| lo + (up - lo) * rng.random::<f64>()).collect()
        }
        Init::Kaiming { dist, fan, non_linearity } => {
            let stdev = non_linearity.gain() / as_f64(fan.for_shape(shape)).sqrt();
            match dist {
                NormalOrUniform::Normal => {
                    (0..count).map(|_| stdev * draw_normal(&mut rng)).collect()
                }
                NormalOrUniform::Uniform => {
                    let bound = stdev * 3.0_f64.sqrt();
                    (0..count).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect()
                }
            }
        }
    }
}

/// A nearly normal value of mean 0 and variance 1, within six deviations.
fn draw_normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// A nearly normal value within two deviations. One draw in 22 is rejected, so the loop is short.
fn draw_truncated(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let value = draw_normal(rng);
        if value.abs() <= 2.0 {
            return value;
        }
    }
}

/// A stream of its own for every (seed, name).
fn parameter_rng(seed: u64, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    for (lane, part) in key[8..].chunks_exact_mut(8).enumerate() {
        // FNV-1a; the three hashes of a name differ by their start.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ ((lane as u64 + 1) << 56);
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        part.copy_from_slice(&hash.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / as_f64(values.len());
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / as_f64(values.len()))
    }

    #[test]
    fn kaiming_values_have_the_variance_of_the_paper() {
        let shape = Shape::from((64, 32, 3, 3));
        for init in
            [candle_nn::init::DEFAULT_KAIMING_NORMAL, candle_nn::init::DEFAULT_KAIMING_UNIFORM]
        {
            let (mean, variance) = moments(&values(1, "weight", &shape, init));
            let expected = 2.0_f64 / (32.0 * 9.0);
            assert!(mean.abs() < 0.02 * expected.sqrt(), "mean {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.05,
                "variance {variance} against {expected}"
            );
        }
    }

    #[test]
    fn xavier_values_have_the_variance_of_the_paper() {
        let shape = Shape::from((100, 60));
        for init in [xavier_normal(60, 100), xavier_uniform(60, 100)] {
            let (_, variance) = moments(&values(3, "w", &shape, init));
            assert!((variance * 80.0 - 1.0).abs() < 0.1, "variance {variance}");
        }
    }

    #[test]
    fn xavier_values_end_at_their_bound_and_follow_the_seed() {
        let shape = Shape::from((100, 60));
        let bound = (6.0_f64 / 160.0).sqrt();
        let init = xavier_uniform(60, 100);
        let largest = values(3, "w", &shape, init).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!(largest <= bound && largest > 0.999 * bound, "{largest} of {bound}");
        for init in [init, xavier_normal(60, 100)] {
            let bytes = |seed| values(seed, "w", &shape, init).into_iter().map(f64::to_bits);
            assert!(bytes(3).eq(bytes(3)) && !bytes(3).eq(bytes(4)), "{init:?}");
            let (mean, _) = moments(&values(3, "w", &shape, init));
            assert!(mean.abs() < 0.005, "{init:?}: mean {mean}");
        }
        // No unit at all makes no infinity.
        assert!(values(3, "w", &2.into(), xavier_uniform(0, 0)).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn truncated_values_end_at_two_deviations() {
        let shape = Shape::from(20_000);
        let all = values(5, "w", &shape, truncated_normal(0.02));
        let largest = all.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!(largest <= 0.04 && largest > 0.039, "{largest}");
        // A normal law cut at two deviations has a variance of 0.7737.
        let (mean, variance) = moments(&all);
        assert!(mean.abs() < 5e-4, "mean {mean}");
        assert!((variance / (0.0004 * 0.7737) - 1.0).abs() < 0.03, "variance {variance}");
    }

    #[test]
    fn laws_have_their_moments() {
        let shape = Shape::from((200, 100));
        for (init, expected) in [
            (normal(0.5), 0.25),
            (uniform(-3.0, 3.0), 3.0),
            (kaiming_normal(), 0.02),
            (kaiming_uniform(), 0.02),
            (constant(4.0), 0.0),
        ] {
            let (_, variance) = moments(&values(1, "w", &shape, init));
            assert!((variance - expected).abs() <= 0.03 * expected, "{init:?}: {variance}");
        }
    }

    #[test]
    fn values_are_the_same_on_every_platform() {
        // ChaCha8 with the key of `parameter_rng`, written out in Python 3: the top 53 bits of
        // each 64-bit word are a uniform draw, twelve in order a normal one.
        let first = |init| values(42, "encoder.0.weight", &2.into(), init);
        assert_eq!(first(uniform(-1.0, 1.0)), [0.687_670_386_524_532_4, 0.607_809_184_054_725_5]);
        let expected = [0.962_963_117_932_026_2, -1.513_908_971_216_811_7];
        assert_eq!(first(normal(1.0)), expected);
        assert_eq!(first(truncated_normal(1.0)), expected, "none is rejected");
    }

    #[test]
    fn values_depend_on_seed_and_name_only() {
        let shape = Shape::from(8);
        let init = Init::Randn { mean: 0.0, stdev: 1.0 };
        assert_eq!(values(1, "a", &shape, init), values(1, "a", &shape, init));
        assert_ne!(values(1, "a", &shape, init), values(2, "a", &shape, init));
        assert_ne!(values(1, "a", &shape, init), values(1, "b", &shape, init));
    }

    #[test]
    fn a_longer_parameter_of_the_same_name_starts_with_the_same_values() {
        let init = Init::Uniform { lo: -1.0, up: 1.0 };
        let (short, long) =
            (values(7, "stem", &3.into(), init), values(7, "stem", &9.into(), init));
        assert_eq!(short, long[..3]);
        assert!(long.iter().all(|v| (-1.0..1.0).contains(v)), "{long:?}");
    }
}
