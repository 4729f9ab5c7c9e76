//! All tasks in one pass over single-precision logits on the CPU.

use std::ops::Range;

use candle_core::Tensor;
use mapvec_nn::{Isa, Loops};
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::bce_dice::{DiceSums, Slopes};
use crate::block::{chunks, part, parts_mut};
use crate::error::Result;
use crate::segmentation::cross_entropy_pass::{self, Costs};
use crate::task::{Kind, Means, Task};
use crate::{angle, bce_dice, thickness};

/// One task on a chunk of the pixels of a sample.
struct Job<'a> {
    task: usize,
    sample: usize,
    /// The pixels of the sample.
    range: Range<usize>,
    /// Their part of every channel of the task.
    logits: Vec<&'a [f32]>,
    /// The same of the gradient; none: nobody learns.
    gradient: Option<Vec<&'a mut [f32]>>,
}

/// What a job adds up.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// Of the loss, of the cross-entropy where there is a Dice term.
    loss: f64,
    /// For the Dice term of the sample.
    dice: DiceSums,
}

/// Value and gradient of contiguous logits.
///
/// The work is split by sample, task and chunk of pixels, whatever the number of threads, and the
/// sums of the parts are added in order: the result is the same bits at any thread count.
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
        let mut jobs = split(values, &mut gradient, tasks, c, pixels);
        let isa = Isa::detect();
        let parts: Vec<Sums> = jobs
            .par_iter_mut()
            .with_max_len(1)
            .map(|job| isa.run(First { job, tasks, divisors, pixels }))
            .collect();
        let mut dice = vec![DiceSums::default(); tasks.len() * b];
        for (job, part) in jobs.iter().zip(parts) {
            means[job.task][0] += part.loss;
            dice[job.task * b + job.sample].add(&part.dice);
        }
        for (means, (task, dice)) in means.iter_mut().zip(tasks.iter().zip(dice.chunks(b))) {
            if let Kind::BceDice { config, .. } = task.kind {
                means[1] = dice.iter().map(|sums| sums.loss(config.smooth)).sum();
            }
        }
        jobs.into_par_iter().with_max_len(1).for_each(|job| {
            let task = &tasks[job.task];
            if let (Kind::BceDice { target, config }, Some(planes)) = (task.kind, job.gradient) {
                let sums = &dice[job.task * b + job.sample];
                let scale = task.weight / divisors[job.task];
                let slopes = Slopes::new(sums, config, scale, task.weight / b as f64);
                let first = job.sample * pixels;
                let target = &target[first + job.range.start..first + job.range.end];
                planes.into_iter().for_each(|gradient| {
                    isa.run(Second { gradient, target, slopes: &slopes });
                });
            }
        });
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
            let mut parts = Vec::new().into_iter();
            if let Some(planes) = rest.take() {
                let (_, from_first) = planes.split_at_mut((first - at) * pixels);
                let (own, after) = from_first.split_at_mut((end - first) * pixels);
                (parts, rest, at) = (parts_mut(own, pixels).into_iter(), Some(after), end);
            }
            jobs.extend(chunks(pixels).map(|range| {
                let logits = part(logits, pixels, range.clone());
                Job { task, sample, range, logits, gradient: parts.next() }
            }));
        }
    }
    jobs
}

/// The pass that adds up and writes the gradient; where there is a Dice term, what
/// [`bce_dice::gradient`] makes it of.
struct First<'a, 'b> {
    job: &'a mut Job<'b>,
    tasks: &'a [Task<'a>],
    divisors: &'a [f64],
    /// Of a sample.
    pixels: usize,
}

impl Loops for First<'_, '_> {
    type Output = Sums;

    #[inline(always)]
    fn run(self) -> Sums {
        let Job { task: index, sample, range, logits, gradient } = self.job;
        let task = &self.tasks[*index];
        let scale = task.weight / self.divisors[*index];
        let first = *sample * self.pixels;
        let at = first + range.start..first + range.end;
        let mut scratch = Vec::new();
        let mut planes: Vec<&mut [f32]> = match gradient {
            Some(planes) => planes.iter_mut().map(|plane| &mut **plane).collect(),
            None => {
                scratch.resize(logits.len() * range.len(), 0.0);
                scratch.chunks_exact_mut(range.len()).collect()
            }
        };
        let mut dice = DiceSums::default();
        let loss = match task.kind {
            Kind::BceDice { target, config } => {
                bce_dice::sums(logits[0], &target[at], planes[0], config, &mut dice)
            }
            Kind::CrossEntropy { target, weights, config } => {
                let class_weights: Vec<f32> =
                    config.class_weights.iter().map(|&weight| weight as f32).collect();
                let costs = Costs {
                    class_weights: &class_weights,
                    smoothing: config.label_smoothing as f32,
                    weights: weights.map(|weights| &weights[at.clone()]),
                };
                cross_entropy_pass::chunk(logits, &target[at], &mut planes, &costs, scale)
            }
            Kind::Angle { target } => angle::chunk(logits, &target[at], &mut planes, scale),
            Kind::Thickness { target, config } => {
                thickness::chunk(logits[0], &target[at], planes[0], config, scale)
            }
        };
        Sums { loss, dice }
    }
}

/// The pass that needs the sums of the sample.
struct Second<'a> {
    gradient: &'a mut [f32],
    target: &'a [u8],
    slopes: &'a Slopes,
}

impl Loops for Second<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        bce_dice::gradient(self.gradient, self.target, self.slopes);
    }
}
