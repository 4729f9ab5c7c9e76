//! A loss made of several terms.

use candle_core::Tensor;

use crate::error::{Error, Result};

/// A scalar to descend, and what it is made of.
#[derive(Debug, Clone)]
pub struct Composite {
    /// The weighted sum, a scalar with its gradient.
    pub loss: Tensor,
    /// Names and values of the terms before their weights, for logs.
    pub terms: Vec<(&'static str, f64)>,
    /// Where a term is a mean over classes: the value of each class, none for one that does not
    /// count. Empty without such a term.
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
            named.push((*name, term.to_dtype(candle_core::DType::F64)?.to_scalar::<f64>()?));
            let weighted = if *weight == 0.0 { term.zeros_like()? } else { (term * *weight)? };
            loss = Some(match loss {
                Some(sum) => (sum + weighted)?,
                None => weighted,
            });
        }
        let loss = loss.ok_or_else(Self::without_terms)?;
        Ok(Self { loss, terms: named, classes: Vec::new() })
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
