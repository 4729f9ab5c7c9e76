//! Exponentials and softmax over short vectors, as vector code.

/// `e^x` for x of at most 0 with an error below 2 units in the last place; 0 below -86.
#[inline(always)]
pub(crate) fn exp<const W: usize>(x: [f32; W]) -> [f32; W] {
    /// Adding it rounds to a whole number, which then stands in the lowest bits.
    const MAGIC: f32 = 12_582_912.0;
    const LOWEST: f32 = -86.0;
    let mut out = [0.0; W];
    for l in 0..W {
        let v = if x[l] < LOWEST { LOWEST } else { x[l] };
        let shifted = v * std::f32::consts::LOG2_E + MAGIC;
        let whole = shifted - MAGIC;
        // ln 2 in two parts.
        let r = v - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
        let mut p = 1.987_569_1e-4;
        p = p * r + 1.398_2e-3;
        p = p * r + 8.333_452e-3;
        p = p * r + 4.166_579_6e-2;
        p = p * r + 0.166_666_66;
        p = p * r + 0.5;
        let value = p * r * r + r + 1.0;
        let power = shifted.to_bits() << 23;
        let value = f32::from_bits(value.to_bits().wrapping_add(power));
        out[l] = if x[l] < LOWEST { 0.0 } else { value };
    }
    out
}

/// Points per block.
pub(crate) const BLOCK: usize = 256;

/// Replaces the logits of a block of points, one row per class, by their softmax; returns the
/// largest logit of each point. Where it is minus infinity, nothing useful comes out.
#[inline(always)]
pub(crate) fn softmax(logits: &mut [[f32; BLOCK]]) -> [f32; BLOCK] {
    let mut largest = [f32::NEG_INFINITY; BLOCK];
    for row in logits.iter() {
        for p in 0..BLOCK {
            largest[p] = if row[p] > largest[p] { row[p] } else { largest[p] };
        }
    }
    let mut sums = [0.0; BLOCK];
    for row in logits.iter_mut() {
        for p in 0..BLOCK {
            row[p] -= largest[p];
        }
        *row = exp(*row);
        for p in 0..BLOCK {
            sums[p] += row[p];
        }
    }
    for sum in &mut sums {
        *sum = 1.0 / *sum;
    }
    for row in logits.iter_mut() {
        for p in 0..BLOCK {
            row[p] *= sums[p];
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right_to_two_units_in_the_last_place() {
        for i in 0..200_000 {
            let x = i as f32 * -4.299e-4;
            let exact = f64::from(x).exp();
            let got = f64::from(exp([x])[0]);
            assert!((got / exact - 1.0).abs() < 2.4e-7, "{x}: {got} {exact}");
        }
        assert!(exp([-87.0, f32::NEG_INFINITY]).iter().all(|&v| v == 0.0));
        assert!((exp([0.0])[0] - 1.0).abs() < f32::EPSILON);
    }
}
