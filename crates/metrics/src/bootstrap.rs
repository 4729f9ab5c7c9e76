//! Confidence intervals of scores by resampling pictures.

use std::iter::Sum;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{check_setting, same_length};
use crate::{Result, normal};

/// How an interval is taken from the resampled scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Their quantiles.
    Percentile,
    /// Their quantiles after correction for bias and skewness (`BCa`).
    #[default]
    Corrected,
}

/// Settings of [`bootstrap`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootstrapConfig {
    /// Number of resampled sets, from 10 to 1 000 000.
    pub resamples: usize,
    /// Probability that the interval is to cover the score, in (0, 0.9999].
    pub confidence: f64,
    /// How the interval is taken.
    pub method: IntervalMethod,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for BootstrapConfig {
    fn default() -> Self {
        Self { resamples: 2000, confidence: 0.95, method: IntervalMethod::Corrected, seed: 0 }
    }
}

impl BootstrapConfig {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for one that is not.
    pub fn validate(&self) -> Result<()> {
        let right = (10..=1_000_000).contains(&self.resamples);
        check_setting("resamples", self.resamples as f64, right, "from 10 to 1000000")?;
        let right = self.confidence > 0.0 && self.confidence <= 0.9999;
        check_setting("confidence", self.confidence, right, "above 0 and at most 0.9999")
    }
}

/// A score and its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The score of all pictures.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Resampled sets that had a score; the others do not count.
    pub resamples: usize,
}

/// The confidence interval of a score over pictures.
///
/// Pictures are drawn with replacement, their counts are added and the score is taken of the
/// sum: what is resampled are counts, never scores. None for fewer than two pictures, of which
/// nothing can be said; if the score of all pictures is undefined; or if that of every resampled
/// set is.
///
/// # Examples
/// ```
/// use mapvec_metrics::{BinaryCounts, BootstrapConfig, bootstrap};
/// let picture = |k: u64| BinaryCounts {
///     true_positives: 10 + k % 7,
///     false_positives: k % 3,
///     false_negatives: k % 5,
/// };
/// let pictures: Vec<BinaryCounts> = (0..30).map(picture).collect();
/// let f1 = bootstrap(&pictures, |sum| sum.f_beta(1.0), &BootstrapConfig::default())?.unwrap();
/// assert!(f1.low < f1.estimate && f1.estimate < f1.high);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for the configuration.
///
/// # References
/// B. Efron, Better bootstrap confidence intervals, JASA 1987.
pub fn bootstrap<C: Clone + Sum>(
    pictures: &[C],
    score: impl Fn(&C) -> Option<f64>,
    config: &BootstrapConfig,
) -> Result<Option<Interval>> {
    config.validate()?;
    let of = |places: &[usize]| score(&places.iter().map(|&at| pictures[at].clone()).sum());
    let others = || all_but_one(pictures).iter().map(&score).collect();
    Ok(interval(pictures.len(), of, others, config).map(|(interval, _)| interval))
}

/// The confidence interval of a score that is not one of added counts, such as average
/// precision: `score` takes the places of `count` pictures that were drawn, some of them
/// several times, in no order. None as for [`bootstrap`].
///
/// A corrected interval takes the score `count` times more, of all places but one.
///
/// # Examples
/// ```
/// use mapvec_metrics::{BootstrapConfig, bootstrap_by};
/// let errors = [0.5, 1.5, 0.25, 2.0, 1.0, 0.75, 1.25, 0.5];
/// let median = |places: &[usize]| {
///     let mut drawn: Vec<f64> = places.iter().map(|&at| errors[at]).collect();
///     drawn.sort_by(f64::total_cmp);
///     drawn.get(drawn.len() / 2).copied()
/// };
/// let interval = bootstrap_by(errors.len(), median, &BootstrapConfig::default())?.unwrap();
/// assert!(interval.low <= 1.0 && interval.high >= 1.0 && interval.estimate == 1.0);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for the configuration.
pub fn bootstrap_by(
    count: usize,
    score: impl Fn(&[usize]) -> Option<f64>,
    config: &BootstrapConfig,
) -> Result<Option<Interval>> {
    config.validate()?;
    let without = |left: usize| {
        let rest: Vec<usize> = (0..count).filter(|&at| at != left).collect();
        score(&rest)
    };
    let others = || (0..count).map(without).collect();
    Ok(interval(count, &score, others, config).map(|(interval, _)| interval))
}

/// Two systems on the same pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Score of the first minus score of the second.
    pub difference: Interval,
    /// How often at least as clear a difference to 0 would come by chance (two-sided).
    pub p_value: f64,
}

/// Compares two systems picture by picture: every resampled set has the same pictures of
/// both. None as for [`bootstrap`].
///
/// # Errors
/// [`Error::LengthMismatch`](crate::Error::LengthMismatch) if there are not as many pictures of
/// both; [`Error::InvalidSetting`](crate::Error::InvalidSetting) for the configuration.
pub fn compare_systems<C: Clone + Sum>(
    first: &[C],
    second: &[C],
    score: impl Fn(&C) -> Option<f64>,
    config: &BootstrapConfig,
) -> Result<Option<Comparison>> {
    config.validate()?;
    same_length("second", second.len(), first.len(), "`first`")?;
    let of = |side: &[C], places: &[usize]| score(&places.iter().map(|&at| side[at].clone()).sum());
    let difference = |places: &[usize]| Some(of(first, places)? - of(second, places)?);
    let others = || {
        let pairs = all_but_one(first).into_iter().zip(all_but_one(second));
        pairs.map(|(a, b)| Some(score(&a)? - score(&b)?)).collect()
    };
    let Some((difference, samples)) = interval(first.len(), difference, others, config) else {
        return Ok(None);
    };
    let share = |count: usize| (count + 1) as f64 / (samples.len() + 1) as f64;
    let above = share(samples.iter().filter(|&&d| d >= 0.0).count());
    let below = share(samples.iter().filter(|&&d| d <= 0.0).count());
    Ok(Some(Comparison { difference, p_value: (2.0 * above.min(below)).min(1.0) }))
}

/// For every picture the sum of all others, from sums over what is before and behind it.
fn all_but_one<C: Clone + Sum>(pictures: &[C]) -> Vec<C> {
    let sum = |a: &C, b: &C| [a.clone(), b.clone()].into_iter().sum::<C>();
    let nothing = || std::iter::empty::<C>().sum::<C>();
    let mut behind = vec![nothing()];
    for picture in pictures.iter().skip(1).rev() {
        behind.push(sum(picture, &behind[behind.len() - 1]));
    }
    let mut before = nothing();
    let mut sums = Vec::with_capacity(pictures.len());
    for (picture, behind) in pictures.iter().zip(behind.iter().rev()) {
        sums.push(sum(&before, behind));
        before = sum(&before, picture);
    }
    sums
}

/// The interval of a score over some of `count` pictures, and its sorted samples. `others`
/// gives the scores of all pictures but one, of each in turn.
fn interval(
    count: usize,
    score: impl Fn(&[usize]) -> Option<f64>,
    others: impl FnOnce() -> Vec<Option<f64>>,
    config: &BootstrapConfig,
) -> Option<(Interval, Vec<f64>)> {
    if count < 2 {
        return None;
    }
    let all: Vec<usize> = (0..count).collect();
    let finite = |score: Option<f64>| score.filter(|score| score.is_finite());
    let estimate = finite(score(&all))?;
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut places = vec![0; count];
    let mut samples = Vec::with_capacity(config.resamples);
    for _ in 0..config.resamples {
        places.fill_with(|| rng.random_range(0..count));
        samples.extend(finite(score(&places)));
    }
    samples.sort_by(f64::total_cmp);
    let tail = (1.0 - config.confidence) / 2.0;
    let (mut low, mut high) = (tail, 1.0 - tail);
    if config.method == IntervalMethod::Corrected {
        let jackknife: Vec<f64> = others().into_iter().filter_map(finite).collect();
        (low, high) = corrected(estimate, &samples, &jackknife, tail);
    }
    let (low, high) = (quantile(&samples, low)?, quantile(&samples, high)?);
    Some((Interval { estimate, low, high, resamples: samples.len() }, samples))
}

/// The shares of the sorted samples at which the corrected interval ends.
fn corrected(estimate: f64, samples: &[f64], jackknife: &[f64], tail: f64) -> (f64, f64) {
    let below = samples.partition_point(|&sample| sample < estimate);
    let ties = samples.partition_point(|&sample| sample <= estimate) - below;
    let share = (below as f64 + ties as f64 / 2.0) / samples.len().max(1) as f64;
    // Without a sample on one side there is nothing to correct by.
    if share <= 0.0 || share >= 1.0 {
        return (tail, 1.0 - tail);
    }
    let bias = normal::quantile(share);
    let mean = jackknife.iter().sum::<f64>() / jackknife.len().max(1) as f64;
    let power = |n: i32| jackknife.iter().map(|value| (mean - value).powi(n)).sum::<f64>();
    let spread = power(2);
    let skew = if spread > 0.0 { power(3) / (6.0 * spread.powf(1.5)) } else { 0.0 };
    let end = |tail: f64| {
        let shifted = bias + normal::quantile(tail);
        let scale = 1.0 - skew * shifted;
        if scale > 0.0 {
            normal::distribution(bias + shifted / scale)
        } else {
            // The limit: beyond it the correction would turn the ends over.
            f64::from(u8::from(shifted > 0.0))
        }
    };
    (end(tail), end(1.0 - tail))
}

/// A quantile of sorted numbers, linear between them.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * last as f64;
    let before = (0..last).take_while(|&at| (at + 1) as f64 <= position).count();
    let (a, b) = (sorted[before], sorted[(before + 1).min(last)]);
    Some(a + (b - a) * (position - before as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_does_not_turn_the_ends_over() {
        // One of 20 pictures has all there is, and nearly all samples lie on one side.
        let jackknife: Vec<f64> = (0..20).map(|at| f64::from(u8::from(at > 0))).collect();
        let mirrored: Vec<f64> = jackknife.iter().map(|value| -value).collect();
        let samples: Vec<f64> = (0..2000).map(f64::from).collect();
        for tail in [0.025, 5e-5] {
            let (low, high) = corrected(1998.5, &samples, &jackknife, tail);
            assert!(low < high && high > 0.999, "{low} {high}");
            let (low, high) = corrected(0.5, &samples, &mirrored, tail);
            assert!(low < high && low < 0.001, "{low} {high}");
        }
        let (_, high) = corrected(1998.5, &samples, &jackknife, 5e-5);
        assert!((high - 1.0).abs() < 1e-12);
    }
}
