//! What all algorithms ask of points.

use ndarray::{Array2, ArrayView2};

use crate::{Error, Result};

/// Most points: their numbers, and two special ones, must fit 32 bits.
const LIMIT: usize = u32::MAX as usize - 64;

/// Checks that there are dimensions, that all coordinates are finite and that the number of
/// points can be counted.
pub(super) fn check_points(points: ArrayView2<'_, f32>) -> Result<()> {
    let (count, dimensions) = points.dim();
    if count > LIMIT {
        return Err(Error::TooManyPoints { points: count, limit: LIMIT });
    }
    if dimensions == 0 && count > 0 {
        return Err(Error::LengthMismatch { field: "points", expected: 1, found: 0 });
    }
    if points.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    match points.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), _)) => Err(Error::InvalidPoint { row, column }),
        None => Ok(()),
    }
}

/// Checks that there are at least so many points.
pub(super) fn check_count(points: ArrayView2<'_, f32>, needed: usize) -> Result<()> {
    let found = points.nrows();
    if found < needed {
        return Err(Error::TooFewPoints { found, needed });
    }
    Ok(())
}

/// Rows divided by their Euclidean lengths, computed in f64; rows of zeros stay.
pub(super) fn normalized_rows(points: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut points = points.to_owned();
    for mut row in points.rows_mut() {
        let square: f64 = row.iter().map(|&value| f64::from(value).powi(2)).sum();
        if square > 0.0 {
            let length = square.sqrt();
            row.mapv_inplace(|value| (f64::from(value) / length) as f32);
        }
    }
    points
}

/// Coordinates from here on have squares whose sums may leave f32.
const LARGE: f32 = 1e16;

/// Checks that squared distances fit f32.
pub(super) fn check_scale(points: ArrayView2<'_, f32>) -> Result<()> {
    let expected = "at most 1e16 in absolute value in every coordinate; divide by a constant";
    match points.iter().find(|value| value.abs() > LARGE) {
        Some(&value) => {
            Err(Error::InvalidSetting { field: "points", value: f64::from(value), expected })
        }
        None => Ok(()),
    }
}
