//! Pixels to the centres that they point at.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::centroids::same_size;
use crate::{Error, Result};

/// Settings of [`find_centres`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CentreConfig {
    /// Side of the square around a centre in which nothing is larger (pixels, odd, default 7).
    pub window: usize,
    /// Centres are above it (default 0.1).
    pub threshold: f32,
    /// Only so many of the best are kept (default 200); all without it.
    pub top_k: Option<usize>,
}

impl Default for CentreConfig {
    fn default() -> Self {
        Self { window: 7, threshold: 0.1, top_k: Some(200) }
    }
}

impl CentreConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        if self.window.is_multiple_of(2) {
            let (field, value) = ("window", self.window as f64);
            return Err(Error::InvalidSetting { field, value, expected: "an odd number" });
        }
        if self.threshold.is_nan() {
            let (field, value) = ("threshold", f64::from(self.threshold));
            return Err(Error::InvalidSetting { field, value, expected: "a number" });
        }
        Ok(())
    }
}

/// A centre of an instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// Row of its pixel.
    pub row: usize,
    /// Column of its pixel.
    pub column: usize,
    /// Value of the map there.
    pub score: f32,
}

/// The local maxima of a map of centres (shape (H, W)), best first, of equal ones the first in
/// the order of the raster.
///
/// A pixel is a centre if no other one in the window around it is larger, or as large and
/// before it: of a level top only one pixel is a centre.
///
/// # Errors
/// [`Error::NotANumber`] for a value that is NaN, [`Error::InvalidSetting`] for a setting out
/// of range.
///
/// # References
/// B. Cheng et al., *Panoptic-DeepLab: a simple, strong, and fast baseline for bottom-up
/// panoptic segmentation*, 2020.
pub fn find_centres(heatmap: ArrayView2<'_, f32>, config: &CentreConfig) -> Result<Vec<Centre>> {
    config.validate()?;
    if let Some(((row, column), _)) = heatmap.indexed_iter().find(|(_, value)| value.is_nan()) {
        return Err(Error::NotANumber { row, column });
    }
    let (rows, columns) = heatmap.dim();
    let reach = config.window / 2;
    let mut found = Vec::new();
    for ((row, column), &score) in heatmap.indexed_iter() {
        if score <= config.threshold {
            continue;
        }
        let beaten = |near: (usize, usize)| {
            let other = heatmap[near];
            let earlier = near < (row, column);
            other > score || earlier && other >= score
        };
        let last = (row.saturating_add(reach).min(rows - 1), column.saturating_add(reach));
        let around = column.saturating_sub(reach)..=last.1.min(columns - 1);
        let mut near_rows = row.saturating_sub(reach)..=last.0;
        if !near_rows.any(|near_row| around.clone().any(|near| beaten((near_row, near)))) {
            found.push(Centre { row, column, score });
        }
    }
    // Stable: equal ones stay in the order of the raster.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(config.top_k.unwrap_or(usize::MAX));
    Ok(found)
}

/// Gives each candidate pixel to the centre nearest to the place that it points at: label
/// k + 1 for centre k, of equally near ones the first.
///
/// `vectors` (shape (2, H, W)) point from each pixel to the centre of its instance, (dx, dy) in
/// pixels as `centre_vectors` of the geometry crate makes them. Pixels that point farther than
/// `max_distance` from all centres, or to nowhere (NaN), and pixels outside the mask (shape
/// (H, W)) get 0.
///
/// Parallel over rows; the cost is the number of centres times the candidates.
///
/// # Errors
/// [`Error::ShapeMismatch`] for a mask or vectors of another size,
/// [`Error::InvalidSetting`] for a distance that is NaN or below 0. It may be infinite.
///
/// # References
/// As [`find_centres`].
///
/// # Examples
/// ```
/// use mapvec_postprocess::{CentreConfig, assign_to_centres, find_centres};
/// use ndarray::{Array2, array};
///
/// let heat = array![[0.9, 0.2, 0.0, 0.2, 0.8]];
/// let centres = find_centres(heat.view(), &CentreConfig { window: 3, ..Default::default() })?;
/// let vectors = array![[[0.0, -1.0, 2.1, 1.0, 0.0]], [[0.0, 0.0, 0.0, 0.0, 0.0]]];
/// let mask = Array2::from_elem((1, 5), true);
/// let labels = assign_to_centres(&centres, vectors.view(), mask.view(), f32::INFINITY)?;
/// assert_eq!(labels, array![[1, 1, 2, 2, 2]]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn assign_to_centres(
    centres: &[Centre],
    vectors: ArrayView3<'_, f32>,
    mask: ArrayView2<'_, bool>,
    max_distance: f32,
) -> Result<Array2<u32>> {
    let (channels, rows, columns) = vectors.dim();
    same_size("vectors", (rows, columns), mask.dim())?;
    same_size("vectors", (channels, 1), (2, 1))?;
    if max_distance.is_nan() || max_distance < 0.0 {
        let (field, value) = ("max_distance", f64::from(max_distance));
        return Err(Error::InvalidSetting { field, value, expected: "at least 0" });
    }
    let places: Vec<[f32; 2]> =
        centres.iter().map(|centre| [centre.column as f32, centre.row as f32]).collect();
    let mut labels = Array2::zeros(mask.dim());
    let lines: Vec<_> = labels.axis_iter_mut(Axis(0)).collect();
    lines.into_par_iter().enumerate().for_each(|(row, mut labels)| {
        for (column, label) in labels.iter_mut().enumerate().filter(|&(c, _)| mask[(row, c)]) {
            let x = column as f32 + vectors[(0, row, column)];
            let y = row as f32 + vectors[(1, row, column)];
            let mut nearest = f32::INFINITY;
            for (id, place) in (1_u32..).zip(&places) {
                let square = (place[0] - x).powi(2) + (place[1] - y).powi(2);
                if square < nearest && square.sqrt() <= max_distance {
                    nearest = square;
                    *label = id;
                }
            }
        }
    });
    Ok(labels)
}
