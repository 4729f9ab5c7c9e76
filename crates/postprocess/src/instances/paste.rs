//! Masks that overlap to one label map.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{BitMask, Error, Result};

/// Settings of [`paste_masks`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasteConfig {
    /// Masks with a lower score are left out (default 0.5).
    pub min_score: f32,
    /// Masks of which better ones leave a smaller share are left out (0 to 1, default 0.5).
    pub min_visible: f64,
    /// Masks of which less is visible are left out (pixels, default 1).
    pub min_area: u64,
}

impl Default for PasteConfig {
    fn default() -> Self {
        Self { min_score: 0.5, min_visible: 0.5, min_area: 1 }
    }
}

impl PasteConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        if self.min_score.is_nan() {
            let (field, value) = ("min_score", f64::from(self.min_score));
            return Err(Error::InvalidSetting { field, value, expected: "a number" });
        }
        if !(0.0..=1.0).contains(&self.min_visible) {
            let (field, value) = ("min_visible", self.min_visible);
            return Err(Error::InvalidSetting { field, value, expected: "from 0 to 1" });
        }
        Ok(())
    }
}

/// Instances that do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastedMasks {
    /// The instance of each pixel (shape (H, W)): 1, 2, ..., 0 for none.
    pub labels: Array2<u32>,
    /// Which mask each instance is: label k + 1 is mask `kept[k]`.
    pub kept: Vec<usize>,
}

/// Lays masks into one label map of `dim` rows and columns, the best on top.
///
/// Masks are taken by falling score, of equal ones the earlier first. Each takes the pixels
/// that are still free, unless these are too small a share of it.
///
/// # Errors
/// Another number of scores than masks, a mask of another size, a score that is NaN, a setting
/// out of range.
///
/// # References
/// A. Kirillov, K. He, R. Girshick, C. Rother, P. Dollar, *Panoptic segmentation*, 2019.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{BitMask, PasteConfig, paste_masks};
/// use ndarray::array;
///
/// let left = BitMask::new(array![[true, true, true, false]].view());
/// let right = BitMask::new(array![[false, false, true, true]].view());
/// let pasted = paste_masks(&[left, right], &[0.7, 0.9], (1, 4), &PasteConfig::default())?;
/// assert_eq!((pasted.labels, pasted.kept), (array![[2, 2, 1, 1]], vec![1, 0]));
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn paste_masks(
    masks: &[BitMask],
    scores: &[f32],
    dim: (usize, usize),
    config: &PasteConfig,
) -> Result<PastedMasks> {
    config.validate()?;
    if scores.len() != masks.len() {
        let (expected, found) = ((masks.len(), 1), (scores.len(), 1));
        return Err(Error::ShapeMismatch { field: "scores", expected, found });
    }
    if let Some(mask) = masks.iter().find(|mask| mask.dim() != dim) {
        return Err(Error::ShapeMismatch { field: "masks", expected: dim, found: mask.dim() });
    }
    if let Some(row) = scores.iter().position(|score| score.is_nan()) {
        return Err(Error::NotANumber { row, column: 0 });
    }
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.retain(|&index| scores[index] >= config.min_score);
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let mut labels = Array2::zeros(dim);
    let mut kept = Vec::new();
    for index in order {
        let mask = &masks[index];
        let free: Vec<(usize, usize)> = mask.pixels().filter(|&pixel| labels[pixel] == 0).collect();
        let visible = free.len() as u64;
        let enough = visible as f64 >= config.min_visible * mask.area() as f64;
        if visible == 0 || visible < config.min_area || !enough {
            continue;
        }
        kept.push(index);
        let id = kept.len() as u32;
        free.into_iter().for_each(|pixel| labels[pixel] = id);
    }
    Ok(PastedMasks { labels, kept })
}
