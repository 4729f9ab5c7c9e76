//! Softmax cross-entropy over the channels of a pixel.

use candle_core::{D, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::error::{Error, Result};
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::segmentation::class_target::{BYTE_CLASSES, ClassTarget, Fit, Resolved, WIDE_IGNORE};
use crate::task::{IGNORE, Kind, Task, evaluate};

/// Settings of [`cross_entropy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropyConfig {
    /// Weight of each class, `w_k`, 0 or more. Default: empty, which is 1 each.
    /// [`class_weights`](crate::class_weights()) computes them from data.
    pub class_weights: Vec<f64>,
    /// Share of the target that is spread over all classes, `s`, in [0, 1). Default 0.
    pub label_smoothing: f64,
    /// The id of pixels that count nowhere; no class may have it. Default 255.
    pub ignore: Option<u32>,
    /// From pixels to a scalar. Default: the mean.
    pub reduction: Reduction,
}

impl Default for CrossEntropyConfig {
    fn default() -> Self {
        Self {
            class_weights: Vec::new(),
            label_smoothing: 0.0,
            ignore: Some(u32::from(IGNORE)),
            reduction: Reduction::Mean,
        }
    }
}

impl CrossEntropyConfig {
    /// `classes` classes of weight 1.
    #[must_use]
    pub fn uniform(classes: usize) -> Self {
        Self { class_weights: vec![1.0; classes], ..Self::default() }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a single class, a weight that is negative or not finite, or a share
    /// outside [0, 1).
    pub fn validate(&self) -> Result<()> {
        if self.class_weights.len() == 1 {
            return Err(Error::Config {
                field: "class_weights",
                value: format!("{:?}", self.class_weights),
                expected: "a weight for each of 2 or more classes, or empty",
            });
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(Error::Config {
                field: "label_smoothing",
                value: self.label_smoothing.to_string(),
                expected: "0 or more, below 1",
            });
        }
        self.class_weights.iter().try_for_each(|&w| check_not_negative("class_weights", w))
    }

    /// [`validate`](Self::validate) for a head among others: its number of classes must be
    /// stated and fit bytes, and its result be a mean.
    pub(crate) fn validate_head(&self) -> Result<()> {
        self.validate()?;
        if !(2..=BYTE_CLASSES).contains(&self.class_weights.len()) {
            return Err(Error::Config {
                field: "class_weights",
                value: format!("{:?}", self.class_weights),
                expected: "a list of 2 to 254 weights",
            });
        }
        if self.reduction != Reduction::Mean || self.ignore != Some(u32::from(IGNORE)) {
            return Err(Error::Config {
                field: "reduction, ignore",
                value: format!("{:?}, {:?}", self.reduction, self.ignore),
                expected: "the mean and 255 for a head of a dense loss",
            });
        }
        Ok(())
    }
}

/// Softmax cross-entropy of `K` channels against the class of each pixel.
///
/// With ids `t`, class weights `w`, pixel weights `v` (1 each unless given) and smoothing `s`:
///
/// ```text
/// l    = -(1 - s) w_t ln softmax(x)_t - s / K sum_k( w_k ln softmax(x)_k )
/// mean = sum( v l ) / sum( v w_t )        sum = sum( v l )        none = v l
/// ```
///
/// over the pixels whose target is not `ignore`; the mean is 0 when the weights sum to 0, so a
/// batch without a labelled pixel costs nothing. With probabilities `y` instead of ids:
///
/// ```text
/// l    = -sum_k( w_k ((1 - s) y_k + s / K) ln softmax(x)_k )
/// mean = sum( v l ) / sum( v )
/// ```
///
/// These are the values of PyTorch; [`class_values`](crate::class_values()) gives them per class,
/// for logs. The largest logit is subtracted first, so confident logits stay finite. In `f32` on
/// the CPU with ids of up to 254 classes, value and gradient come from one parallel pass.
///
/// # Shapes
///
/// `logits` `[B, K, ...]`, mostly `[B, K, H, W]`; `target` see
/// [`Classes`](crate::Classes); the result is a scalar, or `[B, ...]` without a reduction.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use mapvec_losses::{CrossEntropyConfig, cross_entropy};
///
/// let logits = Tensor::zeros((1, 3, 2, 2), DType::F32, &Device::Cpu)?;
/// let loss = cross_entropy(&logits, &[0, 2, 255, 1], &CrossEntropyConfig::default())?;
/// assert!((loss.to_scalar::<f32>()? - 3_f32.ln()).abs() < 1e-6);
/// # Ok::<(), mapvec_losses::Error>(())
/// ```
///
/// # Errors
///
/// [`Error`] for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture for computer
/// vision" (CVPR 2016), for the smoothing.
pub fn cross_entropy<'a>(
    logits: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &CrossEntropyConfig,
) -> Result<Tensor> {
    config.validate()?;
    let target = target.into();
    let (batch, classes, space) = class_shape(logits)?;
    let mut config = config.clone();
    if config.class_weights.is_empty() {
        config.class_weights = vec![1.0; classes];
    }
    if config.class_weights.len() != classes {
        return Err(Error::Config {
            field: "class_weights",
            value: format!("{} weights for {classes} classes", config.class_weights.len()),
            expected: "a weight for each class, or empty",
        });
    }
    let fit = Fit { name: "cross_entropy", shape: logits.dims(), classes, ignore: config.ignore };
    let classes_of = target.resolve(&fit)?;
    let pixels: usize = space.iter().product();
    // A reshape would cost the backward pass another sweep.
    let logits = match space.len() {
        2 => logits.clone(),
        _ => logits.reshape((batch, classes, 1, pixels))?,
    };
    if let (Resolved::Bytes(ids), true) = (&classes_of, config.reduction != Reduction::None) {
        let kind = Kind::CrossEntropy { target: ids, weights: target.weights, config: &config };
        let task = Task { name: "cross_entropy", target: "target", channel: 0, weight: 1.0, kind };
        return Ok(evaluate(&logits, &[task])?.0);
    }
    let logits = widen(&logits)?;
    let (costs, mass) = match classes_of {
        Resolved::Bytes(ids) => hard_costs(&logits, &ids, target.weights, &config)?,
        Resolved::Wide(ids) => wide_costs(&logits, &ids, target.weights, &config)?,
        Resolved::Soft(soft) => soft_costs(&logits, &soft, target.weights, &config)?,
    };
    Ok(match config.reduction {
        Reduction::Mean => (costs.sum_all()? / if mass > 0.0 { mass } else { f64::INFINITY })?,
        Reduction::Sum => costs.sum_all()?,
        Reduction::None => costs.reshape([&[batch][..], &space].concat())?,
    })
}

/// Batch, classes and the sizes of space.
pub(crate) fn class_shape(logits: &Tensor) -> Result<(usize, usize, Vec<usize>)> {
    match *logits.dims() {
        [batch, classes, ref space @ ..] if classes >= 2 => Ok((batch, classes, space.to_vec())),
        ref found => Err(Error::Shape {
            field: "logits",
            expected: "[B, K, ...] with 2 or more classes".to_owned(),
            found: format!("{found:?}"),
        }),
    }
}

/// The same from tensor operations, as a scalar; `divisor` is the sum of the weights.
pub(crate) fn composed(
    channels: &Tensor,
    target: &[u8],
    weights: Option<&[f32]>,
    config: &CrossEntropyConfig,
    divisor: f64,
) -> Result<Tensor> {
    Ok((hard_costs(channels, target, weights, config)?.0.sum_all()? / divisor)?)
}

/// The weighted cost of each pixel, `[B, 1, N]`, and the sum of the weights.
fn hard_costs(
    logits: &Tensor,
    target: &[u8],
    weights: Option<&[f32]>,
    config: &CrossEntropyConfig,
) -> Result<(Tensor, f64)> {
    let wide = |&id: &u8| if id == IGNORE { WIDE_IGNORE } else { u32::from(id) };
    wide_costs(logits, &target.iter().map(wide).collect::<Vec<_>>(), weights, config)
}

fn wide_costs(
    logits: &Tensor,
    target: &[u32],
    weights: Option<&[f32]>,
    config: &CrossEntropyConfig,
) -> Result<(Tensor, f64)> {
    let (b, k, ..) = logits.dims4()?;
    let shape = (b, 1, target.len() / b.max(1));
    let (dtype, device) = (logits.dtype(), logits.device());
    if target.is_empty() {
        return Ok((Tensor::zeros(shape, dtype, device)?, 0.0));
    }
    let tensor = |values: Vec<f64>| {
        Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)
    };
    let pixel = |index: usize| f64::from(weights.map_or(1.0, |weights| weights[index]));
    let class_weight = |&id: &u32| config.class_weights.get(id as usize).copied().unwrap_or(0.0);
    let own: Vec<f64> =
        target.iter().enumerate().map(|(i, id)| pixel(i) * class_weight(id)).collect();
    let mass = own.iter().sum();
    let places: Vec<u32> =
        target.iter().map(|&id| if id == WIDE_IGNORE { 0 } else { id }).collect();
    let places = Tensor::from_vec(places, shape, &Device::Cpu)?.to_device(device)?;

    let logs = mapvec_nn::log_softmax(&logits.reshape((b, k, ()))?, 1)?;
    let chosen = mapvec_nn::gather(&logs, 1, &places)?;
    let smoothing = config.label_smoothing;
    let mut costs = (chosen * tensor(own)?)?.affine(smoothing - 1.0, 0.0)?;
    if smoothing > 0.0 {
        let known = |(i, &id): (usize, &u32)| if id == WIDE_IGNORE { 0.0 } else { pixel(i) };
        let known = tensor(target.iter().enumerate().map(known).collect())?;
        let spread = logs.broadcast_mul(&per_class(config, &logs)?)?.sum_keepdim(1)?;
        costs = (costs - (spread * known)?.affine(smoothing / k as f64, 0.0)?)?;
    }
    Ok((costs, mass))
}

/// The same with a probability for each class.
fn soft_costs(
    logits: &Tensor,
    target: &Tensor,
    weights: Option<&[f32]>,
    config: &CrossEntropyConfig,
) -> Result<(Tensor, f64)> {
    let (b, k, height, width) = logits.dims4()?;
    let (dtype, device) = (logits.dtype(), logits.device());
    let n = height * width;
    let pixels = b * n;
    if pixels == 0 {
        return Ok((Tensor::zeros((b, 1, n), dtype, device)?, 0.0));
    }
    let target = target.to_dtype(dtype)?.to_device(device)?.reshape((b, k, n))?;
    let smoothing = config.label_smoothing;
    let smooth = target.affine(1.0 - smoothing, smoothing / k as f64)?;
    let logs = mapvec_nn::log_softmax(&logits.reshape((b, k, n))?, 1)?;
    let smooth = smooth.broadcast_mul(&per_class(config, &logs)?)?;
    let costs = (logs * smooth)?.sum_keepdim(D::Minus(2))?.neg()?;
    let Some(weights) = weights else { return Ok((costs, pixels as f64)) };
    let mass = weights.iter().copied().map(f64::from).sum();
    let weights = Tensor::from_slice(weights, (b, 1, n), &Device::Cpu)?;
    Ok(((costs * weights.to_dtype(dtype)?.to_device(device)?)?, mass))
}

/// The class weights as `[1, K, 1]`.
fn per_class(config: &CrossEntropyConfig, like: &Tensor) -> Result<Tensor> {
    let weights = &config.class_weights;
    let tensor = Tensor::from_slice(weights, (1, weights.len(), 1), &Device::Cpu)?;
    Ok(tensor.to_dtype(like.dtype())?.to_device(like.device())?)
}
