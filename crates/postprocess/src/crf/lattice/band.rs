//! A run of points with the lattice points that it touches, numbered by itself.
//!
//! Splat and slice work on the band's own copy of these lattice points, which is small, so
//! that bands run side by side and the sum over them has a fixed order.

use std::ops::Range;

use super::keys::{Codec, KeyTable, mixed};
use super::simplex::{LANES, SimplexBlock};
use crate::crf::features::Features;

/// A run of points.
#[derive(Debug, Clone)]
pub(crate) struct Band {
    pub(crate) range: Range<usize>,
    /// d + 1.
    pub(crate) corners: usize,
    /// For each point the places of its vertices in the band.
    pub(crate) places: Vec<u32>,
    /// For each point the weights of its vertices.
    pub(crate) weights: Vec<f32>,
    /// For each place the lattice point.
    pub(crate) vertices: Vec<u32>,
}

impl Band {
    /// Locates the points; the table numbers the lattice points in the order of first use.
    #[inline(always)]
    pub(crate) fn new(features: &Features, range: Range<usize>, codec: &Codec) -> (Self, KeyTable) {
        let d = codec.dimension;
        let corners = d + 1;
        let width = if codec.packed { 0 } else { d };
        // Few points of noisy pictures have more vertices than points.
        let expected = (range.len() / 4).max(range.len().min(1024));
        let mut table = KeyTable::new(expected, width);
        let mut block = SimplexBlock::new(d);
        let mut places = vec![0_u32; range.len() * corners];
        let mut weights = vec![0.0_f32; range.len() * corners];
        let mut vertex = vec![0; width];
        for start in range.clone().step_by(LANES) {
            let count = LANES.min(range.end - start);
            for (i, lane) in block.features.iter_mut().take(d).enumerate() {
                lane[..count].copy_from_slice(&features.row(i)[start..start + count]);
            }
            block.locate(codec);
            let first = (start - range.start) * corners;
            let places = &mut places[first..first + count * corners];
            let weights = &mut weights[first..first + count * corners];
            for k in 0..corners {
                for l in 0..count {
                    weights[l * corners + k] = block.weights[k][l];
                }
            }
            if codec.packed {
                for (l, places) in places.chunks_exact_mut(corners).enumerate() {
                    for (k, place) in places.iter_mut().enumerate() {
                        *place = table.insert(block.keys[k][l], &[]);
                    }
                }
            } else {
                for (l, places) in places.chunks_exact_mut(corners).enumerate() {
                    for (k, place) in places.iter_mut().enumerate() {
                        block.coordinates(l, k, &mut vertex);
                        *place = table.insert(mixed(&vertex), &vertex);
                    }
                }
            }
        }
        (Self { range, corners, places, weights, vertices: Vec::new() }, table)
    }

    /// Spreads one channel.
    #[inline(always)]
    pub(crate) fn splat_one(&self, values: &[f32]) -> Vec<[f32; 1]> {
        let mut spread = vec![[0.0; 1]; self.vertices.len()];
        for (point, &value) in values.iter().enumerate() {
            splat_point(self, point, value, &[[1.0; 1]], &mut spread);
        }
        spread
    }

    /// Reads one channel back.
    #[inline(always)]
    pub(crate) fn slice_one(&self, values: &[[f32; 1]], scale: f32) -> Vec<f32> {
        let own: Vec<[f32; 1]> = self.vertices.iter().map(|&v| values[v as usize]).collect();
        (0..self.range.len())
            .map(|point| {
                let mut sum = [[0.0; 1]];
                slice_point::<1, false>(self, point, scale, &own, &mut sum);
                sum[0][0]
            })
            .collect()
    }
}

/// Adds `factor * values` to the vertices of a point.
#[inline(always)]
pub(crate) fn splat_point<const W: usize>(
    band: &Band,
    point: usize,
    factor: f32,
    values: &[[f32; W]],
    spread: &mut [[f32; W]],
) {
    match band.corners {
        6 => splat_corners(band, 6, point, factor, values, spread),
        corners => splat_corners(band, corners, point, factor, values, spread),
    }
}

#[inline(always)]
fn splat_corners<const W: usize>(
    band: &Band,
    corners: usize,
    point: usize,
    factor: f32,
    values: &[[f32; W]],
    spread: &mut [[f32; W]],
) {
    let places = &band.places[point * corners..][..corners];
    let weights = &band.weights[point * corners..][..corners];
    let chunks = values.len();
    for v in 0..corners {
        let weight = weights[v] * factor;
        let rows = &mut spread[places[v] as usize * chunks..][..chunks];
        for (row, value) in rows.iter_mut().zip(values) {
            let mut sum = *row;
            for l in 0..W {
                sum[l] += weight * value[l];
            }
            *row = sum;
        }
    }
}

/// Sums the values of the vertices of a point, weighted, times `factor`, and adds them to `sums` or
/// puts them there.
#[inline(always)]
pub(crate) fn slice_point<const W: usize, const ADD: bool>(
    band: &Band,
    point: usize,
    factor: f32,
    values: &[[f32; W]],
    sums: &mut [[f32; W]],
) {
    match band.corners {
        6 => slice_corners::<W, ADD>(band, 6, point, factor, values, sums),
        corners => slice_corners::<W, ADD>(band, corners, point, factor, values, sums),
    }
}

#[inline(always)]
fn slice_corners<const W: usize, const ADD: bool>(
    band: &Band,
    corners: usize,
    point: usize,
    factor: f32,
    values: &[[f32; W]],
    sums: &mut [[f32; W]],
) {
    let places = &band.places[point * corners..][..corners];
    let weights = &band.weights[point * corners..][..corners];
    let chunks = sums.len();
    for (c, sum) in sums.iter_mut().enumerate() {
        let mut total = [0.0; W];
        for v in 0..corners {
            let row = &values[places[v] as usize * chunks + c];
            for l in 0..W {
                total[l] += weights[v] * row[l];
            }
        }
        for l in 0..W {
            let value = total[l] * factor;
            sum[l] = if ADD { sum[l] + value } else { value };
        }
    }
}
