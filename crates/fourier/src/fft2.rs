//! Planned Fourier transforms of planes.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array, Array3, ArrayView, ArrayViewMut2, Axis, CowArray, Dimension, Ix3};
use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftNum, FftPlanner};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Columns that are gathered into lines together: a cache line and more.
const COLUMNS: usize = 16;

/// Rows of a task.
const ROWS: usize = 16;

/// Between gathered lines: those of a power of two would meet in the same sets of the cache.
const GAP: usize = 8;

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
pub struct Fft2<T: FftNum> {
    height: usize,
    width: usize,
    norm: Norm,
    rows: [Arc<dyn Fft<T>>; 2],
    columns: [Arc<dyn Fft<T>>; 2],
    to_half: Arc<dyn RealToComplex<T>>,
    from_half: Arc<dyn ComplexToReal<T>>,
}

impl<T: FftNum> fmt::Debug for Fft2<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fft2")
            .field("height", &self.height)
            .field("width", &self.width)
            .field("norm", &self.norm)
            .finish_non_exhaustive()
    }
}

impl<T: FftNum> Fft2<T> {
    /// Plans the transforms of planes of `(height, width)`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a side of 0 and for planes of more than 2^28 values.
    pub fn new((height, width): (usize, usize), norm: Norm) -> Result<Self> {
        let most = 1 << 28;
        for (field, side) in [("height", height), ("width", width)] {
            if side == 0 || side > most {
                let expected = "from 1 to 2^28";
                return Err(Error::Setting { field, value: side as f64, expected });
            }
        }
        if height > most / width {
            let value = height as f64 * width as f64;
            return Err(Error::Setting {
                field: "height x width",
                value,
                expected: "at most 2^28",
            });
        }
        let mut planner = FftPlanner::new();
        let rows = [planner.plan_fft_forward(width), planner.plan_fft_inverse(width)];
        let columns = [planner.plan_fft_forward(height), planner.plan_fft_inverse(height)];
        let mut planner = RealFftPlanner::new();
        let (to_half, from_half) =
            (planner.plan_fft_forward(width), planner.plan_fft_inverse(width));
        Ok(Self { height, width, norm, rows, columns, to_half, from_half })
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
        let from = batch("planes", &planes, self.size())?;
        let half = self.half_width();
        let mut out = Array3::from_elem((from.len_of(Axis(0)), self.height, half), zero());
        for (from, mut to) in from.outer_iter().zip(out.outer_iter_mut()) {
            let buffers =
                || (vec![T::zero(); self.width], vec![zero(); self.to_half.get_scratch_len()]);
            let rows: Vec<_> = to
                .axis_chunks_iter_mut(Axis(0), ROWS)
                .zip(from.axis_chunks_iter(Axis(0), ROWS))
                .collect();
            self.for_each(rows, buffers, |(line, scratch), (mut to, from)| {
                for (mut to, from) in to.rows_mut().into_iter().zip(from.rows()) {
                    match from.to_slice() {
                        Some(from) => line.copy_from_slice(from),
                        None => line.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
                    }
                    let Some(to) = to.as_slice_mut() else { continue };
                    // Only lengths can be wrong, and they are those of the plan.
                    self.to_half.process_with_scratch(line, to, scratch).unwrap_or_default();
                }
            });
            self.transform_columns(to, 0);
        }
        restore(out, planes.raw_dim(), half)
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
        let count = from.len_of(Axis(0));
        let mut out = Array3::from_elem((count, self.height, self.width), T::zero());
        for (from, mut to) in from.outer_iter().zip(out.outer_iter_mut()) {
            let mut spectrum = from.as_standard_layout().into_owned();
            self.transform_columns(spectrum.view_mut(), 1);
            let rows: Vec<_> = to
                .axis_chunks_iter_mut(Axis(0), ROWS)
                .zip(spectrum.axis_chunks_iter_mut(Axis(0), ROWS))
                .collect();
            let buffers = || vec![zero(); self.from_half.get_scratch_len()];
            self.for_each(rows, buffers, |scratch, (mut to, mut from)| {
                for (mut to, mut from) in to.rows_mut().into_iter().zip(from.rows_mut()) {
                    from[0].im = T::zero();
                    if self.width.is_multiple_of(2) {
                        from[half - 1].im = T::zero();
                    }
                    let (Some(to), Some(from)) = (to.as_slice_mut(), from.as_slice_mut()) else {
                        continue;
                    };
                    self.from_half.process_with_scratch(from, to, scratch).unwrap_or_default();
                }
            });
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
        for mut plane in out.outer_iter_mut() {
            let rows: Vec<_> = plane.axis_chunks_iter_mut(Axis(0), ROWS).collect();
            let buffers = || vec![zero(); plan.get_inplace_scratch_len()];
            self.for_each(rows, buffers, |scratch, mut rows| {
                if let Some(rows) = rows.as_slice_mut() {
                    plan.process_with_scratch(rows, scratch);
                }
            });
            self.transform_columns(plane, direction);
        }
        restore(out, values.raw_dim(), self.width)
    }

    /// The transforms of all columns, with the factor of the whole transform.
    fn transform_columns(&self, mut plane: ArrayViewMut2<'_, Complex<T>>, direction: usize) {
        let plan = &*self.columns[direction];
        let scale = self.scale(direction);
        let blocks: Vec<_> = plane.axis_chunks_iter_mut(Axis(1), COLUMNS).collect();
        let stride = self.height + GAP;
        let buffers =
            || (vec![zero(); COLUMNS * stride], vec![zero(); plan.get_inplace_scratch_len()]);
        self.for_each(blocks, buffers, |(lines, scratch), mut block| {
            let lines = &mut lines[..block.ncols() * stride];
            gather(&block, lines, stride);
            for line in lines.chunks_exact_mut(stride) {
                plan.process_with_scratch(&mut line[..self.height], scratch);
            }
            scatter(lines, stride, scale, &mut block);
        });
    }

    fn scale(&self, direction: usize) -> T {
        let share = (self.height as f64 * self.width as f64).recip();
        let scale = match (self.norm, direction) {
            (Norm::Ortho, _) => share.sqrt(),
            (Norm::Backward, 1) | (Norm::Forward, 0) => share,
            _ => 1.0,
        };
        // Both float types have this number.
        T::from_f64(scale).unwrap_or_else(T::one)
    }

    /// Runs jobs with buffers of their own, on one thread where a plane is small.
    fn for_each<J: Send, B>(
        &self,
        jobs: Vec<J>,
        buffers: impl Fn() -> B + Sync + Send,
        run: impl Fn(&mut B, J) + Sync + Send,
    ) {
        if self.height * self.width < PARALLEL || rayon::current_num_threads() == 1 {
            let mut buffer = buffers();
            jobs.into_iter().for_each(|job| run(&mut buffer, job));
        } else {
            jobs.into_par_iter().for_each_init(buffers, run);
        }
    }
}

/// Rows that are turned into parts of columns together: a cache line of a column.
const TILE: usize = 8;

/// Copies the columns of a block to lines.
fn gather<T: FftNum>(
    block: &ArrayViewMut2<'_, Complex<T>>,
    lines: &mut [Complex<T>],
    stride: usize,
) {
    let columns = block.ncols();
    for (tile, top) in block.axis_chunks_iter(Axis(0), TILE).zip((0..).step_by(TILE)) {
        let mut rows: [&[Complex<T>]; TILE] = [&[]; TILE];
        for (row, of) in rows.iter_mut().zip(tile.rows()) {
            *row = of.to_slice().unwrap_or(&[]);
        }
        for (x, line) in lines.chunks_exact_mut(stride).enumerate().take(columns) {
            let line = &mut line[top..top + TILE];
            for (to, row) in line.iter_mut().zip(&rows[..tile.nrows()]) {
                *to = row[x];
            }
        }
    }
}

/// Copies lines to the columns of a block, times a factor.
fn scatter<T: FftNum>(
    lines: &[Complex<T>],
    stride: usize,
    scale: T,
    block: &mut ArrayViewMut2<'_, Complex<T>>,
) {
    for (mut tile, top) in block.axis_chunks_iter_mut(Axis(0), TILE).zip((0..).step_by(TILE)) {
        for (y, row) in (top..).zip(tile.rows_mut()) {
            let row = row.into_slice().unwrap_or(&mut []);
            for (line, to) in lines.chunks_exact(stride).zip(row) {
                *to = line[y].scale(scale);
            }
        }
    }
}

fn zero<T: FftNum>() -> Complex<T> {
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
