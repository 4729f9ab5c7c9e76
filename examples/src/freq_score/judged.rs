//! Which proposals are right, and how well scores tell.

use std::f64::consts::FRAC_PI_2;

use anyhow::{Context, Result};
use mapvec_data::{Record, Source};
use mapvec_fourier::{PlaneWave, SuppressConfig, suppress_waves};
use mapvec_metrics::{BinaryCounts, best_threshold, counts_from, ranked_precision};
use mapvec_models::UNet;

use super::batch::Batch;
use super::training::Scorer;
use crate::wave_scenes::{reals, true_waves};
use crate::wave_scores::{NEAR, bins_apart};

/// What counts as right.
pub const DECISIONS: [&str; 2] = [
    "frequency within 1 cycle per side of a true one",
    "the same, and its crests at most a quarter of their spacing off in the middle of the picture",
];

/// A proposal and what is true of it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The wave.
    pub wave: PlaneWave,
    /// Its amplitude over the largest of its channel.
    pub strength: f64,
    /// Its amplitude.
    pub amplitude: f64,
    /// Whether no stronger proposal or a multiple of it is near.
    pub kept: bool,
    /// Its similarity to the most similar true wave.
    pub quality: f64,
    /// Whether it is right, by each of [`DECISIONS`].
    pub right: [bool; 2],
}

/// Pictures that are not trained on, with their proposals.
#[derive(Debug)]
pub struct TestSet {
    batches: Vec<Batch>,
    /// Proposals by picture.
    pub seen: Vec<Vec<Seen>>,
    /// True waves by picture.
    pub truth: Vec<Vec<PlaneWave>>,
    /// The pictures, with noise.
    pub records: Vec<Record>,
}

/// Pictures of a batch.
const BATCH: usize = 20;

impl TestSet {
    /// All records of a source.
    ///
    /// # Errors
    /// A record lacks an array.
    pub fn new(source: &dyn Source<Sample = Record>) -> Result<Self> {
        let records = (0..source.len()).map(|index| source.get(index));
        let records = records.collect::<mapvec_data::Result<Vec<_>>>()?;
        // The scene's own arrays differ in size.
        let slim = |record: &Record| {
            let names = [
                "img",
                "classes",
                "proposals",
                "proposals_mask",
                "proposal_strengths",
                "proposal_amplitudes",
                "proposal_qualities",
            ];
            record.clone().selected(&names)
        };
        let batch = |records: &[Record]| -> Result<Batch> {
            Batch::join(&records.iter().map(slim).collect::<mapvec_data::Result<Vec<_>>>()?)
        };
        let batches = records.chunks(BATCH).map(batch).collect::<Result<_>>()?;
        let truth = records.iter().map(true_waves).collect::<Result<Vec<_>>>()?;
        let seen = records.iter().zip(&truth).map(|(record, truth)| seen(record, truth));
        let seen = seen.collect::<Result<Vec<_>>>()?;
        Ok(Self { batches, seen, truth, records })
    }

    /// F1 of the lines that a backbone finds, at probability 1/2.
    ///
    /// # Errors
    /// The network refuses a batch.
    pub fn lines(&self, backbone: &UNet) -> Result<f64> {
        let mut counts = BinaryCounts::default();
        for batch in &self.batches {
            let found =
                backbone.forward(&batch.pictures, false)?.flatten_all()?.to_vec1::<f32>()?;
            let truth = batch.lines.flatten_all()?.to_vec1::<f32>()?;
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            let truth: Vec<bool> = truth.into_iter().map(|line| line > 0.5).collect();
            counts += counts_from(0.0, &found, &truth)?;
        }
        Ok(counts.f_beta(1.0).unwrap_or(0.0))
    }

    /// What a scorer says of every proposal.
    ///
    /// # Errors
    /// The network refuses a batch.
    pub fn learned(&self, scorer: &Scorer) -> Result<Vec<Vec<f64>>> {
        let mut all = Vec::with_capacity(self.seen.len());
        for batch in &self.batches {
            all.extend(scorer.qualities(batch)?);
        }
        let each = all.iter().zip(&self.seen);
        Ok(each
            .map(|(row, seen)| row[..seen.len()].iter().map(|q| f64::from(*q)).collect())
            .collect())
    }
}

fn side(record: &Record) -> Result<usize> {
    Ok(record.get("img")?.shape()[0])
}

fn seen(record: &Record, truth: &[PlaneWave]) -> Result<Vec<Seen>> {
    let side = side(record)?;
    let mask = record.get("proposals_mask")?.values().as_u8().context("a mask of bytes")?;
    let numbers = |name: &str| -> Result<Vec<f64>> {
        Ok(reals(record, name)?.iter().map(|value| f64::from(*value)).collect())
    };
    let (waves, strengths) = (numbers("proposals")?, numbers("proposal_strengths")?);
    let (amplitudes, qualities) = (numbers("proposal_amplitudes")?, numbers("proposal_qualities")?);
    let count = mask.iter().filter(|valid| **valid != 0).count();
    let wave = |i: usize| PlaneWave {
        frequency: [0, 1].map(|axis| waves[3 * i + axis] / side as f64),
        phase: waves[3 * i + 2],
    };
    let waves: Vec<PlaneWave> = (0..count).map(wave).collect();
    let kept = suppress_waves(&waves, &strengths[..count], &SuppressConfig::default())?;
    let judge = |(i, wave): (usize, &PlaneWave)| Seen {
        wave: *wave,
        strength: strengths[i],
        amplitude: amplitudes[i],
        kept: kept.contains(&i),
        quality: qualities[i],
        right: right(wave, truth, side),
    };
    Ok(waves.iter().enumerate().map(judge).collect())
}

/// Whether a wave is right by each of [`DECISIONS`].
#[must_use]
pub fn right(wave: &PlaneWave, truth: &[PlaneWave], side: usize) -> [bool; 2] {
    let near = || truth.iter().filter(|other| bins_apart(wave, other, side) <= NEAR);
    let middle = [side as f64 / 2.0; 2];
    let in_phase = |other: &PlaneWave| {
        let apart = wave.phase_at(middle) - other.towards(wave).phase_at(middle);
        apart.cos() >= FRAC_PI_2.cos()
    };
    [near().count() > 0, near().any(in_phase)]
}

/// Scores that are compared.
pub const SCORES: [&str; 4] = ["strength", "amplitude", "strength, suppressed", "learned"];

/// Scores by picture, in the order of [`SCORES`].
fn scores(seen: &[Vec<Seen>], learned: &[Vec<f64>]) -> [Vec<Vec<f64>>; 4] {
    let of = |value: fn(&Seen) -> f64| -> Vec<Vec<f64>> {
        seen.iter().map(|all| all.iter().map(value).collect()).collect()
    };
    // Those that a stronger one explains come last.
    let suppressed = |s: &Seen| if s.kept { s.strength } else { s.strength - 2.0 };
    [of(|s| s.strength), of(|s| s.amplitude), of(suppressed), learned.to_vec()]
}

/// How well the scores tell which proposals are right; by [`DECISIONS`], then by [`SCORES`].
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Share of the proposals that are right.
    pub share: [f64; 2],
    /// Average precision over all proposals of all pictures.
    pub precision: [[f64; 4]; 2],
    /// Mean over pictures with a right proposal of the average precision in the picture.
    pub in_picture: [[f64; 4]; 2],
    /// F1 at the threshold that is best on other pictures.
    pub f1: [[f64; 4]; 2],
    /// Mean absolute error of the learned quality, and of the median of other pictures.
    pub error: [f64; 2],
}

/// Judges the learned score and those of the spectrum on a test set; thresholds are chosen on the
/// pictures of another one.
///
/// # Errors
/// A score is not a number.
pub fn judge(
    (test, learned): (&TestSet, &[Vec<f64>]),
    (other, other_learned): (&TestSet, &[Vec<f64>]),
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let (own, others) = (scores(&test.seen, learned), scores(&other.seen, other_learned));
    for decision in 0..2 {
        let answers = |seen: &[Vec<Seen>]| -> Vec<Vec<bool>> {
            seen.iter().map(|all| all.iter().map(|s| s.right[decision]).collect()).collect()
        };
        let (right, other_right) = (answers(&test.seen), answers(&other.seen));
        let flat = right.concat();
        outcome.share[decision] =
            flat.iter().filter(|right| **right).count() as f64 / flat.len().max(1) as f64;
        for kind in 0..SCORES.len() {
            let scores = own[kind].concat();
            outcome.precision[decision][kind] = ranked_precision(&scores, &flat)?.unwrap_or(0.0);
            let mut each = Vec::new();
            for (scores, right) in own[kind].iter().zip(&right) {
                each.extend(ranked_precision(scores, right)?);
            }
            outcome.in_picture[decision][kind] =
                each.iter().sum::<f64>() / each.len().max(1) as f64;
            let best = best_threshold(&others[kind].concat(), &other_right.concat())?;
            let threshold = best.map_or(f64::INFINITY, |best| best.threshold);
            let counts = counts_from(threshold, &scores, &flat)?;
            outcome.f1[decision][kind] = counts.f_beta(1.0).unwrap_or(0.0);
        }
    }
    let qualities =
        |seen: &[Vec<Seen>]| -> Vec<f64> { seen.iter().flatten().map(|s| s.quality).collect() };
    let (own, mut others) = (qualities(&test.seen), qualities(&other.seen));
    others.sort_by(f64::total_cmp);
    let median = others.get(others.len() / 2).copied().unwrap_or(0.0);
    let mean =
        |errors: &mut dyn Iterator<Item = f64>| errors.sum::<f64>() / own.len().max(1) as f64;
    outcome.error = [
        mean(&mut own.iter().zip(learned.iter().flatten()).map(|(q, found)| (q - found).abs())),
        mean(&mut own.iter().map(|q| (q - median).abs())),
    ];
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn either_form_of_a_wave_is_right_and_crests_between_lines_are_not() {
        let wave = |u: f64, v: f64, phase| PlaneWave { frequency: [u / 32.0, v / 32.0], phase };
        let truth = [wave(4.0, 3.0, 0.5), wave(0.0, -9.0, 0.0)];
        assert_eq!(right(&wave(4.0, 3.0, 0.7), &truth, 32), [true; 2]);
        assert_eq!(right(&wave(-4.0, -3.0, -0.7), &truth, 32), [true; 2]);
        assert_eq!(right(&wave(4.0, 3.0, 0.5 + PI), &truth, 32), [true, false]);
        assert_eq!(right(&wave(8.0, 6.0, 1.0), &truth, 32), [false; 2]);
        // Eight tenths of a bin turn the phase by 0.8 pi in the middle.
        assert_eq!(right(&wave(0.0, 9.8, 0.0), &truth, 32), [true, false]);
        assert_eq!(right(&wave(0.0, 9.8, -0.8 * PI), &truth, 32), [true; 2]);
    }

    fn set(qualities: [f64; 4]) -> TestSet {
        let right = [[true; 2], [true, false], [false; 2], [false; 2]];
        let seen = (0..4).map(|i| Seen {
            wave: PlaneWave { frequency: [0.1, 0.1 + 0.01 * i as f64], phase: 0.0 },
            strength: [0.5, 1.0, 0.8, 0.1][i],
            amplitude: [0.4, 0.3, 0.2, 0.1][i],
            kept: i != 2,
            quality: qualities[i],
            right: right[i],
        });
        let (seen, truth) = (vec![seen.collect()], vec![Vec::new()]);
        TestSet { batches: Vec::new(), seen, truth, records: Vec::new() }
    }

    #[test]
    fn scores_are_ranked_and_thresholds_come_from_other_pictures() {
        let (test, other) = (set([0.9, 0.8, 0.3, 0.2]), set([0.5; 4]));
        let learned = [vec![0.9, 0.6, 0.7, 0.1]];
        let other_learned = [vec![0.65, 0.64, 0.3, 0.1]];
        let found = judge((&test, &learned), (&other, &other_learned)).unwrap();
        assert!((found.share[0] - 0.5).abs() + (found.share[1] - 0.25).abs() < 1e-12, "{found:?}");
        // Strength: right, wrong, right; amplitude in order; the second is suppressed; learned.
        let expected = [0.5 + 0.5 * 2.0 / 3.0, 1.0, 1.0, 0.5 + 0.5 * 2.0 / 3.0];
        for (kind, expected) in expected.into_iter().enumerate() {
            assert!((found.precision[0][kind] - expected).abs() < 1e-12, "{found:?}");
            assert!((found.in_picture[0][kind] - expected).abs() < 1e-12, "{found:?}");
        }
        // The other pictures say 0.64: one is right, one missed, one wrong.
        assert!((found.f1[0][3] - 0.5).abs() < 1e-12, "{found:?}");
        assert!((found.error[0] - (0.0 + 0.2 + 0.4 + 0.1) / 4.0).abs() < 1e-12, "{found:?}");
        assert!((found.error[1] - (0.4 + 0.3 + 0.2 + 0.3) / 4.0).abs() < 1e-12, "{found:?}");
    }
}
