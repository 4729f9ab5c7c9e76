//! Which pixels belong to the same pattern.

use ndarray::ArrayView2;

use crate::error::{check_setting, same_length};
use crate::{BinaryCounts, Error, Result};

/// Compares predicted similarities of all pairs of pixels with patterns: a pair is true if one
/// pattern has both pixels, and predicted if its similarity is above `threshold`. The F1 of the
/// counts is the pixel similarity F1; add the counts of several pictures.
///
/// The first pattern is the background. It is left out, and so are the rows of pixels that no
/// other pattern has: what is like the background says nothing.
///
/// # Shapes
/// `predicted` `[pixels, pixels]`, row i the similarities to pixel i; `patterns`
/// `[patterns, pixels]`.
///
/// # Examples
/// ```
/// use ndarray::array;
/// let patterns = array![[true, false, false], [false, true, true]];
/// let predicted = array![[1.0, 0.9, 0.0], [0.7, 1.0, 0.8], [0.1, 0.2, 1.0]];
/// let counts = mapvec_metrics::pixel_similarity(predicted.view(), patterns.view(), 0.5)?;
/// // The first pixel is background. In the other rows 3 of 4 pairs are found, and one is wrong.
/// assert_eq!(counts.f_beta(1.0), Some(0.75));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::LengthMismatch`] if the pixels of both are not as many; [`Error::InvalidSetting`] for
/// a threshold that is not finite; [`Error::InvalidEntry`] with the place in reading order of a
/// similarity that is not a number.
pub fn pixel_similarity(
    predicted: ArrayView2<'_, f32>,
    patterns: ArrayView2<'_, bool>,
    threshold: f32,
) -> Result<BinaryCounts> {
    let pixels = patterns.ncols();
    for side in [predicted.nrows(), predicted.ncols()] {
        same_length("predicted", side, pixels, "the pixels of `patterns`")?;
    }
    check_setting("threshold", f64::from(threshold), threshold.is_finite(), "finite")?;
    if let Some(index) = predicted.iter().position(|similarity| similarity.is_nan()) {
        let (field, value) = ("predicted", f64::NAN);
        return Err(Error::InvalidEntry { field, index, value, expected: "a number" });
    }
    let mut counts = BinaryCounts::default();
    let mut alike = vec![false; pixels];
    for (pixel, similarities) in predicted.rows().into_iter().enumerate() {
        alike.fill(false);
        let own = patterns.rows().into_iter().skip(1).filter(|pattern| pattern[pixel]);
        for pattern in own {
            alike.iter_mut().zip(pattern).for_each(|(alike, &inside)| *alike |= inside);
        }
        // A pixel is like itself, if it belongs to a pattern at all.
        if !alike[pixel] {
            continue;
        }
        for (&similarity, &truth) in similarities.iter().zip(&alike) {
            let found = similarity > threshold;
            counts.true_positives += u64::from(found && truth);
            counts.false_positives += u64::from(found && !truth);
            counts.false_negatives += u64::from(!found && truth);
        }
    }
    Ok(counts)
}
