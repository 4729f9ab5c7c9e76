//! Exact Euclidean distance transforms in linear time.
//!
//! First the nearest true row of every pixel within its column, then per row the
//! lower envelope of the parabolas over the columns (Meijster et al.).

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Row index that stands for "no true pixel in this column".
const NONE: u32 = u32::MAX;
/// Columns that one task sweeps.
const COLUMNS: usize = 128;

/// Distance from each pixel centre to the nearest centre of a true pixel.
///
/// True pixels get 0; a mask without true pixels gives infinity everywhere.
/// `mask` has shape (H, W), at most 65 535 on a side for exact results. Parallel
/// over columns, then rows; the result does not depend on the number of threads.
///
/// # References
/// A. Meijster, J. Roerdink, W. Hesselink, *A general algorithm for computing
/// distance transforms in linear time*, 2000.
#[must_use]
pub fn distance_transform(mask: ArrayView2<'_, bool>) -> Array2<f32> {
    let rows = nearest_rows(mask);
    let mut out = Array2::from_elem(mask.dim(), f32::INFINITY);
    for_each_row(&rows, &mut out, |column, site, height, cell: &mut f32| {
        let dx = column.abs_diff(site) as f64;
        *cell = (dx * dx + (height * height) as f64).sqrt() as f32;
    });
    out
}

/// Row and column of a nearest true pixel for each pixel; `None` for an empty mask.
///
/// Of several nearest pixels any may be returned, but always the same one.
#[must_use]
pub fn nearest_true(mask: ArrayView2<'_, bool>) -> Option<Array2<(u32, u32)>> {
    if !mask.iter().any(|&set| set) {
        return None;
    }
    let rows = nearest_rows(mask);
    let mut out = Array2::from_elem(mask.dim(), (0, 0));
    for_each_row(&rows, &mut out, |_, site, _, cell: &mut (u32, u32)| cell.1 = site as u32);
    let width = mask.ncols().max(1);
    if let Some(cells) = out.as_slice_mut() {
        cells.par_chunks_mut(width).enumerate().for_each(|(row, line)| {
            for cell in line {
                cell.0 = rows[[row, cell.1 as usize]];
            }
        });
    }
    Some(out)
}

/// Nearest true row within the column of each pixel, [`NONE`] in empty columns.
fn nearest_rows(mask: ArrayView2<'_, bool>) -> Array2<u32> {
    let mut rows = Array2::from_elem(mask.dim(), NONE);
    let tasks: Vec<_> = rows
        .axis_chunks_iter_mut(Axis(1), COLUMNS)
        .zip(mask.axis_chunks_iter(Axis(1), COLUMNS))
        .collect();
    tasks.into_par_iter().for_each(|(mut rows, mask)| {
        let (height, width) = mask.dim();
        let mut last = vec![NONE; width];
        for i in 0..height {
            let lines = rows.row_mut(i).into_iter().zip(mask.row(i)).zip(&mut last);
            for ((cell, &set), last) in lines {
                if set {
                    *last = i as u32;
                }
                *cell = *last;
            }
        }
        last.fill(NONE);
        for i in (0..height).rev() {
            let row = i as u32;
            for (cell, last) in rows.slice_mut(s![i, ..]).iter_mut().zip(&mut last) {
                if *cell == row {
                    *last = row;
                } else if last.abs_diff(row) < cell.abs_diff(row) {
                    *cell = *last;
                }
            }
        }
    });
    rows
}

/// Calls `write(column, site, height, cell)` for every pixel whose row sees a
/// true pixel: `site` is the column of the nearest one, `height` its row distance.
fn for_each_row<T: Send>(
    rows: &Array2<u32>,
    out: &mut Array2<T>,
    write: impl Fn(usize, usize, u64, &mut T) + Sync,
) {
    let width = rows.ncols().max(1);
    let (Some(sites), Some(cells)) = (rows.as_slice(), out.as_slice_mut()) else { return };
    let lines = cells.par_chunks_mut(width).zip(sites.par_chunks(width));
    lines.enumerate().for_each_init(Vec::new, |envelope, (row, (line, sites))| {
        let row = row as u32;
        lower_envelope(row, sites, envelope);
        for (index, piece) in envelope.iter().enumerate() {
            let end = envelope.get(index + 1).map_or(width, |next| next.start);
            let height = u64::from(sites[piece.site].abs_diff(row));
            for (column, cell) in (piece.start..end).zip(&mut line[piece.start..end]) {
                write(column, piece.site, height, cell);
            }
        }
    });
}

/// From `start` on, the column `site` holds the nearest true pixel.
struct Piece {
    start: usize,
    site: usize,
    /// Squared column of the site plus squared row distance.
    level: u64,
}

/// Stretches of a row with the same nearest column, left to right.
///
/// The squared distance from column `x` to the site of column `i` is
/// `x^2 - 2 x i + level(i)`; `x^2` is common, so lines take the place of parabolas.
fn lower_envelope(row: u32, sites: &[u32], envelope: &mut Vec<Piece>) {
    envelope.clear();
    for (site, _) in sites.iter().enumerate().filter(|&(_, &nearest)| nearest != NONE) {
        let height = u64::from(sites[site].abs_diff(row));
        let level = (site * site) as u64 + height * height;
        // Drop pieces that the new site beats already at their first column.
        while envelope.last().is_some_and(|last| {
            last.level > level.saturating_sub((2 * last.start * (site - last.site)) as u64)
        }) {
            envelope.pop();
        }
        let start = match envelope.last() {
            None => 0,
            Some(last) => ((level - last.level) / (2 * (site - last.site)) as u64) as usize + 1,
        };
        if start < sites.len() {
            envelope.push(Piece { start, site, level });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_pixel() {
        let mut mask = Array2::from_elem((5, 7), false);
        mask[[1, 2]] = true;
        let distance = distance_transform(mask.view());
        for ((i, j), &d) in distance.indexed_iter() {
            let expected = (i as f32 - 1.0).hypot(j as f32 - 2.0);
            assert!((d - expected).abs() < 1e-6);
        }
        let nearest = nearest_true(mask.view()).unwrap();
        assert!(nearest.iter().all(|&site| site == (1, 2)));
    }

    #[test]
    fn empty_mask_and_empty_raster() {
        let mask = Array2::from_elem((3, 4), false);
        assert!(distance_transform(mask.view()).iter().all(|d| d.is_infinite()));
        assert!(nearest_true(mask.view()).is_none());
        let nothing = Array2::from_elem((0, 4), false);
        assert_eq!(distance_transform(nothing.view()).dim(), (0, 4));
    }
}
