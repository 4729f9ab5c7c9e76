//! Means of losses and of other values with weights.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::error::same_length;
use crate::{Error, Result};

/// Values and their weights, such as the losses of pixels. Those of several pictures and
/// workers can be added; the means are those of all values together, never of other means.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedMean {
    /// Sum of the values times their weights.
    pub sum: f64,
    /// Sum of the weights.
    pub weight: f64,
    /// Number of values, those of weight 0 among them.
    pub count: u64,
}

impl WeightedMean {
    /// Sum over sum of the weights; none without a weight.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// Sum over number of values, those of weight 0 among them, as a loss is reduced during
    /// training; none without values.
    #[must_use]
    pub fn per_value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// The sums of values, each with its weight, or all with a weight of 1.
///
/// # Examples
/// ```
/// use mapvec_metrics::weighted_mean;
/// let mut losses = weighted_mean(&[2.0, 4.0], Some(&[1.0, 3.0]))?;
/// losses += weighted_mean(&[9.0], Some(&[0.0]))?;
/// assert_eq!(losses.mean(), Some(3.5));
/// assert_eq!(losses.per_value(), Some(14.0 / 3.0));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::LengthMismatch`] if there is not one weight for each value;
/// [`Error::InvalidEntry`] for a value that is not finite, or a weight that is not finite or
/// negative.
pub fn weighted_mean(values: &[f64], weights: Option<&[f64]>) -> Result<WeightedMean> {
    let mut sums = WeightedMean { count: values.len() as u64, ..WeightedMean::default() };
    if let Some(weights) = weights {
        same_length("weights", weights.len(), values.len(), "`values`")?;
    }
    for (index, &value) in values.iter().enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[index]);
        if !value.is_finite() {
            let (field, expected) = ("values", "finite");
            return Err(Error::InvalidEntry { field, index, value, expected });
        }
        if !(weight.is_finite() && weight >= 0.0) {
            let (field, expected) = ("weights", "finite and not negative");
            return Err(Error::InvalidEntry { field, index, value: weight, expected });
        }
        sums.sum += weight * value;
        sums.weight += weight;
    }
    Ok(sums)
}

impl AddAssign for WeightedMean {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.weight += other.weight;
        self.count += other.count;
    }
}

impl Sum for WeightedMean {
    fn sum<I: Iterator<Item = Self>>(means: I) -> Self {
        means.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}
