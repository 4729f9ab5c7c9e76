//! What an inference gives back.

use ndarray::{Array2, Array3};

/// Probabilities of the classes of a picture and how they came about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PictureInference {
    /// [K, H, W]; the classes of a pixel sum to 1.
    pub probabilities: Array3<f32>,
    /// [H, W]; the most likely class, of equal ones the first.
    pub labels: Array2<usize>,
    /// How the iterations went.
    pub report: ConvergenceReport,
}

/// Probabilities of the classes of points and how they came about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PointInference {
    /// [K, N]; the classes of a point sum to 1.
    pub probabilities: Array2<f32>,
    /// The most likely class of each point, of equal ones the first.
    pub labels: Vec<usize>,
    /// How the iterations went.
    pub report: ConvergenceReport,
}

/// How the iterations of a mean field went.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ConvergenceReport {
    /// One entry per iteration.
    pub iterations: Vec<IterationReport>,
    /// Whether the last change was at most the tolerance.
    pub converged: bool,
}

/// How far one iteration moved.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct IterationReport {
    /// Largest change of a probability, where asked for or needed to stop.
    pub largest_change: Option<f32>,
    /// Mean absolute change over points and classes, where asked for or needed to stop.
    pub mean_change: Option<f64>,
    /// Expected energy minus entropy of the probabilities before the iteration, where asked
    /// for.
    ///
    /// It never rises (but for rounding) with exact kernels, normalised symmetrically or not
    /// at all, and labels that save nothing by being mixed: weights of 0 or more, or a matrix
    /// without positive eigenvalues. A Gaussian kernel with its own point has no negative
    /// eigenvalue then, so that the pairwise energy is concave, and the parallel update
    /// minimises its tangent plus the rest, which is never below it (the concave-convex
    /// procedure). The convolution keeps this as far as its cut-off allows. On the
    /// lattice, whose kernel is not quite symmetric, it falls mostly; negative weights and
    /// other normalisations may make it swing.
    ///
    /// # References
    /// P. Kraehenbuehl and V. Koltun, Parameter Learning and Convergent Inference for Dense
    /// Random Fields, ICML 2013.
    pub free_energy: Option<f64>,
}
