//! Where points lie in the space in which a kernel measures distance.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3, Axis, concatenate, s};

use crate::{Error, Result};

/// Features of N points, in units of the kernel's standard deviation.
///
/// A kernel weighs a pair of points by `exp(-|f_i - f_j|^2 / 2)`. Points may be pixels,
/// voxels, or anything else; features may be positions, colours, or embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// [dimension, point].
    values: Array2<f32>,
}

impl Features {
    /// Takes features that are scaled already.
    ///
    /// # Shapes
    /// `values` [D, N].
    ///
    /// # Errors
    /// [`Error::InvalidFeature`] for a value that is not finite;
    /// [`Error::InvalidSetting`] if there is no dimension.
    pub fn new(values: Array2<f32>) -> Result<Self> {
        if values.nrows() == 0 {
            return Err(Error::InvalidSetting {
                field: "features",
                value: 0.0,
                expected: "of at least one dimension",
            });
        }
        let values = if values.is_standard_layout() {
            values
        } else {
            values.as_standard_layout().into_owned()
        };
        let finite =
            |row: ArrayView1<'_, f32>| row.fold(true, |all, value| all & value.is_finite());
        if !values.rows().into_iter().all(finite) {
            for ((dimension, point), &value) in values.indexed_iter() {
                if !value.is_finite() {
                    return Err(Error::InvalidFeature { dimension, point, value });
                }
            }
        }
        Ok(Self { values })
    }

    /// Positions on a grid of any number of axes, divided by `sigma` of each axis.
    ///
    /// Points are in row-major order: (row, column) for a picture, (layer, row, column) for
    /// a volume. The first feature belongs to the last axis.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a sigma that is not positive and finite, or another
    /// number of sigmas than axes.
    pub fn grid(shape: &[usize], sigma: &[f64]) -> Result<Self> {
        Self::grid_at(&vec![0; shape.len()], shape, sigma)
    }

    /// Positions on a part of a grid that starts at `origin`.
    fn grid_at(origin: &[usize], shape: &[usize], sigma: &[f64]) -> Result<Self> {
        check_sigmas("sigma", sigma, shape.len())?;
        let points = shape.iter().product();
        let mut values = Array2::zeros((shape.len(), points));
        let mut inner = 1;
        for (feature, mut row) in values.rows_mut().into_iter().enumerate() {
            let axis = shape.len() - 1 - feature;
            let size = shape[axis].max(1);
            let positions: Vec<f32> = (origin[axis]..origin[axis] + size)
                .map(|at| (at as f64 / sigma[axis]) as f32)
                .collect();
            for (mut run, position) in
                row.exact_chunks_mut(inner).into_iter().zip(positions.iter().cycle())
            {
                run.fill(*position);
            }
            inner *= size;
        }
        Self::new(values)
    }

    /// Adds values of each point, such as colours, divided by `sigma` of each channel.
    ///
    /// # Shapes
    /// `values` [C, N]; `sigma` one for all channels, or C.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a sigma that is not positive and finite, or a wrong
    /// number of them; [`Error::LengthMismatch`] for another number of points;
    /// [`Error::InvalidFeature`] for a value that is not finite.
    pub fn with_values(self, values: ArrayView2<'_, f32>, sigma: &[f64]) -> Result<Self> {
        let channels = values.nrows();
        let sigma = if sigma.len() == 1 { vec![sigma[0]; channels] } else { sigma.to_vec() };
        check_sigmas("color_sigma", &sigma, channels)?;
        check_points("values", values.ncols(), self.points())?;
        let mut scaled = values.to_owned();
        for (mut row, sigma) in scaled.rows_mut().into_iter().zip(&sigma) {
            row.mapv_inplace(|value| (f64::from(value) / sigma) as f32);
        }
        let both = concatenate(Axis(0), &[self.values.view(), scaled.view()]);
        match both {
            Ok(values) => Self::new(values),
            Err(_) => check_points("values", values.ncols(), self.points()).map(|()| self),
        }
    }

    /// Position and colour of the pixels of a picture.
    ///
    /// # Shapes
    /// `image` [C, H, W]; `sigma` of rows and columns in pixels; `color_sigma` one for all
    /// channels, or C, in the units of the picture.
    ///
    /// # Errors
    /// As [`Features::grid`] and [`Features::with_values`].
    pub fn picture(
        image: ArrayView3<'_, f32>,
        sigma: [f64; 2],
        color_sigma: &[f64],
    ) -> Result<Self> {
        let (_, rows, columns) = image.dim();
        Self::grid(&[rows, columns], &sigma)?.with_colors(image, color_sigma)
    }

    /// Positions on a part of a picture, in the coordinates of the whole.
    pub(crate) fn part(size: (usize, usize), origin: [usize; 2], sigma: [f64; 2]) -> Result<Self> {
        Self::grid_at(&origin, &[size.0, size.1], &sigma)
    }

    /// Adds the channels of a picture [C, H, W].
    pub(crate) fn with_colors(
        self,
        image: ArrayView3<'_, f32>,
        color_sigma: &[f64],
    ) -> Result<Self> {
        let (channels, rows, columns) = image.dim();
        let mut colors = Array2::zeros((channels, rows * columns));
        for (mut row, channel) in colors.rows_mut().into_iter().zip(image.outer_iter()) {
            for (value, &color) in row.iter_mut().zip(channel) {
                *value = color;
            }
        }
        self.with_values(colors.view(), color_sigma)
    }

    /// Features under a full kernel matrix: pairs weigh `exp(-(x_i - x_j)' P (x_i - x_j) / 2)`
    /// with `P` the inverse of the covariance.
    ///
    /// # Shapes
    /// `values` [D, N]; `precision` [D, D].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if `precision` is not [D, D]; [`Error::InvalidSetting`] if it
    /// is not symmetric and positive definite; otherwise as [`Features::new`].
    pub fn with_precision(
        values: ArrayView2<'_, f32>,
        precision: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        let dimension = values.nrows();
        check_points("precision", precision.nrows(), dimension)?;
        check_points("precision", precision.ncols(), dimension)?;
        let factor = cholesky(precision)?;
        let mut whitened = Array2::zeros(values.dim());
        for (mut out, point) in whitened.columns_mut().into_iter().zip(values.columns()) {
            for j in 0..dimension {
                let sum: f64 = (j..dimension).map(|i| factor[(i, j)] * f64::from(point[i])).sum();
                out[j] = sum as f32;
            }
        }
        Self::new(whitened)
    }

    /// The features, [dimension, point].
    #[must_use]
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    /// Number of dimensions.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.values.nrows()
    }

    /// Number of points.
    #[must_use]
    pub fn points(&self) -> usize {
        self.values.ncols()
    }

    /// One dimension of all points.
    pub(crate) fn row(&self, dimension: usize) -> &[f32] {
        let n = self.points();
        let flat = self.values.as_slice().unwrap_or(&[]);
        flat.get(dimension * n..(dimension + 1) * n).unwrap_or(&[])
    }
}

/// The lower triangle `L` of `P = L L'`.
fn cholesky(precision: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let n = precision.nrows();
    let refused = |value| Error::InvalidSetting {
        field: "precision",
        value,
        expected: "symmetric and positive definite, with finite values",
    };
    let scale = precision.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut factor = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let apart = (precision[(i, j)] - precision[(j, i)]).abs();
            if apart.is_nan() || apart > 1e-9 * scale {
                return Err(refused(apart));
            }
            let dot = factor.slice(s![i, ..j]).dot(&factor.slice(s![j, ..j]));
            let rest: f64 = precision[(i, j)] - dot;
            if i == j {
                if !(rest > 0.0 && rest.is_finite()) {
                    return Err(refused(rest));
                }
                factor[(i, i)] = rest.sqrt();
            } else {
                factor[(i, j)] = rest / factor[(j, j)];
            }
        }
    }
    Ok(factor)
}

/// Refuses sigmas that are not positive and finite, or too few or many of them.
pub(crate) fn check_sigmas(field: &'static str, sigma: &[f64], expected: usize) -> Result<()> {
    check_points(field, sigma.len(), expected)?;
    for &value in sigma {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Error::InvalidSetting { field, value, expected: "positive and finite" });
        }
    }
    Ok(())
}

/// Refuses another length.
pub(crate) fn check_points(field: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::LengthMismatch { field, expected, found }) }
}
