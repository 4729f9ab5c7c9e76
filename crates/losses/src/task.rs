//! A task: channels of the logits, a target, and the loss between them.

use candle_core::{DType, Tensor};

use crate::angle;
use crate::bce_dice::{self, BceDiceConfig};
use crate::block::histogram;
use crate::error::{Error, Result};
use crate::fused::fused;
use crate::precision::{is_fast, widen};
use crate::reduction::Reduction;
use crate::segmentation::cross_entropy::{self, CrossEntropyConfig};
use crate::shape::rank;
use crate::thickness::{self, ThicknessConfig};

/// Target value of a pixel that counts nowhere.
pub(crate) const IGNORE: u8 = 255;

/// The loss of a task, with its target.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'a> {
    BceDice {
        target: &'a [u8],
        config: &'a BceDiceConfig,
    },
    CrossEntropy {
        target: &'a [u8],
        /// Of each pixel; none: 1 each.
        weights: Option<&'a [f32]>,
        config: &'a CrossEntropyConfig,
    },
    Angle {
        target: &'a [f32],
    },
    Thickness {
        target: &'a [f32],
        config: &'a ThicknessConfig,
    },
}

/// One term of a loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) name: &'static str,
    /// The argument that holds the target.
    pub(crate) target: &'static str,
    /// First channel of the logits.
    pub(crate) channel: usize,
    /// Factor of the term in the whole loss.
    pub(crate) weight: f64,
    pub(crate) kind: Kind<'a>,
}

/// Means of one task before its weight: the loss, or cross-entropy and Dice.
pub(crate) type Means = [f64; 2];

impl Task<'_> {
    /// Number of channels.
    pub(crate) fn channels(&self) -> usize {
        match self.kind {
            Kind::BceDice { .. } | Kind::Thickness { .. } => 1,
            Kind::CrossEntropy { config, .. } => config.class_weights.len(),
            Kind::Angle { .. } => 2,
        }
    }

    /// Factor of the second mean.
    pub(crate) fn second_weight(&self) -> f64 {
        match self.kind {
            Kind::BceDice { config, .. } => config.dice_weight,
            _ => 0.0,
        }
    }

    /// The weighted term.
    pub(crate) fn term(&self, means: &Means) -> f64 {
        self.weight * (means[0] + self.second_weight() * means[1])
    }

    fn target_len(&self) -> usize {
        match self.kind {
            Kind::BceDice { target, .. } | Kind::CrossEntropy { target, .. } => target.len(),
            Kind::Angle { target } | Kind::Thickness { target, .. } => target.len(),
        }
    }

    /// Checks settings, channels and target, and returns the sum of the pixels' weights, by
    /// which the sum of the losses is divided; infinite where they sum to 0, so that mean and
    /// gradient are 0.
    pub(crate) fn divisor(&self, channels: usize, pixels: usize) -> Result<f64> {
        match self.kind {
            Kind::BceDice { config, .. } => config.validate()?,
            Kind::CrossEntropy { config, .. } => config.validate()?,
            Kind::Thickness { config, .. } => config.validate()?,
            Kind::Angle { .. } => {}
        }
        let (task, first) = (self.name, self.channel);
        let end = first.saturating_add(self.channels());
        if end > channels {
            return Err(Error::Channels { task, first, end, channels });
        }
        if self.target_len() != pixels {
            let (task, found) = (self.target, self.target_len());
            return Err(Error::Length { task, expected: pixels, found });
        }
        let mass = match self.kind {
            Kind::BceDice { target, .. } => self.byte_mass(target, &[1.0; 2]),
            Kind::CrossEntropy { target, weights, config } => {
                let mass = self.byte_mass(target, &config.class_weights)?;
                Ok(match (config.reduction, weights) {
                    (Reduction::Mean, None) => mass,
                    (Reduction::Mean, Some(weights)) => {
                        weighted_mass(target, weights, &config.class_weights)
                    }
                    _ => 1.0,
                })
            }
            Kind::Angle { target } => {
                self.float_mass(target, |t| !t.is_infinite(), "finite radians, or NaN for unknown")
            }
            Kind::Thickness { target, .. } => self.float_mass(
                target,
                |t| t.is_nan() | (t > 0.0 && t < f32::INFINITY),
                "finite widths above 0 px, or NaN for unknown",
            ),
        }?;
        Ok(if mass > 0.0 { mass } else { f64::INFINITY })
    }

    /// Sum of the weights of a target's classes.
    fn byte_mass(&self, target: &[u8], weights: &[f64]) -> Result<f64> {
        let counts = histogram(target);
        let known: usize = counts.iter().take(weights.len()).sum();
        if known + counts[usize::from(IGNORE)] < target.len() {
            let wrong = |&entry: &u8| entry != IGNORE && usize::from(entry) >= weights.len();
            let index = target.iter().position(wrong).unwrap_or_default();
            return Err(Error::Target {
                task: self.name,
                value: f32::from(target[index]),
                index,
                allowed: format!("0 to {}, or 255 for unknown", weights.len() - 1),
            });
        }
        Ok(counts.iter().zip(weights).map(|(&n, &weight)| n as f64 * weight).sum())
    }

    /// Number of known values.
    fn float_mass(
        &self,
        target: &[f32],
        allowed: impl Fn(f32) -> bool,
        text: &'static str,
    ) -> Result<f64> {
        // Without an early end, so that it is many comparisons at once.
        if target.iter().fold(false, |wrong, &value| wrong | !allowed(value)) {
            let index = target.iter().position(|&value| !allowed(value)).unwrap_or_default();
            return Err(Error::Target {
                task: self.name,
                value: target[index],
                index,
                allowed: text.to_owned(),
            });
        }
        Ok(target.iter().filter(|value| !value.is_nan()).count() as f64)
    }
}

/// Sum of the weights of the pixels times those of their classes.
fn weighted_mass(target: &[u8], weights: &[f32], class_weights: &[f64]) -> f64 {
    let weight = |(&class, &weight): (&u8, &f32)| {
        class_weights.get(usize::from(class)).map_or(0.0, |&own| own * f64::from(weight))
    };
    target.iter().zip(weights).map(weight).sum()
}

/// Checks that no channel serves two tasks.
fn check_overlap(tasks: &[Task<'_>]) -> Result<()> {
    let mut ordered: Vec<_> = tasks.iter().collect();
    ordered.sort_by_key(|task| task.channel);
    for pair in ordered.windows(2) {
        if pair[0].channel + pair[0].channels() > pair[1].channel {
            return Err(Error::Overlap { first: pair[0].name, second: pair[1].name });
        }
    }
    Ok(())
}

/// The sum of weighted terms as a scalar with a gradient, and the means of every task.
///
/// Single precision on the CPU takes the fused kernels, everything else the composed
/// tensor operations (half precision computes in single).
pub(crate) fn evaluate(logits: &Tensor, tasks: &[Task<'_>]) -> Result<(Tensor, Vec<Means>)> {
    use rayon::prelude::*;
    let [b, c, h, w] = rank("logits", logits, "[B, C, H, W]")?;
    let divisors =
        tasks.par_iter().map(|task| task.divisor(c, b * h * w)).collect::<Result<Vec<_>>>()?;
    check_overlap(tasks)?;
    let logits = widen(logits)?;
    if logits.elem_count() == 0 {
        // The tensor library cannot add up parts of nothing.
        return Ok((logits.sum_all()?, vec![[0.0; 2]; tasks.len()]));
    }
    if is_fast(&logits) {
        fused(&logits.contiguous()?, tasks, &divisors)
    } else {
        composed(&logits, tasks, &divisors)
    }
}

/// The loss from tensor operations, for every device and precision.
pub(crate) fn composed(
    logits: &Tensor,
    tasks: &[Task<'_>],
    divisors: &[f64],
) -> Result<(Tensor, Vec<Means>)> {
    let mut total = Tensor::zeros((), logits.dtype(), logits.device())?;
    let mut scalars = Vec::with_capacity(2 * tasks.len());
    for (task, &divisor) in tasks.iter().zip(divisors) {
        let channels = logits.narrow(1, task.channel, task.channels())?;
        let (first, second) = match task.kind {
            Kind::BceDice { target, config } => {
                let [bce, dice] = bce_dice::composed(&channels, target, config, divisor)?;
                (bce, Some(dice))
            }
            Kind::CrossEntropy { target, weights, config } => {
                (cross_entropy::composed(&channels, target, weights, config, divisor)?, None)
            }
            Kind::Angle { target } => (angle::composed(&channels, target, divisor)?, None),
            Kind::Thickness { target, config } => {
                (thickness::composed(&channels, target, config, divisor)?, None)
            }
        };
        let weight = task.weight;
        total = (total + (&first * weight)?)?;
        scalars.push(first.detach());
        match second {
            Some(second) => {
                total = (total + (&second * (weight * task.second_weight()))?)?;
                scalars.push(second.detach());
            }
            None => scalars.push(first.zeros_like()?.detach()),
        }
    }
    if scalars.is_empty() {
        return Ok((total, Vec::new()));
    }
    // One transfer for all terms.
    let values = Tensor::stack(&scalars, 0)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    Ok((total, values.as_chunks::<2>().0.to_vec()))
}
