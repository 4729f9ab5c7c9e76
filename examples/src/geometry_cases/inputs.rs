//! Inputs that the peers make from the same formulas.

use std::f64::consts::TAU;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use geo_types::{Coord, LineString, Polygon};
use mapvec_testkit::uniform_at;
use ndarray::Array2;

/// Number `index` of the uniform numbers in `[low, high)` that a seed gives.
pub(crate) fn uniform(seed: u64, index: usize, (low, high): (f64, f64)) -> f64 {
    uniform_at(index as u64, seed, low, high)
}

/// Lines of three to eight points with steps up to 40 pixels per axis, at whole numbers.
pub(super) fn polylines(count: usize, size: f64) -> Vec<LineString<f64>> {
    let line = |index: usize| {
        let seed = 10_000 + 3 * index as u64;
        let drawn = uniform(seed, 0, (3.0, 9.0));
        let points = 3 + (4..9).filter(|&k| drawn >= f64::from(k)).count();
        let axis = (0.0, size);
        let start = Coord { x: uniform(seed + 1, 0, axis), y: uniform(seed + 1, 1, axis) };
        let mut sum = Coord { x: 0.0, y: 0.0 };
        let mut line = vec![rounded(start)];
        for k in 0..points - 1 {
            let step = |axis: usize| uniform(seed + 2, 2 * k + axis, (-40.0, 40.0));
            sum = sum + Coord { x: step(0), y: step(1) };
            line.push(rounded(start + sum));
        }
        LineString(line)
    };
    (0..count).map(line).collect()
}

/// Stars of twelve points inside a square, at whole numbers.
pub(super) fn small_stars(count: usize, size: f64) -> Vec<Polygon<f64>> {
    let star = |index: usize| {
        let seed = 20_000 + index as u64;
        let axis = (0.0, size);
        let centre = Coord { x: uniform(seed, 0, axis), y: uniform(seed, 1, axis) };
        let ring = star(12, centre, 25.0, (seed + 1000, 0.0));
        Polygon::new(ring.0.into_iter().map(rounded).collect(), Vec::new())
    };
    (0..count).map(star).collect()
}

/// Stars of sixteen points that overlap each other.
pub(super) fn parcels(count: usize) -> Vec<Polygon<f64>> {
    let parcel = |index: usize| {
        let seed = 9000 + index as u64;
        let axis = (0.0, 1000.0);
        let centre = Coord { x: uniform(seed, 0, axis), y: uniform(seed, 1, axis) };
        Polygon::new(star(16, centre, 20.0, (seed + 900, 0.0)), Vec::new())
    };
    (0..count).map(parcel).collect()
}

/// The two operands of a boolean case.
pub(super) fn operands(family: &str, vertices: usize) -> [Polygon<f64>; 2] {
    let centres = [Coord { x: 0.0, y: 0.0 }, Coord { x: 35.0, y: 20.0 }];
    let count = vertices as u64;
    let rings = if family == "star" {
        [
            star(vertices, centres[0], 100.0, (8000 + count, 0.0)),
            star(vertices, centres[1], 100.0, (8500 + count, 0.1)),
        ]
    } else {
        [blob(vertices, centres[0], 0.3), blob(vertices, centres[1], 1.1)]
    };
    rings.map(|ring| Polygon::new(ring, Vec::new()))
}

/// Vertices at equal angles with uniform distances from the centre.
fn star(
    count: usize,
    centre: Coord<f64>,
    radius: f64,
    (seed, phase): (u64, f64),
) -> LineString<f64> {
    let vertex = |k: usize| {
        let angle = TAU * (k as f64 / count as f64) + phase;
        let distance = radius * (1.0 - 0.35 + 0.7 * uniform(seed, k, (0.0, 1.0)));
        centre + Coord { x: distance * angle.cos(), y: distance * angle.sin() }
    };
    (0..count).map(vertex).collect()
}

/// A smooth closed curve.
fn blob(count: usize, centre: Coord<f64>, phase: f64) -> LineString<f64> {
    let vertex = |k: usize| {
        let angle = TAU * k as f64 / count as f64;
        let waves = 0.2 * (5.0 * angle + phase).sin() + 0.1 * (17.0 * angle + 2.0 * phase).sin();
        let distance = 100.0 * (1.0 + waves);
        centre + Coord { x: distance * angle.cos(), y: distance * angle.sin() }
    };
    (0..count).map(vertex).collect()
}

fn rounded(p: Coord<f64>) -> Coord<f64> {
    Coord { x: p.x.round_ties_even(), y: p.y.round_ties_even() }
}

/// Sum over all points of their place in sixteenths, weighted by their number.
pub(super) fn check_points<'a>(points: impl Iterator<Item = &'a Coord<f64>>) -> u64 {
    let place = |v: f64| (v * 16.0).round_ties_even() as i64 + (1 << 20);
    let sum: i64 = points
        .zip(0_i64..)
        .map(|(p, index)| (1 + index % 251) * (place(p.x) + 3 * place(p.y)))
        .sum();
    sum.unsigned_abs()
}

/// Sum over all pixels of their value, weighted by their number.
pub(super) fn check_pixels(pixels: &Array2<u8>) -> u64 {
    pixels.iter().zip(0..).map(|(&v, index)| u64::from(v) * (1 + index % 251)).sum()
}

/// Reads a square raster of bytes from `folder`, or makes a stand-in of smooth noise.
pub(super) fn raster(name: &str, folder: Option<&Path>, side: usize) -> Result<Array2<u8>> {
    let Some(folder) = folder else { return Ok(noise(side)) };
    let path = folder.join(format!("{name}.raw"));
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let side = bytes.len().isqrt();
    ensure!(side * side == bytes.len(), "{} is no square raster of bytes", path.display());
    Ok(Array2::from_shape_vec((side, side), bytes)?)
}

/// Twelve classes in patches of about 16 pixels.
fn noise(side: usize) -> Array2<u8> {
    let lattice = |row: usize, column: usize| uniform(7, row << 12 | column, (0.0, 1.0));
    Array2::from_shape_fn((side, side), |(i, j)| {
        let (r, c) = (i / 16, j / 16);
        let (v, u) = ((i % 16) as f64 / 16.0, (j % 16) as f64 / 16.0);
        let top = (1.0 - u) * lattice(r, c) + u * lattice(r, c + 1);
        let bottom = (1.0 - u) * lattice(r + 1, c) + u * lattice(r + 1, c + 1);
        let height = 12.0 * ((1.0 - v) * top + v * bottom);
        (1..12).filter(|&class| height >= f64::from(class)).count() as u8
    })
}
