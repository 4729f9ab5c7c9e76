//! Between planes, [class, point], and rows of chunks, [point, class], filled up to whole
//! chunks: what happens at a point concerns all its classes.

use std::ops::Range;

use ndarray::{ArrayView2, s};

use crate::{Error, Result};

/// Points that are turned together.
const BLOCK: usize = 64;

/// The logits of a range of points, minus their unary energies; minus infinity where there is
/// no class.
pub(crate) fn logits_of<const W: usize>(
    unary: ArrayView2<'_, f32>,
    range: Range<usize>,
) -> Vec<[f32; W]> {
    let chunks = unary.nrows().div_ceil(W);
    let mut rows = vec![[f32::NEG_INFINITY; W]; range.len() * chunks];
    let blocks = rows.as_flattened_mut().chunks_mut(BLOCK * chunks * W);
    for (start, block) in range.clone().step_by(BLOCK).zip(blocks) {
        let planes = unary.slice(s![.., start..range.end.min(start + BLOCK)]);
        for (class, plane) in planes.rows().into_iter().enumerate() {
            let lanes = block[class..].iter_mut().step_by(chunks * W);
            match plane.as_slice() {
                Some(plane) => lanes.zip(plane).for_each(|(lane, energy)| *lane = -energy),
                None => lanes.zip(plane).for_each(|(lane, energy)| *lane = -energy),
            }
        }
    }
    rows
}

/// Writes rows into the parts of planes that belong to them; returns the class of the largest
/// value of each point.
pub(crate) fn write_planes<const W: usize>(
    rows: &[[f32; W]],
    planes: &mut [&mut [f32]],
) -> Vec<usize> {
    let chunks = planes.len().div_ceil(W);
    let mut labels = vec![0; rows.len() / chunks];
    let blocks = rows.as_flattened().chunks(BLOCK * chunks * W);
    for ((index, block), labels) in blocks.enumerate().zip(labels.chunks_mut(BLOCK)) {
        let mut best = [f32::NEG_INFINITY; BLOCK];
        for (class, plane) in planes.iter_mut().enumerate() {
            let plane = &mut plane[index * BLOCK..][..labels.len()];
            let lanes = block[class..].iter().step_by(chunks * W);
            for (out, &value) in plane.iter_mut().zip(lanes) {
                *out = value;
            }
            for ((label, best), &value) in labels.iter_mut().zip(&mut best).zip(&*plane) {
                *label = if value > *best { class } else { *label };
                *best = if value > *best { value } else { *best };
            }
        }
    }
    labels
}

/// Refuses NaN, minus infinity, and points without a possible class.
pub(crate) fn check_unary(unary: ArrayView2<'_, f32>, range: Range<usize>) -> Result<()> {
    let part = unary.slice(s![.., range.clone()]);
    let wrong = |value: f32| value.is_nan() | (value == f32::NEG_INFINITY);
    let any = |row: ndarray::ArrayView1<'_, f32>| match row.as_slice() {
        Some(row) => row.iter().fold(false, |any, &value| any | wrong(value)),
        None => row.iter().fold(false, |any, &value| any | wrong(value)),
    };
    if part.rows().into_iter().any(any) {
        for ((class, point), &value) in part.indexed_iter() {
            if wrong(value) {
                return Err(Error::InvalidUnary { class, point: range.start + point, value });
            }
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
