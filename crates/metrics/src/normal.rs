//! The standard normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// Probability of a value up to `x`.
pub(crate) fn distribution(x: f64) -> f64 {
    0.5 * complement(-x / SQRT_2)
}

/// The value that is not exceeded with probability `p` in (0, 1): Newton's method on
/// [`distribution`] from a bracket.
pub(crate) fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0_f64, 40.0_f64);
    let mut x = 0.0;
    for _ in 0..200 {
        let error = distribution(x) - p;
        if error > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        let newton = x - error / density;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - x).abs() <= 1e-13 * (1.0 + x.abs()) {
            return next;
        }
        x = next;
    }
    x
}

/// The complementary error function: its series for small arguments, the continued fraction
/// for large ones.
fn complement(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - complement(-x);
    }
    if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return 1.0 - sum * 2.0 / PI.sqrt();
    }
    let fraction = (1..=200).rev().fold(x, |rest, n| x + f64::from(n) / 2.0 / rest);
    (-x * x).exp() / PI.sqrt() / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the tables of Abramowitz and Stegun.
    #[test]
    fn known_values() {
        for (x, p) in [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-2.0, 0.022_750_131_948_179)] {
            assert!((distribution(x) - p).abs() < 1e-14, "{x}");
        }
        assert!((distribution(3.0) - 0.998_650_101_968_37).abs() < 1e-14);
        for (p, x) in [(0.975, 1.959_963_984_540_054), (0.5, 0.0), (0.001, -3.090_232_306_167_814)]
        {
            assert!((quantile(p) - x).abs() < 1e-11, "{p}");
        }
    }
}
