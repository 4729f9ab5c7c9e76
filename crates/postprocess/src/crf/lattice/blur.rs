//! Sums over bands and the blur along the directions of the lattice.

use rayon::prelude::*;

use super::{Band, PermutohedralLattice};
use crate::crf::wide::wide;

/// Lattice points per task.
const STEP: usize = 4096;

/// Sums the bands' copies of each lattice point, in the order of bands.
///
/// `values` has `chunks` rows per lattice point and as many zeros at the end, which stand for
/// neighbours that are not there.
pub(crate) fn collect<'a, const W: usize>(
    lattice: &PermutohedralLattice,
    chunks: usize,
    values: &mut [[f32; W]],
    spread: impl Fn(usize) -> &'a [[f32; W]] + Sync,
) {
    let spread: Vec<&[[f32; W]]> = (0..lattice.bands.len()).map(spread).collect();
    values[..lattice.vertices * chunks].par_chunks_mut(STEP * chunks).enumerate().for_each(
        |(task, values)| {
            wide(
                #[inline(always)]
                || collect_some(lattice, task * STEP, chunks, values, &spread),
            );
        },
    );
}

#[inline(always)]
fn collect_some<const W: usize>(
    lattice: &PermutohedralLattice,
    first: usize,
    chunks: usize,
    values: &mut [[f32; W]],
    spread: &[&[[f32; W]]],
) {
    for (i, out) in values.chunks_exact_mut(chunks).enumerate() {
        let vertex = first + i;
        let members = lattice.offsets[vertex] as usize..lattice.offsets[vertex + 1] as usize;
        out.fill([0.0; W]);
        for &[band, place] in &lattice.members[members] {
            let rows = &spread[band as usize][place as usize * chunks..][..chunks];
            for (out, row) in out.iter_mut().zip(rows) {
                let mut sum = *out;
                for l in 0..W {
                    sum[l] += row[l];
                }
                *out = sum;
            }
        }
    }
}

/// Blurs along all directions, backwards if asked; the result is in `front`.
pub(crate) fn blur<const W: usize>(
    lattice: &PermutohedralLattice,
    chunks: usize,
    reverse: bool,
    front: &mut Vec<[f32; W]>,
    back: &mut Vec<[f32; W]>,
) {
    let axes = lattice.neighbours.len();
    for turn in 0..axes {
        let axis = if reverse { axes - 1 - turn } else { turn };
        let pairs = &lattice.neighbours[axis];
        let old: &[[f32; W]] = front;
        let new = &mut back[..lattice.vertices * chunks];
        new.par_chunks_mut(STEP * chunks).enumerate().for_each(|(task, new)| {
            let pairs = &pairs[task * STEP..][..new.len() / chunks];
            wide(
                #[inline(always)]
                || match chunks {
                    1 => blur_some(pairs, task * STEP, 1, old, new),
                    3 => blur_some(pairs, task * STEP, 3, old, new),
                    chunks => blur_some(pairs, task * STEP, chunks, old, new),
                },
            );
        });
        std::mem::swap(front, back);
    }
}

#[inline(always)]
fn blur_some<const W: usize>(
    pairs: &[[u32; 2]],
    first: usize,
    chunks: usize,
    old: &[[f32; W]],
    new: &mut [[f32; W]],
) {
    for ((i, out), &[one, two]) in new.chunks_exact_mut(chunks).enumerate().zip(pairs) {
        let own = &old[(first + i) * chunks..][..chunks];
        let one = &old[one as usize * chunks..][..chunks];
        let two = &old[two as usize * chunks..][..chunks];
        for c in 0..chunks {
            let mut sum = own[c];
            for l in 0..W {
                sum[l] += 0.5 * (one[c][l] + two[c][l]);
            }
            out[c] = sum;
        }
    }
}

/// Copies the lattice points of a band into its own order.
#[inline(always)]
pub(crate) fn fetch<const W: usize>(
    band: &Band,
    chunks: usize,
    values: &[[f32; W]],
    own: &mut [[f32; W]],
) {
    for (out, &vertex) in own.chunks_exact_mut(chunks).zip(&band.vertices) {
        out.copy_from_slice(&values[vertex as usize * chunks..][..chunks]);
    }
}
