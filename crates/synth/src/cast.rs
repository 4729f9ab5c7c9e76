//! Conversions between coordinates and array indices, in one place.

/// The index of the cell that holds `value`: negative values and NaN give 0.
#[expect(clippy::cast_sign_loss, reason = "the conversion saturates: below 0 becomes 0")]
pub(crate) fn to_index(value: f64) -> usize {
    value as usize
}

/// A channel value, rounded and saturated.
#[expect(clippy::cast_sign_loss, reason = "the conversion saturates: below 0 becomes 0")]
pub(crate) fn to_byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// A count as an identifier; saturates, which no sheet of allowed size reaches.
pub(crate) fn to_id(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// An identifier as an index.
pub(crate) fn from_id(value: u32) -> usize {
    value as usize
}
