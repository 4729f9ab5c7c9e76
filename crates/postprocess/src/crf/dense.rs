//! The fully connected conditional random field.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayView3};

use super::config::{
    Compatibility, DenseCrfConfig, FilterMethod, InferenceConfig, KernelShape, Normalization,
};
use super::convolution::{GridKernel, MAX_SIGMA};
use super::features::{Features, check_points};
use super::kernel::{Filter, Kernel};
use super::lattice::bands_of;
use super::mean_field::mean_field;
use super::report::{PictureInference, PointInference};
use crate::{Error, Result};

/// A fully connected conditional random field, prepared for one picture or set of points.
///
/// The energy of labels is the sum of unary energies and, for each pair of points, of what
/// the two labels cost each other times the kernels. [`DenseCrf::infer`] approximates the
/// distribution by a product of independent ones (mean field).
///
/// Preparation depends on positions and colours only: several unaries can be inferred with
/// one. Results have the same bytes at any number of threads.
///
/// # References
/// P. Kraehenbuehl and V. Koltun, Efficient Inference in Fully Connected CRFs with Gaussian
/// Edge Potentials, NIPS 2011.
#[derive(Debug, Clone)]
pub struct DenseCrf {
    points: usize,
    size: Option<(usize, usize)>,
    bands: Vec<Range<usize>>,
    kernels: Vec<Kernel>,
}

/// A pairwise term over points in any space.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureTerm {
    /// Where the points lie, in standard deviations of the kernel.
    pub features: Features,
    /// What labels cost each other.
    pub compatibility: Compatibility,
    /// How the kernel is normalised.
    pub normalization: Normalization,
    /// How the kernel is summed.
    pub method: FilterMethod,
}

impl FeatureTerm {
    /// A Potts term, symmetrically normalised.
    #[must_use]
    pub fn potts(features: Features, weight: f32) -> Self {
        Self {
            features,
            compatibility: Compatibility::Potts(weight),
            normalization: Normalization::default(),
            method: FilterMethod::default(),
        }
    }
}

impl DenseCrf {
    /// Prepares the kernels of a picture.
    ///
    /// # Shapes
    /// `image` [C, H, W], of any number of channels; the standard deviations of colours are in
    /// its units.
    ///
    /// # Errors
    /// Those of [`DenseCrfConfig::validate`]; [`Error::InvalidFeature`] for a pixel that is not
    /// finite; [`Error::LengthMismatch`] if a term has another number of colour deviations than
    /// the picture channels; [`Error::FeatureRange`] and [`Error::TooManyPoints`] if the
    /// picture is too large for a kernel.
    pub fn new(image: ArrayView3<'_, f32>, config: &DenseCrfConfig) -> Result<Self> {
        Self::of_part(image, [0; 2], config)
    }

    /// Prepares the kernels of a part of a picture that starts at `origin`, so that lattices
    /// lie as they do for the whole.
    pub(crate) fn of_part(
        image: ArrayView3<'_, f32>,
        origin: [usize; 2],
        config: &DenseCrfConfig,
    ) -> Result<Self> {
        config.validate()?;
        let (_, rows, columns) = image.dim();
        let points = rows * columns;
        let bands = bands_of(points, columns);
        let mut kernels = Vec::with_capacity(config.terms.len());
        for term in &config.terms {
            let features = |features: Result<Features>| {
                Filter::of_features(&features?, term.normalization, term.method, &bands)
            };
            let filter = match &term.kernel {
                KernelShape::Gaussian { sigma }
                    if points > 0
                        && term.method == FilterMethod::Auto
                        && sigma.iter().all(|&s| s <= MAX_SIGMA) =>
                {
                    let size = (rows, columns);
                    Filter::Grid(Box::new(GridKernel::new(
                        size,
                        origin,
                        *sigma,
                        term.normalization,
                    )))
                }
                KernelShape::Gaussian { sigma } => {
                    features(Features::part((rows, columns), origin, *sigma))?
                }
                KernelShape::Bilateral { sigma, color_sigma } => {
                    let grid = Features::part((rows, columns), origin, *sigma)?;
                    features(grid.with_colors(image, color_sigma))?
                }
            };
            kernels.push(Kernel { filter, compatibility: term.compatibility.clone() });
        }
        Ok(Self { points, size: Some((rows, columns)), bands, kernels })
    }

    /// Prepares kernels over points in any space: volumes, point clouds, superpixels.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if terms differ in the number of points; otherwise as
    /// [`DenseCrf::new`].
    pub fn of_points(points: usize, terms: &[FeatureTerm]) -> Result<Self> {
        let bands = bands_of(points, 1);
        let mut kernels = Vec::with_capacity(terms.len());
        for term in terms {
            check_points("features", term.features.points(), points)?;
            term.compatibility.validate()?;
            let FeatureTerm { features, normalization, method, .. } = term;
            let filter = Filter::of_features(features, *normalization, *method, &bands)?;
            kernels.push(Kernel { filter, compatibility: term.compatibility.clone() });
        }
        Ok(Self { points, size: None, bands, kernels })
    }

    /// Points in bands with kernels that are made for them.
    pub(crate) fn of_kernels(
        points: usize,
        bands: Vec<Range<usize>>,
        kernels: Vec<Kernel>,
    ) -> Self {
        Self { points, size: None, bands, kernels }
    }

    /// The kernels, one for each term.
    pub(crate) fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// Number of points.
    #[must_use]
    pub fn points(&self) -> usize {
        self.points
    }

    /// Infers the probabilities of a picture.
    ///
    /// A unary of plus infinity rules a class out. With one class its probability is 1.
    ///
    /// # Shapes
    /// `unary` [K, H, W], energies (minus log probabilities).
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if the field was not prepared for a picture of this size or a
    /// compatibility has another number of classes; [`Error::InvalidUnary`] for NaN, minus
    /// infinity, and points where all classes are ruled out; [`Error::InvalidSetting`] without
    /// a class, or as [`InferenceConfig::validate`].
    pub fn infer(
        &self,
        unary: ArrayView3<'_, f32>,
        config: &InferenceConfig,
    ) -> Result<PictureInference> {
        let (classes, rows, columns) = unary.dim();
        let (own_rows, own_columns) = self.size.unwrap_or((1, self.points));
        check_points("rows of the unary", rows, own_rows)?;
        check_points("columns of the unary", columns, own_columns)?;
        let unary = unary.as_standard_layout();
        let flat = unary.view().into_shape_with_order((classes, self.points));
        let Ok(flat) = flat else {
            return Err(Error::LengthMismatch { field: "unary", expected: self.points, found: 0 });
        };
        let PointInference { probabilities, labels, report } = self.infer_points(flat, config)?;
        let shape = (classes, rows, columns);
        Ok(PictureInference {
            probabilities: probabilities.into_shape_with_order(shape).unwrap_or_default(),
            labels: ndarray::Array2::from_shape_vec((rows, columns), labels).unwrap_or_default(),
            report,
        })
    }

    /// Infers the probabilities of points.
    ///
    /// # Shapes
    /// `unary` [K, N], energies (minus log probabilities).
    ///
    /// # Errors
    /// As [`DenseCrf::infer`].
    pub fn infer_points(
        &self,
        unary: ArrayView2<'_, f32>,
        config: &InferenceConfig,
    ) -> Result<PointInference> {
        config.validate()?;
        check_points("unary", unary.ncols(), self.points)?;
        if unary.nrows() == 0 {
            let expected = "at least 1";
            return Err(Error::InvalidSetting { field: "classes", value: 0.0, expected });
        }
        for kernel in &self.kernels {
            kernel.compatibility.check_classes(unary.nrows())?;
        }
        if unary.nrows() <= 4 {
            mean_field::<4>(&self.kernels, &self.bands, unary, config)
        } else {
            mean_field::<8>(&self.kernels, &self.bands, unary, config)
        }
    }
}
