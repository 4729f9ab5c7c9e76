//! A loss that is a mean over classes, with the values of the classes.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// A loss over classes, and what each class adds, for logs.
#[derive(Debug, Clone)]
pub struct ClassLoss {
    /// The mean over the classes that count, a scalar with its gradient.
    pub loss: Tensor,
    /// The value of each class, a mean over samples where sums are per sample; none for a
    /// class that does not count.
    pub classes: Vec<Option<f64>>,
}

/// What becomes of a class without a pixel in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentClasses {
    /// It does not count: the mean is over the classes that occur, 0 where none does.
    #[default]
    Exclude,
    /// It counts; predicted nowhere it is a perfect match.
    Include,
}

/// Which pixels are summed before classes are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SumOver {
    /// All pixels of the batch: one score per class. Steady where classes are rare.
    #[default]
    Batch,
    /// The pixels of a sample: a score per sample and class, all of which count the same.
    Sample,
}

impl ClassLoss {
    /// The mean of `values` `[G, K]` where `counted` (`U8`) is 1.
    pub(crate) fn of(values: &Tensor, counted: &Tensor) -> Result<Self> {
        let (groups, classes) = values.dims2()?;
        let host = values.detach().to_dtype(DType::F64)?.to_vec2::<f64>()?;
        let flags = counted.to_vec2::<u8>()?;
        let mut named = Vec::with_capacity(classes);
        let mut total = 0_usize;
        for class in 0..classes {
            let (mut sum, mut count) = (0.0, 0_usize);
            for group in (0..groups).filter(|&group| flags[group][class] == 1) {
                sum += host[group][class];
                count += 1;
            }
            named.push((count > 0).then(|| sum / count as f64));
            total += count;
        }
        let kept = counted.where_cond(values, &values.zeros_like()?)?;
        let loss = (kept.sum_all()? / total.max(1) as f64)?;
        Ok(Self { loss, classes: named })
    }
}
