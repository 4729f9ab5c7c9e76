//! Waves fitted to a patch by least squares.

use std::f64::consts::TAU;

use ndarray::ArrayView2;

use crate::error::Result;
use crate::plane_wave::PlaneWave;
use crate::window::{check_finite, check_mask};

/// Steps of a fit at most: it takes about five.
const STEPS: usize = 30;

/// A wave as it fits a patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveFit {
    /// The wave, `v > 0` or `v = 0` and `u >= 0`.
    pub wave: PlaneWave,
    /// Its amplitude, in units of the patch, 0 or more.
    pub amplitude: f64,
    /// The value around which it swings.
    pub mean: f64,
    /// Mean square of what the wave does not explain.
    pub residual: f64,
}

impl WaveFit {
    /// Power of the wave over that of the rest; infinite for a wave without noise.
    #[must_use]
    pub fn signal_to_noise(&self) -> f64 {
        0.5 * self.amplitude * self.amplitude / self.residual
    }
}

/// The wave near `start` that fits a patch best, by Gauss-Newton steps on
/// `mean + amplitude cos(phase + 2 pi (u x + v y))`.
///
/// With one wave in white noise this is the estimate of maximum likelihood, from a start
/// within half a bin of the wave. The frequency moves by less than a bin in total.
///
/// # Shapes
///
/// `patch`: `[H, W]`; `mask`: `[H, W]`, weights of the pixels, 0 or more.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape), [`Error::NotFinite`](crate::Error::NotFinite) and
/// [`Error::Setting`](crate::Error::Setting) for values and a wave that are not finite, negative
/// weights and a mask of another size.
pub fn fit_wave(
    patch: ArrayView2<'_, f64>,
    mask: Option<ArrayView2<'_, f64>>,
    start: &PlaneWave,
) -> Result<WaveFit> {
    check_finite("patch", patch)?;
    start.check("start")?;
    if let Some(mask) = &mask {
        check_mask(mask.view(), patch.dim())?;
    }
    Ok(fit_within(patch, mask, start, 1e-9))
}

/// [`fit_wave`] of checked values until a step is below `tolerance`, bins.
pub(crate) fn fit_within(
    patch: ArrayView2<'_, f64>,
    mask: Option<ArrayView2<'_, f64>>,
    start: &PlaneWave,
    tolerance: f64,
) -> WaveFit {
    let problem = Problem::new(patch.view(), mask.as_ref().map(ArrayView2::view));
    let first = start.frequency;
    let mut best = problem.linear(first);
    let mut damping = 1e-6;
    for _ in 0..STEPS {
        let Some(step) = problem.step(&best, damping) else { break };
        // Beyond a bin the linear model says nothing.
        let longest = (0..2).map(|i| (step[i] * problem.sides[i]).abs()).fold(0.0, f64::max);
        let share = if longest > 0.5 { 0.5 / longest } else { 1.0 };
        let next: [f64; 2] = std::array::from_fn(|i| best.frequency[i] + share * step[i]);
        let near = (0..2).all(|i| ((next[i] - first[i]) * problem.sides[i]).abs() < 1.0);
        let candidate = problem.linear(next);
        if near && candidate.residual <= best.residual {
            let done = longest < tolerance;
            best = candidate;
            damping *= 0.1;
            if done {
                break;
            }
        } else {
            damping = (damping * 100.0).max(1e-4);
            if damping > 1e6 {
                break;
            }
        }
    }
    problem.fit(&best)
}

/// A patch with coordinates around its centre, where phase and frequency hardly depend on each
/// other.
struct Problem<'a> {
    patch: ArrayView2<'a, f64>,
    mask: Option<ArrayView2<'a, f64>>,
    /// Width and height.
    sides: [f64; 2],
}

/// The best mean and amplitudes for a frequency.
struct Linear {
    frequency: [f64; 2],
    /// Of 1, cosine and minus sine.
    factors: [f64; 3],
    /// Weighted mean square of the rest.
    residual: f64,
}

impl<'a> Problem<'a> {
    fn new(patch: ArrayView2<'a, f64>, mask: Option<ArrayView2<'a, f64>>) -> Self {
        let (height, width) = patch.dim();
        Self { patch, mask, sides: [width as f64, height as f64] }
    }

    /// Calls a function with place, cosine, sine, value and weight of every pixel.
    fn visit(&self, frequency: [f64; 2], mut see: impl FnMut([f64; 2], [f64; 2], f64, f64)) {
        let turns = |axis: usize, n: usize| -> Vec<(f64, f64, f64)> {
            let middle = self.sides[axis] / 2.0;
            (0..n)
                .map(|i| {
                    let at = i as f64 + 0.5 - middle;
                    let (sin, cos) = (TAU * frequency[axis] * at).sin_cos();
                    (at, cos, sin)
                })
                .collect()
        };
        let (height, width) = self.patch.dim();
        let (columns, rows) = (turns(0, width), turns(1, height));
        for (y, &(dy, row_cos, row_sin)) in rows.iter().enumerate() {
            for (x, &(dx, cos, sin)) in columns.iter().enumerate() {
                let weight = self.mask.as_ref().map_or(1.0, |mask| mask[(y, x)]);
                if weight > 0.0 {
                    let both = [cos * row_cos - sin * row_sin, sin * row_cos + cos * row_sin];
                    see([dx, dy], both, self.patch[(y, x)], weight);
                }
            }
        }
    }

    fn linear(&self, frequency: [f64; 2]) -> Linear {
        let mut equations = Equations::<3>::default();
        let (mut squares, mut total) = (0.0, 0.0);
        self.visit(frequency, |_, [cos, sin], value, weight| {
            equations.add(&[1.0, cos, -sin], value, weight);
            squares += weight * value * value;
            total += weight;
        });
        let factors = equations.solve(1e-12).unwrap_or_default();
        let explained: f64 = factors.iter().zip(&equations.right).map(|(f, b)| f * b).sum();
        let residual = if total > 0.0 { ((squares - explained) / total).max(0.0) } else { 0.0 };
        Linear { frequency, factors, residual }
    }

    /// The change of the frequency that the linear model asks for.
    fn step(&self, at: &Linear, damping: f64) -> Option<[f64; 2]> {
        let mut equations = Equations::<5>::default();
        let [mean, cosine, sine] = at.factors;
        self.visit(at.frequency, |[dx, dy], [cos, sin], value, weight| {
            let slope = -TAU * (cosine * sin + sine * cos);
            let rest = value - mean - cosine * cos + sine * sin;
            equations.add(&[1.0, cos, -sin, slope * dx, slope * dy], rest, weight);
        });
        let [.., u, v] = equations.solve(damping)?;
        Some([u, v])
    }

    fn fit(&self, at: &Linear) -> WaveFit {
        let [mean, cosine, sine] = at.factors;
        // Minus sine is what a phase of a quarter turn gives.
        let phase = sine.atan2(cosine);
        let middle = TAU * (0..2).map(|i| at.frequency[i] * self.sides[i] / 2.0).sum::<f64>();
        let wave = PlaneWave { frequency: at.frequency, phase: phase - middle }.canonical();
        WaveFit { wave, amplitude: cosine.hypot(sine), mean, residual: at.residual }
    }
}

/// Normal equations of least squares.
struct Equations<const N: usize> {
    left: [[f64; N]; N],
    right: [f64; N],
}

impl<const N: usize> Default for Equations<N> {
    fn default() -> Self {
        Self { left: [[0.0; N]; N], right: [0.0; N] }
    }
}

impl<const N: usize> Equations<N> {
    fn add(&mut self, row: &[f64; N], value: f64, weight: f64) {
        for i in 0..N {
            let scaled = weight * row[i];
            for (sum, other) in self.left[i].iter_mut().zip(&row[..=i]) {
                *sum += scaled * other;
            }
            self.right[i] += scaled * value;
        }
    }

    /// The solution by Cholesky's decomposition, the diagonal grown by a share; none if a column
    /// depends on others.
    fn solve(&self, damping: f64) -> Option<[f64; N]> {
        let mut root = [[0.0; N]; N];
        for i in 0..N {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| root[i][k] * root[j][k]).sum();
                if i == j {
                    let rest = self.left[i][i] * (1.0 + damping) - known;
                    if rest <= 1e-14 * self.left[i][i] || !rest.is_finite() {
                        return None;
                    }
                    root[i][i] = rest.sqrt();
                } else {
                    root[i][j] = (self.left[i][j] - known) / root[j][j];
                }
            }
        }
        let mut solution = self.right;
        for i in 0..N {
            let known: f64 = (0..i).map(|k| root[i][k] * solution[k]).sum();
            solution[i] = (solution[i] - known) / root[i][i];
        }
        for i in (0..N).rev() {
            let known: f64 = (i + 1..N).map(|k| root[k][i] * solution[k]).sum();
            solution[i] = (solution[i] - known) / root[i][i];
        }
        Some(solution)
    }
}
