//! Exponential and logarithm without branches or calls, so that loops over them become
//! vector instructions on every target.
//!
//! Both are the single-precision polynomials of Cephes (S. Moshier), with a relative
//! error below 3e-7, and let NaN through.

/// `e^x`; 0 below -87, where the result leaves the normal numbers, and capped at `e^88`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let tiny = x < -87.0;
    let x = if tiny { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let fraction = p * r * r + r + 1.0;
    // 2^n, its exponent field taken from the low bits of the shifted value.
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if tiny { 0.0 } else { fraction * scale }
}

/// Natural logarithm of a positive normal number.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    // Splits x into m * 2^e with m in [sqrt(1/2), sqrt(2)). The arithmetic shift keeps
    // the sign of e.
    let offset = x.to_bits().wrapping_sub(SQRT_HALF_BITS).cast_signed();
    let e = (offset >> 23) as f32;
    let mantissa = (offset & 0x007f_ffff).cast_unsigned().wrapping_add(SQRT_HALF_BITS);
    let m = f32::from_bits(mantissa) - 1.0;
    let mut p = 7.037_683_6e-2;
    p = p * m - 1.151_461e-1;
    p = p * m + 1.167_699_9e-1;
    p = p * m - 1.242_014_1e-1;
    p = p * m + 1.424_932_3e-1;
    p = p * m - 1.666_805_8e-1;
    p = p * m + 2.000_071_5e-1;
    p = p * m - 2.499_999_4e-1;
    p = p * m + 3.333_333e-1;
    let z = m * m;
    // Splitting ln 2 keeps the small part exact. The last term is NaN when x is.
    let small = p * m * z + e * -2.121_944_4e-4 - 0.5 * z;
    m + small + e * 0.693_359_4 + 0.0 * x
}

#[cfg(test)]
mod tests {
    use super::{exp, ln};

    #[test]
    fn close_to_double_precision() {
        for step in -8690..8790_i16 {
            let x = f32::from(step) * 0.01 + 0.003;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 3e-7, "exp({x}): relative error {error}");
            let y = exp(x);
            let expected = f64::from(y).ln();
            let error = (f64::from(ln(y)) - expected).abs() / expected.abs().max(1e-3);
            assert!(error < 3e-7, "ln({y}): relative error {error}");
        }
    }

    #[test]
    fn the_ends_are_calm_and_nan_shows() {
        assert!(exp(0.0).to_bits() == 1.0_f32.to_bits() && ln(1.0).to_bits() == 0, "exact points");
        assert_eq!(exp(-200.0).to_bits(), 0, "underflow");
        assert!(exp(200.0).is_finite(), "capped");
        assert!(exp(f32::NAN).is_nan() && ln(f32::NAN).is_nan(), "NaN");
    }
}
