//! Checks of settings against what they may be.

use crate::error::{Error, Result};

/// Sides of a canvas, px.
pub(crate) const SIZES: std::ops::RangeInclusive<usize> = 16..=1024;

/// Checks one number; NaN is out of every range.
pub(crate) fn in_range(
    field: &'static str,
    value: f64,
    (low, high): (f64, f64),
    expected: &'static str,
) -> Result<()> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(Error::Config { field, value: value.to_string(), expected })
    }
}

/// An error of a field.
pub(crate) fn refuse<T>(field: &'static str, value: usize, expected: &'static str) -> Result<T> {
    Err(Error::Config { field, value: value.to_string(), expected })
}

/// Ranges that exclude their upper end, and the least and the largest value inside.
pub(crate) fn ranges<const N: usize>(
    all: [(&'static str, &[usize; 2], (usize, usize)); N],
) -> Result<()> {
    for (field, range, (least, most)) in all {
        if range[0] < least || range[1] > most + 1 || range[0] >= range[1] {
            let value = format!("[{}, {}]", range[0], range[1]);
            return Err(Error::Range { field, value, least, most: most + 1 });
        }
    }
    Ok(())
}

/// Counts with the least and the largest that is allowed.
pub(crate) fn counts<const N: usize>(
    all: [(&'static str, usize, (usize, usize)); N],
) -> Result<()> {
    for (field, value, (least, most)) in all {
        if !(least..=most).contains(&value) {
            return Err(Error::Count { field, value, least, most });
        }
    }
    Ok(())
}

/// Weights from 0, one of them above it.
pub(crate) fn weights<'a>(field: &'static str, all: impl Iterator<Item = &'a f64>) -> Result<()> {
    let mut sum = 0.0;
    for weight in all {
        in_range(field, *weight, (0.0, 1e6), "weights from 0 to 1e6, one of them above 0")?;
        sum += weight;
    }
    in_range(field, sum, (f64::MIN_POSITIVE, 1e9), "weights from 0 to 1e6, one of them above 0")
}
