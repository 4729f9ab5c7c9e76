//! Scenes of smooth lines that cross, as a network would see them: candidate pixels with gaps
//! and noise, and an embedding per pixel that is wrong here and there.

use geo_types::{Coord, LineString, coord};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::f64::consts::TAU;

/// Rows and columns of a scene.
pub const SIZE: (usize, usize) = (360, 640);
/// Dimensions of an embedding.
const DIMENSIONS: usize = 8;
/// Length of the centres of embeddings; those of two lines are about 1.4 times that apart.
const NORM: f64 = 2.0;
/// Standard deviation of each dimension.
const NOISE: f64 = 0.25;
/// Candidates nearer to a crossing have embeddings of either line or between (px).
const CONFUSED: f64 = 3.0;

/// A scene and its truth.
#[derive(Debug)]
pub struct LineScene {
    /// Candidate pixels.
    pub mask: Array2<bool>,
    /// Embeddings (shape (D, H, W)), 0 outside the mask.
    pub embeddings: Array3<f32>,
    /// The lines from left to right, gaps included.
    pub truth: Vec<LineString<f64>>,
}

/// Makes a scene of `count` lines.
#[must_use]
pub fn line_scene(count: u32, seed: u64) -> LineScene {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let truth: Vec<LineString<f64>> = (0..count).map(|_| smooth_line(&mut rng)).collect();
    let mut owners = Array2::from_elem(SIZE, 0_usize);
    let mut crossed = Array2::from_elem(SIZE, None);
    for (id, line) in (1..).zip(&truth) {
        let width = between(&mut rng, 2.0, 4.0);
        for &point in &line.0 {
            for pixel in disc(point, 0.5 * width) {
                if owners[pixel] > 0 && owners[pixel] != id {
                    crossed[pixel] = Some(owners[pixel]);
                }
                owners[pixel] = id;
            }
        }
    }
    erase(&mut rng, &truth, &mut owners);
    let centres: Vec<Vec<f64>> = (0..count).map(|_| direction(&mut rng)).collect();
    let confused = confused(&crossed, &owners);
    let mut mask = owners.mapv(|id| id > 0);
    let mut embeddings = Array3::zeros((DIMENSIONS, SIZE.0, SIZE.1));
    for ((row, column), candidate) in mask.indexed_iter_mut() {
        // Specks that are no line, and pixels of lines that are missed.
        let chance = between(&mut rng, 0.0, 1.0);
        let id = owners[(row, column)];
        if id == 0 && chance < 0.001 {
            *candidate = true;
        } else if id > 0 && chance < 0.03 {
            *candidate = false;
        }
        if !*candidate {
            continue;
        }
        let lost = id == 0 || between(&mut rng, 0.0, 1.0) < 0.02;
        let stray = direction(&mut rng);
        let mix = between(&mut rng, 0.0, 1.0);
        for (k, stray) in stray.into_iter().enumerate() {
            let own = if lost { stray } else { centres[id - 1][k] };
            let mean = match confused[(row, column)] {
                Some(other) if !lost => own + mix * (centres[other - 1][k] - own),
                _ => own,
            };
            embeddings[(k, row, column)] = (mean + NOISE * normal(&mut rng)) as f32;
        }
    }
    LineScene { mask, embeddings, truth }
}

/// The candidates by their embeddings: each goes to the nearest of the leaders, which are the
/// first pixels farther than `radius` from all leaders before, moved to the mean of their
/// pixels. Clusters of less than `min_pixels` are 0.
#[must_use]
pub fn lead_clusters(
    embeddings: ArrayView3<'_, f32>,
    mask: ArrayView2<'_, bool>,
    radius: f32,
    min_pixels: u32,
) -> Array2<u32> {
    let mut leaders: Vec<(Vec<f32>, u32)> = Vec::new();
    let pixels = || mask.indexed_iter().filter(|(_, candidate)| **candidate);
    let at = |(row, column): (usize, usize)| -> Vec<f32> {
        embeddings.outer_iter().map(|channel| channel[(row, column)]).collect()
    };
    let nearest = |leaders: &[(Vec<f32>, u32)], of: &[f32]| {
        let square = |(mean, _): &(Vec<f32>, u32)| -> f32 {
            mean.iter().zip(of).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let squares = leaders.iter().map(square).enumerate();
        squares.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    for (pixel, _) in pixels() {
        let own = at(pixel);
        match nearest(&leaders, &own) {
            Some((id, square)) if square <= radius * radius => {
                let (mean, count) = &mut leaders[id];
                *count += 1;
                for (mean, value) in mean.iter_mut().zip(own) {
                    *mean += (value - *mean) / *count as f32;
                }
            }
            _ => leaders.push((own, 1)),
        }
    }
    leaders.retain(|(_, count)| *count >= min_pixels);
    let mut clusters = Array2::zeros(mask.dim());
    for (pixel, _) in pixels() {
        let own = nearest(&leaders, &at(pixel));
        let near = own.filter(|(_, square)| *square <= radius * radius);
        clusters[pixel] = near.map_or(0, |(id, _)| id as u32 + 1);
    }
    clusters
}

/// A sum of three waves.
fn smooth_line(rng: &mut ChaCha8Rng) -> LineString<f64> {
    let (rows, columns) = (SIZE.0 as f64, SIZE.1 as f64);
    let waves: [(f64, f64, f64); 3] = std::array::from_fn(|k| {
        let k = k as f64;
        let amplitude = rows * between(rng, 0.04, 0.16) / (1.0 + 0.5 * k);
        (amplitude, between(rng, 0.3, 1.0) + 0.5 * k, between(rng, 0.0, TAU))
    });
    let reach: f64 = waves.iter().map(|wave| wave.0).sum();
    let base = between(rng, reach + 6.0, rows - reach - 6.0);
    let (first, last) = (between(rng, 8.0, 60.0), columns - between(rng, 8.0, 60.0));
    let steps = (2.0 * (last - first)).floor();
    let point = |k: u32| {
        let x = first + (last - first) * f64::from(k) / steps;
        let y = waves.iter().map(|(a, f, phase)| a * (TAU * f * x / columns + phase).sin());
        coord! { x: x, y: base + y.sum::<f64>() }
    };
    LineString((0..).take_while(|&k| f64::from(k) <= steps).map(point).collect())
}

/// Hides parts of the scene behind boxes and breaks lines.
fn erase(rng: &mut ChaCha8Rng, truth: &[LineString<f64>], owners: &mut Array2<usize>) {
    let on_line = |rng: &mut ChaCha8Rng, line: &LineString<f64>| {
        line.0[whole(between(rng, 0.1, 0.9) * line.0.len() as f64)]
    };
    for (k, (width, height)) in
        [(60.0, 10.0), (14.0, 14.0), (12.0, 24.0), (16.0, 10.0)].into_iter().enumerate()
    {
        let centre = on_line(rng, &truth[k % truth.len()]);
        for ((row, column), id) in owners.indexed_iter_mut() {
            let (x, y) = (column as f64 + 0.5 - centre.x, row as f64 + 0.5 - centre.y);
            if x.abs() < 0.5 * width && y.abs() < 0.5 * height {
                *id = 0;
            }
        }
    }
    for (id, line) in (1..).zip(truth) {
        for _ in 0..5 {
            let (centre, radius) = (on_line(rng, line), between(rng, 3.0, 7.0));
            for pixel in disc(centre, radius) {
                if owners[pixel] == id {
                    owners[pixel] = 0;
                }
            }
        }
    }
}

/// The other line of pixels near a crossing.
fn confused(crossed: &Array2<Option<usize>>, owners: &Array2<usize>) -> Array2<Option<usize>> {
    let mut near = Array2::from_elem(SIZE, None);
    for ((row, column), other) in crossed.indexed_iter() {
        let Some(other) = *other else { continue };
        let centre = coord! { x: column as f64 + 0.5, y: row as f64 + 0.5 };
        let top = owners[(row, column)];
        for pixel in disc(centre, CONFUSED) {
            let own = owners[pixel];
            if own == top || own == other {
                near[pixel] = [top, other].into_iter().find(|&id| id > 0 && id != own);
            }
        }
    }
    near
}

/// Pixels of the scene whose centres are at most `radius` away.
fn disc(centre: Coord<f64>, radius: f64) -> impl Iterator<Item = (usize, usize)> {
    let range = |at: f64, size: usize| {
        let low = whole((at - 0.5 - radius).ceil());
        low..whole((at + 0.5 + radius).floor()).min(size)
    };
    let columns = range(centre.x, SIZE.1);
    range(centre.y, SIZE.0)
        .flat_map(move |row| columns.clone().map(move |column| (row, column)))
        .filter(move |&(row, column)| {
            let d = coord! { x: column as f64 + 0.5, y: row as f64 + 0.5 } - centre;
            d.x.hypot(d.y) <= radius
        })
}

/// A number without its fraction, 0 for negative ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such casts saturate, which is what is wanted"
)]
fn whole(number: f64) -> usize {
    number as usize
}

fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - between(rng, 0.0, 1.0)).ln()).sqrt();
    radius * between(rng, 0.0, TAU).cos()
}

/// A random direction of length [`NORM`].
fn direction(rng: &mut ChaCha8Rng) -> Vec<f64> {
    let vector: Vec<f64> = (0..DIMENSIONS).map(|_| normal(rng)).collect();
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    vector.into_iter().map(|v| NORM * v / length).collect()
}
