//! The waves of overlapping windows.

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::config::PatternConfig;
use crate::error::Result;
use crate::fft2::{Fft2, Norm};
use crate::fit::fit_within;
use crate::plane_wave::PlaneWave;
use crate::spectrum::signed_bin;
use crate::suppress::{SuppressConfig, suppress_waves};
use crate::window::Window;

/// A fit ends with a step below this, bins: windows of a pattern agree less exactly.
const TOLERANCE: f64 = 0.02;

/// A wave that a window holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalWave {
    /// Row and column of the window among the windows.
    pub(super) window: (usize, usize),
    /// The wave, in coordinates of the picture.
    pub(super) wave: PlaneWave,
    pub(super) amplitude: f64,
}

/// Where the windows lie: their corners along one side of a picture.
pub(super) fn starts(length: usize, window: usize, stride: usize) -> Vec<usize> {
    let Some(last) = length.checked_sub(window) else { return Vec::new() };
    let mut starts: Vec<usize> = (0..=last).step_by(stride).collect();
    if starts.last() != Some(&last) {
        starts.push(last);
    }
    starts
}

/// The waves of all windows, row by row, the strongest of a window first.
pub(super) fn local_waves(
    picture: ArrayView2<'_, f64>,
    config: &PatternConfig,
) -> Result<Vec<LocalWave>> {
    let n = config.window;
    let weights = Window::Hann.weights((n, n), None)?;
    let fft = Fft2::new((n, n), Norm::Backward)?;
    let search = Search { config, fft, total: weights.sum(), weights };
    let rows = starts(picture.nrows(), n, config.stride);
    let columns = starts(picture.ncols(), n, config.stride);
    let of_rows: Vec<Result<Vec<LocalWave>>> = rows
        .par_iter()
        .enumerate()
        .map(|(i, &y)| {
            let mut found = Vec::new();
            for (j, &x) in columns.iter().enumerate() {
                let patch = picture.slice(s![y..y + n, x..x + n]);
                for (wave, amplitude) in search.waves(patch)? {
                    let wave = wave.moved([x as f64, y as f64]).canonical();
                    found.push(LocalWave { window: (i, j), wave, amplitude });
                }
            }
            Ok(found)
        })
        .collect();
    let mut waves = Vec::new();
    for found in of_rows {
        waves.extend(found?);
    }
    Ok(waves)
}

struct Search<'a> {
    config: &'a PatternConfig,
    fft: Fft2<f64>,
    weights: Array2<f64>,
    total: f64,
}

impl Search<'_> {
    /// Waves of a window and their amplitudes, in coordinates of the window.
    fn waves(&self, patch: ArrayView2<'_, f64>) -> Result<Vec<(PlaneWave, f64)>> {
        let peaks = self.peaks(patch)?;
        let waves: Vec<PlaneWave> = peaks.iter().map(|peak| peak.0).collect();
        let shares: Vec<f64> = peaks.iter().map(|peak| peak.1).collect();
        let radius = 1.5 / self.config.window as f64;
        let kept = suppress_waves(
            &waves,
            &shares,
            &SuppressConfig { radius, ..SuppressConfig::default() },
        )?;
        let mut found = Vec::new();
        for index in kept.into_iter().take(self.config.waves) {
            let fit = fit_within(patch, Some(self.weights.view()), &waves[index], TOLERANCE);
            let spacing = fit.wave.spacing();
            if fit.amplitude >= self.config.min_amplitude
                && (self.config.min_spacing..=self.config.max_spacing).contains(&spacing)
            {
                found.push((fit.wave, fit.amplitude));
            }
        }
        Ok(found)
    }

    /// Bins that stand out, with their shares of the power between the two spacings.
    fn peaks(&self, patch: ArrayView2<'_, f64>) -> Result<Vec<(PlaneWave, f64)>> {
        let n = self.config.window;
        let mean = (&patch * &self.weights).sum() / self.total;
        let seen = Array2::from_shape_fn((n, n), |at| (patch[at] - mean) * self.weights[at]);
        let spectrum = self.fft.forward_real(seen.view())?;
        let power = spectrum.mapv(|value| value.norm_sqr());
        let (low, high) = (n as f64 / self.config.max_spacing, n as f64 / self.config.min_spacing);
        let inside = |(v, u): (usize, usize)| {
            (low..=high).contains(&signed_bin(u, n).hypot(signed_bin(v, n)))
        };
        let mut total = 0.0;
        for ((v, u), power) in power.indexed_iter() {
            if inside((v, u)) {
                // These columns hold both bins of a wave.
                total += if u == 0 || 2 * u == n { 0.5 * power } else { *power };
            }
        }
        // What `min_amplitude` stands for, halved for a wave between bins.
        let least = (self.config.min_amplitude * self.total / 4.0).powi(2);
        let mut peaks = Vec::new();
        for (at, &own) in power.indexed_iter() {
            if own < least || own <= 0.0 || !inside(at) {
                continue;
            }
            let (mut share, mut peak) = (own, true);
            for near in neighbours(at, n) {
                // Of equal neighbours the first one counts.
                peak &= power[near] < own || (power[near] <= own && near >= at);
                share += power[near];
            }
            if peak && share >= self.config.min_share * total {
                let value = spectrum[at];
                let wave = PlaneWave::of_bin((n, n), at, value.im.atan2(value.re)).canonical();
                peaks.push((wave, share / total));
            }
        }
        Ok(peaks)
    }
}

/// The eight bins around a bin, each as the one of its pair that a half spectrum holds.
fn neighbours((v, u): (usize, usize), n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..9).filter(|k| *k != 4).map(move |k| {
        let (v, u) = ((v + n + k / 3 - 1) % n, (u + n + k % 3 - 1) % n);
        if u <= n / 2 { (v, u) } else { ((n - v) % n, n - u) }
    })
}
