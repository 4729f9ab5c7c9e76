//! Weights to frequencies, and weight gradients back.
//!
//! Plain loops over groups of 16 channels: this is a small share of the work.
#![allow(unsafe_code, reason = "disjoint writes of the rows of one buffer")]

use rayon::prelude::*;

use super::super::output::SharedOut;
use super::transform::{A, A2, B, B2};
use super::{BLOCK, FREQUENCIES, Geometry};

/// Normalisation of the points +-A.
const NA: f32 = 2.0 * A2 * (A2 - B2);
/// Normalisation of the points +-B.
const NB: f32 = 2.0 * B2 * (B2 - A2);

type Line = [f32; BLOCK];

/// Which convolution the weights are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// From inputs to outputs.
    Forward,
    /// From output gradients to input gradients: rotated, channels swapped.
    Backward,
}

/// Three weights of a line to six frequencies.
fn analyse(g: [Line; 3]) -> [Line; 6] {
    let mut out = [[0.0; BLOCK]; 6];
    for l in 0..BLOCK {
        let (g0, g1, g2) = (g[0][l], g[1][l], g[2][l]);
        let (even_a, odd_a) = (g0 + A2 * g2, A * g1);
        let (even_b, odd_b) = (g0 + B2 * g2, B * g1);
        out[0][l] = g0;
        out[1][l] = (even_a + odd_a) * (1.0 / NA);
        out[2][l] = (even_a - odd_a) * (1.0 / NA);
        out[3][l] = (even_b + odd_b) * (1.0 / NB);
        out[4][l] = (even_b - odd_b) * (1.0 / NB);
        out[5][l] = g2;
    }
    out
}

/// The transpose of [`analyse`]: six gradients of frequencies to three of weights.
fn synthesise(p: [Line; 6]) -> [Line; 3] {
    let mut out = [[0.0; BLOCK]; 3];
    for l in 0..BLOCK {
        let (even_a, odd_a) = ((p[1][l] + p[2][l]) * (1.0 / NA), (p[1][l] - p[2][l]) * (1.0 / NA));
        let (even_b, odd_b) = ((p[3][l] + p[4][l]) * (1.0 / NB), (p[3][l] - p[4][l]) * (1.0 / NB));
        out[0][l] = p[0][l] + even_a + even_b;
        out[1][l] = A * odd_a + B * odd_b;
        out[2][l] = A2 * even_a + B2 * even_b + p[5][l];
    }
    out
}

/// Transforms `weight` (`[outputs][inputs][3][3]` of the forward convolution)
/// into `[36][reduced channel][lane channel]`, both padded with zeros.
///
/// `g` is the geometry of the convolution that will run: for
/// [`Role::Backward`] the swapped one.
pub(super) fn transform(weight: &[f32], g: &Geometry, role: Role, to: &mut [f32]) {
    let (rows, lanes) = (g.padded_inputs(), g.padded_outputs());
    let to = SharedOut::new(&mut to[..FREQUENCIES * g.weight_stride()]);
    // Rows that are worth a task.
    let share = (4096 / lanes).max(1);
    (0..rows.div_ceil(share)).into_par_iter().for_each(|part| {
        for row in part * share..((part + 1) * share).min(rows) {
            // SAFETY: this task alone writes the row.
            unsafe { transform_row(weight, g, role, row, to) }
        }
    });
}

/// One reduced channel of [`transform`].
///
/// # Safety
///
/// Nobody else reads or writes row `row` of any frequency of `to` meanwhile.
unsafe fn transform_row(weight: &[f32], g: &Geometry, role: Role, row: usize, to: SharedOut<'_>) {
    let (lanes, stride) = (g.padded_outputs(), g.weight_stride());
    // Distances of the reduced and of the lane channel in `weight`.
    let (row_step, lane_step) = match role {
        Role::Forward => (9, g.inputs * 9),
        Role::Backward => (g.outputs * 9, 9),
    };
    for first in (0..lanes).step_by(BLOCK) {
        let mut kernel = [[0.0; BLOCK]; 9];
        if row < g.inputs {
            for l in 0..BLOCK.min(g.outputs - first.min(g.outputs)) {
                let from = &weight[row * row_step + (first + l) * lane_step..][..9];
                for (q, value) in from.iter().enumerate() {
                    kernel[if role == Role::Forward { q } else { 8 - q }][l] = *value;
                }
            }
        }
        let columns = [0, 1, 2].map(|j| analyse([kernel[j], kernel[3 + j], kernel[6 + j]]));
        let [left, middle, right] = columns;
        for (i, ((a, b), c)) in left.into_iter().zip(middle).zip(right).enumerate() {
            for (j, values) in analyse([a, b, c]).iter().enumerate() {
                let to = to.range((i * 6 + j) * stride + row * lanes + first, BLOCK);
                // SAFETY: the range was checked, and the row is the caller's.
                unsafe { to.copy_from_nonoverlapping(values.as_ptr(), BLOCK) };
            }
        }
    }
}

/// Gradients of the frequencies (`[36][input][output]`) to the gradient of the
/// weights, `[outputs][inputs][3][3]`.
pub(super) fn gradient(frequencies: &[f32], g: &Geometry) -> Vec<f32> {
    let (lanes, stride) = (g.padded_outputs(), g.weight_stride());
    let mut weight = vec![0.0; g.outputs * g.inputs * 9];
    weight.par_chunks_mut(BLOCK * g.inputs * 9).enumerate().for_each(|(block, to)| {
        let (first, count) = (block * BLOCK, to.len() / (g.inputs * 9));
        for input in 0..g.inputs {
            let at = |f: usize| -> Line {
                let from = &frequencies[f * stride + input * lanes + first..][..BLOCK];
                std::array::from_fn(|l| from[l])
            };
            let columns: [[Line; 3]; 6] = std::array::from_fn(|j| {
                synthesise([at(j), at(6 + j), at(12 + j), at(18 + j), at(24 + j), at(30 + j)])
            });
            for i in 0..3 {
                let line = synthesise(std::array::from_fn(|j| columns[j][i]));
                for (j, values) in line.iter().enumerate() {
                    for (l, value) in values.iter().enumerate().take(count) {
                        to[(l * g.inputs + input) * 9 + i * 3 + j] = *value;
                    }
                }
            }
        }
    });
    weight
}
