//! Inference only where the unary is uncertain.

use std::ops::Range;

use ndarray::{Array2, ArrayView3};
use serde::{Deserialize, Serialize};

use super::config::{DenseCrfConfig, FilterMethod, InferenceConfig, KernelShape};
use super::convolution::{GridKernel, MAX_SIGMA};
use super::dense::DenseCrf;
use super::features::{Features, check_points};
use super::kernel::{Filter, Kernel};
use super::lattice::bands_of;
use super::report::PictureInference;
use crate::{Error, Result};

/// Settings of [`infer_where_uncertain`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateConfig {
    /// The random field.
    pub crf: DenseCrfConfig,
    /// When the mean field stops.
    pub inference: InferenceConfig,
    /// Pixels whose most likely class has less than this probability are uncertain; 0 to 1.
    pub confidence: f32,
    /// Certain pixels as near as this (rows and columns) to an uncertain one take part, and
    /// keep their labels; at most 1024.
    pub margin: usize,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            crf: DenseCrfConfig::default(),
            inference: InferenceConfig::default(),
            confidence: 0.8,
            margin: 2,
        }
    }
}

impl GateConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        self.crf.validate()?;
        self.inference.validate()?;
        let confidence = f64::from(self.confidence);
        if !(0.0..=1.0).contains(&confidence) {
            let expected = "from 0 to 1";
            return Err(Error::InvalidSetting { field: "confidence", value: confidence, expected });
        }
        if self.margin > 1024 {
            let (value, expected) = (self.margin as f64, "at most 1024");
            return Err(Error::InvalidSetting { field: "margin", value, expected });
        }
        Ok(())
    }
}

/// Updates only pixels that the unary leaves uncertain; the others keep its softmax.
///
/// Kernels are built over the uncertain pixels and a margin of certain ones around them, so
/// that the time falls with the share of such pixels. [`FilterMethod::Auto`] is a convolution for
/// Gaussian kernels with sigmas of at most 12 pixels, and the lattice for all others.
///
/// # Shapes
/// `image` [C, H, W], `unary` [K, H, W].
///
/// # Errors
/// [`Error::InvalidSetting`] as [`GateConfig::validate`]; otherwise as [`DenseCrf::new`] and
/// [`DenseCrf::infer`].
pub fn infer_where_uncertain(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    config: &GateConfig,
) -> Result<PictureInference> {
    config.validate()?;
    let (_, rows, columns) = image.dim();
    check_points("rows of the unary", unary.dim().1, rows)?;
    check_points("columns of the unary", unary.dim().2, columns)?;
    let plain = DenseCrfConfig { terms: Vec::new() };
    let none = InferenceConfig { iterations: 0, ..config.inference.clone() };
    let mut result = DenseCrf::new(image, &plain)?.infer(unary, &none)?;
    let uncertain = Array2::from_shape_fn((rows, columns), |(y, x)| {
        result.probabilities[(result.labels[(y, x)], y, x)] < config.confidence
    });
    let near = dilated(&uncertain, config.margin);
    let points: Vec<usize> =
        near.iter().enumerate().filter(|(_, near)| **near).map(|(point, _)| point).collect();
    if points.is_empty() {
        return Ok(result);
    }
    let pixel = |point: usize| (point / columns, point % columns);
    let classes = unary.dim().0;
    let own = Array2::from_shape_fn((classes, points.len()), |(class, i)| {
        let (y, x) = pixel(points[i]);
        unary[(class, y, x)]
    });
    let channels = image.dim().0;
    let colors = Array2::from_shape_fn((channels, points.len()), |(channel, i)| {
        let (y, x) = pixel(points[i]);
        image[(channel, y, x)]
    });
    let bands = whole_rows(&points, (rows, columns));
    let mut kernels = Vec::with_capacity(config.crf.terms.len());
    for term in &config.crf.terms {
        // The matrix of all pairs, which few points get otherwise, takes longer than the whole
        // picture on the lattice.
        let auto = term.method == FilterMethod::Auto;
        let method = if auto { FilterMethod::Lattice } else { term.method };
        let place = |sigma: &[f64; 2]| {
            Features::new(Array2::from_shape_fn((2, points.len()), |(axis, i)| {
                let (y, x) = pixel(points[i]);
                if axis == 0 { (x as f64 / sigma[1]) as f32 } else { (y as f64 / sigma[0]) as f32 }
            }))
        };
        let filter =
            |features: Features| Filter::of_features(&features, term.normalization, method, &bands);
        let filter = match &term.kernel {
            KernelShape::Gaussian { sigma } if auto && sigma.iter().all(|&s| s <= MAX_SIGMA) => {
                let size = (rows, columns);
                let grid = GridKernel::among(size, *sigma, term.normalization, &points);
                Filter::Grid(Box::new(grid))
            }
            KernelShape::Gaussian { sigma } => filter(place(sigma)?)?,
            KernelShape::Bilateral { sigma, color_sigma } => {
                filter(place(sigma)?.with_values(colors.view(), color_sigma)?)?
            }
        };
        kernels.push(Kernel { filter, compatibility: term.compatibility.clone() });
    }
    let updated = DenseCrf::of_kernels(points.len(), bands, kernels)
        .infer_points(own.view(), &config.inference)?;
    for (i, &point) in points.iter().enumerate() {
        let (y, x) = pixel(point);
        if uncertain[(y, x)] {
            result.labels[(y, x)] = updated.labels[i];
            for class in 0..classes {
                result.probabilities[(class, y, x)] = updated.probabilities[(class, i)];
            }
        }
    }
    result.report = updated.report;
    Ok(result)
}

/// Splits chosen pixels into bands of whole rows of the picture.
fn whole_rows(pixels: &[usize], size: (usize, usize)) -> Vec<Range<usize>> {
    let step = bands_of(pixels.len(), 1)[0].len();
    let mut bands = Vec::new();
    let mut start = 0;
    for row in 1..=size.0 {
        let end = pixels.partition_point(|&pixel| pixel < row * size.1);
        if end - start >= step || (row == size.0 && end > start) {
            bands.push(start..end);
            start = end;
        }
    }
    bands
}

/// Pixels with one of the mask at most `margin` rows and columns away.
fn dilated(mask: &Array2<bool>, margin: usize) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    let mut wide = Array2::from_elem((rows, columns), false);
    for ((y, x), _) in mask.indexed_iter().filter(|(_, set)| **set) {
        for u in x.saturating_sub(margin)..columns.min(x + margin + 1) {
            wide[(y, u)] = true;
        }
    }
    let mut out = Array2::from_elem((rows, columns), false);
    for x in 0..columns {
        // The last row of the mask seen, from above and from below.
        let mut last = None;
        for y in 0..rows {
            last = if wide[(y, x)] { Some(y) } else { last };
            out[(y, x)] |= last.is_some_and(|last| y - last <= margin);
        }
        last = None;
        for y in (0..rows).rev() {
            last = if wide[(y, x)] { Some(y) } else { last };
            out[(y, x)] |= last.is_some_and(|last| last - y <= margin);
        }
    }
    out
}
