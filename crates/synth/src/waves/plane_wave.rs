//! Plane waves on a canvas and the lines along which they are highest.

use std::f64::consts::TAU;

use crate::pattern::plane::{Point, undirected};

/// The wave `cos(phase + 2 pi (u x + v y) / size)` on a square canvas, `(x, y)` in px.
///
/// Pixel centres are at halves, so the discrete Fourier transform of the wave's values there has
/// the phase `phase + pi (u + v) / size` at its bin `(u, v)`. The same wave has the frequency
/// `(-u, -v)` with the phase `-phase`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneWave {
    /// Side of the canvas, px.
    pub size: usize,
    /// `(u, v)`, cycles per side of the canvas along x and y.
    pub frequency: [f64; 2],
    /// Phase at the corner of the canvas, radians.
    pub phase: f64,
}

impl PlaneWave {
    /// The wave whose crests have a direction (radians) and a spacing (px).
    #[must_use]
    pub fn from_crests(size: usize, angle: f64, spacing: f64, phase: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        let norm = size as f64 / spacing;
        Self { size, frequency: [norm * sin, -norm * cos], phase }
    }

    /// Cycles per side of the canvas across the crests.
    fn norm(&self) -> f64 {
        self.frequency[0].hypot(self.frequency[1])
    }

    /// Distance between crests, px; infinite for a constant.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        self.size as f64 / self.norm()
    }

    /// Undirected direction of the crests, radians in `[0, pi)`.
    #[must_use]
    pub fn angle(&self) -> f64 {
        let [u, v] = self.frequency;
        undirected(u.atan2(-v))
    }

    /// Its value at a point, from -1 to 1.
    #[must_use]
    pub fn value(&self, x: f64, y: f64) -> f64 {
        let [u, v] = self.frequency;
        (self.phase + TAU * (u * x + v * y) / self.size as f64).cos()
    }

    /// Its values at the centres of all pixels, row by row.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "fields are f32")]
    pub fn field(&self) -> Vec<f32> {
        let [u, v] = self.frequency.map(|f| TAU * f / self.size as f64);
        // The cosine of a sum from the sines and cosines of its terms: one pair per row and column.
        let turns = |start: f64, step: f64| -> Vec<(f64, f64)> {
            (0..self.size).map(|i| (start + step * (i as f64 + 0.5)).sin_cos()).collect()
        };
        let (columns, rows) = (turns(self.phase, u), turns(0.0, v));
        let row = |(sin, cos): (f64, f64)| {
            columns.iter().map(move |(s, c)| (cos * c - sin * s) as f32).collect::<Vec<_>>()
        };
        rows.into_iter().flat_map(row).collect()
    }

    /// The parts of its crests on the canvas, ends in px, in the order of increasing phase. All
    /// have the direction of [`PlaneWave::angle`]. A constant has none.
    #[must_use]
    pub fn crests(&self) -> Vec<[[f64; 2]; 2]> {
        self.crest_segments().into_iter().map(|ends| ends.map(|p| [p.x, p.y])).collect()
    }

    pub(super) fn crest_segments(&self) -> Vec<[Point; 2]> {
        let [u, v] = self.frequency;
        let norm = self.norm();
        if !(norm > 0.0 && norm <= self.size as f64) {
            return Vec::new();
        }
        let shift = self.phase / TAU;
        let (low, high) = (u.min(0.0) + v.min(0.0), u.max(0.0) + v.max(0.0));
        let mut crests = Vec::new();
        let mut n = (low + shift).ceil();
        while n <= high + shift {
            let foot = (n - shift) * self.size as f64 / (norm * norm);
            let foot = Point { x: foot * u, y: foot * v };
            crests.extend(clip(foot, self.direction(norm), self.size));
            n += 1.0;
        }
        crests
    }

    /// The unit vector of [`PlaneWave::angle`].
    fn direction(&self, norm: f64) -> [f64; 2] {
        let [u, v] = self.frequency;
        let [x, y] = [-v / norm, u / norm];
        if y < 0.0 || (y <= 0.0 && x < 0.0) { [-x, -y] } else { [x, y] }
    }
}

/// The part of a line inside a square canvas.
fn clip(through: Point, [dx, dy]: [f64; 2], size: usize) -> Option<[Point; 2]> {
    let side = size as f64;
    let (mut from, mut to) = (f64::NEG_INFINITY, f64::INFINITY);
    for (at, step) in [(through.x, dx), (through.y, dy)] {
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
    let place = |t: f64| Point {
        x: (through.x + t * dx).clamp(0.0, side),
        y: (through.y + t * dy).clamp(0.0, side),
    };
    (from < to).then(|| [place(from), place(to)])
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;
    use crate::pattern::plane::difference;

    proptest! {
        #[test]
        fn crests_lie_on_maxima_at_their_spacing(
            size in 16_usize..300, angle in 0.0..PI, spacing in 2.0_f64..40.0, phase in -PI..PI,
        ) {
            let wave = PlaneWave::from_crests(size, angle, spacing, phase);
            prop_assert!(difference(wave.angle(), angle) < 1e-9);
            prop_assert!((wave.spacing() - spacing).abs() < 1e-9);
            let crests = wave.crests();
            // As many as the diagonal crosses at most, and none is missing.
            let span = size as f64 * (angle.sin().abs() + angle.cos().abs()) / spacing;
            prop_assert!((crests.len() as f64 - span).abs() <= 1.0, "{} of {span}", crests.len());
            for pair in crests.windows(2) {
                let ([a, _], [b, _]) = (pair[0], pair[1]);
                let across = (b[0] - a[0]) * angle.sin() - (b[1] - a[1]) * angle.cos();
                prop_assert!((across.abs() - spacing).abs() < 1e-6, "{across}");
            }
            for [a, b] in crests {
                let t = 0.3;
                let middle = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
                for [x, y] in [a, b, middle] {
                    prop_assert!(wave.value(x, y) > 1.0 - 1e-9, "{}", wave.value(x, y));
                    prop_assert!((0.0..=size as f64).contains(&x) && (0.0..=size as f64).contains(&y));
                }
                if (b[0] - a[0]).hypot(b[1] - a[1]) > 1e-3 {
                    prop_assert!(difference((b[1] - a[1]).atan2(b[0] - a[0]), angle) < 1e-6);
                }
            }
        }

        #[test]
        fn fields_are_the_values_at_pixel_centres(
            size in 16_usize..40, u in -16.0..16.0_f64, v in -16.0..16.0_f64, phase in -PI..PI,
        ) {
            let wave = PlaneWave { size, frequency: [u, v], phase };
            for (at, value) in wave.field().into_iter().enumerate() {
                let want = wave.value((at % size) as f64 + 0.5, (at / size) as f64 + 0.5);
                prop_assert!((f64::from(value) - want).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_constant_has_no_crests() {
        for frequency in [[0.0; 2], [f64::NAN, 1.0], [f64::INFINITY, 1.0], [1e9, 0.0]] {
            let wave = PlaneWave { size: 32, frequency, phase: 0.0 };
            assert!(wave.crests().is_empty(), "{frequency:?}");
        }
    }
}
