//! What the losses of overlap share: their settings and the sums that they are made of.

use candle_core::{D, DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::block::histogram;
use crate::composite::Composite;
use crate::error::{Error, Result};
use crate::precision::{is_fast, widen};
use crate::segmentation::class_mean::{AbsentClasses, SumOver};
use crate::segmentation::class_target::{ClassTarget, Fit, Resolved, WIDE_IGNORE};
use crate::segmentation::overlap_pass::ClassSums;
use crate::task::IGNORE;

/// How predictions become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Logits of classes of which each pixel has one.
    #[default]
    Softmax,
    /// Logits of independent classes, or of a single one against the background.
    Sigmoid,
    /// They are probabilities.
    None,
}

impl Activation {
    pub(crate) fn apply(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Softmax => mapvec_nn::softmax(x, 1)?,
            Self::Sigmoid => mapvec_nn::sigmoid(x)?,
            Self::None => x.clone(),
        })
    }
}

/// Settings that the losses of overlap share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OverlapConfig {
    /// How predictions become probabilities. Default: softmax.
    pub activation: Activation,
    /// Added above and below in the ratio, `s`, px, 0 or more. Default 1.
    pub smooth: f64,
    /// Which pixels are summed. Default: those of the batch.
    pub sum_over: SumOver,
    /// What becomes of a class without a pixel. Default: it does not count.
    pub absent: AbsentClasses,
    /// The id of pixels that count nowhere; no class may have it. Default 255.
    pub ignore: Option<u32>,
}

impl Default for OverlapConfig {
    fn default() -> Self {
        Self {
            activation: Activation::default(),
            smooth: 1.0,
            sum_over: SumOver::default(),
            absent: AbsentClasses::default(),
            ignore: Some(u32::from(IGNORE)),
        }
    }
}

impl OverlapConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a `smooth` that is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("smooth", self.smooth)
    }
}

/// Weighted sums over pixels, `[G, K]` for groups of samples and classes.
#[derive(Debug)]
pub(crate) struct Sums {
    /// Of the probabilities where the target is the class, `I`.
    pub(crate) shared: Tensor,
    /// Of the probabilities, or their squares, `P`.
    pub(crate) predicted: Tensor,
    /// Of the target, `T`.
    pub(crate) target: Tensor,
    /// The type that the result has.
    dtype: DType,
}

impl Sums {
    pub(crate) fn of(
        name: &'static str,
        prediction: &Tensor,
        target: &ClassTarget<'_>,
        config: &OverlapConfig,
        squared: bool,
    ) -> Result<Self> {
        config.validate()?;
        let (x, classes) = channels(prediction, config.activation)?;
        let fit = Fit { name, shape: prediction.dims(), classes, ignore: config.ignore };
        let resolved = target.resolve(&fit)?;
        let fused = is_fast(&x) && config.activation == Activation::Softmax;
        let dtype = x.dtype();
        if x.elem_count() == 0 {
            let groups = if config.sum_over == SumOver::Batch { 1 } else { x.dim(0)? };
            let none = Tensor::zeros((groups, x.dim(1)?), dtype, x.device())?;
            return Ok(Self { shared: none.clone(), predicted: none.clone(), target: none, dtype });
        }
        let [shared, predicted, total] = match &resolved {
            Resolved::Bytes(ids) if fused => fused_sums(&x, ids, target.weights, squared)?,
            _ => {
                let p = config.activation.apply(&flat(&x)?)?;
                composed_sums(&p, &resolved, target.weights, squared)?
            }
        };
        let group = |sums: Tensor| -> Result<Tensor> {
            Ok(match config.sum_over {
                SumOver::Batch => sums.sum_keepdim(0)?,
                SumOver::Sample => sums,
            })
        };
        Ok(Self {
            shared: group(shared)?,
            predicted: group(predicted)?,
            target: group(total)?,
            dtype,
        })
    }

    /// `(above + smooth) / (below + smooth)`; 1 where there is nothing to divide by.
    pub(crate) fn ratio(above: &Tensor, below: &Tensor, smooth: f64) -> Result<Tensor> {
        let (above, below) = ((above + smooth)?, (below + smooth)?);
        let some = below.detach().ne(0.0)?;
        let ones = below.ones_like()?;
        Ok((some.where_cond(&above, &ones)? / some.where_cond(&below, &ones)?)?)
    }

    /// The mean of the classes' values, as the term `name`.
    pub(crate) fn mean(
        &self,
        name: &'static str,
        values: &Tensor,
        absent: AbsentClasses,
    ) -> Result<Composite> {
        let counted = match absent {
            AbsentClasses::Exclude => self.target.gt(0.0)?,
            AbsentClasses::Include => self.target.ones_like()?.to_dtype(DType::U8)?,
        };
        Composite::over_classes(name, &values.to_dtype(self.dtype)?, &counted)
    }
}

/// The prediction as `[B, K, N]` in single or double precision, and the number of classes.
pub(crate) fn planes(prediction: &Tensor, activation: Activation) -> Result<(Tensor, usize)> {
    let (x, classes) = channels(prediction, activation)?;
    Ok((flat(&x)?, classes))
}

fn flat(x: &Tensor) -> Result<Tensor> {
    let (b, k) = (x.dim(0)?, x.dim(1)?);
    Ok(x.reshape((b, k, x.elem_count() / (b * k).max(1)))?)
}

/// The prediction `[B, K, ...]` in single or double precision, and the number of classes. Not
/// reshaped, which would cost the backward pass another sweep.
fn channels(prediction: &Tensor, activation: Activation) -> Result<(Tensor, usize)> {
    let least = if activation == Activation::Softmax { 2 } else { 1 };
    let k = match *prediction.dims() {
        [_, k, ..] if k >= least => k,
        ref found => {
            return Err(Error::Shape {
                field: "prediction",
                expected: format!("[B, K, ...] with {least} or more channels"),
                found: format!("{found:?}"),
            });
        }
    };
    let x = widen(prediction)?;
    // One channel tells a class from the background.
    Ok((x.contiguous()?, k.max(2)))
}

fn fused_sums(
    x: &Tensor,
    ids: &[u8],
    weights: Option<&[f32]>,
    squared: bool,
) -> Result<[Tensor; 3]> {
    let (b, k) = (x.dim(0)?, x.dim(1)?);
    let n = ids.len() / b.max(1);
    let sums = x.apply_op1(ClassSums::new(ids, weights, squared, x.track_op()))?;
    let mut target = vec![0.0; b * k];
    for (sample, target) in target.chunks_exact_mut(k).enumerate() {
        let range = sample * n..(sample + 1) * n;
        match weights {
            None => {
                for (total, count) in target.iter_mut().zip(histogram(&ids[range])) {
                    *total = count as f64;
                }
            }
            Some(weights) => {
                for (&id, &weight) in ids[range.clone()].iter().zip(&weights[range]) {
                    if let Some(total) = target.get_mut(usize::from(id)) {
                        *total += f64::from(weight);
                    }
                }
            }
        }
    }
    let target = Tensor::from_vec(target, (b, k), &Device::Cpu)?;
    Ok([sums.get(0)?, sums.get(1)?, target])
}

fn composed_sums(
    p: &Tensor,
    target: &Resolved<'_>,
    weights: Option<&[f32]>,
    squared: bool,
) -> Result<[Tensor; 3]> {
    let (y, weights) = indicator(p, target, weights)?;
    let weigh = |values: Tensor| -> Result<Tensor> {
        Ok(match &weights {
            Some(weights) => values.broadcast_mul(weights)?.sum(D::Minus1)?,
            None => values.sum(D::Minus1)?,
        })
    };
    let power = |values: &Tensor| if squared { values.sqr() } else { Ok(values.clone()) };
    Ok([weigh((p * &y)?)?, weigh(power(p)?)?, weigh(power(&y)?)?])
}

/// 1 where the target is the class, in the shape `[B, K, N]` of `p`, and the weights of the
/// pixels `[B, 1, N]`, none for 1 each.
pub(crate) fn indicator(
    p: &Tensor,
    target: &Resolved<'_>,
    weights: Option<&[f32]>,
) -> Result<(Tensor, Option<Tensor>)> {
    let (b, k, n) = p.dims3()?;
    let (dtype, device) = (p.dtype(), p.device());
    let wide: Vec<u32> = match target {
        Resolved::Soft(soft) => {
            let weights = match weights {
                None => None,
                Some(weights) => Some(
                    Tensor::from_slice(weights, (b, 1, n), &Device::Cpu)?
                        .to_dtype(dtype)?
                        .to_device(device)?,
                ),
            };
            let soft = soft.to_device(device)?.to_dtype(dtype)?.reshape((b, k, n))?;
            return Ok((soft, weights));
        }
        Resolved::Wide(ids) => ids.clone(),
        Resolved::Bytes(ids) => {
            ids.iter().map(|&id| if id == IGNORE { WIDE_IGNORE } else { u32::from(id) }).collect()
        }
    };
    let count = |(i, &id): (usize, &u32)| match weights {
        _ if id == WIDE_IGNORE => 0.0,
        Some(weights) => weights[i],
        None => 1.0,
    };
    let counted: Vec<f32> = wide.iter().enumerate().map(count).collect();
    let plain = counted.iter().all(|weight| weight.to_bits() == 1.0_f32.to_bits());
    let ids = Tensor::from_vec(wide, (b, 1, n), &Device::Cpu)?.to_device(device)?;
    let first = u32::from(k == 1);
    let classes = Tensor::arange(first, first + k as u32, device)?.reshape((1, k, 1))?;
    let y = ids.broadcast_eq(&classes)?.to_dtype(dtype)?;
    if plain {
        return Ok((y, None));
    }
    let weights = Tensor::from_vec(counted, (b, 1, n), &Device::Cpu)?;
    Ok((y, Some(weights.to_dtype(dtype)?.to_device(device)?)))
}
