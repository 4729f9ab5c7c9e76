//! Binary cross-entropy with soft Dice.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_positive};
use crate::block::{BLOCK, Row, blocks, count, sum};
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

/// What the Dice term of a sample is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DiceSums {
    /// Probabilities of positive pixels.
    overlap: f64,
    /// Probabilities of known pixels.
    mass: f64,
    /// Number of positive pixels.
    positives: f64,
}

impl DiceSums {
    /// Adds another part of the sample.
    pub(crate) fn add(&mut self, other: &Self) {
        self.overlap += other.overlap;
        self.mass += other.mass;
        self.positives += other.positives;
    }

    /// Both sides of the Dice ratio.
    fn ratio(&self, smooth: f64) -> [f64; 2] {
        [2.0 * self.overlap + smooth, self.mass + self.positives + smooth]
    }

    /// 1 - Dice; 0 without a positive pixel.
    pub(crate) fn loss(&self, smooth: f64) -> f64 {
        let [above, below] = self.ratio(smooth);
        if self.positives > 0.0 { 1.0 - above / below } else { 0.0 }
    }
}

/// What makes the gradient of the pixels of a sample of their probabilities.
pub(crate) struct Slopes {
    /// Of the cross-entropy of negative and positive pixels.
    bce: [f32; 2],
    /// Of the Dice term by the probability of negative and positive pixels.
    dice: [f32; 2],
}

impl Slopes {
    /// `bce` and `dice` scale the cross-entropy summed over pixels and the terms summed over
    /// samples.
    pub(crate) fn new(sums: &DiceSums, config: &BceDiceConfig, bce: f64, dice: f64) -> Self {
        let [above, below] = sums.ratio(config.smooth);
        // d(1 - above / below) / dq = (above - 2 y below) / below^2.
        let scale = if sums.positives > 0.0 { config.dice_weight * dice } else { 0.0 };
        let slope = |above: f64| (scale * above / (below * below)) as f32;
        let bce = bce as f32;
        Self {
            bce: [bce, bce * config.positive_weight as f32],
            dice: [slope(above), slope(above - 2.0 * below)],
        }
    }
}

/// A chunk of a sample: the sum of the cross-entropy, and the parts of the Dice sums. The
/// probabilities are written, 0 where nothing is known.
#[inline(always)]
pub(crate) fn sums(
    logits: &[f32],
    target: &[u8],
    probabilities: &mut [f32],
    config: &BceDiceConfig,
    dice: &mut DiceSums,
) -> f64 {
    let mut bce = 0.0;
    let positive_weight = config.positive_weight as f32;
    let mut rows: [Row; 2] = [[0.0; BLOCK]; 2];
    for block in blocks(logits.len()) {
        let [cost, shared] = rows.each_mut().map(|row| &mut row[..block.len()]);
        let (x, y) = (&logits[block.clone()], &target[block.clone()]);
        let q = &mut probabilities[block];
        costs((x, y), positive_weight, cost, shared, q);
        bce += sum(cost);
        dice.overlap += sum(shared);
        dice.mass += sum(q);
        dice.positives += count(y, 1) as f64;
    }
    bce
}

/// The costs, the probabilities of positive pixels and all of them of a block. A function of its
/// own, with slices of one visible length, so that it becomes vector instructions.
#[inline(always)]
fn costs(
    (x, y): (&[f32], &[u8]),
    positive_weight: f32,
    cost: &mut [f32],
    shared: &mut [f32],
    q_out: &mut [f32],
) {
    let n = x.len();
    let (y, cost, shared, q_out) = (&y[..n], &mut cost[..n], &mut shared[..n], &mut q_out[..n]);
    for i in 0..n {
        let e = exp(-x[i].abs());
        let inverse = 1.0 / (1.0 + e);
        let q = if x[i] >= 0.0 { inverse } else { e * inverse };
        let positive = y[i] == 1;
        let against = if positive { -x[i] } else { x[i] };
        let ramp = if against > 0.0 { against } else { 0.0 };
        let weight = if positive { positive_weight } else { 1.0 };
        let known = y[i] != IGNORE;
        cost[i] = if known { weight * (ramp + ln(1.0 + e)) } else { 0.0 };
        shared[i] = if positive { q } else { 0.0 };
        q_out[i] = if known { q } else { 0.0 };
    }
}

/// The gradient of a chunk in place of its probabilities.
#[inline(always)]
pub(crate) fn gradient(gradient: &mut [f32], target: &[u8], slopes: &Slopes) {
    let Slopes { bce: [negative_scale, positive_scale], dice: [negative_slope, positive_slope] } =
        *slopes;
    for (g, &y) in gradient.iter_mut().zip(target) {
        // Pixels that do not count have q = 0 and so no gradient.
        let q = *g;
        let positive = y == 1;
        let cross = if positive { positive_scale * (q - 1.0) } else { negative_scale * q };
        let slope = if positive { positive_slope } else { negative_slope };
        *g = cross + slope * (q * (1.0 - q));
    }
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
