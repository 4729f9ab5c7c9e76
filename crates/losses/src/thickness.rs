//! Widths of lines, on a logarithmic scale.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::error::Result;
use crate::task::{Kind, Task, evaluate};

/// Settings of [`thickness`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThicknessConfig {
    /// Error up to which the loss is quadratic, `beta`, octaves. Default 0.5.
    pub beta: f64,
}

impl Default for ThicknessConfig {
    fn default() -> Self {
        Self { beta: 0.5 }
    }
}

impl ThicknessConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) when `beta` is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        check_positive("beta", self.beta)
    }
}

/// Smooth L1 error of one channel against the base-2 logarithm of a width.
///
/// A line twice as wide as predicted costs the same at any width. With
/// `r = x - log2(t)` for a width of `t` px:
///
/// ```text
/// loss = 1/N sum( r^2 / (2 beta)     if |r| < beta
///                 |r| - beta / 2     otherwise )
/// ```
///
/// over the `N` pixels whose width is not NaN; 0 when there is none.
///
/// # Shapes
///
/// `logits` `[B, C, H, W]`; `target` `B * H * W` widths in px, or NaN; the result is a
/// scalar.
///
/// # Errors
///
/// [`Error`](crate::Error) for a channel or a setting out of range, or a width that is infinite or not
/// positive.
///
/// # References
///
/// Girshick, "Fast R-CNN" (ICCV 2015), for the smooth L1 error.
pub fn thickness(
    logits: &Tensor,
    channel: usize,
    target: &[f32],
    config: &ThicknessConfig,
) -> Result<Tensor> {
    let kind = Kind::Thickness { target, config };
    let task = Task { name: "thickness", target: "target", channel, weight: 1.0, kind };
    Ok(evaluate(logits, &[task])?.0)
}

/// One sample: the sum of the loss; the gradient, times `scale`, is written.
pub(crate) fn sample(
    logits: &[f32],
    target: &[f32],
    gradient: &mut [f32],
    config: &ThicknessConfig,
    scale: f64,
) -> f64 {
    let (beta, scale) = (config.beta as f32, scale as f32);
    let mut total = 0.0;
    for ((&x, &t), g) in logits.iter().zip(target).zip(gradient) {
        if t.is_nan() {
            continue;
        }
        let r = x - t.log2();
        let (cost, slope) = if r.abs() < beta {
            (0.5 * r * r / beta, r / beta)
        } else {
            (r.abs() - 0.5 * beta, r.signum())
        };
        total += f64::from(cost);
        *g = scale * slope;
    }
    total
}

/// The same from tensor operations, as a scalar; `divisor` pixels have a width.
pub(crate) fn composed(
    channel: &Tensor,
    target: &[f32],
    config: &ThicknessConfig,
    divisor: f64,
) -> Result<Tensor> {
    let (b, _, h, w) = channel.dims4()?;
    let target = Tensor::from_slice(target, (b, 1, h, w), &candle_core::Device::Cpu)?
        .to_device(channel.device())?
        .to_dtype(channel.dtype())?;
    let beta = config.beta;
    // NaN differs from itself; 1 px has the logarithm 0.
    let mask = target.eq(&target)?;
    let octaves =
        (mask.where_cond(&target, &target.ones_like()?)?.log()? / std::f64::consts::LN_2)?;
    let r = (channel - octaves)?.abs()?;
    let near = r.lt(&(r.ones_like()? * beta)?)?;
    let cost = near.where_cond(&(r.sqr()? / (2.0 * beta))?, &r.affine(1.0, -0.5 * beta)?)?;
    let cost = (cost * mask.to_dtype(channel.dtype())?)?;
    Ok((cost.sum_all()? / divisor)?)
}
