//! A loss with named terms.

use candle_core::{DType, Tensor};

use crate::error::{Error, Result};
use crate::precision::widen;

/// A scalar to descend, and what it is made of.
#[derive(Debug, Clone)]
pub struct Composite {
    /// The weighted sum, a scalar with its gradient.
    pub loss: Tensor,
    /// Names and values of the terms before their weights, for logs.
    pub terms: Vec<(&'static str, f64)>,
    /// Where a term is a mean over classes: the value of each class, a mean over samples where
    /// sums are per sample; none for a class that does not count. Empty without such a term.
    pub classes: Vec<Option<f64>>,
}

impl Composite {
    /// The sum of `weight * term`; a term of weight 0 is reported and not descended.
    ///
    /// `terms` must not be empty.
    pub(crate) fn of(terms: &[(&'static str, f64, Tensor)]) -> Result<Self> {
        let mut loss: Option<Tensor> = None;
        let mut named = Vec::with_capacity(terms.len());
        for (name, weight, term) in terms {
            named.push((*name, term.to_dtype(DType::F64)?.to_scalar::<f64>()?));
            let term = &widen(term)?;
            let weighted = if *weight == 0.0 { term.zeros_like()? } else { (term * *weight)? };
            loss = Some(match loss {
                Some(sum) => (sum + weighted)?,
                None => weighted,
            });
        }
        let loss = loss.ok_or_else(Self::without_terms)?;
        Ok(Self { loss, terms: named, classes: Vec::new() })
    }

    /// One term `name`, the mean of the classes' `values` `[G, K]` where `counted` (`U8`) is 1.
    pub(crate) fn over_classes(
        name: &'static str,
        values: &Tensor,
        counted: &Tensor,
    ) -> Result<Self> {
        let (groups, classes) = values.dims2()?;
        let host = values.detach().to_dtype(DType::F64)?.to_vec2::<f64>()?;
        let flags = counted.to_vec2::<u8>()?;
        let mut named = Vec::with_capacity(classes);
        let (mut all, mut total) = (0.0, 0_usize);
        for class in 0..classes {
            let (mut sum, mut count) = (0.0, 0_usize);
            for group in (0..groups).filter(|&group| flags[group][class] == 1) {
                sum += host[group][class];
                count += 1;
            }
            named.push((count > 0).then(|| sum / count as f64));
            all += sum;
            total += count;
        }
        let total = total.max(1) as f64;
        let kept = counted.where_cond(values, &values.zeros_like()?)?;
        let loss = (kept.sum_all()? / total)?;
        Ok(Self { loss, terms: vec![(name, all / total)], classes: named })
    }

    /// The error of a sum of nothing.
    pub(crate) fn without_terms() -> Error {
        Error::Config { field: "terms", value: "none".to_owned(), expected: "one term or more" }
    }

    /// The value of a term by its name.
    #[must_use]
    pub fn term(&self, name: &str) -> Option<f64> {
        self.terms.iter().find(|(other, _)| *other == name).map(|&(_, value)| value)
    }
}
