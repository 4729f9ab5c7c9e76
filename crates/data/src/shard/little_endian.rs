//! Values of arrays as bytes, the lowest byte first.

use crate::record::Values;

/// Kind of a value, as the formats name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    I32,
    U8,
}

impl Kind {
    pub(crate) fn of(values: &Values) -> Self {
        match values {
            Values::F32(_) => Self::F32,
            Values::I32(_) => Self::I32,
            Values::U8(_) => Self::U8,
        }
    }

    /// Bytes of a value.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::U8 => 1,
        }
    }
}

/// Appends the values.
pub(crate) fn put(out: &mut Vec<u8>, values: &Values) {
    match values {
        Values::F32(values) => put_words(out, values, f32::to_le_bytes),
        Values::I32(values) => put_words(out, values, i32::to_le_bytes),
        Values::U8(values) => out.extend_from_slice(values),
    }
}

fn put_words<T: Copy>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; 4]) {
    let start = out.len();
    out.resize(start + 4 * values.len(), 0);
    for (word, value) in out[start..].as_chunks_mut::<4>().0.iter_mut().zip(values) {
        *word = bytes(*value);
    }
}

/// The values in `bytes`, whose length is a multiple of the kind's width.
pub(crate) fn take(kind: Kind, bytes: &[u8]) -> Values {
    let words = bytes.as_chunks::<4>().0;
    match kind {
        Kind::F32 => Values::F32(words.iter().map(|word| f32::from_le_bytes(*word)).collect()),
        Kind::I32 => Values::I32(words.iter().map(|word| i32::from_le_bytes(*word)).collect()),
        Kind::U8 => Values::U8(bytes.to_vec()),
    }
}
