//! Cross-entropy that looks away from what is already right.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::error::{Error, Result};
use crate::precision::{is_fast, widen};
use crate::reduction::Reduction;
use crate::segmentation::class_target::{ClassTarget, Fit, Resolved};
use crate::segmentation::cross_entropy::class_shape;
use crate::segmentation::overlap::indicator;
use crate::segmentation::softmax_focal_pass::fused;
use crate::task::IGNORE;

/// Settings of [`softmax_focal`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftmaxFocalConfig {
    /// Weight of each class, `w_k`, 0 or more. Default: empty, which is 1 each.
    pub class_weights: Vec<f64>,
    /// How fast easy pixels fade, `g`, 0 (not at all) or more. Default 2.
    pub gamma: f64,
    /// The id of pixels that count nowhere; no class may have it. Default 255.
    pub ignore: Option<u32>,
    /// From pixels to a scalar. Default: the mean.
    pub reduction: Reduction,
}

impl Default for SoftmaxFocalConfig {
    fn default() -> Self {
        Self {
            class_weights: Vec::new(),
            gamma: 2.0,
            ignore: Some(u32::from(IGNORE)),
            reduction: Reduction::Mean,
        }
    }
}

impl SoftmaxFocalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("gamma", self.gamma)?;
        self.class_weights.iter().try_for_each(|&w| check_not_negative("class_weights", w))
    }
}

/// Focal loss over the classes of a pixel.
///
/// With the probability `p = softmax(x)_t` of the pixel's class `t`:
///
/// ```text
/// l    = -(1 - p)^g ln p
/// mean = sum( v w_t l ) / sum( v w_t )      sum = sum( v w_t l )      none = v w_t l
/// ```
///
/// With probabilities as a target the costs of the classes are mixed, `sum_k( y_k l_k )`, and
/// the mean divides by `sum( v sum_k( w_k y_k ) )`. Where `p` is
/// near 1, `1 - p` is the mass of the other classes, not a difference, and has all digits. In
/// `f32` on the CPU with ids of up to 254 classes, value and gradient come from one parallel pass.
///
/// # Shapes
///
/// As [`cross_entropy`](crate::cross_entropy()).
///
/// # Errors
///
/// [`Error`] for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Lin et al., "Focal loss for dense object detection" (ICCV 2017).
pub fn softmax_focal<'a>(
    logits: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &SoftmaxFocalConfig,
) -> Result<Tensor> {
    config.validate()?;
    let target = target.into();
    let (b, k, space) = class_shape(logits)?;
    if !config.class_weights.is_empty() && config.class_weights.len() != k {
        return Err(Error::Config {
            field: "class_weights",
            value: format!("{} weights for {k} classes", config.class_weights.len()),
            expected: "a weight for each class, or empty",
        });
    }
    let fit =
        Fit { name: "softmax_focal", shape: logits.dims(), classes: k, ignore: config.ignore };
    let resolved = target.resolve(&fit)?;
    let x = widen(logits)?;
    if let (Resolved::Bytes(ids), true) = (&resolved, config.reduction != Reduction::None)
        && is_fast(&x)
        && x.elem_count() > 0
    {
        return fused(&x.contiguous()?, ids, target.weights, config);
    }
    let x = x.reshape((b, k, space.iter().product::<usize>()))?;
    let shape = [&[b][..], &space].concat();
    if x.elem_count() == 0 {
        return config.reduction.apply(&Tensor::zeros(shape, x.dtype(), x.device())?, None);
    }
    let (y, weights) = indicator(&x, &resolved, target.weights)?;
    let mut y = match weights {
        Some(weights) => y.broadcast_mul(&weights)?,
        None => y,
    };
    if !config.class_weights.is_empty() {
        let own = Tensor::from_slice(&config.class_weights, (1, k, 1), &Device::Cpu)?;
        y = y.broadcast_mul(&own.to_dtype(x.dtype())?.to_device(x.device())?)?;
    }
    let logs = mapvec_nn::log_softmax(&x, 1)?;
    let fade = (log_others(&x)? * config.gamma)?.exp()?;
    let costs = (fade * logs.neg()?)?;
    // The weights stand for all classes of a pixel: sum over them.
    let costs = (costs * &y)?.sum(1)?.reshape(shape)?;
    Ok(match config.reduction {
        Reduction::None => costs,
        Reduction::Sum => costs.sum_all()?,
        Reduction::Mean => {
            let mass = y.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            (costs.sum_all()? / if mass > 0.0 { mass } else { 1.0 })?
        }
    })
}

/// `ln(1 - p)` of every class. Where `p` is above one half, `1 - p` is summed from the others.
fn log_others(x: &Tensor) -> Result<Tensor> {
    // Logarithm and slope stay finite where the others round to nothing.
    let tiny = if x.dtype() == DType::F64 { 1e-300 } else { 1e-37 };
    let p = mapvec_nn::softmax(x, 1)?;
    let large = p.detach().gt(0.5)?;
    let others = large.where_cond(&p.zeros_like()?, &p)?.sum_keepdim(1)?;
    let rest = large.where_cond(&others.broadcast_as(p.shape())?, &p.affine(-1.0, 1.0)?)?;
    Ok((rest + tiny)?.log()?)
}
