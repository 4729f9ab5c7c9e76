//! How well proposals of waves meet the patterns of scenes.

use anyhow::{Context, Result};
use mapvec_fourier::{
    PlaneWave, ProposalConfig, SearchConfig, SimilarityConfig, SuppressConfig, WaveProposal,
    denoise, fit_wave, propose_waves, search_shift, suppress_waves, wave_similarity,
};
use mapvec_postprocess::{GaussianMixtureConfig, KMeansConfig, choose_components, k_means};
use ndarray::{Array2, Array3, Axis};

use crate::wave_scenes::{Pattern, WaveScene};

/// A proposal this near to a pattern's frequency finds it, cycles per side.
pub const NEAR: f64 = 1.0;
/// Numbers of proposals of which recall is taken.
pub const COUNTS: [usize; 5] = [1, 2, 5, 10, 20];

/// Distance of two frequencies in whichever form they are nearest, cycles per side.
#[must_use]
pub fn bins_apart(a: &PlaneWave, b: &PlaneWave, side: usize) -> f64 {
    let ([u, v], [s, t]) = (a.frequency, b.towards(a).frequency);
    (u - s).hypot(v - t) * side as f64
}

/// What the proposals of a picture say about one of its patterns.
#[derive(Debug, Clone)]
pub struct PatternScore {
    /// Its visible lines.
    pub lines: usize,
    /// Place of the first proposal that finds it, from 0.
    pub rank: Option<usize>,
    /// Distances from the nearest proposal, cycles per side: as proposed; after the grid of
    /// [`search_shift`] on the pattern's mask, and after its continuous search; after the same on
    /// the cluster of colours that is most like the mask; after [`fit_wave`] to the mask, and to
    /// the noisy channel.
    pub errors: Option<[f64; 6]>,
}

/// Scores the proposals of a scene, pattern by pattern.
///
/// # Errors
/// A picture or a mask is refused.
pub fn score_patterns(scene: &WaveScene) -> Result<Vec<PatternScore>> {
    let found = propose_waves(scene.picture.view(), None, &ProposalConfig::default())?;
    let clusters = Extraction::KMeans.planes(scene)?;
    let score = |pattern: &Pattern| -> Result<PatternScore> {
        let side = pattern.mask.ncols();
        let apart = |proposal: &WaveProposal| bins_apart(&proposal.wave, &pattern.wave, side);
        let nearest = found.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)));
        let errors = match nearest {
            Some(start) => Some(refine(scene, pattern, &clusters, start)?),
            None => None,
        };
        let rank = found.iter().position(|proposal| apart(proposal) <= NEAR);
        Ok(PatternScore { lines: pattern.lines, rank, errors })
    };
    scene.patterns.iter().map(score).collect()
}

fn refine(
    scene: &WaveScene,
    pattern: &Pattern,
    clusters: &[Array2<f64>],
    start: &WaveProposal,
) -> Result<[f64; 6]> {
    let mask = pattern.mask.view();
    let overlap = |cluster: &Array2<f64>| {
        let both = (cluster * &mask).sum();
        both / (cluster.sum() + mask.sum() - both)
    };
    let cluster = clusters.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
    let cluster = cluster.context("no clusters")?.view();
    let only_grid = SearchConfig { iterations: 0, ..SearchConfig::default() };
    let channel = scene.picture.index_axis(Axis(0), start.channel);
    let waves = [
        start.wave,
        search_shift(mask, &start.wave, &only_grid)?.wave,
        search_shift(mask, &start.wave, &SearchConfig::default())?.wave,
        search_shift(cluster, &start.wave, &SearchConfig::default())?.wave,
        fit_wave(mask, None, &start.wave)?.wave,
        fit_wave(channel, None, &start.wave)?.wave,
    ];
    Ok(waves.map(|wave| bins_apart(&wave, &pattern.wave, mask.ncols())))
}

/// Where proposals are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extraction {
    /// The whole picture.
    Global,
    /// Masks of the components of a Gaussian mixture of colours, as many as Bayes' criterion says.
    Mixture,
    /// Masks of four clusters of colours by K-means.
    KMeans,
    /// Masks of the components of a mixture of three or more, of the denoised picture where most
    /// of what varies is noise.
    Denoised,
    /// The true masks of the patterns: what clusters could give at best.
    TrueMasks,
}

impl Extraction {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Global, Self::Mixture, Self::KMeans, Self::Denoised, Self::TrueMasks];

    /// How tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "whole picture",
            Self::Mixture => "mixture, BIC",
            Self::KMeans => "K-means, 4",
            Self::Denoised => "mixture, denoised",
            Self::TrueMasks => "true masks",
        }
    }

    fn planes(self, scene: &WaveScene) -> Result<Vec<Array2<f64>>> {
        let size = scene.picture.index_axis(Axis(0), 0).dim();
        let of_labels = |labels: Vec<u32>, count: u32| -> Result<Vec<Array2<f64>>> {
            let part = |cluster| labels.iter().map(move |l| f64::from(u8::from(*l == cluster)));
            let plane = |cluster| Array2::from_shape_vec(size, part(cluster).collect());
            Ok((0..count).map(plane).collect::<std::result::Result<_, _>>()?)
        };
        let of_mixture = |picture: &Array3<f64>, least: usize| -> Result<Vec<Array2<f64>>> {
            let (points, config) = (points(picture), GaussianMixtureConfig::default());
            let found = choose_components(points.view(), least..=MOST_COMPONENTS, &config)?;
            of_labels(found.mixture.predict(points.view())?, MOST_COMPONENTS as u32)
        };
        Ok(match self {
            Self::Global => scene.picture.outer_iter().map(|plane| plane.to_owned()).collect(),
            Self::Mixture => of_mixture(&scene.picture, 1)?,
            Self::KMeans => {
                let config = KMeansConfig { clusters: 4, runs: 3, ..KMeansConfig::default() };
                of_labels(k_means(points(&scene.picture).view(), &config)?.labels, 4)?
            }
            Self::Denoised => {
                let denoised = denoise(scene.picture.view(), DENOISING)?;
                let noisy = denoised.noise_share > MOST_NOISE;
                of_mixture(if noisy { &denoised.picture } else { &scene.picture }, 3)?
            }
            Self::TrueMasks => scene.patterns.iter().map(|p| p.mask.clone()).collect(),
        })
    }

    /// The waves, the strongest first. All ways suppress what lies near a stronger wave or its
    /// multiples.
    fn waves(self, scene: &WaveScene) -> Result<Vec<PlaneWave>> {
        let config = ProposalConfig::default();
        let mut pool = Vec::new();
        if self == Self::Global {
            pool = propose_waves(scene.picture.view(), None, &config)?;
        } else {
            for plane in self.planes(scene)? {
                pool.extend(propose_waves(plane.insert_axis(Axis(0)).view(), None, &config)?);
            }
        }
        let waves: Vec<PlaneWave> = pool.iter().map(|p| p.wave).collect();
        let strengths: Vec<f64> = pool.iter().map(|p| p.strength).collect();
        let kept = suppress_waves(&waves, &strengths, &SuppressConfig::default())?;
        Ok(kept.into_iter().take(config.count).map(|i| waves[i]).collect())
    }
}

/// Components that a mixture may have.
const MOST_COMPONENTS: usize = 6;
/// How much is taken away from noisy pictures before their colours are clustered, and from which
/// share of noise on; below it, colours blur more than noise goes. Chosen on the seeds 11 and 12.
const DENOISING: f64 = 2.0;
const MOST_NOISE: f64 = 0.6;

/// Colours as points, one row a pixel.
#[expect(clippy::cast_possible_truncation, reason = "clusters take single precision")]
fn points(picture: &Array3<f64>) -> Array2<f32> {
    let (channels, height, width) = picture.dim();
    Array2::from_shape_fn((height * width, channels), |(i, channel)| {
        picture[(channel, i / width, i % width)] as f32
    })
}

/// How well the waves of a picture meet its patterns.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtractionScore {
    /// Precision, and recall, of as many waves as there are patterns.
    pub exact: f64,
    /// Share of the patterns among the first 5.
    pub recall: f64,
    /// Average precision of all; a pattern counts once.
    pub average_precision: f64,
    /// [`wave_similarity`] of the patterns to the most similar of the first 5, phases in the
    /// middle of the picture; mean.
    pub similarity: f64,
    /// 1 if there is no wave at all.
    pub nothing: f64,
}

/// Scores a way to take proposals on one scene.
///
/// # Errors
/// A picture or a mask is refused.
pub fn score_extraction(scene: &WaveScene, from: Extraction) -> Result<ExtractionScore> {
    let side = scene.picture.dim().2;
    let waves = from.waves(scene)?;
    let hits = hits(&waves, &scene.patterns, side);
    let count = scene.patterns.len().max(1);
    let found = |first: usize| hits.iter().take(first).filter(|hit| **hit).count() as f64;
    let precisions =
        (1..).zip(&hits).filter(|(_, hit)| **hit).map(|(first, _)| found(first) / first as f64);
    let average_precision = precisions.sum::<f64>() / count as f64;
    let at = [side as f64 / 2.0; 2];
    let config = SimilarityConfig { at, ..SimilarityConfig::default() };
    let mut similarity = 0.0;
    for pattern in &scene.patterns {
        let mut best = 0.0_f64;
        for wave in waves.iter().take(5) {
            best = best.max(wave_similarity(wave, &pattern.wave, &config)?);
        }
        similarity += best / count as f64;
    }
    let (exact, recall) = (found(count) / count as f64, found(5) / count as f64);
    let nothing = f64::from(u8::from(waves.is_empty()));
    Ok(ExtractionScore { exact, recall, average_precision, similarity, nothing })
}

/// Which waves find a pattern that none before found, the nearest one if there are several.
fn hits(waves: &[PlaneWave], patterns: &[Pattern], side: usize) -> Vec<bool> {
    let mut open: Vec<&Pattern> = patterns.iter().collect();
    waves
        .iter()
        .map(|wave| {
            let apart = |pattern: &Pattern| bins_apart(wave, &pattern.wave, side);
            let nearest =
                (0..open.len()).min_by(|&a, &b| apart(open[a]).total_cmp(&apart(open[b])));
            let hit = nearest.filter(|&i| apart(open[i]) <= NEAR).map(|i| open.remove(i));
            hit.is_some()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_once_and_in_either_form() {
        let wave = |u, v| PlaneWave { frequency: [u / 32.0, v / 32.0], phase: 0.0 };
        let pattern = |wave| Pattern { wave, mask: Array2::zeros((32, 32)), lines: 2 };
        let patterns = [pattern(wave(4.4, 3.0)), pattern(wave(0.2, 7.0))];
        let waves = [wave(-4.0, -3.0), wave(5.0, 3.0), wave(9.0, 9.0), wave(0.0, 7.0)];
        assert_eq!(hits(&waves, &patterns, 32), [true, false, false, true]);
    }
}
