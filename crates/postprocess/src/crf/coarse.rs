//! The field on the pixels of every n-th row and column.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array2, ArrayView3};

use super::config::{
    Compatibility, FilterMethod, InferenceConfig, KernelShape, Normalization, PairwiseTerm,
};
use super::convolution::{GridKernel, MAX_SIGMA};
use super::dense::DenseCrf;
use super::features::{Features, check_points};
use super::gate::GateConfig;
use super::kernel::{Filter, Kernel};
use super::lattice::{Lookup, bands_of};
use super::report::PointInference;
use crate::{Error, Result};

/// Smallest sigma in points of the grid that still joins neighbours.
const NARROWEST: f64 = 0.7;

/// The pixels of every n-th row and column of a picture.
#[derive(Debug)]
pub(crate) struct Grid {
    pub(crate) rows: GridAxis,
    pub(crate) columns: GridAxis,
}

/// The points along one axis.
#[derive(Debug)]
pub(crate) struct GridAxis {
    /// The pixel of each point.
    pub(crate) pixels: Vec<usize>,
    /// For each pixel the point before it and the one after it, and how near the second is, 0 to 1.
    pub(crate) between: Vec<(usize, usize, f32)>,
}

impl GridAxis {
    fn new(size: usize, stride: usize) -> Self {
        // In the middle, so that no pixel is much farther from a point than others.
        let first = (stride / 2).min(size.saturating_sub(1));
        let pixels: Vec<usize> = (first..size).step_by(stride).collect();
        let last = pixels.len().saturating_sub(1);
        let between = (0..size)
            .map(|at| match at.checked_sub(first) {
                Some(at) if at / stride < last => {
                    let (point, rest) = (at / stride, at % stride);
                    (point, point + usize::from(rest > 0), rest as f32 / stride as f32)
                }
                Some(_) => (last, last, 0.0),
                None => (0, 0, 0.0),
            })
            .collect();
        Self { pixels, between }
    }
}

impl Grid {
    pub(crate) fn new(size: (usize, usize), stride: usize) -> Self {
        let (rows, columns) = (GridAxis::new(size.0, stride), GridAxis::new(size.1, stride));
        Self { rows, columns }
    }

    /// Rows and columns of points.
    pub(crate) fn points(&self) -> (usize, usize) {
        (self.rows.pixels.len(), self.columns.pixels.len())
    }

    /// The pixel of a point.
    pub(crate) fn pixel(&self, point: usize) -> (usize, usize) {
        let width = self.columns.pixels.len();
        (self.rows.pixels[point / width], self.columns.pixels[point % width])
    }

    /// The points whose pixels are in the mask.
    pub(crate) fn chosen(&self, mask: &Array2<bool>) -> Vec<usize> {
        let width = self.columns.pixels.len();
        let mut points = Vec::new();
        for (row, &y) in self.rows.pixels.iter().enumerate() {
            let line = mask.row(y);
            let set = self.columns.pixels.iter().enumerate().filter(|(_, x)| line[**x]);
            points.extend(set.map(|(column, _)| row * width + column));
        }
        points
    }

    /// The label that all points around each pixel of a row have, [`usize::MAX`] where they differ.
    pub(crate) fn agreed(&self, labels: &Array2<usize>, row: usize, agreed: &mut Vec<usize>) {
        let (above, below, _) = self.rows.between[row];
        let joined: Vec<usize> = (labels.row(above).iter().zip(labels.row(below)))
            .map(|(above, below)| if above == below { *above } else { usize::MAX })
            .collect();
        agreed.clear();
        agreed.extend(self.columns.between.iter().map(|&(left, right, _)| {
            if joined[left] == joined[right] { joined[left] } else { usize::MAX }
        }));
    }
}

/// Where pixels lie in the space of a kernel.
#[derive(Debug)]
pub(crate) struct Space {
    /// What columns, rows and, where colours count, channels are multiplied by: one over their
    /// standard deviations.
    factors: Vec<f32>,
}

impl Space {
    fn new(sigma: [f64; 2], color_sigma: &[f64]) -> Self {
        let [rows, columns] = sigma;
        let all = [columns, rows].into_iter().chain(color_sigma.iter().copied());
        Self { factors: all.map(|sigma| (1.0 / sigma) as f32).collect() }
    }

    /// The features of a pixel, one after the other.
    #[inline(always)]
    pub(crate) fn features(
        &self,
        image: ArrayView3<'_, f32>,
        [y, x]: [usize; 2],
        mut put: impl FnMut(usize, f32),
    ) {
        put(0, x as f32 * self.factors[0]);
        put(1, y as f32 * self.factors[1]);
        for (channel, factor) in self.factors[2..].iter().enumerate() {
            put(2 + channel, image[(channel, y, x)] * factor);
        }
    }

    /// Smallest and largest features of a picture.
    fn bounds(&self, image: ArrayView3<'_, f32>) -> Result<Vec<(f32, f32)>> {
        let (_, rows, columns) = image.dim();
        let last = |size: usize, factor: f32| (size.max(1) - 1) as f32 * factor;
        let mut bounds =
            vec![(0.0, last(columns, self.factors[0])), (0.0, last(rows, self.factors[1]))];
        if self.factors.len() > 2 {
            let (low, high) = extremes(image)?;
            bounds.extend(self.factors[2..].iter().map(|factor| (low * factor, high * factor)));
        }
        Ok(bounds)
    }
}

/// Smallest and largest value of a picture, of which all must be finite.
fn extremes(image: ArrayView3<'_, f32>) -> Result<(f32, f32)> {
    let values = match image.as_slice_memory_order() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(image.iter().copied().collect()),
    };
    let (blocks, rest) = values.as_chunks::<32>();
    let (mut low, mut high, mut wrong) =
        ([f32::INFINITY; 32], [f32::NEG_INFINITY; 32], [0_u32; 32]);
    let mut take = |l: usize, value: f32| {
        low[l] = if value < low[l] { value } else { low[l] };
        high[l] = if value > high[l] { value } else { high[l] };
        wrong[l] |= u32::from(!value.is_finite());
    };
    for block in blocks {
        block.iter().enumerate().for_each(|(l, &value)| take(l, value));
    }
    rest.iter().enumerate().for_each(|(l, &value)| take(l, value));
    if wrong == [0; 32] {
        let fold = |all: [f32; 32], join: fn(f32, f32) -> f32| all.into_iter().fold(all[0], join);
        return Ok((fold(low, f32::min), fold(high, f32::max)));
    }
    let columns = image.dim().2;
    let found = image.indexed_iter().find(|(_, value)| !value.is_finite());
    let ((channel, y, x), &value) = found.unwrap_or(((0, 0, 0), &f32::NAN));
    Err(Error::InvalidFeature { dimension: 2 + channel, point: y * columns + x, value })
}

/// A field among points of a grid.
#[derive(Debug)]
pub(crate) struct CoarseField<'g> {
    pub(crate) grid: &'g Grid,
    pub(crate) stride: usize,
    /// The points that take part, in row-major order.
    pub(crate) points: Vec<usize>,
    pub(crate) crf: DenseCrf,
    /// For each kernel on a lattice its space and how to read it elsewhere.
    pub(crate) lookups: Vec<Option<(Space, Lookup)>>,
}

impl<'g> CoarseField<'g> {
    pub(crate) fn new(
        image: ArrayView3<'_, f32>,
        grid: &'g Grid,
        points: Vec<usize>,
        config: &GateConfig,
    ) -> Result<Self> {
        let bands = whole_rows(&points, grid.points());
        let (mut kernels, mut lookups) = (Vec::new(), Vec::new());
        for term in &config.crf.terms {
            let (filter, lookup) = filter_of(term, image, (grid, &points), &bands, config)?;
            // Each point stands for all pixels of its cell.
            let sum = term.normalization == Normalization::None;
            let pixels = if sum { config.stride * config.stride } else { 1 };
            let compatibility = scaled(&term.compatibility, pixels as f32);
            kernels.push(Kernel { filter, compatibility });
            lookups.push(lookup);
        }
        let crf = DenseCrf::of_kernels(points.len(), bands, kernels);
        Ok(Self { grid, stride: config.stride, points, crf, lookups })
    }

    /// Probabilities [K, points] and labels of the points.
    pub(crate) fn infer(
        &self,
        unary: ArrayView3<'_, f32>,
        config: &InferenceConfig,
    ) -> Result<PointInference> {
        let mut own = Array2::zeros((unary.dim().0, self.points.len()));
        for (mut own, plane) in own.rows_mut().into_iter().zip(unary.outer_iter()) {
            for (own, &point) in own.iter_mut().zip(&self.points) {
                *own = plane[self.grid.pixel(point)];
            }
        }
        self.crf.infer_points(own.view(), config)
    }

    /// The labels of the whole grid, given those of all pixels and of the points that take part.
    pub(crate) fn labels(&self, all: &Array2<usize>, updated: &[usize]) -> Array2<usize> {
        let (rows, columns) = self.grid.points();
        let mut labels = Array2::zeros((rows, columns));
        for (mut line, &y) in labels.rows_mut().into_iter().zip(&self.grid.rows.pixels) {
            for (label, &x) in line.iter_mut().zip(&self.grid.columns.pixels) {
                *label = all[(y, x)];
            }
        }
        for (&point, &label) in self.points.iter().zip(updated) {
            labels[(point / columns, point % columns)] = label;
        }
        labels
    }
}

/// How a term is summed among points of a grid, and, on a lattice, how to read it elsewhere.
fn filter_of(
    term: &PairwiseTerm,
    image: ArrayView3<'_, f32>,
    (grid, points): (&Grid, &[usize]),
    bands: &[Range<usize>],
    config: &GateConfig,
) -> Result<(Filter, Option<(Space, Lookup)>)> {
    let PairwiseTerm { kernel, normalization, method, .. } = term;
    let stride = config.stride as f64;
    let sampled = config.stride > 1;
    let space = match kernel {
        KernelShape::Gaussian { sigma } => {
            let narrowest = if sampled { NARROWEST } else { 0.0 };
            let sigma = sigma.map(|sigma| (sigma / stride).max(narrowest));
            if *method == FilterMethod::Auto && sigma.iter().all(|&sigma| sigma <= MAX_SIGMA) {
                let kernel = GridKernel::among(grid.points(), sigma, *normalization, points);
                return Ok((Filter::Grid(Box::new(kernel)), None));
            }
            Space::new(sigma.map(|sigma| sigma * stride), &[])
        }
        KernelShape::Bilateral { sigma, color_sigma } => {
            let channels = image.dim().0;
            let all = if color_sigma.len() == 1 { channels } else { 1 };
            let mut color_sigma = color_sigma.repeat(all);
            check_points("color_sigma", color_sigma.len(), channels)?;
            let widening = if sampled { config.widening } else { 1.0 };
            color_sigma.iter_mut().for_each(|sigma| *sigma *= widening);
            Space::new(*sigma, &color_sigma)
        }
    };
    let mut values = Array2::zeros((space.factors.len(), points.len()));
    for (i, &point) in points.iter().enumerate() {
        let (y, x) = grid.pixel(point);
        space.features(image, [y, x], |feature, value| values[(feature, i)] = value);
    }
    let features = Features::new(values)?;
    if *method == FilterMethod::Exact {
        return Ok((Filter::of_features(&features, *normalization, *method, bands)?, None));
    }
    let bounds = space.bounds(image)?;
    let (lattice, lookup) = Lookup::build(&features, bands, &bounds)?;
    Ok((Filter::of_lattice(lattice, *normalization), Some((space, lookup))))
}

/// Splits chosen points of a grid into bands of whole rows.
fn whole_rows(points: &[usize], size: (usize, usize)) -> Vec<Range<usize>> {
    let step = bands_of(points.len(), 1)[0].len();
    let mut bands = Vec::new();
    let mut start = 0;
    for row in 1..=size.0 {
        let end = points.partition_point(|&point| point < row * size.1);
        if end - start >= step || (row == size.0 && end > start) {
            bands.push(start..end);
            start = end;
        }
    }
    bands
}

/// Weights times a factor.
fn scaled(compatibility: &Compatibility, factor: f32) -> Compatibility {
    let all = |weights: &[f32]| weights.iter().map(|weight| weight * factor).collect();
    match compatibility {
        Compatibility::Potts(weight) => Compatibility::Potts(weight * factor),
        Compatibility::PerClass(weights) => Compatibility::PerClass(all(weights)),
        Compatibility::Matrix(rows) => {
            Compatibility::Matrix(rows.iter().map(|row| all(row)).collect())
        }
    }
}
