//! Which pixels may belong to lines, and to which group.

use std::collections::VecDeque;

use ndarray::{Array2, ArrayView2, s};

/// The groups of the candidate pixels, small pieces dissolved: pieces of less than
/// `min_pixels` take the groups around them. 0 for candidates of no group.
pub(super) fn settle(
    mask: ArrayView2<'_, bool>,
    groups: ArrayView2<'_, u32>,
    min_pixels: usize,
) -> Array2<u32> {
    let mut settled = groups.to_owned();
    settled.zip_mut_with(&mask, |group, &candidate| {
        if !candidate {
            *group = 0;
        }
    });
    let small = small_pieces(settled.view(), 8, min_pixels);
    small.into_iter().for_each(|pixel| settled[pixel] = 0);
    spread(&mut settled, |_, to| mask[to]);
    settled
}

/// The mask without its pieces of less than `min_pixels`.
pub(super) fn without_specks(mask: ArrayView2<'_, bool>, min_pixels: usize) -> Array2<bool> {
    let mut large = mask.to_owned();
    let pieces = mask.mapv(u32::from);
    let small = small_pieces(pieces.view(), 8, min_pixels);
    small.into_iter().for_each(|pixel| large[pixel] = false);
    large
}

/// The mask with its holes of less than `min_pixels` filled.
pub(super) fn without_holes(mask: ArrayView2<'_, bool>, min_pixels: usize) -> Array2<bool> {
    let mut filled = mask.to_owned();
    // A hole is connected by sides. With a frame of background around the raster, what touches
    // its border is none.
    let (rows, columns) = mask.dim();
    let mut pieces = Array2::from_elem((rows + 2, columns + 2), 1);
    pieces.slice_mut(s![1..=rows, 1..=columns]).assign(&mask.map(|set| u32::from(!set)));
    for (row, column) in small_pieces(pieces.view(), 4, min_pixels) {
        // The frame may be small, too.
        if let Some(pixel) = filled.get_mut((row.wrapping_sub(1), column.wrapping_sub(1))) {
            *pixel = true;
        }
    }
    filled
}

/// The pixels of the pieces of one label other than 0 with less than `min_pixels`; neighbours
/// are 4 or 8.
fn small_pieces(
    labels: ArrayView2<'_, u32>,
    neighbours: usize,
    min_pixels: usize,
) -> Vec<(usize, usize)> {
    let mut seen = Array2::from_elem(labels.dim(), false);
    let mut small = Vec::new();
    for (start, &label) in labels.indexed_iter().filter(|(_, label)| **label > 0) {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut piece = vec![start];
        let mut next = 0;
        while let Some(&pixel) = piece.get(next) {
            next += 1;
            for near in adjacent(pixel, labels.dim(), neighbours) {
                if labels[near] == label && !std::mem::replace(&mut seen[near], true) {
                    piece.push(near);
                }
            }
        }
        if piece.len() < min_pixels {
            small.append(&mut piece);
        }
    }
    small
}

/// Gives pixels without a label that of a neighbour, nearest first along 8-connected ways of
/// `allowed` steps from a pixel to the next.
pub(super) fn spread(
    labels: &mut Array2<u32>,
    allowed: impl Fn((usize, usize), (usize, usize)) -> bool,
) {
    let dim = labels.dim();
    let labelled = labels.indexed_iter().filter(|(_, label)| **label > 0);
    let mut queue: VecDeque<(usize, usize)> = labelled.map(|(pixel, _)| pixel).collect();
    while let Some(pixel) = queue.pop_front() {
        for near in around(pixel, dim) {
            if labels[near] == 0 && allowed(pixel, near) {
                labels[near] = labels[pixel];
                queue.push_back(near);
            }
        }
    }
}

/// The eight neighbours inside the raster, those that share a side first.
pub(super) fn around(
    pixel: (usize, usize),
    dim: (usize, usize),
) -> impl Iterator<Item = (usize, usize)> {
    adjacent(pixel, dim, 8)
}

/// The first 4 or all 8 neighbours inside the raster, those that share a side first.
fn adjacent(
    (row, column): (usize, usize),
    (rows, columns): (usize, usize),
    count: usize,
) -> impl Iterator<Item = (usize, usize)> {
    const STEPS: [(isize, isize); 8] =
        [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)];
    STEPS.into_iter().take(count).filter_map(move |(down, right)| {
        let near = (row.checked_add_signed(down)?, column.checked_add_signed(right)?);
        (near.0 < rows && near.1 < columns).then_some(near)
    })
}
