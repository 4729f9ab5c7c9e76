//! From a value per element to a scalar.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_weights;
use crate::error::{Error, Result};

/// How the values of the elements become the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The mean, weighted where there are weights: `sum(w l) / sum(w)`, 0 if `sum(w)` is 0.
    #[default]
    Mean,
    /// The sum, `sum(w l)`.
    Sum,
    /// No reduction: `w l`, in the shape of the elements.
    None,
}

impl Reduction {
    /// Reduces `values`; `weights` has their shape, or none for 1 each.
    ///
    /// Weights are data: no gradient reaches them. They must be finite and 0 or more.
    pub(crate) fn apply(self, values: &Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
        let Some(weights) = weights else {
            return Ok(match self {
                Self::Mean if values.elem_count() == 0 => values.sum_all()?,
                Self::Mean => values.mean_all()?,
                Self::Sum => values.sum_all()?,
                Self::None => values.clone(),
            });
        };
        if weights.dims() != values.dims() {
            return Err(Error::Shape {
                field: "weights",
                expected: format!("{:?}", values.dims()),
                found: format!("{:?}", weights.dims()),
            });
        }
        check_weights("weights", weights)?;
        let weights = weights.detach().to_dtype(values.dtype())?;
        // A weight of 0 takes an element out, whatever its value.
        let counted = weights.ne(0.0)?.where_cond(values, &values.zeros_like()?)?;
        let weighted = (counted * &weights)?;
        Ok(match self {
            Self::None => weighted,
            Self::Sum => weighted.sum_all()?,
            Self::Mean => {
                let mass = weights.sum_all()?;
                let safe = mass.ne(0.0)?.where_cond(&mass, &mass.ones_like()?)?;
                weighted.sum_all()?.div(&safe)?
            }
        })
    }
}
