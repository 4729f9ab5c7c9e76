//! A kernel, prepared for the mean field.

use super::config::{Compatibility, FilterMethod, Normalization};
use super::convolution::GridKernel;
use super::features::Features;
use super::lattice::PermutohedralLattice;
use crate::{Error, Result};

/// Up to so many points a kernel is summed exactly unless the lattice is asked for.
pub(crate) const FEW_POINTS: usize = 1024;
/// Most points of the matrix of all pairs.
const MAX_MATRIX: usize = 8192;

/// How the sum over points is done.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    Grid(Box<GridKernel>),
    Lattice {
        lattice: Box<PermutohedralLattice>,
        normalization: Normalization,
        /// Factors of each point before and after the sum.
        before: Vec<f32>,
        after: Vec<f32>,
    },
    /// All pairs, normalised: row j has what point j gives to the others.
    Matrix(Vec<f32>),
}

/// A kernel and its compatibility.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    pub(crate) filter: Filter,
    pub(crate) compatibility: Compatibility,
}

impl Filter {
    /// A filter for points in any space.
    pub(crate) fn of_features(
        features: &Features,
        normalization: Normalization,
        method: FilterMethod,
        bands: &[std::ops::Range<usize>],
    ) -> Result<Self> {
        let points = features.points();
        let exact = match method {
            FilterMethod::Auto => points <= FEW_POINTS,
            FilterMethod::Lattice => false,
            FilterMethod::Exact => true,
        };
        if exact {
            if points > MAX_MATRIX {
                return Err(Error::TooManyPoints { points, limit: MAX_MATRIX });
            }
            return Ok(Self::Matrix(matrix(features, normalization)));
        }
        let lattice = PermutohedralLattice::in_bands(features, bands)?;
        Ok(Self::of_lattice(lattice, normalization))
    }

    /// A filter on a lattice.
    pub(crate) fn of_lattice(lattice: PermutohedralLattice, normalization: Normalization) -> Self {
        let points = lattice.points;
        let sums = if normalization == Normalization::None {
            vec![1.0; points]
        } else {
            lattice.filter_one(&vec![1.0; points], false)
        };
        // The scale of the slice stands in the factor after it.
        let scale = lattice.scale();
        let (before, after) = sums
            .iter()
            .map(|&sum| {
                let (before, after) = normalization.factors(f64::from(sum));
                (before as f32, after as f32 * scale)
            })
            .unzip();
        Self::Lattice { lattice: Box::new(lattice), normalization, before, after }
    }
}

/// The matrix of a kernel, normalised.
fn matrix(features: &Features, normalization: Normalization) -> Vec<f32> {
    let n = features.points();
    let d = features.dimension();
    let rows: Vec<&[f32]> = (0..d).map(|i| features.row(i)).collect();
    let mut weights = vec![0.0_f64; n * n];
    for i in 0..n {
        for j in 0..=i {
            let square: f64 =
                rows.iter().map(|row| (f64::from(row[i]) - f64::from(row[j])).powi(2)).sum();
            let weight = (-0.5 * square).exp();
            weights[i * n + j] = weight;
            weights[j * n + i] = weight;
        }
    }
    let factors: Vec<(f64, f64)> =
        (0..n).map(|i| normalization.factors(weights[i * n..(i + 1) * n].iter().sum())).collect();
    (0..n * n)
        .map(|index| {
            let (j, i) = (index / n, index % n);
            (weights[index] * factors[i].1 * factors[j].0) as f32
        })
        .collect()
}
