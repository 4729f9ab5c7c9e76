//! Lovasz losses: value and gradient at once, in single precision on the CPU.

use std::ops::Range;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::composite::Composite;
use crate::error::Result;
use crate::segmentation::class_mean::SumOver;
use crate::segmentation::class_target::WIDE_IGNORE;
use crate::segmentation::overlap::Activation;

/// The most pixels that are sorted together: a place and a flag share 32 bits.
pub(crate) const MOST: usize = 1 << 31;

/// What the pass needs beside the prediction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lovasz<'a> {
    /// Ids, with [`WIDE_IGNORE`] for pixels that count nowhere.
    pub(crate) ids: &'a [u32],
    pub(crate) activation: Activation,
    /// Added to the errors of pixels that are not of the class.
    pub(crate) offset: f32,
    pub(crate) sum_over: SumOver,
    /// Whether classes without a pixel count.
    pub(crate) absent: bool,
}

/// A class of a group of samples.
struct Scored {
    value: f64,
    /// Whether a pixel is of the class.
    present: bool,
    /// Of the value, by the probability of each pixel of the group.
    slopes: Vec<f32>,
}

impl Lovasz<'_> {
    /// The loss of a contiguous prediction `[B, K, N]` with values.
    ///
    /// Every class of a group is one task: the result is the same bits at any number of threads.
    pub(crate) fn fused(&self, x: &Tensor) -> Result<Composite> {
        let (b, k, n) = x.dims3()?;
        let p = self.activation.apply(&x.detach())?.contiguous()?;
        let groups: Vec<Range<usize>> = match self.sum_over {
            SumOver::Batch => std::iter::once(0..b).collect(),
            SumOver::Sample => (0..b).map(|sample| sample..sample + 1).collect(),
        };
        let jobs: Vec<(Range<usize>, usize)> = groups
            .iter()
            .flat_map(|group| (0..k).map(move |class| (group.clone(), class)))
            .collect();
        let scored: Vec<Scored> = read(&p, |p| {
            let score = |(group, class)| self.score(p, (k, n), group, class);
            jobs.into_par_iter().with_max_len(1).map(score).collect()
        })?;
        let counted: Vec<u8> =
            scored.iter().map(|class| u8::from(class.present || self.absent)).collect();
        let total = counted.iter().filter(|&&flag| flag == 1).count().max(1);
        let table = (groups.len(), k);
        let values = Tensor::from_vec(
            scored.iter().map(|class| class.value).collect::<Vec<f64>>(),
            table,
            &Device::Cpu,
        )?;
        let flags = Tensor::from_vec(counted.clone(), table, &Device::Cpu)?;
        let mut composite = Composite::over_classes("lovasz", &values, &flags)?;
        let value = composite.loss.to_scalar::<f64>()? as f32;
        if !x.track_op() {
            composite.loss = Tensor::new(value, x.device())?;
            return Ok(composite);
        }
        let scale = 1.0 / total as f32;
        let mut gradient = read(&p, <[f32]>::to_vec)?;
        gradient.par_chunks_exact_mut(k * n).enumerate().for_each(|(sample, gradient)| {
            let (group, first) = match self.sum_over {
                SumOver::Batch => (0, sample * n),
                SumOver::Sample => (sample, 0),
            };
            let slopes: Vec<(&[f32], f32)> = (group * k..(group + 1) * k)
                .map(|class| {
                    let factor = if counted[class] == 1 { scale } else { 0.0 };
                    (&scored[class].slopes[first..first + n], factor)
                })
                .collect();
            self.descend(gradient, &slopes);
        });
        composite.loss = attach(x, value, gradient)?;
        Ok(composite)
    }

    /// Sorts the errors of a class of some samples.
    fn score(
        &self,
        p: &[f32],
        (k, n): (usize, usize),
        samples: Range<usize>,
        class: usize,
    ) -> Scored {
        // One channel is the class of id 1.
        let id = if k == 1 { 1 } else { class as u32 };
        let mut keys: Vec<u64> = Vec::with_capacity(samples.len() * n);
        let mut pixels = 0_usize;
        let first = samples.start * n;
        for sample in samples.clone() {
            let plane = &p[(sample * k + class) * n..][..n];
            for (place, &x) in (sample * n..).zip(plane) {
                if self.ids[place] == WIDE_IGNORE {
                    continue;
                }
                let own = self.ids[place] == id;
                pixels += usize::from(own);
                let error = if own { 1.0 - x } else { x + self.offset };
                // Others have the slope 0.
                if error > 0.0 || error.is_nan() {
                    // Sorted from the largest error, and of equal ones from the first place.
                    let low = ((place - first) as u64) << 1 | u64::from(own);
                    keys.push(u64::from(!error.abs().to_bits()) << 32 | low);
                }
            }
        }
        keys.sort_unstable();
        let mut slopes = vec![0.0; samples.len() * n];
        let total = pixels as f64;
        let (mut hits, mut alarms, mut before, mut value) = (total, 0.0, 0.0, 0.0);
        for key in keys {
            let error = f32::from_bits(!((key >> 32) as u32));
            let (own, place) = (key & 1 == 1, (key as u32 >> 1) as usize);
            if own {
                hits -= 1.0;
            } else {
                alarms += 1.0;
            }
            let loss = 1.0 - hits / (total + alarms);
            let growth = loss - before;
            before = loss;
            value += f64::from(error) * growth;
            slopes[place] = if own { -growth } else { growth } as f32;
        }
        Scored { value, present: pixels > 0, slopes }
    }

    /// From the probabilities of a sample to the gradient of its prediction; every class has its
    /// slopes and a factor.
    fn descend(&self, p: &mut [f32], classes: &[(&[f32], f32)]) {
        let n = p.len() / classes.len().max(1);
        let mut mean = vec![0.0_f32; if self.activation == Activation::Softmax { n } else { 0 }];
        for (p, &(slopes, factor)) in p.chunks_exact(n).zip(classes) {
            for ((mean, p), slope) in mean.iter_mut().zip(p).zip(slopes) {
                *mean += p * slope * factor;
            }
        }
        for (p, &(slopes, factor)) in p.chunks_exact_mut(n).zip(classes) {
            let pixels = p.iter_mut().zip(slopes);
            match self.activation {
                Activation::Softmax => {
                    for ((p, slope), mean) in pixels.zip(&mean) {
                        *p *= slope * factor - mean;
                    }
                }
                Activation::Sigmoid => pixels.for_each(|(p, s)| *p *= (1.0 - *p) * s * factor),
                Activation::None => pixels.for_each(|(p, s)| *p = s * factor),
            }
        }
    }
}
