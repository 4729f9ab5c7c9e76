//! Copies of a plane at any distance, by phases of its discrete Fourier transform.

use std::f64::consts::TAU;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

/// Transforms of square planes of one size. They are portable: every processor gives the same
/// bits.
#[derive(Clone)]
pub(crate) struct PhaseShift {
    size: usize,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
}

impl std::fmt::Debug for PhaseShift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhaseShift").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The transform of a plane, columns first.
#[derive(Debug, Clone)]
pub(crate) struct Spectrum(Vec<Complex<f64>>);

impl PhaseShift {
    pub(crate) fn new(size: usize) -> Self {
        let mut planner = FftPlannerScalar::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        Self { size, forward, inverse }
    }

    /// The spectrum of a plane.
    pub(crate) fn spectrum(&self, plane: &[f64]) -> Spectrum {
        let mut values: Vec<Complex<f64>> = plane.iter().map(|v| Complex::new(*v, 0.0)).collect();
        self.forward.process(&mut values);
        let mut values = self.transposed(&values);
        self.forward.process(&mut values);
        Spectrum(values)
    }

    /// The sum of the copies of a plane that lie `(x, y)` px to the right and down of it; what
    /// leaves one side comes in at the other.
    #[expect(clippy::cast_possible_truncation, reason = "planes are f32")]
    pub(crate) fn copies(&self, spectrum: &Spectrum, shifts: &[[f64; 2]]) -> Vec<f32> {
        let mut sum = vec![Complex::default(); spectrum.0.len()];
        for [x, y] in shifts {
            let (across, down) = (self.turns(*x), self.turns(*y));
            for (column, x) in sum.chunks_exact_mut(self.size).zip(&across) {
                for (value, y) in column.iter_mut().zip(&down) {
                    *value += x * y;
                }
            }
        }
        sum.iter_mut().zip(&spectrum.0).for_each(|(factor, value)| *factor *= value);
        self.inverse.process(&mut sum);
        let mut sum = self.transposed(&sum);
        self.inverse.process(&mut sum);
        let area = (self.size * self.size) as f64;
        sum.into_iter().map(|value| (value.re / area) as f32).collect()
    }

    /// Factors of the bins of a line that move it by some px.
    fn turns(&self, shift: f64) -> Vec<Complex<f64>> {
        (0..self.size)
            .map(|k| {
                let angle = TAU * self.signed(k) * shift / self.size as f64;
                // The bin at half the sampling rate stands for both signs, so it has their mean.
                let sin = if 2 * k == self.size { 0.0 } else { -angle.sin() };
                Complex::new(angle.cos(), sin)
            })
            .collect()
    }

    /// Frequency of a bin, cycles per side.
    fn signed(&self, bin: usize) -> f64 {
        if 2 * bin <= self.size { bin as f64 } else { bin as f64 - self.size as f64 }
    }

    fn transposed(&self, values: &[Complex<f64>]) -> Vec<Complex<f64>> {
        let n = self.size;
        (0..n * n).map(|at| values[at % n * n + at / n]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whole_shifts_move_pixels(size in 4_usize..20, x in -30_i32..30, y in -30_i32..30, seed in 1_u32..1000) {
            let plane: Vec<f64> = (0..size * size)
                .map(|i| f64::from(u32::try_from(i).unwrap() * seed % 97) / 97.0)
                .collect();
            let shift = PhaseShift::new(size);
            let spectrum = shift.spectrum(&plane);
            let moved = shift.copies(&spectrum, &[[x.into(), y.into()], [0.0, 0.0]]);
            let n = i32::try_from(size).unwrap();
            for at in 0..size * size {
                let (row, column) = (i32::try_from(at / size).unwrap(), i32::try_from(at % size).unwrap());
                let from = (row - y).rem_euclid(n) * n + (column - x).rem_euclid(n);
                let want = plane[usize::try_from(from).unwrap()] + plane[at];
                prop_assert!((f64::from(moved[at]) - want).abs() < 1e-5, "{} is not {want}", moved[at]);
            }
        }

        #[test]
        fn parts_of_pixels_move_waves(size in 5_usize..20, u in 1_i32..3, v in -2_i32..3, x in -5.0..5.0_f64, y in -5.0..5.0_f64) {
            let wave = |at: usize, dx: f64, dy: f64| {
                let (i, j) = ((at / size) as f64 - dy, (at % size) as f64 - dx);
                ((f64::from(u) * j + f64::from(v) * i) * TAU / size as f64 + 0.7).cos()
            };
            let plane: Vec<f64> = (0..size * size).map(|at| wave(at, 0.0, 0.0)).collect();
            let shift = PhaseShift::new(size);
            let moved = shift.copies(&shift.spectrum(&plane), &[[x, y]]);
            for (at, value) in moved.into_iter().enumerate() {
                prop_assert!((f64::from(value) - wave(at, x, y)).abs() < 1e-5);
            }
        }
    }
}
