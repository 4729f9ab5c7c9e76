//! Weights of the pixels of a patch.

use std::f64::consts::TAU;

use ndarray::{Array2, ArrayView, ArrayView2, Dimension, IntoDimension};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a patch is multiplied with before its transform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Window {
    /// 1 everywhere: the narrowest peaks; a strong wave between bins is seen in far ones, too.
    #[default]
    Rectangle,
    /// `sin^2` from border to border: peaks twice as wide, and nothing of a strong wave in bins
    /// far away.
    Hann,
}

impl Window {
    /// The weights of `n` pixels in a line.
    #[must_use]
    pub fn line(self, n: usize) -> Vec<f64> {
        let hann = |i| 0.5 - 0.5 * (TAU * (f64::from(i) + 0.5) / n as f64).cos();
        match self {
            Self::Rectangle => vec![1.0; n],
            Self::Hann => (0_u32..).take(n).map(hann).collect(),
        }
    }

    /// The weights of `[H, W]` pixels, times those of a mask.
    pub(crate) fn weights(
        self,
        size: (usize, usize),
        mask: Option<ArrayView2<'_, f64>>,
    ) -> Result<Array2<f64>> {
        let (rows, columns) = (self.line(size.0), self.line(size.1));
        let mut weights = Array2::from_shape_fn(size, |(y, x)| rows[y] * columns[x]);
        if let Some(mask) = mask {
            check_mask(mask, size)?;
            weights *= &mask;
        }
        Ok(weights)
    }
}

/// Refuses masks of another size, and weights that are negative or not finite.
pub(crate) fn check_mask(mask: ArrayView2<'_, f64>, size: (usize, usize)) -> Result<()> {
    if mask.dim() != size {
        let expected = format!("[{}, {}], the size of the picture", size.0, size.1);
        return Err(Error::Shape { field: "mask", found: mask.shape().to_vec(), expected });
    }
    check_finite("mask", mask)?;
    match mask.iter().find(|weight| **weight < 0.0) {
        Some(&value) => Err(Error::Setting { field: "mask", value, expected: "0 or more" }),
        None => Ok(()),
    }
}

/// Refuses values that are not finite, and arrays without any.
pub(crate) fn check_finite<D: Dimension>(
    field: &'static str,
    values: ArrayView<'_, f64, D>,
) -> Result<()> {
    if values.is_empty() {
        let found = values.shape().to_vec();
        return Err(Error::Shape { field, found, expected: "at least one value".to_owned() });
    }
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some((at, &value)) => {
            let at = at.into_dimension().slice().to_vec();
            Err(Error::NotFinite { field, value, at })
        }
        None => Ok(()),
    }
}
