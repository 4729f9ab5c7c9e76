//! A plan whose shapes are hatched, with noise of paper, and what its hatchings are.

use std::f64::consts::PI;

use anyhow::Result;
use geo_types::{LineString, Polygon};
use mapvec_data::sample_rng;
use mapvec_fourier::PlaneWave;
use mapvec_geometry::{Stroke, fill_coverage, stroke_coverage};
use ndarray::{Array2, Array3};
use rand_chacha::rand_core::RngCore;

use crate::canvas::rings;
use crate::plan::{ROAD, plan};

/// A hatched shape.
#[derive(Debug, Clone)]
pub struct Hatching {
    /// The shape, px.
    pub polygon: Polygon<f64>,
    /// Its lines: the crests of this wave.
    pub wave: PlaneWave,
}

/// The picture of a hatched plan, `[H, W, 3]`, and its hatchings.
///
/// # Errors
/// A line cannot be drawn.
#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
pub fn hatched_plan(side: usize, noise: f64, seed: u64) -> Result<(Array3<u8>, Vec<Hatching>)> {
    let plan = plan(side as f64);
    let mut rng = sample_rng(seed, 0);
    let mut unit = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
    let mut ink = Array2::<f32>::zeros((side, side));
    let mut hatchings = Vec::new();
    for polygon in plan.lakes.iter().chain(&plan.buildings) {
        let wave = PlaneWave::from_crests(PI * unit(), 4.0 + 3.0 * unit(), 2.0 * PI * unit());
        let mut area = Array2::<f32>::zeros(ink.dim());
        fill_coverage(polygon, &mut area);
        let mut lines = Array2::<f32>::zeros(ink.dim());
        let pen = Stroke { width: 1.2 + 0.6 * unit(), ..Stroke::default() };
        for ends in wave.crests(ink.dim()) {
            stroke_coverage(&LineString::from(ends.to_vec()), &pen, &mut lines)?;
        }
        ink.zip_mut_with(&(lines * &area), |ink, line| *ink = ink.max(*line));
        for ring in rings(polygon) {
            stroke_coverage(ring, &Stroke { width: 2.0, ..Stroke::default() }, &mut ink)?;
        }
        hatchings.push(Hatching { polygon: polygon.clone(), wave });
    }
    for road in &plan.roads {
        let mut drawn = Array2::<f32>::zeros(ink.dim());
        stroke_coverage(road, &Stroke { width: ROAD, ..Stroke::default() }, &mut drawn)?;
        ink.zip_mut_with(&drawn, |ink, road| *ink = ink.max(*road));
    }
    let mut normal = || (0..12).map(|_| unit()).sum::<f64>() - 6.0;
    let tones = ink.mapv(|ink| 225.0 - 165.0 * f64::from(ink) + noise * normal());
    let picture = Array3::from_shape_fn((side, side, 3), |(y, x, channel)| {
        let paper = [1.0, 0.97, 0.88][channel];
        (tones[(y, x)] * paper).round().clamp(0.0, 255.0) as u8
    });
    Ok((picture, hatchings))
}
