//! From plane positions to cell indices, clamped to the grid.

/// Index of the cell that holds `position`, clamped to `0..=len`.
#[allow(
    clippy::cast_sign_loss,
    reason = "the value is clamped to 0..=len before the cast, and NaN becomes 0"
)]
pub(crate) fn floor_index(position: f64, len: usize) -> usize {
    position.floor().clamp(0.0, len as f64) as usize
}

/// Smallest index that is not below `position`, clamped to `0..=len`.
pub(crate) fn ceil_index(position: f64, len: usize) -> usize {
    floor_index(position.ceil(), len)
}

/// The half-open range of cells whose centre (index + 0.5) lies in `[low, high)`.
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
        assert_eq!(centres(0.5, 1.5, 9), 0..1);
    }
}
