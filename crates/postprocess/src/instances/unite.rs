//! Soft masks that mean the same become one.

use ndarray::{Array3, ArrayView3, Axis, Zip};

use crate::{Error, Result};

/// Masks of which no two overlap much.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitedMasks {
    /// The masks (shape (K, H, W)), each the largest value of its members.
    pub masks: Array3<f32>,
    /// Which masks each one is made of, ascending; ordered by the first of them.
    pub members: Vec<Vec<usize>>,
}

/// Unites soft masks (shape (N, H, W), values at least 0) that overlap by more than
/// `threshold`, and what such masks overlap, and so on.
///
/// The overlap of two masks is the sum of the smaller values over the sum of the larger ones;
/// for masks of 0 and 1 that is the intersection over union. It is measured between the masks
/// that come in, so the order of these does not matter.
///
/// Every pair is compared: N^2 / 2 times the pixels.
///
/// # Errors
/// [`Error::InvalidSetting`] for a threshold outside 0 to 1; [`Error::InvalidShape`] with the
/// index of a mask with a value that is not finite or below 0.
///
/// # Examples
/// ```
/// use mapvec_postprocess::unite_masks;
/// use ndarray::array;
///
/// let masks = array![[[1.0, 0.8, 0.0]], [[0.0, 0.0, 1.0]], [[0.9, 1.0, 0.0]]];
/// let united = unite_masks(masks.view(), 0.5)?;
/// assert_eq!(united.members, [vec![0, 2], vec![1]]);
/// assert_eq!(united.masks, array![[[1.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn unite_masks(masks: ArrayView3<'_, f32>, threshold: f64) -> Result<UnitedMasks> {
    if !(0.0..=1.0).contains(&threshold) {
        let field = "threshold";
        return Err(Error::InvalidSetting { field, value: threshold, expected: "from 0 to 1" });
    }
    let fits = |value: &f32| value.is_finite() && *value >= 0.0;
    if let Some(index) = masks.outer_iter().position(|mask| !mask.iter().all(fits)) {
        return Err(Error::InvalidShape {
            index,
            expected: "a mask of finite values of at least 0",
        });
    }
    let count = masks.len_of(Axis(0));
    // The first member of the set of each mask.
    let mut first: Vec<usize> = (0..count).collect();
    for b in 0..count {
        for a in 0..b {
            if first[a] != first[b] && overlap(masks, a, b) > threshold {
                let (low, high) = (first[a].min(first[b]), first[a].max(first[b]));
                first.iter_mut().filter(|root| **root == high).for_each(|root| *root = low);
            }
        }
    }
    let roots = (0..count).filter(|&index| first[index] == index);
    let members: Vec<Vec<usize>> =
        roots.map(|root| (root..count).filter(|&index| first[index] == root).collect()).collect();
    let (_, rows, columns) = masks.dim();
    let mut united = Array3::zeros((members.len(), rows, columns));
    for (mut mask, members) in united.outer_iter_mut().zip(&members) {
        for &member in members {
            let largest = |value: &mut f32, other: &f32| *value = value.max(*other);
            mask.zip_mut_with(&masks.index_axis(Axis(0), member), largest);
        }
    }
    Ok(UnitedMasks { masks: united, members })
}

/// 0 where both are empty.
fn overlap(masks: ArrayView3<'_, f32>, a: usize, b: usize) -> f64 {
    let (mut shared, mut all) = (0.0, 0.0);
    Zip::from(masks.index_axis(Axis(0), a)).and(masks.index_axis(Axis(0), b)).for_each(|p, q| {
        shared += f64::from(p.min(*q));
        all += f64::from(p.max(*q));
    });
    if all > 0.0 { shared / all } else { 0.0 }
}
