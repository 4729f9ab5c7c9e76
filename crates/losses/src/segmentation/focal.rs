//! Cross-entropy that looks away from what is already right.

use candle_core::{DType, Device, Tensor};
use mapvec_nn::{Pool2dConfig, max_pool2d, softplus};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check_weight};
use crate::reduction::Reduction;
use crate::segmentation::binary_cross_entropy::BinaryTarget;
use crate::segmentation::class_target::{ClassTarget, Fit};
use crate::segmentation::cross_entropy::class_shape;
use crate::segmentation::overlap::{check_positive, indicator};
use crate::task::IGNORE;

/// Settings of [`sigmoid_focal`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigmoidFocalConfig {
    /// Weight of the positive cost, `a`, in [0, 1]; the negative one has `1 - a`. None: 1 each.
    /// Default 0.25.
    pub alpha: Option<f64>,
    /// How fast easy values fade, `g`, 0 (not at all) or more. Default 2.
    pub gamma: f64,
    /// From values to a scalar. Default: the mean.
    pub reduction: Reduction,
}

impl Default for SigmoidFocalConfig {
    fn default() -> Self {
        Self { alpha: Some(0.25), gamma: 2.0, reduction: Reduction::Mean }
    }
}

impl SigmoidFocalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma, true)?;
        match self.alpha {
            Some(alpha) if !(0.0..=1.0).contains(&alpha) => Err(Error::Config {
                field: "alpha",
                value: alpha.to_string(),
                expected: "in [0, 1], or none",
            }),
            _ => Ok(()),
        }
    }
}

/// Focal loss of independent logits `x` against `y` (0 or 1; between them the two costs mix).
///
/// With `p = sigmoid(x)`:
///
/// ```text
/// l    = -a y (1 - p)^g ln p - (1 - a) (1 - y) p^g ln(1 - p)
/// mean = sum( v l ) / sum( v )      sum = sum( v l )      none = v l
/// ```
///
/// The powers are computed from logarithms, so every `g` has a finite gradient everywhere.
///
/// # Shapes
///
/// As [`binary_cross_entropy`](crate::binary_cross_entropy()).
///
/// # Errors
///
/// [`Error`] for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Lin et al., "Focal loss for dense object detection" (ICCV 2017).
pub fn sigmoid_focal<'a>(
    logits: &Tensor,
    target: impl Into<BinaryTarget<'a>>,
    config: &SigmoidFocalConfig,
) -> Result<Tensor> {
    config.validate()?;
    let (x, y, weights) = target.into().like(logits)?;
    if x.elem_count() == 0 {
        return config.reduction.apply(&x, weights.as_ref());
    }
    // -ln(1 - p) and -ln p.
    let (alarm, miss) = (softplus(&x)?, softplus(&x.neg()?)?);
    let fade = |costs: &Tensor| (costs * -config.gamma)?.exp();
    let (positive, negative) = config.alpha.map_or((1.0, 1.0), |alpha| (alpha, 1.0 - alpha));
    let yes = ((fade(&alarm)? * &miss)? * (&y * positive)?)?;
    let no = ((fade(&miss)? * &alarm)? * y.affine(-negative, negative)?)?;
    config.reduction.apply(&(yes + no)?, weights.as_ref())
}

/// Settings of [`softmax_focal`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftmaxFocalConfig {
    /// Weight of each class, `w_k`, 0 or more. Default: empty, which is 1 each.
    pub class_weights: Vec<f32>,
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
        check_positive("gamma", self.gamma, true)?;
        self.class_weights.iter().try_for_each(|&weight| check_weight("class_weights", weight))
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
/// near 1, `1 - p` is the mass of the other classes, not a difference, and has all digits.
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
    let x = match logits.dtype() {
        DType::F64 | DType::F32 => logits.clone(),
        _ => logits.to_dtype(DType::F32)?,
    };
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

/// Logit of an unknown pixel in a window: below that of any known one.
const LOWEST: f64 = -1e4;

/// Settings of [`multi_level_focal`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiLevelFocalConfig {
    /// Levels, 1 to 16: the picture itself, then pooled once, twice... Default 3.
    pub levels: usize,
    /// Side of the windows, px, 2 or more. Default 3.
    pub kernel: usize,
    /// Distance of the windows, px, 1 or more. Default 2.
    pub stride: usize,
    /// Weight of the positive cost, `a`, in [0, 1]. Default 0.75.
    pub alpha: f64,
    /// How fast easy values fade, `g`, 0 or more. Default 2.
    pub gamma: f64,
}

impl Default for MultiLevelFocalConfig {
    fn default() -> Self {
        Self { levels: 3, kernel: 3, stride: 2, alpha: 0.75, gamma: 2.0 }
    }
}

impl MultiLevelFocalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let ranges = [
            ("levels", self.levels, 1, "1 to 16"),
            ("kernel", self.kernel, 2, "2 to 16"),
            ("stride", self.stride, 1, "1 to 16"),
        ];
        for (field, value, least, expected) in ranges {
            if !(least..=16).contains(&value) {
                return Err(Error::Config { field, value: value.to_string(), expected });
            }
        }
        self.focal().validate()
    }

    fn focal(&self) -> SigmoidFocalConfig {
        let (alpha, gamma) = (Some(self.alpha), self.gamma);
        SigmoidFocalConfig { alpha, gamma, reduction: Reduction::Mean }
    }
}

/// Focal loss at several scales, for thin structures: what is near is nearly right.
///
/// ```text
/// loss = 1 / levels sum over l in 0..levels( mean sigmoid_focal( pool^l(x), pool^l(y) ) )
/// ```
///
/// with the maximum over windows of 3 x 3 at every second pixel, without padding, as `pool`. The
/// sigmoid is monotonic, so pooled logits have the pooled probabilities. Pixels whose target is
/// 255 have no part in a window, and a window of nothing else counts nowhere.
///
/// # Shapes
///
/// `logits` and `target` `[B, C, H, W]`, large enough for all levels (7 px for three of the
/// default); the result is a scalar.
///
/// # Errors
///
/// [`Error`] for shapes, targets or settings out of range.
pub fn multi_level_focal(
    logits: &Tensor,
    target: &Tensor,
    config: &MultiLevelFocalConfig,
) -> Result<Tensor> {
    config.validate()?;
    let (mut x, mut y, mut weights) = BinaryTarget::from(target).like(logits)?;
    let (_, _, height, width) = x.dims4()?;
    let mut side = height.min(width);
    for _ in 1..config.levels {
        if side < config.kernel {
            return Err(Error::Shape {
                field: "logits",
                expected: format!(
                    "[B, C, H, W] with room for windows of {} px at {} levels; use fewer levels",
                    config.kernel, config.levels
                ),
                found: format!("{:?}", logits.dims()),
            });
        }
        side = (side - config.kernel) / config.stride + 1;
    }
    let focal = config.focal();
    let level = |x: &Tensor, y: &Tensor, weights: Option<&Tensor>| {
        sigmoid_focal(x, BinaryTarget { values: y, weights }, &focal)
    };
    let mut total = level(&x, &y, weights.as_ref())?;
    if let Some(weights) = &weights {
        let lowest = (x.ones_like()? * LOWEST)?;
        x = weights.ne(0.0)?.where_cond(&x, &lowest)?;
    }
    let windows = Pool2dConfig::square(config.kernel, config.stride, 0);
    for _ in 1..config.levels {
        (x, y) = (max_pool2d(&x, windows)?, max_pool2d(&y, windows)?);
        weights = weights.map(|weights| max_pool2d(&weights, windows)).transpose()?;
        total = (total + level(&x, &y, weights.as_ref())?)?;
    }
    Ok((total / config.levels as f64)?)
}
