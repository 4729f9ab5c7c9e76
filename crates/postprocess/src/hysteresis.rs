//! Threshold with two levels.

use ndarray::{Array2, ArrayView2};

use crate::{Connectivity, Error, Result, components};

/// Keeps the pixels of at least `low` that are 8-connected, through such
/// pixels, to one of at least `high`. NaN scores count as below `low`.
///
/// Finds faint pieces of a line that continues a clear one, and drops faint
/// pieces that stand alone.
///
/// # Errors
/// [`Error::InvalidSetting`] if a threshold is NaN or `low` is above `high`.
///
/// # References
/// J. Canny, A computational approach to edge detection, IEEE Transactions on
/// Pattern Analysis and Machine Intelligence 8(6), 1986.
pub fn hysteresis(score: ArrayView2<'_, f32>, low: f32, high: f32) -> Result<Array2<bool>> {
    if high.is_nan() {
        let (value, expected) = (f64::from(high), "a number");
        return Err(Error::InvalidSetting { field: "high", value, expected });
    }
    if low.is_nan() || low > high {
        let (value, expected) = (f64::from(low), "a number not above `high`");
        return Err(Error::InvalidSetting { field: "low", value, expected });
    }
    let weak = components(score.mapv(|s| s >= low).view(), Connectivity::Eight);
    let mut kept = vec![false; weak.areas.len()];
    for (&label, &s) in weak.labels.iter().zip(score.iter()) {
        kept[label as usize] |= s >= high;
    }
    Ok(weak.labels.mapv(|label| kept[label as usize]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn faint_pixels_need_a_strong_one() {
        let score = array![[0.9, 0.4, 0.1, 0.4], [0.0, 0.0, 0.4, f32::NAN], [0.4, 0.0, 0.0, 0.0]];
        let kept = hysteresis(score.view(), 0.3, 0.8).unwrap();
        let expected = array![[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]].mapv(|v| v > 0);
        assert_eq!(kept, expected);
    }

    #[test]
    fn thresholds_are_checked() {
        let score = array![[0.5]];
        for (low, high, name) in
            [(0.9, 0.1, "low"), (f32::NAN, 0.1, "low"), (0.1, f32::NAN, "high")]
        {
            let refused = hysteresis(score.view(), low, high);
            assert!(matches!(refused, Err(Error::InvalidSetting { field, .. }) if field == name));
        }
    }
}
