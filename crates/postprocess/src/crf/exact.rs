//! The exact mean field in double precision, in time proportional to the square of the points.

use ndarray::{Array2, ArrayView2};

use super::config::{Compatibility, Normalization};
use super::features::check_points;
use crate::{Error, Result};

/// Most points: the matrices take 8 bytes for each pair.
const MAX_POINTS: usize = 8192;

/// The matrix of a kernel, normalised.
fn kernel_matrix(values: &Array2<f64>, normalization: Normalization) -> Array2<f64> {
    let n = values.ncols();
    let mut matrix = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let apart = values.column(i).into_iter().zip(values.column(j));
            let square: f64 = apart.map(|(a, b)| (a - b).powi(2)).sum();
            matrix[(i, j)] = (-0.5 * square).exp();
            matrix[(j, i)] = matrix[(i, j)];
        }
    }
    let (before, after): (Vec<f64>, Vec<f64>) =
        matrix.rows().into_iter().map(|row| normalization.factors(row.sum())).unzip();
    for ((i, j), value) in matrix.indexed_iter_mut() {
        *value *= after[i] * before[j];
    }
    matrix
}

/// A pairwise term of an [`ExactCrf`].
#[derive(Debug, Clone, PartialEq)]
pub struct ExactTerm {
    /// Where the points lie, [D, N], in standard deviations of the kernel.
    pub features: Array2<f64>,
    /// What labels cost each other.
    pub compatibility: Compatibility,
    /// How the kernel is normalised.
    pub normalization: Normalization,
}

/// A dense conditional random field with the matrices of its kernels.
///
/// It is what [`DenseCrf`](super::DenseCrf) approximates: for tests, and for small pictures
/// where each digit counts.
#[derive(Debug, Clone)]
pub struct ExactCrf {
    points: usize,
    terms: Vec<(Array2<f64>, Compatibility)>,
}

impl ExactCrf {
    /// Computes the kernels.
    ///
    /// # Errors
    /// [`Error::TooManyPoints`] above 8192 points; [`Error::LengthMismatch`] if terms differ
    /// in the number of points; [`Error::InvalidFeature`] for a feature that is not finite;
    /// [`Error::InvalidSetting`] for a wrong compatibility.
    pub fn new(points: usize, terms: &[ExactTerm]) -> Result<Self> {
        if points > MAX_POINTS {
            return Err(Error::TooManyPoints { points, limit: MAX_POINTS });
        }
        let mut matrices = Vec::new();
        for term in terms {
            check_points("features", term.features.ncols(), points)?;
            for ((dimension, point), &value) in term.features.indexed_iter() {
                if !value.is_finite() {
                    return Err(Error::InvalidFeature { dimension, point, value: value as f32 });
                }
            }
            term.compatibility.validate()?;
            let matrix = kernel_matrix(&term.features, term.normalization);
            matrices.push((matrix, term.compatibility.clone()));
        }
        Ok(Self { points, terms: matrices })
    }

    /// The probabilities after so many parallel updates.
    ///
    /// # Shapes
    /// `unary` and the result [K, N].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if the unary or a compatibility does not fit;
    /// [`Error::InvalidUnary`] for NaN, minus infinity, or a point without a possible class.
    pub fn infer(&self, unary: ArrayView2<'_, f64>, iterations: usize) -> Result<Array2<f64>> {
        self.check(unary)?;
        let mut q = unary.mapv(|u| -u);
        softmax(&mut q);
        for _ in 0..iterations {
            let mut logits = unary.mapv(|u| -u);
            for (kernel, compatibility) in &self.terms {
                logits = logits - costs(compatibility, &q.dot(&kernel.t()));
            }
            softmax(&mut logits);
            q = logits;
        }
        Ok(q)
    }

    /// The energy of labels: unary energies plus the pairwise ones, each pair of points counted
    /// once and each point with itself by half.
    ///
    /// # Shapes
    /// `unary` [K, N]; `labels` N.
    ///
    /// # Errors
    /// As [`ExactCrf::infer`]; [`Error::InvalidLabel`].
    pub fn energy(&self, unary: ArrayView2<'_, f64>, labels: &[usize]) -> Result<f64> {
        self.check(unary)?;
        check_points("labels", labels.len(), self.points)?;
        let mut q = Array2::zeros(unary.dim());
        let classes = unary.nrows();
        for (point, &label) in labels.iter().enumerate() {
            if label >= classes {
                return Err(Error::InvalidLabel { point, label, classes });
            }
            q[(label, point)] = 1.0;
        }
        Ok(self.expected_energy(unary, &q))
    }

    /// The mean-field objective: expected energy minus entropy. A lower one is nearer to the
    /// distribution of the field.
    ///
    /// # Shapes
    /// `unary` and `probabilities` [K, N].
    ///
    /// # Errors
    /// As [`ExactCrf::infer`].
    pub fn free_energy(
        &self,
        unary: ArrayView2<'_, f64>,
        probabilities: ArrayView2<'_, f64>,
    ) -> Result<f64> {
        self.check(unary)?;
        check_points("probabilities", probabilities.ncols(), self.points)?;
        check_points("probabilities", probabilities.nrows(), unary.nrows())?;
        let q = probabilities.to_owned();
        let entropy: f64 = q.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum();
        Ok(self.expected_energy(unary, &q) - entropy)
    }

    fn expected_energy(&self, unary: ArrayView2<'_, f64>, q: &Array2<f64>) -> f64 {
        // An impossible label without probability costs nothing.
        let sum = |(q, u): (&f64, &f64)| if *q > 0.0 { q * u } else { 0.0 };
        let mut energy: f64 = q.iter().zip(&unary).map(sum).sum();
        for (kernel, compatibility) in &self.terms {
            energy += 0.5 * (q * &costs(compatibility, &q.dot(&kernel.t()))).sum();
        }
        energy
    }

    fn check(&self, unary: ArrayView2<'_, f64>) -> Result<()> {
        check_points("unary", unary.ncols(), self.points)?;
        if unary.nrows() == 0 {
            let expected = "at least 1";
            return Err(Error::InvalidSetting { field: "classes", value: 0.0, expected });
        }
        for ((class, point), &value) in unary.indexed_iter() {
            let impossible = class == 0 && unary.column(point).iter().all(|u| *u == f64::INFINITY);
            if value.is_nan() || value == f64::NEG_INFINITY || impossible {
                return Err(Error::InvalidUnary { class, point, value: value as f32 });
            }
        }
        for (_, compatibility) in &self.terms {
            compatibility.check_classes(unary.nrows())?;
        }
        Ok(())
    }
}

/// The energy of each label at each point from the filtered probabilities.
fn costs(compatibility: &Compatibility, filtered: &Array2<f64>) -> Array2<f64> {
    let classes = filtered.nrows();
    let matrix = compatibility.matrix(classes);
    let mut out = Array2::zeros(filtered.dim());
    for a in 0..classes {
        for b in 0..classes {
            out.row_mut(a).scaled_add(f64::from(matrix[a * classes + b]), &filtered.row(b));
        }
    }
    out
}

fn softmax(logits: &mut Array2<f64>) {
    for mut column in logits.columns_mut() {
        let largest = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        column.mapv_inplace(|v| (v - largest).exp());
        let sum = column.sum();
        column.mapv_inplace(|v| v / sum);
    }
}
