//! Weights of classes from how often they occur.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::segmentation::class_target::{ClassTarget, Classes, Fit, not_ids};

/// How a weight follows from the pixels `n_k` of a class, of `n` pixels and `K` classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeighting {
    /// `n / (K n_k)`: the mean weight of a pixel is 1 if all classes occur.
    #[default]
    Balanced,
    /// One over the frequency, `n / n_k`.
    InverseFrequency,
}

/// Pixels per class, for [`class_weights`]; counts of several batches add up. Pixels of weight 0
/// are not counted, others count 1.
///
/// # Shapes
///
/// `target`: ids, not probabilities; the result has `classes` entries.
///
/// # Errors
///
/// [`Error`](crate::Error) for ids that are neither a class nor `ignore`, for an `ignore` that is
/// a class, and for probabilities.
pub fn class_counts<'a>(
    target: impl Into<ClassTarget<'a>>,
    classes: usize,
    ignore: Option<u32>,
) -> Result<Vec<u64>> {
    let target = target.into();
    let sizes: &[usize] = match target.classes {
        Classes::Bytes(ids) => &[ids.len()],
        Classes::Ids(ids) => &[ids.len()],
        // Ids as floats would be taken for probabilities.
        Classes::Tensor(tensor) if tensor.dtype().is_float() => return Err(not_ids(tensor)),
        Classes::Tensor(tensor) => tensor.dims(),
    };
    let shape = [&[1, classes][..], sizes].concat();
    let fit = Fit { name: "class_counts", shape: &shape, classes, ignore };
    let ids = target.resolve(&fit)?.into_ids()?;
    let mut counts = vec![0; classes];
    for (pixel, &id) in ids.iter().enumerate() {
        let counted = target.weights.is_none_or(|weights| weights[pixel] != 0.0);
        if let (true, Some(count)) = (counted, counts.get_mut(id as usize)) {
            *count += 1;
        }
    }
    Ok(counts)
}

/// Weights that make rare classes count as much as common ones.
///
/// ```text
/// balanced            w_k = n / (K n_k)
/// inverse frequency   w_k = n / n_k
/// ```
///
/// for `n_k` pixels of class `k`, `n = sum(n_k)` and all `K` classes, whether they occur or
/// not. A class that does not occur gets 0: nothing is known of it, and a loss that divides by
/// the weights of its pixels stays as it was.
///
/// # References
///
/// King, Zeng, "Logistic regression in rare events data" (Political Analysis 2001), for the
/// balanced weights.
#[must_use]
pub fn class_weights(counts: &[u64], weighting: ClassWeighting) -> Vec<f64> {
    let total: f64 = counts.iter().map(|&count| count as f64).sum();
    let divisor = match weighting {
        ClassWeighting::Balanced => counts.len() as f64,
        ClassWeighting::InverseFrequency => 1.0,
    };
    let weight = |&count: &u64| match count {
        0 => 0.0,
        _ => total / (divisor * count as f64),
    };
    counts.iter().map(weight).collect()
}
