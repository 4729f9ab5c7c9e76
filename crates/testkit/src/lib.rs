//! What the tests of several crates share.
//!
//! [`uniform`], [`normal`] and [`integers`] draw from a counter-based generator
//! (splitmix64) that takes a dozen lines in any language, so that values computed by
//! another library can be compared without files of inputs:
//!
//! ```text
//! z_i = mix64(seed + (i + 1) * 0x9E3779B97F4A7C15)       i = 0, 1, 2, ...
//! u_i = (z_i >> 11) * 2^-53                               uniform in [0, 1)
//! n_k = sqrt(-2 ln(1 - u_2k)) * cos(2 pi u_2k+1)          standard normal
//! ```

use std::f64::consts::TAU;

/// The `i`-th 64 bits of a stream.
#[must_use]
pub fn bits(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add(i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The `i`-th number in [0, 1) of a stream.
fn unit(seed: u64, i: u64) -> f64 {
    (bits(seed, i) >> 11) as f64 * 2.0_f64.powi(-53)
}

/// The `i`-th of the numbers that [`uniform`] gives.
#[must_use]
pub fn uniform_at(i: u64, seed: u64, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(seed, i)
}

/// `n` numbers in [`low`, `high`).
#[must_use]
pub fn uniform(n: usize, seed: u64, low: f64, high: f64) -> Vec<f64> {
    (0..n as u64).map(|i| uniform_at(i, seed, low, high)).collect()
}

/// `n` standard normal numbers.
#[must_use]
pub fn normal(n: usize, seed: u64) -> Vec<f64> {
    let number = |k| {
        let radius = (-2.0 * (1.0 - unit(seed, 2 * k)).ln()).sqrt();
        radius * (TAU * unit(seed, 2 * k + 1)).cos()
    };
    (0..n as u64).map(number).collect()
}

/// `n` whole numbers from `low` to `high - 1`.
#[must_use]
pub fn integers(n: usize, seed: u64, low: i64, high: i64) -> Vec<i64> {
    uniform(n, seed, low as f64, high as f64).into_iter().map(|u| u.floor() as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of splitmix64 for seed 0, as S. Vigna's reference code gives them.
    #[test]
    fn the_stream_is_splitmix64() {
        let expected = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F];
        assert_eq!([0, 1, 2].map(|i| bits(0, i)), expected);
    }

    #[test]
    fn ranges_and_moments() {
        let u = uniform(20_000, 3, -2.0, 4.0);
        assert!(u.iter().all(|u| (-2.0..4.0).contains(u)));
        assert!((u.iter().sum::<f64>() / 2e4 - 1.0).abs() < 0.05);
        let n = normal(20_000, 4);
        assert!((n.iter().sum::<f64>() / 2e4).abs() < 0.03);
        assert!((n.iter().map(|n| n * n).sum::<f64>() / 2e4 - 1.0).abs() < 0.05);
        let i = integers(20_000, 5, 0, 3);
        assert!((0..3).all(|k| i.contains(&k)) && i.iter().all(|k| (0..3).contains(k)));
    }
}
