//! Many assignments at once.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::{Assignment, AssignmentConfig, Error, Result, assign_with};

/// Assigns every matrix of a batch, in parallel; the same with any number of threads.
///
/// # Shapes
/// Each matrix has a shape of its own; there is one result per matrix, in their order.
///
/// # Errors
/// [`Error::Batch`] with the first matrix that [`assign_with`] refuses, and why.
pub fn assign_batch(
    costs: &[ArrayView2<'_, f64>],
    config: &AssignmentConfig,
) -> Result<Vec<Assignment>> {
    let found: Vec<Result<Assignment>> =
        costs.par_iter().map(|costs| assign_with(costs.view(), config)).collect();
    let named = found.into_iter().enumerate().map(|(index, result)| {
        result.map_err(|source| Error::Batch { index, source: Box::new(source) })
    });
    named.collect()
}
