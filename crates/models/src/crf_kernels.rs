//! Kernels of a picture for a [`CrfLayer`](crate::CrfLayer), as operations with gradients.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use candle_core::{Result as TensorResult, bail};
use mapvec_postprocess::crf::{
    DenseCrfConfig, Features, FilterMethod, KernelShape, Normalization, PermutohedralLattice,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, Axis};

use crate::{Error, Result};

/// Most points whose pairs are summed exactly; the matrix takes 8 bytes for each pair.
const MOST_EXACT: usize = 8192;

/// The kernels of a picture, made once for all iterations and steps.
#[derive(Debug, Clone)]
pub struct CrfKernels {
    size: (usize, usize),
    filters: Vec<Arc<Filter>>,
}

impl CrfKernels {
    /// The kernels of a picture. [`FilterMethod::Auto`] is the lattice here.
    ///
    /// # Shapes
    /// `image` `[C, H, W]`, in the units of the settings' colour deviations.
    ///
    /// # Errors
    /// [`Error::Postprocess`] for settings out of range, pixels that are not finite, or a
    /// picture that is too large for a kernel; [`Error::Config`] for more than 8192 pixels with
    /// [`FilterMethod::Exact`].
    pub fn new(image: ArrayView3<'_, f32>, config: &DenseCrfConfig) -> Result<Self> {
        config.validate()?;
        let (_, rows, columns) = image.dim();
        let mut filters = Vec::with_capacity(config.terms.len());
        for term in &config.terms {
            let features = match &term.kernel {
                KernelShape::Gaussian { sigma } => Features::grid(&[rows, columns], sigma)?,
                KernelShape::Bilateral { sigma, color_sigma } => {
                    Features::picture(image, *sigma, color_sigma)?
                }
            };
            filters.push(Arc::new(Filter::new(&features, term.method, term.normalization)?));
        }
        Ok(Self { size: (rows, columns), filters })
    }

    /// Rows and columns of the picture.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Number of kernels.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.filters.len()
    }

    /// Filters each picture of `values` `[B, K, H, W]` (on the CPU) with the kernel of that
    /// number of its own.
    ///
    /// # Errors
    /// Other sizes or numbers of pictures; a kernel that does not exist.
    pub(crate) fn filter(kernels: &[Self], term: usize, values: &Tensor) -> TensorResult<Tensor> {
        let mut filters = Vec::with_capacity(kernels.len());
        for kernels in kernels {
            let Some(filter) = kernels.filters.get(term) else {
                bail!("kernel {term} of {}", kernels.terms());
            };
            filters.push(Arc::clone(filter));
        }
        values.contiguous()?.apply_op1(Filtering { filters, transposed: false })
    }
}

/// A kernel with its normalisation.
#[derive(Debug)]
struct Filter {
    sum: Sum,
    /// Factors of the values before they are summed, and of the sums.
    before: Array1<f32>,
    after: Array1<f32>,
}

/// How a kernel is summed.
#[derive(Debug)]
enum Sum {
    Lattice(PermutohedralLattice),
    /// All pairs with their normalisation, in double precision: for checks.
    Exact(Array2<f64>),
}

impl Filter {
    fn new(
        features: &Features,
        method: FilterMethod,
        normalization: Normalization,
    ) -> Result<Self> {
        let points = features.points();
        if method != FilterMethod::Exact {
            let lattice = PermutohedralLattice::new(features)?;
            let ones = Array2::ones((1, points));
            let sums = lattice.filter(ones.view(), false)?.index_axis_move(Axis(0), 0);
            let (before, after) = factors(&sums.mapv(f64::from), normalization);
            let (before, after) = (before.mapv(|v| v as f32), after.mapv(|v| v as f32));
            return Ok(Self { sum: Sum::Lattice(lattice), before, after });
        }
        if points > MOST_EXACT {
            let (field, value) = ("crf.terms.method", format!("exact for {points} pixels"));
            return Err(Error::Config { field, value, allowed: "at most 8192 pixels" });
        }
        // Entry (j, i) says how much the value at j counts at i.
        let mut pairs = all_pairs(features.values());
        let (before, after) = factors(&pairs.sum_axis(Axis(0)), normalization);
        for (mut row, before) in pairs.rows_mut().into_iter().zip(&before) {
            row.iter_mut().zip(&after).for_each(|(pair, after)| *pair *= before * after);
        }
        let ones = Array1::ones(points);
        Ok(Self { sum: Sum::Exact(pairs), before: ones.clone(), after: ones })
    }

    /// Filters `[K, N]`; `transposed` is the transpose of the filter.
    fn single(&self, values: ArrayView2<'_, f32>, transposed: bool) -> Result<Array2<f32>> {
        match &self.sum {
            Sum::Lattice(lattice) => {
                let (first, last) = if transposed {
                    (&self.after, &self.before)
                } else {
                    (&self.before, &self.after)
                };
                let scaled = &values * first;
                Ok(lattice.filter(scaled.view(), transposed)? * last)
            }
            Sum::Exact(_) => {
                let found = self.double(values.mapv(f64::from).view(), transposed)?;
                Ok(found.mapv(|v| v as f32))
            }
        }
    }

    /// [`Self::single`] in double precision; the lattice has single precision inside.
    fn double(&self, values: ArrayView2<'_, f64>, transposed: bool) -> Result<Array2<f64>> {
        match &self.sum {
            Sum::Lattice(_) => {
                let found = self.single(values.mapv(|v| v as f32).view(), transposed)?;
                Ok(found.mapv(f64::from))
            }
            Sum::Exact(pairs) if transposed => Ok(values.dot(&pairs.t())),
            Sum::Exact(pairs) => Ok(values.dot(pairs)),
        }
    }
}

/// Factors before and after the sum.
fn factors(sums: &Array1<f64>, normalization: Normalization) -> (Array1<f64>, Array1<f64>) {
    let ones = || Array1::ones(sums.len());
    // As in the dense CRF: a point whose sum is lost to rounding must not become infinite.
    let whole = || sums.mapv(|sum| 1.0 / (sum + 1e-20));
    match normalization {
        Normalization::None => (ones(), ones()),
        Normalization::Before => (whole(), ones()),
        Normalization::After => (ones(), whole()),
        Normalization::Symmetric => (whole().mapv(f64::sqrt), whole().mapv(f64::sqrt)),
    }
}

/// `exp(-|f_i - f_j|^2 / 2)` for all pairs of the columns of `[D, N]`.
fn all_pairs(features: ArrayView2<'_, f32>) -> Array2<f64> {
    let points = features.ncols();
    Array2::from_shape_fn((points, points), |(i, j)| {
        let pairs = features.column(i).into_iter().zip(features.column(j));
        let squares = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
        (-0.5 * squares.sum::<f64>()).exp()
    })
}

/// Filters every picture of `[B, K, H, W]` with a kernel of its own.
struct Filtering {
    filters: Vec<Arc<Filter>>,
    transposed: bool,
}

impl Filtering {
    /// Runs `filter` over the pictures of a batch.
    fn of_pictures<T: Copy>(
        &self,
        values: &[T],
        shape: &Shape,
        filter: impl Fn(&Filter, ArrayView2<'_, T>) -> Result<Array2<T>>,
    ) -> TensorResult<Vec<T>> {
        let (b, k, h, w) = shape.dims4()?;
        if b != self.filters.len() {
            bail!("crf-filter: {} kernels for {b} pictures", self.filters.len());
        }
        let mut found = Vec::with_capacity(values.len());
        for (kernel, values) in self.filters.iter().zip(values.chunks_exact((k * h * w).max(1))) {
            let picture =
                ArrayView2::from_shape((k, h * w), values).map_err(candle_core::Error::wrap)?;
            found.extend(filter(kernel, picture).map_err(candle_core::Error::wrap)?);
        }
        Ok(found)
    }
}

impl CustomOp1 for Filtering {
    fn name(&self) -> &'static str {
        "crf-filter"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> TensorResult<(CpuStorage, Shape)> {
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("crf-filter takes contiguous tensors");
        };
        let shape = layout.shape().clone();
        let turned = self.transposed;
        let found = match storage {
            CpuStorage::F32(values) => {
                CpuStorage::F32(
                    self.of_pictures(&values[from..to], &shape, |f, v| f.single(v, turned))?,
                )
            }
            CpuStorage::F64(values) => {
                CpuStorage::F64(
                    self.of_pictures(&values[from..to], &shape, |f, v| f.double(v, turned))?,
                )
            }
            _ => bail!("crf-filter takes f32 and f64"),
        };
        Ok((found, shape))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> TensorResult<Option<Tensor>> {
        let reverse = Self { filters: self.filters.clone(), transposed: !self.transposed };
        Ok(Some(gradient.contiguous()?.apply_op1(reverse)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + seed * 53) % 101) as f32 / 101.0 - 0.4).collect()
    }

    /// `<F x, y> = <x, F' y>`, of the lattice and of the sum over all pairs.
    #[test]
    fn the_reverse_filter_is_the_transpose() {
        let image = ndarray::Array3::from_shape_vec((3, 9, 7), values(189, 1)).unwrap();
        let features = Features::picture(image.view(), [4.0, 5.0], &[0.3]).unwrap();
        let (x, y) = (values(126, 2), values(126, 3));
        let x = ArrayView2::from_shape((2, 63), &x).unwrap();
        let y = ArrayView2::from_shape((2, 63), &y).unwrap();
        let product = |a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        for normalization in [
            Normalization::None,
            Normalization::Before,
            Normalization::After,
            Normalization::Symmetric,
        ] {
            for method in [FilterMethod::Lattice, FilterMethod::Exact] {
                let filter = Filter::new(&features, method, normalization).unwrap();
                let forward = product(filter.single(x, false).unwrap().view(), y);
                let reverse = product(x, filter.single(y, true).unwrap().view());
                let wrong = product(x, filter.single(y, false).unwrap().view());
                let error = (forward - reverse).abs() / forward.abs();
                assert!(error < 1e-5, "{normalization:?} {method:?}: {forward} {reverse}");
                if normalization == Normalization::After {
                    assert!((forward - wrong).abs() / forward.abs() > 1e-4, "not symmetric");
                }
            }
        }
    }
}
