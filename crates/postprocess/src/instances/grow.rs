//! Labels grow over pixels that have none.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mapvec_geometry::nearest_true;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::centroids::same_size;
use crate::{Error, Result};

/// What "nearest" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowDistance {
    /// Along ways through the pixels that may be labelled, steps to the sides of length 1, to
    /// the corners of root 2.
    #[default]
    Geodesic,
    /// Straight, whatever lies between.
    Euclidean,
}

/// Settings of [`grow_labels`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrowConfig {
    /// What "nearest" means; default geodesic.
    pub distance: GrowDistance,
    /// Pixels farther away stay without a label (pixels, at least 0); without it none does.
    pub max_distance: Option<f64>,
}

impl Default for GrowConfig {
    fn default() -> Self {
        Self { distance: GrowDistance::Geodesic, max_distance: None }
    }
}

impl GrowConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        match self.max_distance {
            Some(value) if value.is_nan() || value < 0.0 => {
                let field = "max_distance";
                Err(Error::InvalidSetting { field, value, expected: "at least 0" })
            }
            _ => Ok(()),
        }
    }
}

/// Gives pixels of `within` (shape (H, W)) that have no label (0) that of the nearest pixel
/// with one. Labels stay as they are, also outside `within`.
///
/// Of equally near labels the lowest comes by geodesic distance; by Euclidean distance one of
/// them, always the same. Geodesic ways start at all labels and lead through `within` only:
/// Dijkstra's algorithm, n log n. Euclidean distances are linear in the pixels.
///
/// # Errors
/// [`Error::ShapeMismatch`] for rasters of different size, [`Error::InvalidSetting`] for a
/// setting out of range.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{GrowConfig, grow_labels};
/// use ndarray::array;
///
/// let labels = array![[1, 0, 0, 0, 2]];
/// let within = array![[true, true, true, false, true]];
/// let grown = grow_labels(labels.view(), within.view(), &GrowConfig::default())?;
/// assert_eq!(grown, array![[1, 1, 1, 0, 2]]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn grow_labels(
    labels: ArrayView2<'_, u32>,
    within: ArrayView2<'_, bool>,
    config: &GrowConfig,
) -> Result<Array2<u32>> {
    config.validate()?;
    same_size("within", within.dim(), labels.dim())?;
    let farthest = config.max_distance.unwrap_or(f64::INFINITY);
    Ok(match config.distance {
        GrowDistance::Geodesic => geodesic(labels, within, farthest),
        GrowDistance::Euclidean => euclidean(labels, within, farthest),
    })
}

fn euclidean(
    labels: ArrayView2<'_, u32>,
    within: ArrayView2<'_, bool>,
    farthest: f64,
) -> Array2<u32> {
    let mut grown = labels.to_owned();
    let Some(nearest) = nearest_true(labels.mapv(|label| label > 0).view()) else { return grown };
    for (pixel, label) in grown.indexed_iter_mut().filter(|(_, label)| **label == 0) {
        let (row, column) = nearest[pixel];
        let site = (row as usize, column as usize);
        let (dy, dx) = (site.0.abs_diff(pixel.0) as f64, site.1.abs_diff(pixel.1) as f64);
        if within[pixel] && dy.hypot(dx) <= farthest {
            *label = labels[site];
        }
    }
    grown
}

/// Steps to sides and to corners. Lengths of equal counts are equal to the last bit, however a
/// way came by them.
type Steps = [u32; 2];

fn length([sides, corners]: Steps) -> f64 {
    f64::from(sides) + f64::from(corners) * std::f64::consts::SQRT_2
}

fn geodesic(
    labels: ArrayView2<'_, u32>,
    within: ArrayView2<'_, bool>,
    farthest: f64,
) -> Array2<u32> {
    let (rows, columns) = labels.dim();
    let mut grown = labels.to_owned();
    let mut done = labels.mapv(|label| label > 0);
    let mut heap = BinaryHeap::new();
    let push = |heap: &mut BinaryHeap<_>, done: &Array2<bool>, steps: Steps, label: u32, at| {
        let (row, column): (usize, usize) = at;
        for near_row in row.saturating_sub(1)..rows.min(row + 2) {
            for near_column in column.saturating_sub(1)..columns.min(column + 2) {
                let near = (near_row, near_column);
                if done[near] || !within[near] {
                    continue;
                }
                let mut steps = steps;
                steps[usize::from(near_row != row && near_column != column)] += 1;
                let length = length(steps);
                if length <= farthest {
                    heap.push(Reverse((length.to_bits(), label, near, steps)));
                }
            }
        }
    };
    for (pixel, &label) in labels.indexed_iter().filter(|(_, label)| **label > 0) {
        push(&mut heap, &done, [0, 0], label, pixel);
    }
    while let Some(Reverse((_, label, pixel, steps))) = heap.pop() {
        if !std::mem::replace(&mut done[pixel], true) {
            grown[pixel] = label;
            push(&mut heap, &done, steps, label, pixel);
        }
    }
    grown
}
