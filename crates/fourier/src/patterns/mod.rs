//! Hatching, contour lines and other bundles of lines in whole pictures.
//!
//! Windows that overlap are looked at one by one; a window holds a wave if few bins have most of
//! what varies there. Waves of neighbouring windows that continue each other - direction, spacing
//! and phase agree - are one pattern, which may bend and ends where another one begins. Its crests
//! are traced through the windows, and cut where the picture no longer follows them.

mod breadth;
mod config;
mod link;
mod trace;
mod windows;

use geo_types::{LineString, MultiPolygon};
use ndarray::ArrayView2;
use rayon::prelude::*;

pub use config::PatternConfig;

use crate::error::Result;
use crate::plane_wave::PlaneWave;
use crate::window::check_finite;
use link::link;
use trace::{Part, trace};
use windows::{local_waves, starts};

/// A bundle of equally spaced lines.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LinePattern {
    /// Mean direction of the lines, undirected, radians in `[0, pi)`.
    pub angle: f64,
    /// Mean distance between them, px.
    pub spacing: f64,
    /// Mean angle between the mean direction and those of the windows, radians: near 0 for
    /// hatching, more for lines that bend.
    pub bend: f64,
    /// Amplitude of the wave, in units of the picture.
    pub amplitude: f64,
    /// Share of what varies along the lines that the pattern explains, 0 to 1.
    pub confidence: f64,
    /// The wave of the mean direction and spacing. Where lines bend its crests are not theirs.
    pub wave: PlaneWave,
    /// Where the pattern is, in px.
    pub extent: MultiPolygon<f64>,
    /// The lines, cut at the border of the extent.
    pub lines: Vec<PatternLine>,
}

/// A line of a pattern.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PatternLine {
    /// Its course, px.
    pub line: LineString<f64>,
    /// Share of what varies along it that the pattern explains, 0 to 1.
    pub confidence: f64,
}

/// The patterns of a picture, in the order of their first windows.
///
/// Lines are where the picture is high: give ink, not paper. A picture smaller than a window has
/// no patterns.
///
/// # Shapes
///
/// `picture`: `[H, W]`, best from 0 to 1, since `min_amplitude` is in its units.
///
/// # Errors
///
/// [`Error::Setting`](crate::Error::Setting) for a setting out of range;
/// [`Error::NotFinite`](crate::Error::NotFinite) and [`Error::Shape`](crate::Error::Shape) for
/// values that are not finite and an empty picture.
///
/// # Examples
///
/// ```
/// use mapvec_fourier::{PatternConfig, PlaneWave, find_patterns};
/// use ndarray::Array2;
///
/// // A hatched disc.
/// let wave = PlaneWave::from_crests(0.8, 5.0, 0.0);
/// let ink = wave.field((120, 160)).mapv(|value| if value > 0.5 { 1.0 } else { 0.0 });
/// let ink = Array2::from_shape_fn((120, 160), |(y, x)| {
///     let inside = (x as f64 - 80.0).hypot(y as f64 - 60.0) < 45.0;
///     if inside { ink[(y, x)] } else { 0.0 }
/// });
/// let found = find_patterns(ink.view(), &PatternConfig::default())?;
/// assert_eq!(found.len(), 1);
/// assert!((found[0].angle - 0.8).abs() < 0.02 && (found[0].spacing - 5.0).abs() < 0.05);
/// assert!((16..=20).contains(&found[0].lines.len()));
/// # Ok::<(), mapvec_fourier::Error>(())
/// ```
pub fn find_patterns(
    picture: ArrayView2<'_, f64>,
    config: &PatternConfig,
) -> Result<Vec<LinePattern>> {
    config.validate()?;
    check_finite("picture", picture.view())?;
    let rows = starts(picture.nrows(), config.window, config.stride);
    let columns = starts(picture.ncols(), config.window, config.stride);
    let waves = local_waves(picture.view(), config)?;
    let groups = link(&waves, [&rows, &columns], config);
    let traced: Vec<Result<Option<LinePattern>>> = groups
        .into_par_iter()
        .filter(|group| group.len() >= config.min_windows)
        .map(|group| {
            let parts: Vec<Part> = group
                .into_iter()
                .map(|(index, wave)| {
                    let (row, column) = waves[index].window;
                    let corner = (rows[row], columns[column]);
                    Part { corner, wave, amplitude: waves[index].amplitude }
                })
                .collect();
            trace(picture.view(), &parts, config)
        })
        .collect();
    let mut patterns = Vec::new();
    for pattern in traced {
        patterns.extend(pattern?);
    }
    Ok(patterns)
}
