//! Parameters that score best on pictures with known labels.

use ndarray::{Array2, Array3, ArrayView2};

use super::config::{DenseCrfConfig, InferenceConfig};
use super::dense::DenseCrf;
use super::features::check_points;
use super::search::{SearchConfig, SearchResult, search_parameters};
use crate::{Error, Result};

/// A picture with energies and true labels.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationPicture {
    /// [C, H, W], in the units of the colour deviations.
    pub image: Array3<f32>,
    /// [K, H, W], energies (minus log probabilities).
    pub unary: Array3<f32>,
    /// [H, W]; `None` is not scored.
    pub labels: Array2<Option<usize>>,
}

impl ValidationPicture {
    /// With labels as numbers, of which one may mean that a pixel is not scored.
    ///
    /// # Shapes
    /// `image` [C, H, W], `unary` [K, H, W], `labels` [H, W].
    #[must_use]
    pub fn new(
        image: Array3<f32>,
        unary: Array3<f32>,
        labels: ArrayView2<'_, usize>,
        ignored: Option<usize>,
    ) -> Self {
        let labels = labels.mapv(|label| Some(label).filter(|label| Some(*label) != ignored));
        Self { image, unary, labels }
    }
}

/// Mean `IoU` over classes of the inferred labels of all pictures together; classes that
/// neither the labels nor the inference have do not count. 0 without a scored pixel.
///
/// # Errors
/// [`Error::InvalidLabel`] for a label that has no class; [`Error::LengthMismatch`] if sizes of
/// a picture differ; what [`DenseCrf::new`] and [`DenseCrf::infer`] refuse.
pub fn mean_iou(
    pictures: &[ValidationPicture],
    config: &DenseCrfConfig,
    inference: &InferenceConfig,
) -> Result<f64> {
    // Per class: pixels of the label, of the inference, of both.
    let mut counts: Vec<[u64; 3]> = Vec::new();
    for picture in pictures {
        let (classes, rows, columns) = picture.unary.dim();
        check_points("rows of the labels", picture.labels.nrows(), rows)?;
        check_points("columns of the labels", picture.labels.ncols(), columns)?;
        counts.resize(counts.len().max(classes), [0; 3]);
        let crf = DenseCrf::new(picture.image.view(), config)?;
        let found = crf.infer(picture.unary.view(), inference)?.labels;
        for (point, (label, found)) in picture.labels.iter().zip(&found).enumerate() {
            let Some(label) = *label else { continue };
            if label >= classes {
                return Err(Error::InvalidLabel { point, label, classes });
            }
            counts[label][0] += 1;
            counts[*found][1] += 1;
            counts[label][2] += u64::from(label == *found);
        }
    }
    let shares: Vec<f64> = counts
        .iter()
        .map(|[label, found, both]| (label + found - both, both))
        .filter(|(union, _)| *union > 0)
        .map(|(union, both)| *both as f64 / union as f64)
        .collect();
    Ok(shares.iter().sum::<f64>() / shares.len().max(1) as f64)
}

/// Searches the parameters with the largest [`mean_iou`] over pictures with known labels.
///
/// Use other pictures than those that measure the gain.
///
/// # Errors
/// As [`search_parameters`] and [`mean_iou`].
pub fn search_on_pictures(
    pictures: &[ValidationPicture],
    start: &DenseCrfConfig,
    inference: &InferenceConfig,
    config: &SearchConfig,
) -> Result<SearchResult> {
    search_parameters(start, config, |candidate| mean_iou(pictures, candidate, inference))
}
