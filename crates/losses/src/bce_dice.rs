//! Binary cross-entropy with soft Dice.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive};
use crate::block::{BLOCK, Row, blocks, sum};
use crate::composite::Composite;
use crate::error::Result;
use crate::exp_log::{exp, ln};
use crate::task::{IGNORE, Kind, Task, evaluate};

/// Settings of [`bce_dice`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BceDiceConfig {
    /// Weight of the cross-entropy of positive pixels, `w`. Default 2.
    pub positive_weight: f64,
    /// Weight of the Dice term, `d`. Default 0.5.
    pub dice_weight: f64,
    /// Added above and below in the Dice ratio, `s`, px. Default 1.
    pub smooth: f64,
}

impl Default for BceDiceConfig {
    fn default() -> Self {
        Self { positive_weight: 2.0, dice_weight: 0.5, smooth: 1.0 }
    }
}

impl BceDiceConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names a weight that is negative or not
    /// finite, or a `smooth` that is not positive.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("positive_weight", self.positive_weight)?;
        check_not_negative("dice_weight", self.dice_weight)?;
        check_positive("smooth", self.smooth)
    }
}

/// Weighted binary cross-entropy plus soft Dice of one channel, for thin structures.
///
/// With logits `x`, `q = sigmoid(x)`, targets `y` in {0, 1} and `N` known pixels:
///
/// ```text
/// bce  = 1/N sum( -w y ln q - (1 - y) ln(1 - q) )
/// dice = 1/B sum over samples with a positive pixel( 1 - (2 sum(q y) + s) / (sum(q) + sum(y) + s) )
/// loss = bce + d dice
/// ```
///
/// A sample without a positive pixel has no Dice term: there the ratio says nothing about
/// where a structure lies, and its slope, large for small `sum(q)`, would teach the model to
/// be timid everywhere. The cross-entropy still counts its false alarms.
///
/// Pixels whose target is 255 count nowhere. The cross-entropy is computed from `x`
/// without a logarithm of `q`, so confident logits stay finite; it is 0 when no pixel
/// is known.
///
/// # Shapes
///
/// `logits` `[B, C, H, W]`; `target` `B * H * W` values, row by row. Terms: `bce`, `dice`,
/// before their weights.
///
/// # Errors
///
/// [`Error`](crate::Error) for a channel, a target or a setting out of range.
///
/// # References
///
/// Milletari, Navab, Ahmadi, "V-Net" (3DV 2016), for the Dice term.
pub fn bce_dice(
    logits: &Tensor,
    channel: usize,
    target: &[u8],
    config: &BceDiceConfig,
) -> Result<Composite> {
    let kind = Kind::BceDice { target, config };
    let task = Task { name: "bce_dice", target: "target", channel, weight: 1.0, kind };
    let (loss, means) = evaluate(logits, &[task])?;
    let [bce, dice] = means.first().copied().unwrap_or_default();
    Ok(Composite { loss, terms: vec![("bce", bce), ("dice", dice)], classes: Vec::new() })
}

/// Factors of one task that are the same for all its pixels.
pub(crate) struct Scales {
    /// Of the gradient of the cross-entropy summed over pixels.
    pub(crate) bce: f64,
    /// Of the gradient of the Dice summed over samples.
    pub(crate) dice: f64,
}

/// One sample: sums of the cross-entropy and 1 - Dice; the gradient is written.
#[inline(always)]
pub(crate) fn sample(
    logits: &[f32],
    target: &[u8],
    gradient: &mut [f32],
    config: &BceDiceConfig,
    scales: &Scales,
) -> [f64; 2] {
    let (mut bce, mut mass, mut overlap) = (0.0, 0.0, 0.0);
    let positive_weight = config.positive_weight as f32;
    let mut rows: [Row; 2] = [[0.0; BLOCK]; 2];
    let mut positives = 0_usize;
    for block in blocks(logits.len()) {
        let [value, shared] = &mut rows;
        let (value, shared) = (&mut value[..block.len()], &mut shared[..block.len()]);
        let (x, y) = (&logits[block.clone()], &target[block.clone()]);
        let q_out = &mut gradient[block];
        for i in 0..x.len() {
            let e = exp(-x[i].abs());
            let inverse = 1.0 / (1.0 + e);
            let q = if x[i] >= 0.0 { inverse } else { e * inverse };
            let positive = y[i] == 1;
            let against = if positive { -x[i] } else { x[i] };
            let ramp = if against > 0.0 { against } else { 0.0 };
            let weight = if positive { positive_weight } else { 1.0 };
            let known = y[i] != IGNORE;
            value[i] = if known { weight * (ramp + ln(1.0 + e)) } else { 0.0 };
            shared[i] = if positive { q } else { 0.0 };
            q_out[i] = if known { q } else { 0.0 };
        }
        bce += sum(value);
        overlap += sum(shared);
        mass += sum(q_out);
        positives += crate::block::count(y, 1);
    }
    let smooth = config.smooth;
    let above = 2.0 * overlap + smooth;
    let below = mass + positives as f64 + smooth;
    // d(1 - above / below) / dq = (above - 2 y below) / below^2.
    let dice_scale = if positives > 0 { scales.dice } else { 0.0 };
    let negative_slope = dice_scale * above / (below * below);
    let positive_slope = dice_scale * (above - 2.0 * below) / (below * below);
    let (negative_slope, positive_slope) = (negative_slope as f32, positive_slope as f32);
    let scale = scales.bce as f32;
    let positive_scale = scale * positive_weight;
    for (g, &y) in gradient.iter_mut().zip(target) {
        // Pixels that do not count have q = 0 and so no gradient.
        let q = *g;
        let positive = y == 1;
        let cross = if positive { positive_scale * (q - 1.0) } else { scale * q };
        let slope = if positive { positive_slope } else { negative_slope };
        *g = cross + slope * (q * (1.0 - q));
    }
    [bce, if positives > 0 { 1.0 - above / below } else { 0.0 }]
}

/// The same from tensor operations: cross-entropy and Dice as scalars; `divisor` pixels are
/// known.
pub(crate) fn composed(
    channel: &Tensor,
    target: &[u8],
    config: &BceDiceConfig,
    divisor: f64,
) -> Result<[Tensor; 2]> {
    let (b, _, h, w) = channel.dims4()?;
    let dtype = channel.dtype();
    let target = Tensor::from_slice(target, (b, 1, h, w), &candle_core::Device::Cpu)?
        .to_device(channel.device())?;
    let y = target.eq(1_u8)?.to_dtype(dtype)?;
    let no = target.eq(0_u8)?.to_dtype(dtype)?;
    let x = channel;
    // softplus(-x) = softplus(x) - x keeps the derivative right at 0, where the library's
    // derivatives of |x| and of the ramp are one-sided.
    let softplus = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
    let yes_cost = ((&softplus - x)? * &y)?.affine(config.positive_weight, 0.0)?;
    let no_cost = (&softplus * &no)?;
    let bce = ((yes_cost + no_cost)?.sum_all()? / divisor)?;

    // exp(x - softplus(x)) is the sigmoid, and finite at both ends.
    let q = ((x - &softplus)?.exp()? * (&y + &no)?)?;
    let per_sample = |t: &Tensor| -> candle_core::Result<Tensor> { t.flatten_from(1)?.sum(1) };
    let smooth = config.smooth;
    let above = per_sample(&(&q * &y)?)?.affine(2.0, smooth)?;
    let below = ((per_sample(&q)? + per_sample(&y)?)? + smooth)?;
    let shown = per_sample(&y)?.gt(0.0)?.to_dtype(dtype)?;
    let dice = ((above / below)?.affine(-1.0, 1.0)? * shown)?.mean_all()?;
    Ok([bce, dice])
}
