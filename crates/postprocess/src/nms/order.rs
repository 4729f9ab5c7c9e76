//! The order of detections, and what their scores must be.

use crate::{Error, Result};

/// Indices, best score first, of equal ones the lower index first.
pub(super) fn by_score(scores: &[f32], mut indices: Vec<usize>) -> Vec<usize> {
    indices.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    indices
}

pub(super) fn same_length(field: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::ShapeMismatch { field, expected: (expected, 1), found: (found, 1) })
}

/// Refuses scores that are NaN.
pub(super) fn check_scores(scores: &[f32]) -> Result<()> {
    match scores.iter().position(|score| score.is_nan()) {
        Some(row) => Err(Error::NotANumber { row, column: 0 }),
        None => Ok(()),
    }
}

/// Refuses scores that cannot be multiplied by a share.
pub(super) fn check_decaying(scores: &[f32]) -> Result<()> {
    check_scores(scores)?;
    match scores.iter().position(|score| !score.is_finite() || *score < 0.0) {
        Some(index) => Err(Error::InvalidScore { index, value: scores[index] }),
        None => Ok(()),
    }
}

pub(super) fn check_threshold(field: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidSetting { field, value, expected: "from 0 to 1" })
}
