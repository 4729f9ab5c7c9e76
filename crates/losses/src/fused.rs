//! All tasks in one pass over single-precision logits on the CPU.

use candle_core::Tensor;
use mapvec_nn::{Isa, Loops};
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::bce_dice::Scales;
use crate::error::Result;
use crate::segmentation::cross_entropy_pass::{self, Costs};
use crate::task::{Kind, Means, Task};
use crate::{angle, bce_dice, thickness};

/// One task on one sample, with its part of the gradient.
struct Job<'a> {
    task: usize,
    sample: usize,
    logits: &'a [f32],
    gradient: &'a mut [f32],
}

/// Value and gradient of contiguous logits.
///
/// The work is split by sample and task, whatever the number of threads, and the sums of
/// the parts are added in order: the result is the same bits at any thread count.
pub(crate) fn fused(
    logits: &Tensor,
    tasks: &[Task<'_>],
    divisors: &[f64],
) -> Result<(Tensor, Vec<Means>)> {
    let (b, c, h, w) = logits.dims4()?;
    let pixels = h * w;
    let mut gradient = vec![0.0; b * c * pixels];
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
    Ok((attach(logits, total as f32, gradient)?, means))
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
    let samples =
        logits.chunks_exact(channels * pixels).zip(gradient.chunks_exact_mut(channels * pixels));
    for (sample, (logits, mut rest)) in samples.enumerate() {
        let mut at = 0;
        for &task in &order {
            let first = tasks[task].channel;
            let end = first + tasks[task].channels();
            let (_, from_first) = rest.split_at_mut((first - at) * pixels);
            let (own, after) = from_first.split_at_mut((end - first) * pixels);
            let logits = &logits[first * pixels..end * pixels];
            jobs.push(Job { task, sample, logits, gradient: own });
            (rest, at) = (after, end);
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
    let Job { task: index, sample, logits, gradient } = job;
    let task = &tasks[index];
    let weight = task.weight;
    let scale = weight / divisors[index];
    let range = sample * pixels..(sample + 1) * pixels;
    match task.kind {
        Kind::BceDice { target, config } => {
            let dice = weight * config.dice_weight / samples as f64;
            let scales = Scales { bce: scale, dice };
            bce_dice::sample(logits, &target[range], gradient, config, &scales)
        }
        Kind::CrossEntropy { target, weights, config } => {
            let class_weights: Vec<f32> = config.class_weights.iter().map(|&w| w as f32).collect();
            let costs = Costs {
                class_weights: &class_weights,
                smoothing: config.label_smoothing as f32,
                weights: weights.map(|weights| &weights[range.clone()]),
            };
            [cross_entropy_pass::sample(logits, &target[range], gradient, &costs, scale), 0.0]
        }
        Kind::Angle { target } => [angle::sample(logits, &target[range], gradient, scale), 0.0],
        Kind::Thickness { target, config } => {
            [thickness::sample(logits, &target[range], gradient, config, scale), 0.0]
        }
    }
}
