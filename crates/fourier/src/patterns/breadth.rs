//! How many lines lie side by side.

use std::f64::consts::TAU;

use ndarray::Array2;
use rustfft::num_complex::Complex;

/// Lines lie side by side as long as their direction stays within this, radians: a road that
/// strokes bend into is none of them.
const TURN: f64 = 0.3;

/// Sets the presence of a pattern to 0 where fewer than `least` lines lie side by side.
///
/// From each pixel of the pattern (presence 1 or more) a way across the lines is followed to both
/// sides; what it crosses is the turn of the model's phase from end to end.
pub(super) fn drop_narrow(
    presence: &mut Array2<f64>,
    model: &Array2<Complex<f64>>,
    spacing: f64,
    least: f64,
) {
    if least <= 0.0 {
        return;
    }
    let frequencies = frequencies(model);
    let across = Across { presence, frequencies: &frequencies, spacing };
    let narrow: Vec<(usize, usize)> = presence
        .indexed_iter()
        .filter(|&(at, &value)| value >= 1.0 && across.lines(at, least) < least)
        .map(|(at, _)| at)
        .collect();
    for at in narrow {
        presence[at] = 0.0;
    }
}

struct Across<'a> {
    presence: &'a Array2<f64>,
    /// Turns of the model's phase per px along x and y.
    frequencies: &'a Array2<[f64; 2]>,
    spacing: f64,
}

impl Across<'_> {
    /// Lines side by side at a pixel, counted up to `most`.
    fn lines(&self, at: (usize, usize), most: f64) -> f64 {
        let ahead = self.one_side(at, 1.0, most);
        ahead + self.one_side(at, -1.0, most - ahead)
    }

    /// Lines from a pixel to the border of the pattern on one side.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in the picture"
    )]
    fn one_side(&self, start: (usize, usize), side: f64, most: f64) -> f64 {
        let (height, width) = self.presence.dim();
        let (mut y, mut x) = (start.0 as f64 + 0.5, start.1 as f64 + 0.5);
        let first = self.frequencies[start];
        let (mut at, mut lines) = (start, 0.0);
        while lines < most {
            let [u, v] = self.frequencies[at];
            let (along, aside) = (first[0] * u + first[1] * v, first[0] * v - first[1] * u);
            // A constant has no direction.
            if along <= 0.0 || aside.abs() > TURN.tan() * along {
                break;
            }
            let norm = u.hypot(v);
            (x, y) = (x + side * u / norm, y + side * v / norm);
            if !(x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64) {
                break;
            }
            at = (y as usize, x as usize);
            if self.presence[at] < 1.0 {
                break;
            }
            // No slower than lines at twice the distance, so the way ends.
            lines += norm.max(0.5 / self.spacing);
        }
        lines
    }
}

/// Turns of the model's phase per px along x and y, pixel by pixel.
fn frequencies(model: &Array2<Complex<f64>>) -> Array2<[f64; 2]> {
    let (height, width) = model.dim();
    let turn = |from: (usize, usize), to: (usize, usize)| {
        let value = model[to] * model[from].conj();
        value.im.atan2(value.re) / TAU
    };
    Array2::from_shape_fn((height, width), |(y, x)| {
        let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
        let (top, bottom) = (y.saturating_sub(1), (y + 1).min(height - 1));
        let step = |from: usize, to: usize| (to - from).max(1) as f64;
        [
            (turn((y, left), (y, x)) + turn((y, x), (y, right))) / step(left, right),
            (turn((top, x), (y, x)) + turn((y, x), (bottom, x))) / step(top, bottom),
        ]
    })
}
