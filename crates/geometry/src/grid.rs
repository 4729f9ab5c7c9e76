//! From plane positions to cell indices, clamped to the grid.

/// Index of the cell that holds `position`, clamped to `0..=len`.
#[expect(clippy::cast_sign_loss, reason = "the value is clamped to 0..=len, and NaN becomes 0")]
#[inline]
pub(crate) fn floor_index(position: f64, len: usize) -> usize {
    // By way of a signed whole number, which processors convert fastest.
    clamped(position, len) as i64 as usize
}

/// Smallest index that is not below `position`, clamped to `0..=len`.
#[expect(clippy::cast_sign_loss, reason = "the value is clamped to 0..=len, and NaN becomes 0")]
#[inline]
pub(crate) fn ceil_index(position: f64, len: usize) -> usize {
    let clamped = clamped(position, len);
    let floor = clamped as i64;
    (floor + i64::from((floor as f64) < clamped)) as usize
}

/// `position` in `0..=len`, and 0 for NaN: a cast to a whole number takes the floor.
#[inline]
fn clamped(position: f64, len: usize) -> f64 {
    position.max(0.0).min(len as f64)
}

/// The half-open range of cells whose centre (index + 0.5) lies in `[low, high)`.
#[inline]
pub(crate) fn centres(low: f64, high: f64, len: usize) -> std::ops::Range<usize> {
    ceil_index(low - 0.5, len)..ceil_index(high - 0.5, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_clamped() {
        assert_eq!(floor_index(-3.2, 5), 0);
        assert_eq!(floor_index(1e300, 5), 5);
        assert_eq!(floor_index(f64::NAN, 5), 0);
        assert_eq!(ceil_index(2.1, 5), 3);
        assert_eq!((ceil_index(-0.5, 5), ceil_index(3.0, 5), ceil_index(7.5, 5)), (0, 3, 5));
        assert_eq!(ceil_index(f64::NAN, 5), 0);
        assert_eq!(centres(0.5, 1.5, 9), 0..1);
    }
}
