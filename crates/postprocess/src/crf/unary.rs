//! Unary energies from what is known about each point.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3};

use crate::{Error, Result};

/// Smallest probability that is taken for possible.
const SMALLEST: f32 = 1e-12;

/// Energies `-ln p`; probabilities below 10^-12 count as that, so that no label is ruled out.
///
/// # Shapes
/// `probabilities` and the result [K, H, W].
///
/// # Errors
/// [`Error::InvalidUnary`] for a probability that is negative or not finite.
pub fn unary_from_probabilities(probabilities: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
    let columns = probabilities.dim().2;
    for ((class, row, column), &value) in probabilities.indexed_iter() {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Error::InvalidUnary { class, point: row * columns + column, value });
        }
    }
    Ok(probabilities.mapv(|p| -p.max(SMALLEST).ln()))
}

/// Energies of hard labels that are right with probability `confidence`; the other classes
/// share the rest. Labels of `None` are unknown: all classes are as likely.
///
/// # Shapes
/// `labels` [H, W]; the result [K, H, W].
///
/// # Errors
/// [`Error::InvalidSetting`] if `confidence` is not inside (0, 1) or there is no class;
/// [`Error::InvalidLabel`] for a label that is not below `classes`.
pub fn unary_from_labels(
    labels: ArrayView2<'_, Option<usize>>,
    classes: usize,
    confidence: f64,
) -> Result<Array3<f32>> {
    if classes == 0 {
        let expected = "at least 1";
        return Err(Error::InvalidSetting { field: "classes", value: 0.0, expected });
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        let expected = "above 0 and below 1";
        return Err(Error::InvalidSetting { field: "confidence", value: confidence, expected });
    }
    let (rows, columns) = labels.dim();
    let others = (classes - 1).max(1) as f64;
    let own = -confidence.ln() as f32;
    let other = -((1.0 - confidence) / others).ln() as f32;
    let unknown = (classes as f64).ln() as f32;
    let mut unary = Array3::from_elem((classes, rows, columns), unknown);
    for ((row, column), label) in labels.indexed_iter() {
        let Some(label) = *label else { continue };
        if label >= classes {
            return Err(Error::InvalidLabel { point: row * columns + column, label, classes });
        }
        for class in 0..classes {
            unary[(class, row, column)] = if class == label { own } else { other };
        }
    }
    Ok(unary)
}

/// Energies of scribbles: 0 is unknown, label k marks class k - 1.
///
/// # Shapes
/// `scribbles` [H, W]; the result [K, H, W].
///
/// # Errors
/// As [`unary_from_labels`].
pub fn unary_from_scribbles(
    scribbles: ArrayView2<'_, u32>,
    classes: usize,
    confidence: f64,
) -> Result<Array3<f32>> {
    let labels: Array2<Option<usize>> = scribbles.mapv(|mark| (mark as usize).checked_sub(1));
    unary_from_labels(labels.view(), classes, confidence)
}
