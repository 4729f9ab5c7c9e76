//! Frequencies between bins, by how well the wave's crests cover a mask.

use argmin::core::{CostFunction, Error as SolverError, Executor, State};
use argmin::solver::neldermead::NelderMead;
use ndarray::ArrayView2;
use rustfft::num_complex::Complex;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

use crate::error::{Error, Result};
use crate::plane_wave::PlaneWave;
use crate::window::check_mask;

/// Settings of [`search_shift`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// How far the grid reaches to both sides, bins of the mask's transform, above 0 to 4.
    /// Default 1.
    pub range: f64,
    /// Its step, bins, from a hundredth of the range to the range. Default 0.1.
    pub step: f64,
    /// Steps of the continuous search from the best point of the grid, 0 to 10 000; with 0 the
    /// grid decides. Default 80.
    pub iterations: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { range: 1.0, step: 0.1, iterations: 80 }
    }
}

impl SearchConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |field, value: f64, ok: bool, expected| {
            if ok { Ok(()) } else { Err(Error::Setting { field, value, expected }) }
        };
        check("range", self.range, self.range > 0.0 && self.range <= 4.0, "above 0 to 4 bins")?;
        let fits = self.step >= self.range / 100.0 && self.step <= self.range;
        check("step", self.step, fits, "from a hundredth of the range to the range")?;
        check("iterations", self.iterations as f64, self.iterations <= 10_000, "at most 10000")
    }
}

/// A wave and how well its crests cover a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundShift {
    /// The wave, `v > 0` or `v = 0` and `u >= 0`.
    pub wave: PlaneWave,
    /// Soft F1 of `max(0, wave)` against the mask, 0 to 1.
    pub score: f64,
    /// The score of the best point of the grid.
    pub grid_score: f64,
}

/// Moves the frequency of a wave to where its crests cover a mask best.
///
/// ```text
/// F1 = 2 sum of r m / (sum of r + sum of m)        r = max(0, wave), m = mask
/// ```
///
/// First on a grid around the wave's frequency, then continuously from its best point by the
/// simplex search of Nelder and Mead. At each frequency the phase is that of the mask's transform
/// there. A mask without pixels leaves the wave and scores 0.
///
/// # Shapes
///
/// `mask`: `[H, W]`, 0 to 1.
///
/// # Errors
///
/// [`Error::Setting`] for a setting out of range, values below 0 or above 1 and a wave that is not
/// finite; [`Error::NotFinite`], [`Error::Shape`] for values that are not finite and an empty mask.
///
/// # References
///
/// Nelder, Mead, "A simplex method for function minimization" (1965), from `argmin`.
pub fn search_shift(
    mask: ArrayView2<'_, f64>,
    wave: &PlaneWave,
    config: &SearchConfig,
) -> Result<FoundShift> {
    config.validate()?;
    check_mask(mask, mask.dim())?;
    if let Some(&value) = mask.iter().find(|value| **value > 1.0) {
        return Err(Error::Setting { field: "mask", value, expected: "from 0 to 1" });
    }
    wave.check("wave")?;
    let (height, width) = mask.dim();
    let cover = Cover { mask, total: mask.sum() };
    if cover.total <= 0.0 {
        return Ok(FoundShift { wave: wave.canonical(), score: 0.0, grid_score: 0.0 });
    }
    let bin = [1.0 / width as f64, 1.0 / height as f64];
    let steps = (config.range / config.step + 1e-9).floor();
    let moved = |[i, j]: [f64; 2]| {
        let [u, v] = wave.frequency;
        [u + i * config.step * bin[0], v + j * config.step * bin[1]]
    };
    let mut best = (f64::NEG_INFINITY, wave.frequency);
    let mut j = -steps;
    while j <= steps {
        let mut i = -steps;
        while i <= steps {
            let frequency = moved([i, j]);
            let score = cover.score(frequency).0;
            if score > best.0 {
                best = (score, frequency);
            }
            i += 1.0;
        }
        j += 1.0;
    }
    let grid_score = best.0;
    if config.iterations > 0 {
        let start = best.1;
        let corner = |axis: usize| {
            let mut corner = start.to_vec();
            corner[axis] += 0.5 * config.step * bin[axis];
            corner
        };
        let simplex = vec![start.to_vec(), corner(0), corner(1)];
        if let Some((score, frequency)) = descend(&cover, simplex, config.iterations)
            && score > best.0
        {
            best = (score, frequency);
        }
    }
    let (score, frequency) = best;
    let phase = cover.score(frequency).1;
    let wave = PlaneWave { frequency, phase }.canonical();
    Ok(FoundShift { wave, score, grid_score })
}

/// The best score and frequency that a simplex search finds.
fn descend(cover: &Cover<'_>, simplex: Vec<Vec<f64>>, iterations: u64) -> Option<(f64, [f64; 2])> {
    let solver = NelderMead::new(simplex).with_sd_tolerance(1e-9).ok()?;
    let run = Executor::new(Cover { mask: cover.mask, total: cover.total }, solver)
        .configure(|state| state.max_iters(iterations))
        .run()
        .ok()?;
    let state = run.state();
    let &[u, v] = state.get_best_param()?.as_slice() else { return None };
    Some((-state.get_best_cost(), [u, v]))
}

/// How crests cover a mask.
struct Cover<'a> {
    mask: ArrayView2<'a, f64>,
    total: f64,
}

impl Cover<'_> {
    /// The score of a frequency, and the phase that it was taken with.
    fn score(&self, frequency: [f64; 2]) -> (f64, f64) {
        let (height, width) = self.mask.dim();
        let turns = |step: f64, n: usize| -> Vec<Complex<f64>> {
            (0..n).map(|i| Complex::from_polar(1.0, TAU * step * (i as f64 + 0.5))).collect()
        };
        let (columns, rows) = (turns(frequency[0], width), turns(frequency[1], height));
        let mut sum = Complex::new(0.0, 0.0);
        for (row, turn) in self.mask.rows().into_iter().zip(&rows) {
            let across: Complex<f64> =
                row.iter().zip(&columns).map(|(value, turn)| turn.conj() * *value).sum();
            sum += turn.conj() * across;
        }
        let phase = sum.im.atan2(sum.re);
        let start = Complex::from_polar(1.0, phase);
        let (mut covered, mut crests) = (0.0, 0.0);
        for (row, turn) in self.mask.rows().into_iter().zip(&rows) {
            let from = turn * start;
            for (value, turn) in row.iter().zip(&columns) {
                let crest = (from.re * turn.re - from.im * turn.im).max(0.0);
                covered += crest * value;
                crests += crest;
            }
        }
        (2.0 * covered / (crests + self.total), phase)
    }
}

impl CostFunction for Cover<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, param: &Self::Param) -> std::result::Result<f64, SolverError> {
        let &[u, v] = param.as_slice() else { return Ok(f64::INFINITY) };
        Ok(-self.score([u, v]).0)
    }
}
