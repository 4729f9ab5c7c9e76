//! Planned Fourier transforms of planes.

mod butterfly;
mod columns;
mod pairs;
mod vectors;

use std::fmt;
use std::sync::Arc;

use ndarray::{Array, Array3, ArrayView, ArrayViewMut2, Axis, CowArray, Dimension, Ix3};
use pulp::bytemuck;
use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use serde::{Deserialize, Serialize};

use self::butterfly::real;
use self::columns::{Block, ColumnFft, FLOATS};
use self::pairs::{RowPair, join, row_pairs};
pub use self::vectors::Real;
use crate::error::{Error, Result};

/// Rows of a task.
const ROWS: usize = 16;

/// Planes with fewer values are transformed by one thread: starting others takes longer.
const PARALLEL: usize = 160 * 160;

/// Where the factor `1 / (H W)` of a pair of transforms goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Norm {
    /// Into the inverse transform, as in NumPy.
    #[default]
    Backward,
    /// Its root into both, so that energies are kept.
    Ortho,
    /// Into the forward transform, so that bin zero is the mean.
    Forward,
}

/// Transforms of planes of one size, planned once and shared by any number of threads.
///
/// ```text
/// X[v, u] = sum over rows y and columns x of  p[y, x] exp(-2 pi i (u x / W + v y / H))
/// ```
///
/// with whole numbers `x` and `y`, bin zero first, positive frequencies before negative ones, as
/// in `numpy.fft.fft2`. A real plane has conjugate pairs, so [`Fft2::forward_real`] gives only the
/// bins `u = 0 ..= W / 2`, as `numpy.fft.rfft2`. Any size works; products of small primes are
/// fastest. Leading dimensions are batches.
///
/// Transforms are in the precision of the values, `f32` or `f64`, and the same at any number of
/// threads. Processors with other vector instructions may round differently.
///
/// ```
/// use mapvec_fourier::{Fft2, Norm};
/// use ndarray::Array2;
///
/// let fft = Fft2::new((6, 8), Norm::Backward)?;
/// let plane = Array2::from_shape_fn((6, 8), |(y, x)| (y * 8 + x) as f64);
/// let spectrum = fft.forward_real(plane.view())?;
/// assert_eq!(spectrum.dim(), (6, 5));
/// assert_eq!(spectrum[(0, 0)].re, plane.sum());
/// let back = fft.inverse_real(spectrum.view())?;
/// assert!((back - plane).iter().all(|gap| gap.abs() < 1e-12));
/// # Ok::<(), mapvec_fourier::Error>(())
/// ```
#[derive(Clone)]
pub struct Fft2<T: Real> {
    height: usize,
    width: usize,
    norm: Norm,
    rows: [Arc<dyn Fft<T>>; 2],
    columns: ColumnFft<T>,
}

impl<T: Real> fmt::Debug for Fft2<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fft2")
            .field("height", &self.height)
            .field("width", &self.width)
            .field("norm", &self.norm)
            .finish_non_exhaustive()
    }
}

impl<T: Real> Fft2<T> {
    /// Plans the transforms of planes of `(height, width)`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a side of 0 or above 2^20, and for planes of more than 2^28 values.
    pub fn new((height, width): (usize, usize), norm: Norm) -> Result<Self> {
        for (field, side) in [("height", height), ("width", width)] {
            if !(1..=1 << 20).contains(&side) {
                let expected = "from 1 to 2^20";
                return Err(Error::Setting { field, value: side as f64, expected });
            }
        }
        let values = height * width;
        if values > 1 << 28 {
            let (field, expected) = ("height x width", "at most 2^28");
            return Err(Error::Setting { field, value: values as f64, expected });
        }
        let mut planner = FftPlanner::new();
        let rows = [planner.plan_fft_forward(width), planner.plan_fft_inverse(width)];
        Ok(Self { height, width, norm, rows, columns: ColumnFft::new(height, &mut planner) })
    }

    /// Rows and columns of a plane.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Columns of the half spectrum of a real plane, `W / 2 + 1`.
    #[must_use]
    pub fn half_width(&self) -> usize {
        self.width / 2 + 1
    }

    /// The spectra of complex planes, `[.., H, W]` -> `[.., H, W]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for planes of another size.
    pub fn forward<D: Dimension>(
        &self,
        planes: ArrayView<'_, Complex<T>, D>,
    ) -> Result<Array<Complex<T>, D>> {
        self.complex(planes, 0, "planes")
    }

    /// The complex planes of spectra, `[.., H, W]` -> `[.., H, W]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for spectra of another size.
    pub fn inverse<D: Dimension>(
        &self,
        spectra: ArrayView<'_, Complex<T>, D>,
    ) -> Result<Array<Complex<T>, D>> {
        self.complex(spectra, 1, "spectra")
    }

    /// The half spectra of real planes, `[.., H, W]` -> `[.., H, W / 2 + 1]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for planes of another size.
    pub fn forward_real<D: Dimension>(
        &self,
        planes: ArrayView<'_, T, D>,
    ) -> Result<Array<Complex<T>, D>> {
        let shape = planes.raw_dim();
        let from = batch("planes", &planes, self.size())?;
        let from = from.as_standard_layout();
        let half = self.half_width();
        let mut out = Array3::from_elem((from.len_of(Axis(0)), self.height, half), zero());
        let scale = self.scale(0) * real(0.5);
        let planes = from.outer_iter().zip(out.outer_iter_mut()).collect();
        self.for_planes(planes, |(from, mut to)| {
            let mut floats = floats(&mut to)?;
            let blocks = floats.axis_chunks_iter_mut(Axis(1), FLOATS);
            let pairs = from.axis_chunks_iter(Axis(1), FLOATS).map(Some);
            let blocks = pairs.zip(blocks).map(|(from, to)| Block { from, to }).collect();
            self.transform_columns(blocks, false, T::one());
            self.each_pair(to, 0, |pair, row, transform| {
                pair.split(row, scale);
                transform(row);
                pair.keep_spectra(&row[..self.width]);
            });
            Ok(())
        })?;
        restore(out, shape, half)
    }

    /// The real planes of half spectra, `[.., H, W / 2 + 1]` -> `[.., H, W]`.
    ///
    /// Where a real plane has a real value, as in bin zero, an imaginary part is left out.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for spectra of another size.
    pub fn inverse_real<D: Dimension>(
        &self,
        spectra: ArrayView<'_, Complex<T>, D>,
    ) -> Result<Array<T, D>> {
        let half = self.half_width();
        let from = batch("spectra", &spectra, (self.height, half))?;
        let from = from.as_standard_layout();
        let count = from.len_of(Axis(0));
        let even = 2 * self.width.div_ceil(2);
        let mut out = Array3::from_elem((count, self.height, even), T::zero());
        let scale = self.scale(1);
        let planes = from.outer_iter().zip(out.outer_iter_mut()).collect();
        self.for_planes(planes, |(from, mut to)| {
            self.each_pair(to.view_mut(), 1, |pair, row, transform| {
                join(&from, pair.rows, &mut row[..self.width]);
                transform(row);
                pair.keep_columns(row);
            });
            let blocks = to.axis_chunks_iter_mut(Axis(1), FLOATS);
            let blocks = blocks.map(|to| Block { from: None, to }).collect();
            self.transform_columns(blocks, true, scale);
            Ok(())
        })?;
        if even > self.width {
            out = out.slice(ndarray::s![.., .., ..self.width]).to_owned();
        }
        restore(out, spectra.raw_dim(), self.width)
    }

    fn complex<D: Dimension>(
        &self,
        values: ArrayView<'_, Complex<T>, D>,
        direction: usize,
        field: &'static str,
    ) -> Result<Array<Complex<T>, D>> {
        let mut out = batch(field, &values, self.size())?.as_standard_layout().into_owned();
        let plan = &*self.rows[direction];
        self.for_planes(out.outer_iter_mut().collect(), |mut plane| {
            let rows: Vec<_> = plane.axis_chunks_iter_mut(Axis(0), ROWS).collect();
            let buffers = || vec![zero(); plan.get_inplace_scratch_len()];
            self.for_each(rows, 1, buffers, |scratch, mut rows| {
                if let Some(rows) = rows.as_slice_mut() {
                    plan.process_with_scratch(rows, scratch);
                }
            });
            let mut floats = floats(&mut plane)?;
            let blocks = floats.axis_chunks_iter_mut(Axis(1), FLOATS);
            let blocks = blocks.map(|to| Block { from: None, to }).collect();
            self.transform_columns(blocks, direction == 1, self.scale(direction));
            Ok(())
        })?;
        restore(out, values.raw_dim(), self.width)
    }

    fn transform_columns(&self, blocks: Vec<Block<'_, T>>, inverse: bool, scale: T) {
        self.for_each(blocks, 1, Vec::new, |scratch, block| {
            self.columns.process(block, inverse, scale, scratch);
        });
    }

    /// Runs a function on all pairs of rows of opposite frequencies; it is given a row of
    /// complex numbers, an even number of them, and what transforms that row.
    fn each_pair<A: Send>(
        &self,
        plane: ArrayViewMut2<'_, A>,
        direction: usize,
        run: impl Fn(RowPair<'_, A>, &mut [Complex<T>], &mut dyn FnMut(&mut [Complex<T>])) + Sync + Send,
    ) {
        let plan = &*self.rows[direction];
        let even = 2 * self.width.div_ceil(2);
        let buffers = || (vec![zero(); even], vec![zero(); plan.get_inplace_scratch_len()]);
        self.for_each(row_pairs(plane), ROWS, buffers, |(row, scratch), pair| {
            run(pair, row, &mut |row| {
                plan.process_with_scratch(&mut row[..self.width], scratch);
            });
        });
    }

    fn scale(&self, direction: usize) -> T {
        let share = (self.height as f64 * self.width as f64).recip();
        let scale = match (self.norm, direction) {
            (Norm::Ortho, _) => share.sqrt(),
            (Norm::Backward, 1) | (Norm::Forward, 0) => share,
            _ => 1.0,
        };
        real(scale)
    }

    /// Runs a function on the planes of a batch, on several threads where a plane is too small to
    /// be shared by them.
    fn for_planes<J: Send>(
        &self,
        planes: Vec<J>,
        run: impl Fn(J) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        let plane = self.height * self.width;
        if plane < PARALLEL && plane * planes.len() >= PARALLEL {
            planes.into_par_iter().with_min_len((PARALLEL / 2).div_ceil(plane)).try_for_each(run)
        } else {
            planes.into_iter().try_for_each(run)
        }
    }

    /// Runs jobs with buffers of their own, at least so many in a row, on one thread where a plane
    /// is small.
    fn for_each<J: Send, B>(
        &self,
        jobs: Vec<J>,
        least: usize,
        buffers: impl Fn() -> B + Sync + Send,
        run: impl Fn(&mut B, J) + Sync + Send,
    ) {
        if self.height * self.width < PARALLEL || rayon::current_num_threads() == 1 {
            let mut buffer = buffers();
            jobs.into_iter().for_each(|job| run(&mut buffer, job));
        } else {
            jobs.into_par_iter().with_min_len(least).for_each_init(buffers, run);
        }
    }
}

/// The columns of a plane in one piece, real and imaginary parts side by side.
fn floats<'a, T: Real>(
    plane: &'a mut ArrayViewMut2<'_, Complex<T>>,
) -> Result<ArrayViewMut2<'a, T>> {
    let (height, width) = plane.dim();
    let values = bytemuck::cast_slice_mut(plane.as_slice_mut().unwrap_or(&mut []));
    let wrong = |_| Error::Shape {
        field: "planes",
        found: vec![height, width],
        expected: "one piece".into(),
    };
    ArrayViewMut2::from_shape((height, 2 * width), values).map_err(wrong)
}

fn zero<T: Real>() -> Complex<T> {
    Complex::new(T::zero(), T::zero())
}

/// The planes of a batch of any rank, in one row.
fn batch<'a, A: Clone, D: Dimension>(
    field: &'static str,
    values: &'a ArrayView<'_, A, D>,
    (height, width): (usize, usize),
) -> Result<CowArray<'a, A, Ix3>> {
    let found = values.shape().to_vec();
    let wrong = || Error::Shape {
        field,
        found: found.clone(),
        expected: format!("[.., {height}, {width}]"),
    };
    if found.len() < 2 || found[found.len() - 2..] != [height, width] {
        return Err(wrong());
    }
    let count = found[..found.len() - 2].iter().product();
    values.to_shape((count, height, width)).map_err(|_| wrong())
}

/// A batch of planes of `width` columns, in the rank of the input.
fn restore<A, D: Dimension>(planes: Array3<A>, mut shape: D, width: usize) -> Result<Array<A, D>> {
    let last = shape.ndim() - 1;
    shape[last] = width;
    let found = planes.shape().to_vec();
    let expected = format!("{shape:?}");
    planes.into_shape_with_order(shape).map_err(|_| Error::Shape {
        field: "planes",
        found,
        expected,
    })
}
