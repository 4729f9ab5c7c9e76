//! Pixels with embeddings to instances.

use ndarray::{Array2, ArrayView2, ArrayView3};

use super::dbscan::{DbscanConfig, dbscan};
use crate::{Error, Result};

/// Pixels of a picture in clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelClusters {
    /// Cluster of every pixel, from 1; 0 for noise and pixels that are no candidates.
    pub ids: Array2<u32>,
    /// Row and column of the pixels of each cluster in scan order; `pixels[0]` is cluster 1.
    pub pixels: Vec<Vec<(usize, usize)>>,
}

/// Groups the candidate pixels of a picture by their embeddings with
/// [`dbscan`](crate::dbscan), for example the pixels of lines.
///
/// # Shapes
/// `embeddings`: `[dimensions, rows, columns]`; `candidates`: `[rows, columns]`.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{DbscanConfig, cluster_pixels};
/// use ndarray::array;
///
/// let embeddings = array![[[0.0_f32, 5.0, 0.1], [5.1, 9.0, 5.2]]];
/// let candidates = array![[true, true, true], [true, false, true]];
/// let config = DbscanConfig { eps: 0.5, min_samples: 2, ..DbscanConfig::default() };
/// let found = cluster_pixels(embeddings.view(), candidates.view(), &config)?;
/// assert_eq!(found.ids, array![[1, 2, 1], [2, 0, 2]]);
/// assert_eq!(found.pixels, [vec![(0, 0), (0, 2)], vec![(0, 1), (1, 0), (1, 2)]]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
///
/// # Errors
/// [`Error::LengthMismatch`] if the sizes differ; [`Error::InvalidPoint`] if a candidate is
/// not finite (its row is the number of the candidate in scan order);
/// [`Error::InvalidSetting`], [`Error::TooManyPoints`].
pub fn cluster_pixels(
    embeddings: ArrayView3<'_, f32>,
    candidates: ArrayView2<'_, bool>,
    config: &DbscanConfig,
) -> Result<PixelClusters> {
    let (dimensions, rows, columns) = embeddings.dim();
    let size = candidates.dim();
    for (field, expected, found) in
        [("rows of candidates", rows, size.0), ("columns of candidates", columns, size.1)]
    {
        if expected != found {
            return Err(Error::LengthMismatch { field, expected, found });
        }
    }
    let places: Vec<(usize, usize)> =
        candidates.indexed_iter().filter(|(_, candidate)| **candidate).map(|(at, _)| at).collect();
    let points = Array2::from_shape_fn((places.len(), dimensions), |(i, d)| {
        embeddings[(d, places[i].0, places[i].1)]
    });
    let found = dbscan(points.view(), config)?;
    let mut ids = Array2::zeros((rows, columns));
    let mut pixels = vec![Vec::new(); found.clusters];
    for (place, label) in places.into_iter().zip(found.labels) {
        if let Some(label) = label {
            ids[place] = label + 1;
            pixels[label as usize].push(place);
        }
    }
    Ok(PixelClusters { ids, pixels })
}
