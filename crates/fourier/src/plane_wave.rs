//! Plane waves and the lines along which they are highest.

use std::f64::consts::{PI, TAU};

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::spectrum::signed_bin;

/// The wave `cos(phase + 2 pi (u x + v y))` at the point `(x, y)` in px.
///
/// Its crests, where it is 1, are equally spaced parallel lines. The same wave has the frequency
/// `(-u, -v)` with the phase `-phase`; [`PlaneWave::canonical`] chooses one of the two.
///
/// Pixel centres are at halves. So in the discrete Fourier transform of the wave's values on
/// `[H, W]` pixels, the bin `(u W, v H)` has the phase `phase + pi (u + v)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneWave {
    /// `(u, v)`, cycles per px along x and y.
    pub frequency: [f64; 2],
    /// Phase at the origin, radians.
    pub phase: f64,
}

impl PlaneWave {
    /// The wave whose crests have a direction (radians) and a spacing (px).
    #[must_use]
    pub fn from_crests(angle: f64, spacing: f64, phase: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { frequency: [sin / spacing, -cos / spacing], phase }
    }

    /// The wave of a bin of the transform of `[H, W]` pixels whose value there has some phase.
    /// Bins may lie between whole numbers; those above half the size stand for negative ones.
    #[must_use]
    pub fn from_bin((height, width): (usize, usize), [u, v]: [f64; 2], phase: f64) -> Self {
        let frequency = [u / width as f64, v / height as f64];
        Self { frequency, phase: phase - PI * (frequency[0] + frequency[1]) }
    }

    /// The wave of a whole bin in row `v` and column `u` of a spectrum.
    pub(crate) fn of_bin(size: (usize, usize), (v, u): (usize, usize), phase: f64) -> Self {
        Self::from_bin(size, [signed_bin(u, size.1), signed_bin(v, size.0)], phase)
    }

    /// `(u, v)` in cycles per width and height of a canvas of `[H, W]` pixels.
    #[must_use]
    pub fn bins(&self, (height, width): (usize, usize)) -> [f64; 2] {
        [self.frequency[0] * width as f64, self.frequency[1] * height as f64]
    }

    /// Cycles per px across the crests.
    #[must_use]
    pub fn norm(&self) -> f64 {
        self.frequency[0].hypot(self.frequency[1])
    }

    /// Distance between crests, px; infinite for a constant.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        self.norm().recip()
    }

    /// Undirected direction of the crests, radians in `[0, pi)`.
    #[must_use]
    pub fn angle(&self) -> f64 {
        let [u, v] = self.frequency;
        undirected(u.atan2(-v))
    }

    /// The phase at a point, radians, not wrapped.
    #[must_use]
    pub fn phase_at(&self, [x, y]: [f64; 2]) -> f64 {
        self.phase + TAU * (self.frequency[0] * x + self.frequency[1] * y)
    }

    /// Its value at a point, from -1 to 1.
    #[must_use]
    pub fn value(&self, at: [f64; 2]) -> f64 {
        self.phase_at(at).cos()
    }

    /// The same wave with `v > 0`, or `v = 0` and `u >= 0`, and a phase in `(-pi, pi]`.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let [u, v] = self.frequency;
        let turned = v < 0.0 || (v <= 0.0 && u < 0.0);
        let (frequency, phase) =
            if turned { ([-u, -v], -self.phase) } else { ([u, v], self.phase) };
        Self { frequency, phase: wrapped(phase) }
    }

    /// The form of the same wave whose frequency is nearer to another's.
    #[must_use]
    pub fn towards(&self, other: &Self) -> Self {
        let ([u, v], [s, t]) = (self.frequency, other.frequency);
        if u * s + v * t < 0.0 { Self { frequency: [-u, -v], phase: -self.phase } } else { *self }
    }

    /// The wave moved by `(x, y)` px: the one that a window at `(-x, -y)` sees.
    #[must_use]
    pub fn moved(&self, [x, y]: [f64; 2]) -> Self {
        Self { frequency: self.frequency, phase: wrapped(self.phase_at([-x, -y])) }
    }

    /// The wave in a picture of `width` columns after [`quarter_turn`](crate::quarter_turn()).
    #[must_use]
    pub fn quarter_turned(&self, width: usize) -> Self {
        // The point (x, y) goes to (y, W - x).
        let [u, v] = self.frequency;
        Self { frequency: [v, -u], phase: wrapped(self.phase + TAU * u * width as f64) }
    }

    /// Its values at the centres of `[H, W]` pixels.
    #[must_use]
    pub fn field(&self, (height, width): (usize, usize)) -> Array2<f64> {
        // The cosine of a sum from sines and cosines of its terms: one pair per row and column.
        let turns = |start: f64, step: f64, n: usize| -> Vec<(f64, f64)> {
            (0..n).map(|i| (start + TAU * step * (i as f64 + 0.5)).sin_cos()).collect()
        };
        let columns = turns(self.phase, self.frequency[0], width);
        let rows = turns(0.0, self.frequency[1], height);
        Array2::from_shape_fn((height, width), |(y, x)| {
            columns[x].1 * rows[y].1 - columns[x].0 * rows[y].0
        })
    }

    /// The parts of its crests on a canvas of `[H, W]` pixels, ends in px, in the order of
    /// increasing phase. All run in the direction of [`PlaneWave::angle`]. A constant has none,
    /// nor has a wave of more than a cycle per px or with more than ten million crests.
    #[must_use]
    pub fn crests(&self, (height, width): (usize, usize)) -> Vec<[[f64; 2]; 2]> {
        let [u, v] = self.frequency;
        let norm = self.norm();
        if !(norm > 0.0 && norm <= 1.0 && self.phase.is_finite()) {
            return Vec::new();
        }
        let (w, h) = (width as f64, height as f64);
        // Whole turns of a large phase would swallow the steps.
        let phase = if self.phase.abs() <= PI { self.phase } else { wrapped(self.phase) };
        let shift = phase / TAU;
        let low = (u * w).min(0.0) + (v * h).min(0.0);
        let high = (u * w).max(0.0) + (v * h).max(0.0);
        let mut crests = Vec::new();
        if high - low > 1e7 {
            return crests;
        }
        let mut n = (low + shift).ceil();
        while n <= high + shift {
            let foot = (n - shift) / (norm * norm);
            crests.extend(clip([foot * u, foot * v], self.direction(norm), [w, h]));
            n += 1.0;
        }
        crests
    }

    /// Refuses numbers that are not finite.
    pub(crate) fn check(&self, field: &'static str) -> Result<()> {
        let [u, v] = self.frequency;
        match [u, v, self.phase].into_iter().find(|value| !value.is_finite()) {
            Some(value) => {
                Err(Error::Setting { field, value, expected: "finite in all its parts" })
            }
            None => Ok(()),
        }
    }

    /// The unit vector of [`PlaneWave::angle`].
    fn direction(&self, norm: f64) -> [f64; 2] {
        let [u, v] = self.frequency;
        let [x, y] = [-v / norm, u / norm];
        if y < 0.0 || (y <= 0.0 && x < 0.0) { [-x, -y] } else { [x, y] }
    }
}

/// The part of a line inside a canvas.
fn clip(through: [f64; 2], direction: [f64; 2], sides: [f64; 2]) -> Option<[[f64; 2]; 2]> {
    let (mut from, mut to) = (f64::NEG_INFINITY, f64::INFINITY);
    for i in 0..2 {
        let (at, step, side) = (through[i], direction[i], sides[i]);
        if step.abs() < 1e-12 {
            if !(0.0..=side).contains(&at) {
                return None;
            }
        } else {
            let (a, b) = (-at / step, (side - at) / step);
            from = from.max(a.min(b));
            to = to.min(a.max(b));
        }
    }
    // Clamped, because rounding may put an end just outside.
    let place =
        |t: f64| std::array::from_fn(|i| (through[i] + t * direction[i]).clamp(0.0, sides[i]));
    (from < to).then(|| [place(from), place(to)])
}

/// The direction of an undirected line, radians in `[0, pi)`.
#[must_use]
pub(crate) fn undirected(angle: f64) -> f64 {
    let wrapped = angle.rem_euclid(PI);
    // Rounding may give pi, and a level line minus zero.
    if wrapped > 0.0 && wrapped < PI { wrapped } else { 0.0 }
}

/// The mean of the directions of undirected lines, given with their weights, radians in `[0, pi)`:
/// that of twice the angles, since opposite directions are the same.
#[must_use]
pub fn mean_direction(directions: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let (mut sin, mut cos) = (0.0, 0.0);
    for (angle, weight) in directions {
        let (s, c) = (2.0 * angle).sin_cos();
        sin += weight * s;
        cos += weight * c;
    }
    undirected(0.5 * f64::atan2(sin, cos))
}

/// An angle in `(-pi, pi]`.
#[must_use]
pub(crate) fn wrapped(angle: f64) -> f64 {
    let turned = PI - (PI - angle).rem_euclid(TAU);
    if turned > -PI { turned } else { PI }
}
