//! Exponentials and softmax over short vectors, as vector code.

use std::hint::black_box;

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
        // Smallest largest relative error, 1.05e-7, over half a step of r to both sides.
        let mut p = 8.312_501e-3;
        p = p * r + 4.189_033e-2;
        p = p * r + 0.166_671_16;
        p = p * r + 0.499_992_3;
        let value = p * r * r + r + 1.0;
        let power = shifted.to_bits() << 23;
        let value = f32::from_bits(value.to_bits().wrapping_add(power));
        out[l] = if x[l] < LOWEST { 0.0 } else { value };
    }
    out
}

/// Values that go through the exponential together.
const BLOCK: usize = 16;

/// Puts the softmax of the logits of points, `chunks` chunks each, in their place. Returns the
/// smallest of the largest logits of the points; where that is minus infinity, nothing useful
/// comes out.
#[inline(always)]
pub(crate) fn softmax<const W: usize>(values: &mut [[f32; W]], chunks: usize) -> f32 {
    let mut lowest = f32::INFINITY;
    for row in values.chunks_exact_mut(chunks) {
        let largest = joined(
            row,
            #[inline(always)]
            |a, b| if a > b { a } else { b },
        );
        lowest = if largest < lowest { largest } else { lowest };
        for chunk in row {
            for value in chunk {
                *value -= largest;
            }
        }
    }
    let (blocks, rest) = values.as_flattened_mut().as_chunks_mut::<BLOCK>();
    for block in blocks {
        *block = exp(*block);
    }
    for value in rest {
        [*value] = exp([*value]);
    }
    for row in values.chunks_exact_mut(chunks) {
        let sum = joined(
            row,
            #[inline(always)]
            |a, b| a + b,
        );
        // Opaque, or the compiler takes 16 points at once, with gathers and scatters.
        let share = black_box(1.0 / sum);
        for chunk in row {
            for value in chunk {
                *value *= share;
            }
        }
    }
    lowest
}

/// Joins all values of a row, first the chunks, then halves of lanes.
#[inline(always)]
fn joined<const W: usize>(row: &[[f32; W]], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = row[0];
    for chunk in &row[1..] {
        for l in 0..W {
            lanes[l] = join(lanes[l], chunk[l]);
        }
    }
    let mut half = W / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] = join(lanes[l], lanes[l + half]);
        }
        half /= 2;
    }
    lanes[0]
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
