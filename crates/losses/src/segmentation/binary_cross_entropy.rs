//! Binary cross-entropy from logits.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_probabilities, check_values};
use crate::error::{Error, Result};
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::same_axes;
use crate::task::IGNORE;

/// What a model of independent classes is taught; a tensor converts into it.
#[derive(Debug, Clone, Copy)]
pub struct BinaryTarget<'a> {
    /// In the shape of the logits, but for axes of size 1. Whole numbers: 0, 1, or 255 for unknown, which counts
    /// nowhere. Floats: probabilities, 0 to 1.
    pub values: &'a Tensor,
    /// Weight of each value, 0 or more, in the same shape; none: 1 each. A weight of 0 takes a
    /// value out.
    pub weights: Option<&'a Tensor>,
}

impl<'a> From<&'a Tensor> for BinaryTarget<'a> {
    fn from(values: &'a Tensor) -> Self {
        Self { values, weights: None }
    }
}

impl<'a> BinaryTarget<'a> {
    /// The same values with weights.
    #[must_use]
    pub fn weighted(self, weights: &'a Tensor) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// Logits in single or double precision, values and weights like them; what is unknown has
    /// the value 0 and the weight 0.
    pub(crate) fn like(&self, logits: &Tensor) -> Result<(Tensor, Tensor, Option<Tensor>)> {
        let logits = widen(logits)?.contiguous()?;
        let like = |field, tensor: &Tensor| -> Result<Tensor> {
            same_axes(field, tensor, logits.dims())?;
            let tensor = tensor.detach().to_device(logits.device())?.to_dtype(logits.dtype())?;
            Ok(tensor.reshape(logits.shape())?)
        };
        let values = like("target", self.values)?;
        let weights = self.weights.map(|weights| like("weights", weights)).transpose()?;
        if self.values.dtype().is_float() {
            check_probabilities("target", self.values)?;
            return Ok((logits, values, weights));
        }
        let unknown = f64::from(IGNORE);
        let allowed = [0.0, 1.0, unknown];
        let text = "0, 1, or 255 for unknown";
        check_values("target", self.values, text, |value| allowed.contains(&value))?;
        let unknown = values.eq(unknown)?.to_dtype(values.dtype())?;
        if unknown.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()? == 0.0 {
            return Ok((logits, values, weights));
        }
        let known = unknown.affine(-1.0, 1.0)?;
        let weights = match weights {
            Some(weights) => (weights * &known)?,
            None => known.clone(),
        };
        Ok((logits, (values * known)?, Some(weights)))
    }
}

/// Settings of [`binary_cross_entropy`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryCrossEntropyConfig {
    /// Weight of the positive cost of each channel, `w_k`, 0 or more; one for all, or empty for
    /// 1. Default: empty.
    pub positive_weights: Vec<f64>,
    /// From values to a scalar. Default: the mean.
    pub reduction: Reduction,
}

impl BinaryCrossEntropyConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a weight that is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        self.positive_weights.iter().try_for_each(|&w| check_not_negative("positive_weights", w))
    }
}

/// Binary cross-entropy of logits `x` against `y`, stable at any `x`.
///
/// ```text
/// l    = -w_k y ln sigmoid(x) - (1 - y) ln sigmoid(-x)
/// mean = sum( v l ) / sum( v )      sum = sum( v l )      none = v l
/// ```
///
/// for channels `k` and weights `v` of the values. Without `v` these are the values of PyTorch,
/// which divides by the number of values even where these have weights; here a value of weight
/// 0 does not dilute the mean, and no weight at all gives 0.
///
/// # Shapes
///
/// `logits` any shape, with the channels second where they have weights; the result is a scalar,
/// or has the shape of the logits without a reduction.
///
/// # Errors
///
/// [`Error`] for shapes, targets, weights or settings out of range.
pub fn binary_cross_entropy<'a>(
    logits: &Tensor,
    target: impl Into<BinaryTarget<'a>>,
    config: &BinaryCrossEntropyConfig,
) -> Result<Tensor> {
    config.validate()?;
    let (x, y, weights) = target.into().like(logits)?;
    if x.elem_count() == 0 {
        return config.reduction.apply(&x, weights.as_ref());
    }
    let miss = (mapvec_nn::softplus(&x.neg()?)? * &y)?;
    let alarm = (mapvec_nn::softplus(&x)? * y.affine(-1.0, 1.0)?)?;
    let miss = match config.positive_weights.as_slice() {
        [] => miss,
        [weight] => (miss * *weight)?,
        several => {
            let channels = x.dims().get(1).copied();
            if channels != Some(several.len()) {
                return Err(Error::Config {
                    field: "positive_weights",
                    value: format!("{} weights for {:?}", several.len(), x.dims()),
                    expected: "one for each channel, one for all, or empty",
                });
            }
            let mut shape = vec![1; x.rank()];
            shape[1] = several.len();
            let several = Tensor::from_slice(several, shape, &Device::Cpu)?;
            miss.broadcast_mul(&several.to_dtype(x.dtype())?.to_device(x.device())?)?
        }
    };
    config.reduction.apply(&(miss + alarm)?, weights.as_ref())
}
