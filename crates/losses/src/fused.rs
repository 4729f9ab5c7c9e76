//! All tasks in one pass over single-precision logits on the CPU.

use std::ops::Range;

use candle_core::Tensor;
use mapvec_nn::{Isa, Loops};
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::bce_dice::Scales;
use crate::block::{chunks, part, parts_mut};
use crate::error::Result;
use crate::segmentation::cross_entropy_pass::{self, Costs};
use crate::task::{Kind, Means, Task};
use crate::{angle, bce_dice, thickness};

/// One task on one sample, or on a chunk of its pixels, with its part of the gradient.
struct Job<'a> {
    task: usize,
    sample: usize,
    /// The pixels of the sample that the job handles.
    range: Range<usize>,
    /// Of the whole sample.
    logits: &'a [f32],
    gradient: Part<'a>,
}

/// Where the gradient of a job goes.
enum Part<'a> {
    /// Nobody learns.
    Nowhere,
    /// The channels of a sample.
    Whole(&'a mut [f32]),
    /// A chunk of every channel.
    Planes(Vec<&'a mut [f32]>),
}

/// Value and gradient of contiguous logits.
///
/// The work is split by sample and task, and cross-entropy by chunks of pixels too, whatever the
/// number of threads, and the sums of the parts are added in order: the result is the same bits at any thread count.
pub(crate) fn fused(
    logits: &Tensor,
    tasks: &[Task<'_>],
    divisors: &[f64],
) -> Result<(Tensor, Vec<Means>)> {
    let (b, c, h, w) = logits.dims4()?;
    let pixels = h * w;
    let learns = logits.track_op();
    let mut gradient = vec![0.0; if learns { b * c * pixels } else { 0 }];
    let mut means = vec![[0.0; 2]; tasks.len()];
    read(logits, |values| {
        if pixels == 0 {
            return;
        }
        let jobs = split(values, &mut gradient, tasks, c, pixels);
        let isa = Isa::detect();
        let parts: Vec<_> = jobs
            .into_par_iter()
            .with_max_len(1)
            .map(|job| {
                let task = job.task;
                (task, isa.run(Run { job, tasks, divisors, samples: b, pixels }))
            })
            .collect();
        for (task, sums) in parts {
            means[task][0] += sums[0];
            means[task][1] += sums[1];
        }
    })?;
    for (sums, divisor) in means.iter_mut().zip(divisors) {
        sums[0] /= divisor;
        sums[1] /= b.max(1) as f64;
    }
    let total: f64 = tasks.iter().zip(&means).map(|(task, means)| task.term(means)).sum();
    let total = total as f32;
    let loss = if learns {
        attach(logits, total, gradient)?
    } else {
        Tensor::new(total, logits.device())?
    };
    Ok((loss, means))
}

/// The parts of logits and gradient that belong to each task, sample by sample.
fn split<'a>(
    logits: &'a [f32],
    gradient: &'a mut [f32],
    tasks: &[Task<'_>],
    channels: usize,
    pixels: usize,
) -> Vec<Job<'a>> {
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&task| tasks[task].channel);
    let mut jobs = Vec::new();
    let mut gradients = gradient.chunks_exact_mut(channels * pixels);
    for (sample, logits) in logits.chunks_exact(channels * pixels).enumerate() {
        let mut rest = gradients.next();
        let mut at = 0;
        for &task in &order {
            let first = tasks[task].channel;
            let end = first + tasks[task].channels();
            let logits = &logits[first * pixels..end * pixels];
            let mut own = None;
            if let Some(planes) = rest.take() {
                let (_, from_first) = planes.split_at_mut((first - at) * pixels);
                let (planes, after) = from_first.split_at_mut((end - first) * pixels);
                (own, rest, at) = (Some(planes), Some(after), end);
            }
            let job = |range, gradient| Job { task, sample, range, logits, gradient };
            match (tasks[task].kind, own) {
                (Kind::CrossEntropy { .. }, Some(own)) => {
                    let parts = chunks(pixels).zip(parts_mut(own, pixels));
                    jobs.extend(parts.map(|(range, own)| job(range, Part::Planes(own))));
                }
                (Kind::CrossEntropy { .. }, None) => {
                    jobs.extend(chunks(pixels).map(|range| job(range, Part::Nowhere)));
                }
                (_, Some(own)) => jobs.push(job(0..pixels, Part::Whole(own))),
                (_, None) => jobs.push(job(0..pixels, Part::Nowhere)),
            }
        }
    }
    jobs
}

/// A job, with what is the same for all of them.
struct Run<'a> {
    job: Job<'a>,
    tasks: &'a [Task<'a>],
    divisors: &'a [f64],
    samples: usize,
    pixels: usize,
}

impl Loops for Run<'_> {
    type Output = Means;

    #[inline(always)]
    fn run(self) -> Means {
        run(self)
    }
}

/// Sums of one job; its part of the gradient is written.
#[inline(always)]
fn run(run: Run<'_>) -> Means {
    let Run { job, tasks, divisors, samples, pixels } = run;
    let Job { task: index, sample, range, logits, gradient } = job;
    let task = &tasks[index];
    let weight = task.weight;
    let scale = weight / divisors[index];
    let at = sample * pixels + range.start..sample * pixels + range.end;
    if let Kind::CrossEntropy { target, weights, config } = task.kind {
        let class_weights: Vec<f32> = config.class_weights.iter().map(|&w| w as f32).collect();
        let costs = Costs {
            class_weights: &class_weights,
            smoothing: config.label_smoothing as f32,
            weights: weights.map(|weights| &weights[at.clone()]),
        };
        let mut scratch = Vec::new();
        let mut planes = match gradient {
            Part::Planes(planes) => planes,
            _ => {
                scratch.resize(class_weights.len() * range.len(), 0.0);
                scratch.chunks_exact_mut(range.len()).collect()
            }
        };
        let logits = part(logits, pixels, range);
        let sum = cross_entropy_pass::chunk(&logits, &target[at], &mut planes, &costs, scale);
        return [sum, 0.0];
    }
    let mut scratch = Vec::new();
    let gradient = match gradient {
        Part::Whole(planes) => planes,
        _ => {
            scratch.resize(logits.len(), 0.0);
            scratch.as_mut_slice()
        }
    };
    match task.kind {
        Kind::BceDice { target, config } => {
            let dice = weight * config.dice_weight / samples as f64;
            let scales = Scales { bce: scale, dice };
            bce_dice::sample(logits, &target[at], gradient, config, &scales)
        }
        Kind::CrossEntropy { .. } => [0.0; 2],
        Kind::Angle { target } => [angle::sample(logits, &target[at], gradient, scale), 0.0],
        Kind::Thickness { target, config } => {
            [thickness::sample(logits, &target[at], gradient, config, scale), 0.0]
        }
    }
}
