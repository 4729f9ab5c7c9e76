//! Noise: smooth random fields, and independent values on the channels of a picture.

use mapvec_data::sample_rng;
use ndarray::Array2;
use rand::Rng;

use crate::cast::to_index;
use crate::draw::Draw;

/// Moves every value of a picture by up to `reach` either way, within 0 to 1. The noise has a seed
/// of its own, so that who needs no picture need not draw it.
#[expect(clippy::cast_possible_truncation, reason = "pictures are f32")]
pub(crate) fn add_noise(image: &mut [f32], reach: f64, seed: u64) {
    let (mut rng, reach) = (sample_rng(seed, 0), reach as f32);
    for value in image {
        *value = (*value + reach * rng.random_range(-1.0..1.0_f32)).clamp(0.0, 1.0);
    }
}

/// The deviation of white noise whose power lies some decibels below another power.
pub(crate) fn white_deviation(power: f64, decibels: f64) -> f64 {
    (power / 10_f64.powf(decibels / 10.0)).sqrt()
}

/// A smooth random field of mean about 0 and deviation about 1: normal numbers on a
/// grid of `cell` pixels, interpolated by uniform cubic B-splines.
///
/// The interpolation is separable, so a field costs eight multiplications per pixel
/// whatever the cell.
pub(crate) fn smooth_noise(
    draw: &mut Draw,
    (rows, columns): (usize, usize),
    cell: f64,
) -> Array2<f32> {
    let cell = cell.max(1.0);
    let knots = |length: usize| to_index(length as f64 / cell) + 5;
    let (knot_rows, knot_columns) = (knots(rows), knots(columns));
    let mut grid = vec![0.0_f32; knot_rows * knot_columns];
    draw.fill_normal(&mut grid);
    let shift = (draw.range(0.0, 1.0), draw.range(0.0, 1.0));
    // A B-spline keeps 0.479 of the deviation per direction, on average over its phase.
    for value in &mut grid {
        *value *= 2.0865;
    }
    let across: Vec<(usize, [f32; 4])> =
        (0..columns).map(|x| spline(x as f64 / cell + shift.0)).collect();
    let mut wide = vec![0.0_f32; knot_rows * columns];
    for (source, target) in grid.chunks_exact(knot_columns).zip(wide.chunks_exact_mut(columns)) {
        for (value, (start, w)) in target.iter_mut().zip(&across) {
            let k = &source[*start..start + 4];
            *value = w[0] * k[0] + w[1] * k[1] + w[2] * k[2] + w[3] * k[3];
        }
    }
    let mut field = vec![0.0_f32; rows * columns];
    for (y, target) in field.chunks_exact_mut(columns.max(1)).enumerate() {
        let (start, w) = spline(y as f64 / cell + shift.1);
        let row = |k: usize| &wide[(start + k) * columns..(start + k + 1) * columns];
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        for (x, value) in target.iter_mut().enumerate() {
            *value = w[0] * a[x] + w[1] * b[x] + w[2] * c[x] + w[3] * d[x];
        }
    }
    Array2::from_shape_vec((rows, columns), field)
        .unwrap_or_else(|_| Array2::zeros((rows, columns)))
}

/// First knot and the four cubic B-spline weights at position `t` in cells.
fn spline(t: f64) -> (usize, [f32; 4]) {
    let start = to_index(t);
    let u = (t - start as f64) as f32;
    let v = 1.0 - u;
    let (u2, u3) = (u * u, u * u * u);
    let weights = [
        v * v * v / 6.0,
        (3.0 * u3 - 6.0 * u2 + 4.0) / 6.0,
        (-3.0 * u3 + 3.0 * u2 + 3.0 * u + 1.0) / 6.0,
        u3 / 6.0,
    ];
    (start, weights)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::smooth_noise;
    use crate::draw::Draw;

    #[test]
    fn deviation_is_about_one() {
        let mut draw = Draw::from_rng(&mut ChaCha8Rng::seed_from_u64(1));
        for cell in [2.0, 5.0, 9.0] {
            let field = smooth_noise(&mut draw, (400, 400), cell);
            let variance = field.iter().map(|v| v * v).sum::<f32>() / field.len() as f32;
            assert!((0.7..1.3).contains(&variance), "variance {variance} at cell {cell}");
        }
    }
}
