//! Sine and cosine without branches or calls, so that loops over them become vector instructions
//! on every target.

/// Largest argument of [`sin_cos`], radians.
pub(crate) const LARGEST: f32 = 8192.0;

/// Sine and cosine of an angle of at most [`LARGEST`], either with an error below 2e-7; NaN of
/// NaN.
///
/// The single-precision polynomials of Cephes (S. Moshier).
#[inline(always)]
pub(crate) fn sin_cos(x: f32) -> (f32, f32) {
    // Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    // A quarter turn in parts of few bits, whose multiples are exact.
    const QUARTER: [f32; 3] = [1.570_312_5, 4.837_513e-4, 7.549_79e-8];
    let shifted = x * std::f32::consts::FRAC_2_PI + ROUND;
    let n = shifted - ROUND;
    let r = x - n * QUARTER[0] - n * QUARTER[1] - n * QUARTER[2];
    let z = r * r;
    let sine = ((-1.951_529_6e-4 * z + 8.332_161e-3) * z - 1.666_665_5e-1) * z * r + r;
    let cosine =
        ((2.443_315_7e-5 * z - 1.388_731_6e-3) * z + 4.166_664_6e-2) * z * z - 0.5 * z + 1.0;
    // Quarter turns, modulo 4, swap both and turn their signs.
    let turns = shifted.to_bits();
    let (sine, cosine) = if turns & 1 == 0 { (sine, cosine) } else { (cosine, sine) };
    let sign = |turns: u32| (turns & 2) << 30;
    (
        f32::from_bits(sine.to_bits() ^ sign(turns)),
        f32::from_bits(cosine.to_bits() ^ sign(turns.wrapping_add(1))),
    )
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, sin_cos};

    #[test]
    fn close_to_double_precision() {
        let small = (-32_000..32_000_i16).map(|step| f32::from(step) * 0.000_3);
        let all = (-32_000..32_000_i16).map(|step| f32::from(step) * (LARGEST / 32_000.0));
        for x in small.chain(all).chain([LARGEST, -LARGEST]) {
            let (sine, cosine) = sin_cos(x);
            let (exact_sine, exact_cosine) = f64::from(x).sin_cos();
            let error = (f64::from(sine) - exact_sine).abs();
            let error = error.max((f64::from(cosine) - exact_cosine).abs());
            assert!(error < 2e-7, "{x}: {error}");
        }
        let (sine, cosine) = sin_cos(f32::NAN);
        assert!(sine.is_nan() && cosine.is_nan(), "NaN");
    }
}
