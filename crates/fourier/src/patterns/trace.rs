//! From the waves of a pattern's windows to its lines.

use std::f64::consts::TAU;

use geo_types::{Coord, LineString, MultiPolygon};
use mapvec_geometry::{ContourConfig, contour_polygons, contours, line_length, simplify_line};
use ndarray::{Array2, ArrayView2, s};
use rustfft::num_complex::Complex;

use super::breadth::drop_narrow;
use super::config::PatternConfig;
use super::{LinePattern, PatternLine};
use crate::error::Result;
use crate::plane_wave::{PlaneWave, mean_direction};
use crate::window::Window;

/// A pattern's wave in one window.
pub(super) struct Part {
    /// Corner of the window, row and column.
    pub(super) corner: (usize, usize),
    pub(super) wave: PlaneWave,
    pub(super) amplitude: f64,
}

/// The lines of a pattern, or none if too few are left.
pub(super) fn trace(
    picture: ArrayView2<'_, f64>,
    parts: &[Part],
    config: &PatternConfig,
) -> Result<Option<LinePattern>> {
    let n = config.window;
    let low = |get: fn(&Part) -> usize| parts.iter().map(get).min().unwrap_or(0);
    let high = |get: fn(&Part) -> usize| parts.iter().map(get).max().unwrap_or(0) + n;
    let (top, left) = (low(|part| part.corner.0), low(|part| part.corner.1));
    let (bottom, right) = (high(|part| part.corner.0), high(|part| part.corner.1));
    let patch = picture.slice(s![top..bottom, left..right]);
    let model = blend(parts, (top, left), patch.dim(), n);
    let (mean_wave, bend) = mean_wave(parts, n);
    let spacing = mean_wave.spacing();
    let evidence = Evidence::new(patch, &model, spacing);
    let amplitude = median(parts.iter().map(|part| part.amplitude));
    // 1 at the border of the pattern: where it becomes faint, or other things prevail.
    let mut presence = Array2::from_shape_fn(model.dim(), |at| {
        let strength = evidence.in_phase[at] / (amplitude * config.edge);
        let ruled = evidence.coherence(at) / config.min_coherence.max(f64::MIN_POSITIVE);
        if model[at].norm() > 0.0 { strength.min(ruled) } else { 0.0 }
    });
    drop_narrow(&mut presence, &model, spacing, config.min_breadth);
    let crest = Array2::from_shape_fn(model.dim(), |at| model[at].im);
    let mut lines = Vec::new();
    for contour in contours(crest.view(), 0.0, &ContourConfig::default())? {
        let mut run: Vec<Coord<f64>> = Vec::new();
        let mut sum = 0.0;
        let mut ends = |run: &mut Vec<Coord<f64>>, sum: &mut f64| -> Result<()> {
            if let Some(line) = delivered(run, *sum, config.min_length * spacing, config)? {
                lines.push(line);
            }
            run.clear();
            *sum = 0.0;
            Ok(())
        };
        for &at in &contour.0 {
            let pixel = evidence.pixel(at);
            if model[pixel].re > 0.0 && presence[pixel] >= 1.0 {
                run.push(at);
                sum += evidence.coherence(pixel);
            } else {
                ends(&mut run, &mut sum)?;
            }
        }
        ends(&mut run, &mut sum)?;
    }
    let mut beside: Vec<i64> =
        lines.iter().filter_map(|line| number(&mean_wave, &line.line, (top, left))).collect();
    beside.sort_unstable();
    beside.dedup();
    if beside.len() < config.min_lines {
        return Ok(None);
    }
    let length = |line: &PatternLine| line_length(&line.line);
    let total: f64 = lines.iter().map(length).sum();
    let confidence = lines.iter().map(|line| length(line) * line.confidence).sum::<f64>() / total;
    if confidence < config.min_confidence {
        return Ok(None);
    }
    let offset = Coord { x: left as f64, y: top as f64 };
    let mut extent = contour_polygons(presence.view(), 1.0)?;
    move_polygons(&mut extent, offset);
    for line in &mut lines {
        line.line.0.iter_mut().for_each(|at| *at = *at + offset);
    }
    let wave = mean_wave.canonical();
    Ok(Some(LinePattern {
        angle: wave.angle(),
        spacing,
        bend,
        amplitude,
        confidence,
        wave,
        extent,
        lines,
    }))
}

/// The waves of all windows as one field of complex numbers whose phase follows the pattern.
///
/// A window counts most in its middle, so the field passes from one wave to the next.
fn blend(
    parts: &[Part],
    (top, left): (usize, usize),
    size: (usize, usize),
    n: usize,
) -> Array2<Complex<f64>> {
    let hann = Window::Hann.line(n);
    let mut field = Array2::from_elem(size, Complex::new(0.0, 0.0));
    for part in parts {
        let (y, x) = part.corner;
        let turns = |step: f64, from: usize| -> Vec<Complex<f64>> {
            (0..n)
                .map(|i| Complex::from_polar(hann[i], TAU * step * ((from + i) as f64 + 0.5)))
                .collect()
        };
        let start = Complex::from_polar(part.amplitude, part.wave.phase);
        let (rows, columns) = (turns(part.wave.frequency[1], y), turns(part.wave.frequency[0], x));
        let mut target = field.slice_mut(s![y - top..y - top + n, x - left..x - left + n]);
        for (mut row, turn) in target.rows_mut().into_iter().zip(rows) {
            let from = turn * start;
            row.iter_mut().zip(&columns).for_each(|(value, turn)| *value += from * turn);
        }
    }
    field
}

/// The wave of the mean frequency, with the phase that fits best, and the mean angle between it
/// and the waves of the windows.
fn mean_wave(parts: &[Part], n: usize) -> (PlaneWave, f64) {
    let total: f64 = parts.iter().map(|part| part.amplitude).sum();
    let mean = |get: &dyn Fn(&Part) -> f64| {
        parts.iter().map(|part| part.amplitude * get(part)).sum::<f64>() / total
    };
    let angle = mean_direction(parts.iter().map(|part| (part.wave.angle(), part.amplitude)));
    let spacing = mean(&|part| part.wave.norm()).recip();
    let flat = PlaneWave::from_crests(angle, spacing, 0.0);
    // Windows of a pattern point to one side; the mean may point to the other.
    let side = mean(&|part| {
        part.wave.frequency[0] * flat.frequency[0] + part.wave.frequency[1] * flat.frequency[1]
    });
    let flat = if side < 0.0 {
        PlaneWave { frequency: flat.frequency.map(|f| -f), phase: 0.0 }
    } else {
        flat
    };
    let mut sum = Complex::new(0.0, 0.0);
    let mut bend = 0.0;
    for part in parts {
        let (y, x) = part.corner;
        let middle = [(2 * x + n) as f64 / 2.0, (2 * y + n) as f64 / 2.0];
        let apart = part.wave.phase_at(middle) - flat.phase_at(middle);
        sum += Complex::from_polar(part.amplitude, apart);
        let turn = (part.wave.angle() - angle).rem_euclid(std::f64::consts::PI);
        bend += part.amplitude * turn.min(std::f64::consts::PI - turn);
    }
    (PlaneWave { phase: sum.im.atan2(sum.re), ..flat }, bend / total)
}

/// Deviation of the mean that takes noise away, in spacings.
const SMOOTHING: f64 = 0.2;

/// Deviation of the mean around a pixel in which the pattern is looked for, in spacings.
const SPREAD: f64 = 0.75;

/// What of the picture follows the model.
struct Evidence {
    /// Local amplitude in phase with the model.
    in_phase: Array2<f64>,
    /// Local mean square of the picture around its local mean.
    variance: Array2<f64>,
}

impl Evidence {
    fn new(patch: ArrayView2<'_, f64>, model: &Array2<Complex<f64>>, spacing: f64) -> Self {
        // Noise and the sharp edges of lines go first: what is left of any ruled pattern is its
        // wave, weakened by a known factor.
        let smooth = blurred(&patch.to_owned(), SMOOTHING * spacing);
        let left = (-0.5 * (TAU * SMOOTHING).powi(2)).exp();
        let rest = &smooth - &blurred(&smooth, spacing);
        let product = Array2::from_shape_fn(rest.dim(), |at| {
            let norm = model[at].norm();
            if norm > 0.0 { 2.0 * rest[at] * model[at].re / (norm * left) } else { 0.0 }
        });
        let variance = blurred(&rest.mapv(|value| (value / left).powi(2)), SPREAD * spacing);
        Self { in_phase: blurred(&product, SPREAD * spacing), variance }
    }

    /// Share of what varies around a pixel that the pattern explains, 0 to 1.
    fn coherence(&self, pixel: (usize, usize)) -> f64 {
        let explained = 0.5 * self.in_phase[pixel].max(0.0).powi(2);
        if explained > 0.0 { (explained / self.variance[pixel]).min(1.0) } else { 0.0 }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "points of contours lie in the picture"
    )]
    fn pixel(&self, at: Coord<f64>) -> (usize, usize) {
        let (height, width) = self.variance.dim();
        (
            (at.y.max(0.0) as usize).min(height.saturating_sub(1)),
            (at.x.max(0.0) as usize).min(width.saturating_sub(1)),
        )
    }
}

/// A Gaussian mean of `sigma` px, cut at three sigma and at the borders.
fn blurred(values: &Array2<f64>, sigma: f64) -> Array2<f64> {
    let mut values = along_rows(values, sigma).reversed_axes();
    values = along_rows(&values.as_standard_layout().into_owned(), sigma).reversed_axes();
    values.as_standard_layout().into_owned()
}

fn along_rows(values: &Array2<f64>, sigma: f64) -> Array2<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few px")]
    let reach = (3.0 * sigma).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let width = values.ncols();
    let mut out = Array2::zeros(values.dim());
    for (from, mut to) in values.rows().into_iter().zip(out.rows_mut()) {
        for (x, to) in to.iter_mut().enumerate() {
            let (mut sum, mut total) = (0.0, 0.0);
            for other in x.saturating_sub(reach)..(x + reach + 1).min(width) {
                let weight = kernel[other.abs_diff(x)];
                sum += weight * from[other];
                total += weight;
            }
            *to = sum / total;
        }
    }
    out
}

/// A run of crest points as a line, unless it is too short.
fn delivered(
    run: &[Coord<f64>],
    sum: f64,
    least: f64,
    config: &PatternConfig,
) -> Result<Option<PatternLine>> {
    if run.len() < 2 {
        return Ok(None);
    }
    let line = LineString(run.to_vec());
    if line_length(&line) < least.max(f64::MIN_POSITIVE) {
        return Ok(None);
    }
    let line = simplify_line(&line, config.tolerance)?;
    Ok(Some(PatternLine { line, confidence: sum / run.len() as f64 }))
}

/// The number of the crest on which the middle of a line lies.
#[expect(clippy::cast_possible_truncation, reason = "crests of a picture")]
fn number(wave: &PlaneWave, line: &LineString<f64>, (top, left): (usize, usize)) -> Option<i64> {
    let (from, to) = (line.0.first()?, line.0.last()?);
    let middle = (*from + *to) * 0.5;
    let at = [middle.x + left as f64, middle.y + top as f64];
    Some((wave.phase_at(at) / TAU).round() as i64)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn move_polygons(polygons: &mut MultiPolygon<f64>, offset: Coord<f64>) {
    for polygon in &mut polygons.0 {
        polygon.exterior_mut(|ring| ring.0.iter_mut().for_each(|at| *at = *at + offset));
        polygon.interiors_mut(|rings| {
            rings.iter_mut().flat_map(|ring| &mut ring.0).for_each(|at| *at = *at + offset);
        });
    }
}
