//! How many components a mixture should have.

use std::ops::RangeInclusive;

use ndarray::ArrayView2;

use super::gaussian_mixture::{GaussianMixture, GaussianMixtureConfig, gaussian_mixture};
use crate::{Error, Result};

/// What [`choose_components`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentChoice {
    /// The mixture with the lowest criterion.
    pub mixture: GaussianMixture,
    /// Number of components and Bayesian information criterion of every mixture tried.
    pub criteria: Vec<(usize, f64)>,
}

/// Fits a mixture for every number of components in `range` and keeps the one with the lowest
/// [Bayesian information criterion](GaussianMixture::bic), the smallest of equal ones. The
/// number in `config` has no effect.
///
/// # Errors
/// As [`gaussian_mixture`]; [`Error::InvalidSetting`] for an empty range.
pub fn choose_components(
    points: ArrayView2<'_, f32>,
    range: RangeInclusive<usize>,
    config: &GaussianMixtureConfig,
) -> Result<ComponentChoice> {
    let mut criteria = Vec::new();
    let mut best: Option<(f64, GaussianMixture)> = None;
    for components in range {
        let mixture =
            gaussian_mixture(points, &GaussianMixtureConfig { components, ..config.clone() })?;
        let criterion = mixture.bic(points)?;
        criteria.push((components, criterion));
        if best.as_ref().is_none_or(|best| criterion < best.0) {
            best = Some((criterion, mixture));
        }
    }
    let expected = "at least one number";
    let (_, mixture) =
        best.ok_or(Error::InvalidSetting { field: "range", value: 0.0, expected })?;
    Ok(ComponentChoice { mixture, criteria })
}
