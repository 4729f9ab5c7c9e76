//! Settings of a dense conditional random field.

use serde::{Deserialize, Serialize};

use super::features::check_sigmas;
use crate::{Error, Result};

/// Settings of a [`DenseCrf`](super::DenseCrf) over the pixels of a picture.
///
/// The default is the published setting: a Gaussian kernel of 3 pixels that removes specks
/// (weight 3) and a bilateral kernel of 80 pixels and 13 grey levels (of 255) that pulls
/// borders to edges of the picture (weight 10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenseCrfConfig {
    /// The pairwise terms; their energies are added.
    pub terms: Vec<PairwiseTerm>,
}

impl Default for DenseCrfConfig {
    fn default() -> Self {
        let gaussian = KernelShape::Gaussian { sigma: [3.0; 2] };
        let bilateral = KernelShape::Bilateral { sigma: [80.0; 2], color_sigma: vec![13.0] };
        Self {
            terms: vec![PairwiseTerm::potts(gaussian, 3.0), PairwiseTerm::potts(bilateral, 10.0)],
        }
    }
}

impl DenseCrfConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a sigma or a weight outside its range.
    pub fn validate(&self) -> Result<()> {
        for term in &self.terms {
            match &term.kernel {
                KernelShape::Gaussian { sigma } => check_sigmas("sigma", sigma, 2)?,
                KernelShape::Bilateral { sigma, color_sigma } => {
                    check_sigmas("sigma", sigma, 2)?;
                    check_sigmas("color_sigma", color_sigma, color_sigma.len())?;
                }
            }
            term.compatibility.validate()?;
        }
        Ok(())
    }
}

/// A kernel and what it costs if the points that it joins have different labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairwiseTerm {
    /// Which pixels are joined.
    pub kernel: KernelShape,
    /// What labels cost each other.
    pub compatibility: Compatibility,
    /// How the kernel is normalised.
    #[serde(default)]
    pub normalization: Normalization,
    /// How the kernel is summed.
    #[serde(default)]
    pub method: FilterMethod,
}

impl PairwiseTerm {
    /// A Potts term, symmetrically normalised.
    #[must_use]
    pub fn potts(kernel: KernelShape, weight: f32) -> Self {
        Self {
            kernel,
            compatibility: Compatibility::Potts(weight),
            normalization: Normalization::default(),
            method: FilterMethod::default(),
        }
    }
}

/// Which pixels a kernel joins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KernelShape {
    /// Near pixels.
    Gaussian {
        /// Standard deviation of rows and columns in pixels; positive.
        sigma: [f64; 2],
    },
    /// Near pixels of similar colour.
    Bilateral {
        /// Standard deviation of rows and columns in pixels; positive.
        sigma: [f64; 2],
        /// Standard deviation of the channels in the units of the picture, one for all or one
        /// per channel; positive.
        color_sigma: Vec<f64>,
    },
}

/// What two labels cost each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compatibility {
    /// This weight where labels differ.
    Potts(f32),
    /// Label k saves its own weight where both have it; one weight per class.
    PerClass(Vec<f32>),
    /// Row a, column b: the energy of labels a and b; made symmetric by the mean with the
    /// transpose. Potts with weight w is `-w` on the diagonal.
    Matrix(Vec<Vec<f32>>),
}

/// Largest weight: sums over a billion points stay finite.
const MAX_WEIGHT: f32 = 1e6;

impl Compatibility {
    /// Checks that weights are finite, at most 10^6 in size, and, of a matrix, that it is square.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        let check = |&weight: &f32| {
            if weight.abs() <= MAX_WEIGHT {
                return Ok(());
            }
            let expected = "finite and at most 1e6 in size";
            Err(Error::InvalidSetting {
                field: "compatibility",
                value: f64::from(weight),
                expected,
            })
        };
        match self {
            Self::Potts(weight) => check(weight),
            Self::PerClass(weights) => weights.iter().try_for_each(check),
            Self::Matrix(rows) => {
                for row in rows {
                    super::features::check_points("compatibility", row.len(), rows.len())?;
                }
                rows.iter().flatten().try_for_each(check)
            }
        }
    }

    /// Checks that it fits a number of classes.
    pub(crate) fn check_classes(&self, classes: usize) -> Result<()> {
        let found = match self {
            Self::Potts(_) => return Ok(()),
            Self::PerClass(weights) => weights.len(),
            Self::Matrix(rows) => rows.len(),
        };
        super::features::check_points("compatibility", found, classes)
    }

    /// What each label saves where both have it; none for a matrix.
    pub(crate) fn diagonal(&self, classes: usize) -> Option<Vec<f32>> {
        match self {
            Self::Potts(weight) => Some(vec![*weight; classes]),
            Self::PerClass(weights) => Some(weights.clone()),
            Self::Matrix(_) => None,
        }
    }

    /// The energies of all pairs of labels, up to a constant, row-major.
    pub(crate) fn matrix(&self, classes: usize) -> Vec<f32> {
        let mut out = vec![0.0; classes * classes];
        for a in 0..classes {
            for b in 0..classes {
                out[a * classes + b] = match self {
                    Self::Potts(weight) if a == b => -weight,
                    Self::PerClass(weights) if a == b => -weights[a],
                    Self::Matrix(rows) => f32::midpoint(rows[a][b], rows[b][a]),
                    _ => 0.0,
                };
            }
        }
        out
    }
}

/// How a kernel is normalised; `s_i` is the sum of the kernel over all points, i included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Not at all.
    None,
    /// Values are divided by `s_j` before they are summed.
    Before,
    /// Sums are divided by `s_i`.
    After,
    /// Both by the square roots.
    #[default]
    Symmetric,
}

impl Normalization {
    /// Factors before and after the sum.
    pub(crate) fn factors(self, sum: f64) -> (f64, f64) {
        let whole = 1.0 / (sum + 1e-20);
        match self {
            Self::None => (1.0, 1.0),
            Self::Before => (whole, 1.0),
            Self::After => (1.0, whole),
            Self::Symmetric => (whole.sqrt(), whole.sqrt()),
        }
    }
}

/// How a kernel is summed over all pairs of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterMethod {
    /// A Gaussian kernel on a picture with sigmas of at most 12 pixels by convolution (to about
    /// 10^-4 of its sum), other kernels of at most 1024 points by the matrix of all pairs,
    /// the rest on the lattice.
    #[default]
    Auto,
    /// The permutohedral lattice.
    Lattice,
    /// The matrix of all pairs; at most 8192 points.
    Exact,
}

/// When the mean field stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InferenceConfig {
    /// Largest number of iterations; 0 gives the softmax of the unary, at most 10000.
    pub iterations: usize,
    /// Stop when no probability changed by more; 0 never stops early.
    pub tolerance: f32,
    /// Report how far each iteration moved the probabilities, which costs a tenth more time; a
    /// tolerance above 0 does so, too.
    pub changes: bool,
    /// Compute the free energy of each iterate, which costs a third more time.
    pub free_energy: bool,
}

impl Default for InferenceConfig {
    fn default() -> Self {
        Self { iterations: 5, tolerance: 0.0, changes: false, free_energy: false }
    }
}

impl InferenceConfig {
    /// Whether changes of probabilities are measured.
    pub(crate) fn measures(&self) -> bool {
        self.changes || self.tolerance > 0.0
    }

    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        if self.iterations > 10_000 {
            return Err(Error::InvalidSetting {
                field: "iterations",
                value: self.iterations as f64,
                expected: "at most 10000",
            });
        }
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            return Err(Error::InvalidSetting {
                field: "tolerance",
                value: f64::from(self.tolerance),
                expected: "0 or more",
            });
        }
        Ok(())
    }
}
