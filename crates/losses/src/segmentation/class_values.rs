//! What the pixels of each class cost, for logs.

use candle_core::{DType, Tensor};

use crate::error::{Error, Result};
use crate::segmentation::class_target::{ClassTarget, Fit};

/// The mean of a loss over the pixels of each class, without a gradient.
///
/// The loss is [`cross_entropy`](crate::cross_entropy()) or
/// [`softmax_focal`](crate::softmax_focal()) of the same target with
/// [`Reduction::None`](crate::Reduction::None), which gives a value per pixel. With pixel weights
/// `v`, which these values hold already:
///
/// ```text
/// class k = sum( values of pixels of k ) / sum( v of pixels of k )
/// ```
///
/// A weight of the class is in the values too. A class without a pixel, or without a pixel of
/// weight above 0, has none.
///
/// # Shapes
///
/// `values` `[B, ...]`; `target` ids of the same pixels; the result has `classes` entries.
///
/// # Errors
///
/// [`Error`] for a target that does not fit, and for probabilities.
pub fn class_values<'a>(
    values: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    classes: usize,
    ignore: Option<u32>,
) -> Result<Vec<Option<f64>>> {
    let target = target.into();
    let [batch, ref space @ ..] = *values.dims() else {
        return Err(Error::Shape {
            field: "values",
            expected: "[B, ...], a loss without a reduction".to_owned(),
            found: "a scalar".to_owned(),
        });
    };
    let shape = [&[batch, classes][..], space].concat();
    let fit = Fit { name: "class_values", shape: &shape, classes, ignore };
    let ids = target.resolve(&fit)?.into_ids()?;
    let values = values.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let mut sums = vec![(0.0, 0.0); classes];
    for (pixel, (&id, value)) in ids.iter().zip(values).enumerate() {
        let weight = target.weights.map_or(1.0, |weights| f64::from(weights[pixel]));
        if let Some((sum, mass)) = sums.get_mut(id as usize)
            && weight > 0.0
        {
            *sum += value;
            *mass += weight;
        }
    }
    Ok(sums.into_iter().map(|(sum, mass)| (mass > 0.0).then(|| sum / mass)).collect())
}
