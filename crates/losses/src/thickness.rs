//! Widths of lines, on a logarithmic scale.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::block::{BLOCK, Row, blocks, sum};
use crate::error::Result;
use crate::exp_log::ln;
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

/// A chunk of a sample: the sum of the loss; the gradient, times `scale`, is written.
#[inline(always)]
pub(crate) fn chunk(
    logits: &[f32],
    target: &[f32],
    gradient: &mut [f32],
    config: &ThicknessConfig,
    scale: f64,
) -> f64 {
    let (beta, scale) = (config.beta as f32, (scale / config.beta) as f32);
    let mut total = 0.0;
    let mut costs: Row = [0.0; BLOCK];
    for block in blocks(logits.len()) {
        let costs = &mut costs[..block.len()];
        let (x, t) = (&logits[block.clone()], &target[block.clone()]);
        smooth_l1(x, t, costs, &mut gradient[block], [beta, scale]);
        total += sum(costs);
    }
    total
}

/// The costs and the gradient of a block; of its own, with slices of one visible length, so that
/// it becomes vector instructions.
#[inline(always)]
fn smooth_l1(x: &[f32], t: &[f32], costs: &mut [f32], g: &mut [f32], [beta, scale]: [f32; 2]) {
    let n = x.len();
    let (t, costs, g) = (&t[..n], &mut costs[..n], &mut g[..n]);
    for i in 0..n {
        let known = !t[i].is_nan();
        let width = if known { t[i] } else { 1.0 };
        let r = x[i] - ln(width) * std::f32::consts::LOG2_E;
        // Both forms at once: the error, but at most beta. NaN stays.
        let bounded = if r > beta { beta } else { r };
        let bounded = if bounded < -beta { -beta } else { bounded };
        let cost = bounded * (r - 0.5 * bounded) / beta;
        costs[i] = if known { cost } else { 0.0 };
        g[i] = if known { scale * bounded } else { 0.0 };
    }
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
