//! Training and judging over seeds, targets and ratios of signal to noise.

use anyhow::Result;
use mapvec_data::Progress;
use mapvec_nn::ParameterStore;
use mapvec_train::History;

use super::batch::{TARGETS, source};
use super::judged::{Outcome, TestSet, judge};
use super::training::{Schedule, Scorer, Variant, frozen_backbone, train_backbone};

/// Power of the picture around its mean over that of the noise, decibels. Trained on all.
pub const RATIOS: [Option<f64>; 4] = [None, Some(6.0), Some(0.0), Some(-6.0)];
/// Separates pictures on which thresholds are chosen, and those that are judged, from those of the
/// training and from each other.
const CHOICE: u64 = 0x6368_6f69;
const TEST: u64 = 0x7465_7374;

/// How much is done for a seed.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Side of the pictures, px: a multiple of 8.
    pub side: usize,
    /// How long is trained.
    pub schedule: Schedule,
    /// Pictures of each ratio that are judged, and as many on which thresholds are chosen.
    pub pictures: usize,
    /// Whether what scorers see is varied, too.
    pub variants: bool,
}

/// What a variant reached: by [`TARGETS`], then by [`RATIOS`].
pub type Outcomes = Vec<[Outcome; 4]>;

/// What was found for a seed.
#[derive(Debug)]
pub struct Run {
    /// F1 of the backbone's lines by ratio.
    pub lines: [f64; 4],
    /// By the place in [`Variant::ALL`]; the first alone if none is varied.
    pub outcomes: Vec<Outcomes>,
    /// The scorer of each target, as in the first of the variants.
    pub scorers: Vec<Scorer>,
    /// The weights of the backbone, and its training.
    pub backbone: (ParameterStore, History),
}

/// The pictures of a seed that are judged, of a target and at a ratio.
///
/// # Errors
/// The source fails.
pub fn test_set(plan: &Plan, target: usize, ratio: Option<f64>) -> Result<TestSet> {
    set(plan, target, ratio, TEST)
}

fn set(plan: &Plan, target: usize, ratio: Option<f64>, part: u64) -> Result<TestSet> {
    let ratios = [ratio];
    let place = (plan.schedule.seed ^ part, plan.pictures);
    TestSet::new(&source((plan.side, &ratios), &TARGETS[target], true, place)?)
}

/// Trains a backbone and scorers, and judges them at every ratio.
///
/// # Errors
/// A source fails or a loss diverges.
pub fn study(plan: &Plan, progress: &dyn Progress) -> Result<Run> {
    let schedule = &plan.schedule;
    let training = |target: usize| {
        source((plan.side, &RATIOS), &TARGETS[target], false, (schedule.seed, usize::MAX))
    };
    let backbone = train_backbone(&training(0)?, schedule, progress)?;
    let network = frozen_backbone(&backbone.0)?;
    let variants: &[Variant] = if plan.variants { &Variant::ALL } else { &Variant::ALL[..1] };
    let mut run = Run {
        lines: [0.0; 4],
        outcomes: vec![Outcomes::new(); variants.len()],
        scorers: Vec::new(),
        backbone,
    };
    for target in 0..TARGETS.len() {
        let sets = RATIOS.map(|ratio| -> Result<_> {
            Ok((set(plan, target, ratio, TEST)?, set(plan, target, ratio, CHOICE)?))
        });
        let sets = sets.into_iter().collect::<Result<Vec<_>>>()?;
        for (lines, (test, _)) in run.lines.iter_mut().zip(&sets) {
            *lines = test.lines(&network)?;
        }
        let source = training(target)?;
        for (number, variant) in variants.iter().enumerate() {
            let scorer = Scorer::train(&run.backbone.0, *variant, &source, schedule, progress)?;
            let mut outcomes: [Outcome; 4] = Default::default();
            for (outcome, (test, choice)) in outcomes.iter_mut().zip(&sets) {
                let learned = [test.learned(&scorer)?, choice.learned(&scorer)?];
                *outcome = judge((test, &learned[0]), (choice, &learned[1]))?;
            }
            run.outcomes[number].push(outcomes);
            if number == 0 {
                run.scorers.push(scorer);
            }
        }
    }
    Ok(run)
}
