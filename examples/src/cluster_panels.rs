//! Pictures of clusters of pixels.

use ndarray::{Array3, ArrayView2, ArrayView3, Axis, s};

/// Most masks that are drawn, and masks per row.
const MOST: usize = 12;
const PER_ROW: usize = 4;
/// Side of a mask, and the gap between two, in pixels.
const SIDE: usize = 256;
const GAP: usize = 8;

/// A picture beside itself with every pixel in the mean colour of its cluster; noise is
/// magenta.
#[must_use]
pub fn flat(image: &Array3<u8>, labels: ArrayView2<'_, Option<u32>>) -> Array3<u8> {
    let (rows, columns, channels) = image.dim();
    let most = labels.iter().flatten().max().map_or(0, |label| *label as usize + 1);
    let mut sums = vec![vec![0_u64; channels + 1]; most];
    for (at, label) in labels.indexed_iter() {
        if let Some(label) = label {
            let sums = &mut sums[*label as usize];
            sums[channels] += 1;
            (0..channels).for_each(|c| sums[c] += u64::from(image[(at.0, at.1, c)]));
        }
    }
    let mut both = Array3::from_elem((rows, 2 * columns + GAP, channels), 255);
    both.slice_mut(s![.., ..columns, ..]).assign(image);
    for ((row, column), label) in labels.indexed_iter() {
        for c in 0..channels {
            let value = label.map_or([220, 0, 220][c.min(2)], |label| {
                let sums = &sums[label as usize];
                (sums[c] / sums[channels].max(1)) as u8
            });
            both[(row, columns + GAP + column, c)] = value;
        }
    }
    both
}

/// Masks in the given order, dark on white, reduced to squares of a fixed side or less.
#[must_use]
#[expect(clippy::cast_sign_loss, reason = "shares lie between 0 and 1")]
pub fn masks(masks: ArrayView3<'_, f32>, order: &[usize]) -> Array3<u8> {
    let (_, rows, columns) = masks.dim();
    let shown = order.len().min(MOST);
    let step = rows.max(columns).div_ceil(SIDE).max(1);
    let (height, width) = (rows.div_ceil(step), columns.div_ceil(step));
    let (down, across) = (shown.div_ceil(PER_ROW).max(1), shown.clamp(1, PER_ROW));
    let size = (down * (height + GAP) + GAP, across * (width + GAP) + GAP, 3);
    let mut sheet = Array3::from_elem(size, 200);
    for (place, &index) in order.iter().take(MOST).enumerate() {
        let mask = masks.index_axis(Axis(0), index);
        let top = GAP + (place / PER_ROW) * (height + GAP);
        let left = GAP + (place % PER_ROW) * (width + GAP);
        for y in 0..height {
            for x in 0..width {
                let end = (((y + 1) * step).min(rows), ((x + 1) * step).min(columns));
                let part = mask.slice(s![y * step..end.0, x * step..end.1]);
                let share = part.mean().unwrap_or(0.0);
                let tone = (255.0 - 225.0 * share).round() as u8;
                sheet.slice_mut(s![top + y, left + x, ..]).fill(tone);
            }
        }
    }
    sheet
}
