//! Between planes, [class, point], and rows of chunks, [point, class], filled up to whole
//! chunks: what happens at a point concerns all its classes.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{ArrayView1, ArrayView2, s};

use crate::{Error, Result};

/// Points that are turned together.
const BLOCK: usize = 16;

/// The logits of a range of points, minus their unary energies; minus infinity where there is
/// no class. Refuses NaN and minus infinity.
#[inline(always)]
pub(crate) fn logits_of<const W: usize>(
    unary: ArrayView2<'_, f32>,
    range: Range<usize>,
) -> Result<Vec<[f32; W]>> {
    let chunks = unary.nrows().div_ceil(W);
    let mut rows = Vec::with_capacity(range.len() * chunks);
    let planes = unary.slice(s![.., range.clone()]);
    let planes: Vec<Cow<'_, [f32]>> = planes.rows().into_iter().map(values_of).collect();
    let mut wrong = [0_u32; BLOCK];
    let mut block = vec![[0.0; W]; BLOCK * chunks];
    for start in (0..range.len()).step_by(BLOCK) {
        let points = BLOCK.min(range.len() - start);
        for (c, planes) in planes.chunks(W).enumerate() {
            // No class, and no energy that is wrong, where there is nothing.
            let mut energies = [[f32::INFINITY; BLOCK]; W];
            for (energies, plane) in energies.iter_mut().zip(planes) {
                energies[..points].copy_from_slice(&plane[start..start + points]);
            }
            let mut turned = [[0.0; W]; BLOCK];
            for l in 0..W {
                for p in 0..BLOCK {
                    let energy = energies[l][p];
                    wrong[p] |= u32::from(energy.is_nan() | (energy == f32::NEG_INFINITY));
                    turned[p][l] = -energy;
                }
            }
            for (row, turned) in block.chunks_exact_mut(chunks).zip(turned) {
                row[c] = turned;
            }
        }
        rows.extend_from_slice(&block[..points * chunks]);
    }
    if wrong != [0; BLOCK] {
        check_unary(unary, range)?;
    }
    Ok(rows)
}

/// The values of a row side by side.
fn values_of(row: ArrayView1<'_, f32>) -> Cow<'_, [f32]> {
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}

/// Writes rows into the parts of planes that belong to them; returns the class of the largest
/// value of each point.
#[inline(always)]
pub(crate) fn write_planes<const W: usize>(
    rows: &[[f32; W]],
    planes: &mut [&mut [f32]],
) -> Vec<usize> {
    let chunks = planes.len().div_ceil(W);
    let mut labels = Vec::with_capacity(rows.len() / chunks);
    for (turn, rows) in rows.chunks(BLOCK * chunks).enumerate() {
        let points = rows.len() / chunks;
        let mut best = [f32::NEG_INFINITY; BLOCK];
        let mut classes = [0_u32; BLOCK];
        for (c, planes) in planes.chunks_mut(W).enumerate() {
            let mut turned = [[0.0; BLOCK]; W];
            for (p, row) in rows.chunks_exact(chunks).enumerate() {
                for l in 0..W {
                    turned[l][p] = row[c][l];
                }
            }
            for (l, (values, plane)) in turned.iter().zip(planes).enumerate() {
                plane[turn * BLOCK..][..points].copy_from_slice(&values[..points]);
                let class = (c * W + l) as u32;
                for p in 0..BLOCK {
                    let better = values[p] > best[p];
                    classes[p] = if better { class } else { classes[p] };
                    best[p] = if better { values[p] } else { best[p] };
                }
            }
        }
        labels.extend(classes[..points].iter().map(|&class| class as usize));
    }
    labels
}

/// Refuses NaN and minus infinity.
fn check_unary(unary: ArrayView2<'_, f32>, range: Range<usize>) -> Result<()> {
    let part = unary.slice(s![.., range.clone()]);
    for ((class, point), &value) in part.indexed_iter() {
        if value.is_nan() || value == f32::NEG_INFINITY {
            return Err(Error::InvalidUnary { class, point: range.start + point, value });
        }
    }
    Ok(())
}

/// The first point of which all classes are ruled out.
pub(crate) fn first_impossible(unary: ArrayView2<'_, f32>, range: Range<usize>) -> usize {
    let impossible =
        |point: &usize| unary.column(*point).iter().all(|&value| value == f32::INFINITY);
    range.clone().find(impossible).unwrap_or(range.start)
}
