//! Pixels to the nearest centroid in the space of their embeddings.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::{Error, Result};

/// The mean embedding of each seed (shape (K, D)).
///
/// `embeddings` has shape (D, H, W), `seeds` (H, W) with ids 1 to K. Seeds without pixels get
/// NaN, which no pixel is near.
///
/// # Errors
/// [`Error::ShapeMismatch`] for seeds of another size than the embeddings,
/// [`Error::InvalidSetting`] for an id above the number of pixels.
pub fn seed_centroids(
    embeddings: ArrayView3<'_, f32>,
    seeds: ArrayView2<'_, u32>,
) -> Result<Array2<f32>> {
    let (dimensions, rows, columns) = embeddings.dim();
    same_size("seeds", seeds.dim(), (rows, columns))?;
    let count = seeds.iter().max().map_or(0, |&id| id as usize);
    if count > seeds.len() {
        let expected = "at most the number of pixels; renumber the seeds from 1";
        return Err(Error::InvalidSetting { field: "seeds", value: count as f64, expected });
    }
    let mut sums = Array2::<f64>::zeros((count, dimensions));
    let mut pixels = vec![0_u64; count];
    for (at, &id) in seeds.indexed_iter().filter(|(_, id)| **id > 0) {
        let seed = id as usize - 1;
        pixels[seed] += 1;
        for (sum, channel) in sums.row_mut(seed).iter_mut().zip(embeddings.outer_iter()) {
            *sum += f64::from(channel[at]);
        }
    }
    // 0 / 0 is NaN.
    let means = sums.indexed_iter().map(|((seed, _), sum)| (sum / pixels[seed] as f64) as f32);
    let means = means.collect::<Vec<f32>>();
    Ok(Array2::from_shape_vec((count, dimensions), means).unwrap_or_default())
}

/// Gives each candidate pixel to the centroid (shape (K, D)) nearest to its embedding (shape
/// (D, H, W)): label k + 1 for centroid k, of equally near ones the first. Pixels farther than
/// `margin` from all, or with an embedding that is NaN, and pixels outside the mask (shape
/// (H, W)) get 0.
///
/// Parallel over rows; the cost is K times D times the candidates.
///
/// # Errors
/// [`Error::ShapeMismatch`] for a mask or centroids of another size than the embeddings,
/// [`Error::InvalidSetting`] for a margin that is NaN or below 0. It may be infinite.
///
/// # Examples
/// ```
/// use mapvec_postprocess::assign_to_centroids;
/// use ndarray::{Array2, array};
///
/// let embeddings = array![[[0.1, 0.9, 5.0]]];
/// let mask = Array2::from_elem((1, 3), true);
/// let centroids = array![[0.0], [1.0]];
/// let labels = assign_to_centroids(embeddings.view(), mask.view(), centroids.view(), 0.5)?;
/// assert_eq!(labels, array![[1, 2, 0]]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn assign_to_centroids(
    embeddings: ArrayView3<'_, f32>,
    mask: ArrayView2<'_, bool>,
    centroids: ArrayView2<'_, f32>,
    margin: f32,
) -> Result<Array2<u32>> {
    let (dimensions, rows, columns) = embeddings.dim();
    same_size("mask", mask.dim(), (rows, columns))?;
    same_size("centroids", centroids.dim(), (centroids.nrows(), dimensions))?;
    if margin.is_nan() || margin < 0.0 {
        let (field, value) = ("margin", f64::from(margin));
        return Err(Error::InvalidSetting { field, value, expected: "at least 0" });
    }
    let mut labels = Array2::zeros((rows, columns));
    let lines: Vec<_> = labels.axis_iter_mut(Axis(0)).collect();
    lines.into_par_iter().enumerate().for_each(|(row, mut labels)| {
        let mut own = vec![0.0_f32; dimensions];
        for (column, label) in labels.iter_mut().enumerate() {
            if !mask[(row, column)] {
                continue;
            }
            for (value, channel) in own.iter_mut().zip(embeddings.outer_iter()) {
                *value = channel[(row, column)];
            }
            let mut nearest = f32::INFINITY;
            for (id, centroid) in (1_u32..).zip(centroids.outer_iter()) {
                let square: f32 = centroid.iter().zip(&own).map(|(a, b)| (a - b) * (a - b)).sum();
                if square < nearest && square.sqrt() <= margin {
                    nearest = square;
                    *label = id;
                }
            }
        }
    });
    Ok(labels)
}

pub(super) fn same_size(
    field: &'static str,
    found: (usize, usize),
    expected: (usize, usize),
) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::ShapeMismatch { field, expected, found }) }
}
