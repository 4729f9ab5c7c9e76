//! The width of a drawn line along its centreline.

use super::Centreline;
use crate::{distance_transform, nearest_true};
use ndarray::{Array2, ArrayView2, s};

/// The width of the mask at each pixel of each line (pixels).
///
/// `mask` (shape (H, W)) is what was thinned to the skeleton; the surroundings of
/// the raster count as background. The width is the distance from the pixel to the
/// nearest background on the one side plus that on the other side. It is right to
/// about half a pixel along a line, larger at junctions and smaller at ends, so
/// take the median for the width of a whole line. Pixels that are not in the mask,
/// such as those of a bridged gap, have width 0.
#[must_use]
pub fn widths_along(lines: &[Centreline], mask: ArrayView2<'_, bool>) -> Vec<Vec<f32>> {
    let (height, width) = mask.dim();
    let mut background = Array2::from_elem((height + 2, width + 2), true);
    background.slice_mut(s![1..=height, 1..=width]).assign(&mask.map(|&set| !set));
    let distance = distance_transform(background.view());
    let Some(nearest) = nearest_true(background.view()) else { return Vec::new() };
    let at = |&(row, column): &(u32, u32)| {
        let pixel = [row as usize + 1, column as usize + 1];
        match (distance.get(pixel), nearest.get(pixel)) {
            (Some(&near), Some(&site)) if near > 0.0 => {
                across([row + 1, column + 1], near, site, distance.view())
            }
            _ => 0.0,
        }
    };
    lines.iter().map(|line| line.pixels.iter().map(at).collect()).collect()
}

/// The width at a pixel whose nearest background, `near` away, is `site`.
fn across(
    [row, column]: [u32; 2],
    near: f32,
    site: (u32, u32),
    distance: ArrayView2<'_, f32>,
) -> f32 {
    let offset = |from: u32, to: u32| (f64::from(to) - f64::from(from)) as f32;
    let (dy, dx) = (offset(site.0, row), offset(site.1, column));
    // The neighbour on the far side of the pixel, seen from the background. Its own
    // distance is that to the other side, or, off the middle, still to this one.
    let largest = dy.abs().max(dx.abs());
    let step = |part: f32| (part / largest).round();
    let (sy, sx) = (step(dy), step(dx));
    let index = |at: u32, step: f32| (at as usize).saturating_add_signed(step as isize);
    let far = distance.get([index(row, sy), index(column, sx)]).copied().unwrap_or(0.0);
    let between = (sy * dy + sx * dx) / near;
    // Distances run to the centres of background pixels: half a pixel too far on
    // each side, less where the boundary runs diagonally.
    near + between + far - near / (dy.abs() + dx.abs())
}
