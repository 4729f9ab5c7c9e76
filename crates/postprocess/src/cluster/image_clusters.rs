//! Masks of the clusters of a picture, and their merging.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, Zip, s};
use serde::{Deserialize, Serialize};

use super::k_means::{KMeansConfig, k_means};
use crate::{Error, Result};

/// Overlapping masks, one per cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageClusters {
    /// How much each pixel belongs to each cluster, from 0 to 1: `[clusters, rows, columns]`.
    masks: Array3<f32>,
}

/// Settings of [`ImageClusters::smoothed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothedClustersConfig {
    /// Clusters more similar than this are merged after average pooling; 0 to 1.
    pub average_threshold: f64,
    /// Clusters more similar than this are merged after maximum pooling; 0 to 1.
    pub maximum_threshold: f64,
}

impl Default for SmoothedClustersConfig {
    fn default() -> Self {
        Self { average_threshold: 0.4, maximum_threshold: 0.7 }
    }
}

impl SmoothedClustersConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field.
    pub fn validate(&self) -> Result<()> {
        check_threshold("average_threshold", self.average_threshold)?;
        check_threshold("maximum_threshold", self.maximum_threshold)
    }
}

fn check_threshold(field: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidSetting { field, value, expected: "a similarity from 0 to 1" })
}

/// Colours of a picture as points: one row per pixel in scan order, channels from 0 to 1.
///
/// # Shapes
/// `image`: `[rows, columns, channels]`; the result `[rows * columns, channels]`.
#[must_use]
pub fn color_points(image: ArrayView3<'_, u8>) -> Array2<f32> {
    let (rows, columns, channels) = image.dim();
    let value = |(i, c): (usize, usize)| f32::from(image[(i / columns, i % columns, c)]) / 255.0;
    Array2::from_shape_fn((rows * columns, channels), value)
}

/// Splits a picture into clusters of similar colours by [`k_means`](crate::k_means).
///
/// # Shapes
/// `image`: `[rows, columns, channels]`, at least as many pixels as clusters.
///
/// # Errors
/// As [`k_means`](crate::k_means).
pub fn cluster_image(image: ArrayView3<'_, u8>, config: &KMeansConfig) -> Result<ImageClusters> {
    let (rows, columns, _) = image.dim();
    let found = k_means(color_points(image).view(), config)?;
    let mut labels = found.labels.into_iter();
    let labels = Array2::from_shape_simple_fn((rows, columns), || labels.next());
    Ok(ImageClusters::from_labels(labels.view()))
}

impl ImageClusters {
    /// Takes masks: `[clusters, rows, columns]`, values from 0 to 1.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for another value.
    pub fn new(masks: Array3<f32>) -> Result<Self> {
        if let Some(&value) = masks.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            let (field, value) = ("masks", f64::from(value));
            return Err(Error::InvalidSetting { field, value, expected: "from 0 to 1" });
        }
        Ok(Self { masks })
    }

    /// One mask of zeros and ones for every label that occurs, in the order of the labels;
    /// none is noise. Every mask takes four bytes per pixel.
    #[must_use]
    pub fn from_labels(labels: ArrayView2<'_, Option<u32>>) -> Self {
        let mut present: Vec<u32> = labels.iter().copied().flatten().collect();
        present.sort_unstable();
        present.dedup();
        let (rows, columns) = labels.dim();
        let mut masks = Array3::zeros((present.len(), rows, columns));
        for ((row, column), label) in labels.indexed_iter() {
            if let Some(mask) = label.and_then(|label| present.binary_search(&label).ok()) {
                masks[(mask, row, column)] = 1.0;
            }
        }
        Self { masks }
    }

    /// The masks: `[clusters, rows, columns]`.
    #[must_use]
    pub fn masks(&self) -> ArrayView3<'_, f32> {
        self.masks.view()
    }

    /// Number of clusters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.masks.len_of(Axis(0))
    }

    /// Whether there are no clusters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Centre of gravity (x, y) of every mask in pixels, x to the right and y down from the top
    /// left corner, so that the first pixel's centre is (0.5, 0.5); none for a mask of zeros.
    #[must_use]
    pub fn centroids(&self) -> Vec<Option<(f64, f64)>> {
        let centroid = |mask: ArrayView2<'_, f32>| {
            let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
            for ((row, column), &value) in mask.indexed_iter() {
                let value = f64::from(value);
                sum += value;
                x += value * (column as f64 + 0.5);
                y += value * (row as f64 + 0.5);
            }
            (sum > 0.0).then(|| (x / sum, y / sum))
        };
        self.masks.outer_iter().map(centroid).collect()
    }

    /// Soft Jaccard index of all pairs of masks: the sum of the lesser values over the sum of
    /// the greater ones; 0 for two masks of zeros. For masks of zeros and ones it is the
    /// intersection over union.
    #[must_use]
    pub fn soft_jaccard(&self) -> Array2<f64> {
        let count = self.len();
        let mut similar = Array2::zeros((count, count));
        for (i, a) in self.masks.outer_iter().enumerate() {
            for (j, b) in self.masks.outer_iter().enumerate().take(i + 1) {
                let (mut least, mut greatest) = (0.0, 0.0);
                Zip::from(a).and(b).for_each(|&a, &b| {
                    least += f64::from(a.min(b));
                    greatest += f64::from(a.max(b));
                });
                let value = if greatest > 0.0 { least / greatest } else { 0.0 };
                similar[(i, j)] = value;
                similar[(j, i)] = value;
            }
        }
        similar
    }

    /// Merges similar masks. For every mask the ones whose
    /// [similarity](Self::soft_jaccard) to it is above `threshold` form a set; each set that
    /// occurs becomes one mask, the greatest of its values at every pixel. Sets may overlap: if
    /// a is similar to b and b to c, but a not to c, all three sets stay. Masks of zeros are
    /// dropped.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless the threshold is from 0 to 1.
    pub fn merged(&self, threshold: f64) -> Result<Self> {
        check_threshold("threshold", threshold)?;
        let mut sets: Vec<Vec<usize>> = Vec::new();
        for (i, row) in self.soft_jaccard().rows().into_iter().enumerate() {
            // A mask is always in its own set, whatever the threshold.
            let is_in = |&j: &usize| row[j] > threshold || (i == j && row[j] > 0.0);
            let set: Vec<usize> = (0..row.len()).filter(is_in).collect();
            if !set.is_empty() && !sets.contains(&set) {
                sets.push(set);
            }
        }
        let (_, rows, columns) = self.masks.dim();
        let mut masks = Array3::zeros((sets.len(), rows, columns));
        for (set, mut mask) in sets.iter().zip(masks.outer_iter_mut()) {
            for &index in set {
                let other = self.masks.index_axis(Axis(0), index);
                mask.zip_mut_with(&other, |value: &mut f32, other| *value = value.max(*other));
            }
        }
        Ok(Self { masks })
    }

    /// Masks at a quarter of the size without speckle: average pooling and merging, then
    /// maximum pooling and merging. Both pool 3 x 3 pixels in steps of 2 within the mask.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] as [`SmoothedClustersConfig::validate`], and for less than
    /// 7 x 7 pixels.
    pub fn smoothed(&self, config: &SmoothedClustersConfig) -> Result<Self> {
        config.validate()?;
        let (_, rows, columns) = self.masks.dim();
        if rows.min(columns) < 7 {
            let (field, value) = ("masks", rows.min(columns) as f64);
            let expected = "at least 7 rows and columns, because pooling reduces them twice";
            return Err(Error::InvalidSetting { field, value, expected });
        }
        let average = |window: ArrayView2<'_, f32>| (window.sum() / 9.0).min(1.0);
        let first = self.pooled(average).merged(config.average_threshold)?;
        let maximum = |window: ArrayView2<'_, f32>| window.iter().copied().fold(0.0, f32::max);
        first.pooled(maximum).merged(config.maximum_threshold)
    }

    fn pooled(&self, pool: impl Fn(ArrayView2<'_, f32>) -> f32) -> Self {
        let (count, rows, columns) = self.masks.dim();
        let size = (count, (rows - 3) / 2 + 1, (columns - 3) / 2 + 1);
        let masks = Array3::from_shape_fn(size, |(mask, row, column)| {
            pool(self.masks.slice(s![mask, 2 * row..2 * row + 3, 2 * column..2 * column + 3]))
        });
        Self { masks }
    }
}
