//! Softmax cross-entropy over the channels of a pixel.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::block::{BLOCK, Row, blocks, sum};
use crate::error::{Error, Result, check_weight};
use crate::exp_log::{exp, ln};
use crate::task::{Kind, Task, evaluate};

/// Settings of [`cross_entropy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropyConfig {
    /// Weight of each class, `w_k`; its length is the number of classes, 2 to 254.
    pub class_weights: Vec<f32>,
}

impl CrossEntropyConfig {
    /// `classes` classes of weight 1.
    #[must_use]
    pub fn uniform(classes: usize) -> Self {
        Self { class_weights: vec![1.0; classes] }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for fewer than 2 or more than 254 classes, or a weight that is
    /// negative or not finite.
    pub fn validate(&self) -> Result<()> {
        if !(2..=254).contains(&self.class_weights.len()) {
            return Err(Error::Config {
                field: "class_weights",
                value: format!("{:?}", self.class_weights),
                expected: "a list of 2 to 254 weights",
            });
        }
        self.class_weights.iter().try_for_each(|&weight| check_weight("class_weights", weight))
    }
}

/// Softmax cross-entropy of `K` channels against a class per pixel.
///
/// ```text
/// loss = sum( -w_t ln softmax(x)_t ) / sum( w_t )
/// ```
///
/// over all pixels of the batch whose target `t` is not 255; 0 when their weights sum to
/// 0. The largest logit is subtracted first, so confident logits stay finite.
///
/// # Shapes
///
/// `logits` `[B, C, H, W]`, of which channels `first..first + K` are used; `target`
/// `B * H * W` values below `K`, or 255; the result is a scalar.
///
/// # Errors
///
/// [`Error`] for a channel, a target or a setting out of range.
pub fn cross_entropy(
    logits: &Tensor,
    first: usize,
    target: &[u8],
    config: &CrossEntropyConfig,
) -> Result<Tensor> {
    let kind = Kind::CrossEntropy { target, config };
    let task = Task { name: "cross_entropy", channel: first, weight: 1.0, kind };
    Ok(evaluate(logits, &[task])?.0)
}

/// One sample: the weighted sum of the loss; the gradient, times `scale`, is written.
pub(crate) fn sample(
    logits: &[f32],
    target: &[u8],
    gradient: &mut [f32],
    config: &CrossEntropyConfig,
    scale: f64,
) -> f64 {
    let pixels = target.len();
    let scale = scale as f32;
    let mut total = 0.0;
    let mut rows: [Row; 4] = [[0.0; BLOCK]; 4];
    for block in blocks(pixels) {
        let n = block.len();
        let [largest, mass, chosen, weight] = rows.each_mut().map(|row| &mut row[..n]);
        let t = &target[block.clone()][..n];
        largest.copy_from_slice(&logits[block.clone()]);
        for plane in logits.chunks_exact(pixels).skip(1) {
            for (m, &x) in largest.iter_mut().zip(&plane[block.clone()]) {
                *m = if x > *m { x } else { *m };
            }
        }
        mass.fill(0.0);
        chosen.fill(0.0);
        weight.fill(0.0);
        let planes = logits.chunks_exact(pixels).zip(gradient.chunks_exact_mut(pixels));
        for ((class, &class_weight), (plane, out)) in
            (0_u8..).zip(&config.class_weights).zip(planes)
        {
            // Slices of one visible length need no bounds checks, so the loop is vector code.
            let (x, e_out) = (&plane[block.clone()][..n], &mut out[block.clone()][..n]);
            let (largest, mass) = (&largest[..n], &mut mass[..n]);
            for i in 0..n {
                let e = exp(x[i] - largest[i]);
                e_out[i] = e;
                mass[i] += e;
            }
            let (chosen, weight) = (&mut chosen[..n], &mut weight[..n]);
            for i in 0..n {
                let here = t[i] == class;
                chosen[i] = if here { x[i] - largest[i] } else { chosen[i] };
                weight[i] = if here { class_weight } else { weight[i] };
            }
        }
        {
            let (mass, chosen, weight) = (&mut mass[..n], &mut chosen[..n], &mut weight[..n]);
            for i in 0..n {
                chosen[i] = weight[i] * (ln(mass[i]) - chosen[i]);
                weight[i] *= scale;
                mass[i] = weight[i] / mass[i];
            }
        }
        total += sum(chosen);
        for (class, out) in (0_u8..).zip(gradient.chunks_exact_mut(pixels)) {
            let g = &mut out[block.clone()][..n];
            let (mass, weight) = (&mass[..n], &weight[..n]);
            for i in 0..n {
                let here = if t[i] == class { weight[i] } else { 0.0 };
                g[i] = g[i] * mass[i] - here;
            }
        }
    }
    total
}

/// The same from tensor operations, as a scalar; `divisor` is the sum of the weights.
pub(crate) fn composed(
    channels: &Tensor,
    target: &[u8],
    config: &CrossEntropyConfig,
    divisor: f64,
) -> Result<Tensor> {
    let (b, _, h, w) = channels.dims4()?;
    let target = Tensor::from_slice(target, (b, 1, h, w), &candle_core::Device::Cpu)?
        .to_device(channels.device())?;
    let largest = channels.max_keepdim(D::Minus(3))?.detach();
    let shifted = channels.broadcast_sub(&largest)?;
    let log_mass = shifted.exp()?.sum_keepdim(D::Minus(3))?.log()?;
    let cost = log_mass.broadcast_sub(&shifted)?;
    let weights = (0_u8..)
        .zip(&config.class_weights)
        .map(|(class, &weight)| {
            target.eq(class)?.to_dtype(channels.dtype())?.affine(f64::from(weight), 0.0)
        })
        .collect::<candle_core::Result<Vec<_>>>()?;
    let weights = Tensor::cat(&weights, 1)?;
    Ok(((cost * weights)?.sum_all()? / divisor)?)
}
